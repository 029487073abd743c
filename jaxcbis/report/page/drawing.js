// What galleries draw and build pages with. Loaded in front of them.
"use strict";

const HEAT = 64; // side of a map's picture; the page smooths it

/** A map of grid x grid cells in the given colours, the more opaque the hotter; interpolated between cell centres. */
function heat(map, grid, colours) {
  const cells = bytes(map);
  const canvas = element("canvas", { width: HEAT, height: HEAT, ariaHidden: "true" });
  const context = canvas.getContext("2d");
  const picture = context.createImageData(HEAT, HEAT);
  const [first, second, weight] = neighbours(grid);
  for (let y = 0; y < HEAT; y++) {
    for (let x = 0; x < HEAT; x++) {
      const [top, bottom] = [first, second].map((row) => {
        const [left, right] = [cells[row[y] * grid + first[x]], cells[row[y] * grid + second[x]]];
        return left + weight[x] * (right - left);
      });
      const value = Math.round(top + weight[y] * (bottom - top));
      const rgb = colours.subarray(3 * value, 3 * value + 3);
      picture.data.set([...rgb, Math.round(0.6 * value)], 4 * (y * HEAT + x));
    }
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

/** For each pixel of a line the two cells that it lies between, and how near it is to the second. */
function neighbours(grid) {
  const places = Array.from({ length: HEAT }, (_, k) =>
    Math.min(Math.max(((k + 0.5) * grid) / HEAT - 0.5, 0), grid - 1));
  const first = places.map(Math.floor);
  return [first, first.map((k) => Math.min(k + 1, grid - 1)), places.map((place, k) => place - first[k])];
}

/** An SVG path over a square of side 1. */
function outline(path) {
  const svg = byId("outline").content.firstElementChild.cloneNode(true);
  svg.firstElementChild.setAttribute("d", path);
  return svg;
}

function byId(id) {
  return document.getElementById(id);
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children); // text stays text
  return made;
}

/** A name that a narrow line may break behind its underscores. */
function breakable(name) {
  return name.split(/(?<=_)/).flatMap((part, k) => (k ? [element("wbr"), part] : [part]));
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}
