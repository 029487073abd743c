// Pictures of patches and maps, from what the page holds of them.

const inferno = bytes(colours);
const HEAT = 64; // side of a map's picture; the page smooths it

/** A patch with layers on it: of `heat` and `path`. */
function frame(patch, alt, ...layers) {
  const image = element("img", {
    src: `data:image/jpeg;base64,${patch.image}`, decoding: "async", alt,
  });
  return element("span", { className: "frame" }, image, ...layers);
}

/** A line over a square of side 1, stretched to its frame; `kind` is "outline" (of the mask) or
 * "contour" (of a map). */
function path(kind, line) {
  const svg = byId("paths").content.firstElementChild.cloneNode(true);
  svg.classList.add(kind);
  svg.firstElementChild.setAttribute("d", line ?? "");
  return svg;
}

/** A map in inferno's colours, the more opaque the hotter; interpolated between cell centres. It has
 * so many rows and columns. */
function heat(map, rows, columns = rows) {
  const cells = bytes(map);
  const canvas = element("canvas", { width: HEAT, height: HEAT, ariaHidden: "true" });
  const context = canvas.getContext("2d");
  const picture = context.createImageData(HEAT, HEAT);
  const [upper, lower, down] = neighbours(rows);
  const [first, second, weight] = neighbours(columns);
  for (let y = 0; y < HEAT; y++) {
    for (let x = 0; x < HEAT; x++) {
      const [top, bottom] = [upper[y], lower[y]].map((row) => {
        const [left, right] = [cells[row * columns + first[x]], cells[row * columns + second[x]]];
        return left + weight[x] * (right - left);
      });
      picture.data.set(colour(Math.round(top + down[y] * (bottom - top))), 4 * (y * HEAT + x));
    }
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

/** For each pixel of a line the two of so many cells that it lies between, and how near it is to the
 * second. */
function neighbours(count) {
  const places = Array.from({ length: HEAT }, (_, k) =>
    Math.min(Math.max(((k + 0.5) * count) / HEAT - 0.5, 0), count - 1));
  const first = places.map(Math.floor);
  return [first, first.map((k) => Math.min(k + 1, count - 1)), places.map((place, k) => place - first[k])];
}

/** Red, green, blue and opacity of a map's level, 0 to 255. */
function colour(level) {
  return [...inferno.subarray(3 * level, 3 * level + 3), Math.round(0.6 * level)];
}

/** What a map's colours mean, with a mark where its contour runs, if it has one. */
function colourBar(threshold) {
  const canvas = element("canvas", { width: 256, height: 1, ariaHidden: "true" });
  const context = canvas.getContext("2d");
  const picture = context.createImageData(256, 1);
  for (let level = 0; level < 256; level++) picture.data.set(colour(level), 4 * level);
  context.putImageData(picture, 0, 0);
  const scale = element("span", { className: "scale" }, canvas);
  const [none, most] = ["0", "its maximum"].map((text) => element("span", {}, text));
  const words = element("span", { className: "words" }, none, most);
  if (threshold !== null) {
    const mark = element("span", { className: "mark" });
    mark.style.left = `${100 * threshold}%`;
    scale.append(mark);
    none.after(element("span", {}, `contour: ${threshold}`));
  }
  return element("span", { className: "colour-bar" }, scale, words);
}
