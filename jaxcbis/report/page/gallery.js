// The gallery of test patches: filter, sort, keyboard, and one patch at a time.
"use strict";

const { labels, runs, colours, patches } = JSON.parse(byId("gallery-data").textContent);
const inferno = bytes(colours);
const HEAT = 64; // side of a map's picture; the page smooths it

const filters = ["truth", "predicted", "answer", "iou-low", "iou-high", "sort"].map(byId);
const runChoice = byId("run"); // null with a single run
const dialog = byId("patch");
const cards = patches.map(card);
let shown = []; // indices of the patches that pass the filters, in order
let opened = null; // index of the patch in the dialog

// ---- What a run says of a patch ------------------------------------------------------------

function answerOf(patch, run = Number(runChoice?.value ?? 0)) {
  const answer = patch.answers[run];
  if (!answer) return null; // the run was not tested on it
  const confidence = Math.max(...answer.probabilities);
  const predicted = answer.probabilities.indexOf(confidence);
  return { ...answer, confidence, predicted, right: predicted === patch.label };
}

function passes(patch) {
  const answer = answerOf(patch);
  if (!answer) return false;
  const [truth, predicted, correct, low, high] = filters.map((input) => input.value);
  const anyIou = Number(low) <= 0 && Number(high || 1) >= 1; // background has no IoU
  return (
    (truth === "" || patch.label === Number(truth)) &&
    (predicted === "" || answer.predicted === Number(predicted)) &&
    (correct === "" || answer.right === (correct === "right")) &&
    (anyIou || (answer.iou !== null && answer.iou >= Number(low) && answer.iou <= Number(high || 1)))
  );
}

function sorted(indices) {
  const [key, direction] = byId("sort").value.split("-");
  if (!key) return indices;
  const sign = direction === "down" ? -1 : 1;
  const value = (index) => answerOf(patches[index])[key];
  return indices.sort((a, b) => {
    const [one, two] = [value(a), value(b)];
    if (one === null || two === null) return (one === null) - (two === null); // without IoU: last
    return sign * (one - two);
  });
}

// ---- The list of cards ---------------------------------------------------------------------

function update() {
  shown = sorted(patches.map((_, index) => index).filter((index) => passes(patches[index])));
  byId("count").textContent = `${shown.length} of ${patches.length} patches.`;
  byId("cards").replaceChildren(...shown.map((index) => cards[index]));
  shown.forEach(describe);
  makeReachable(shown[0]);
}

function card(_, index) {
  const link = element("a", { href: hashOf(index), tabIndex: -1 }, element("span", { className: "frame" }));
  link.append(element("span", { className: "text" }));
  const item = element("li", {}, link);
  item.dataset.index = index;
  return item;
}

/** Writes below a card what the chosen run says, and draws the card anew when it is next in view. */
function describe(index) {
  const [patch, link] = [patches[index], cards[index].firstChild];
  const answer = answerOf(patch);
  const iou = answer.iou === null ? "" : ` · IoU ${answer.iou.toFixed(2)}`;
  link.lastChild.replaceChildren(
    element("strong", { className: answer.right ? "right" : "wrong" },
      answer.right ? "✓ " : "✗ ", ...breakable(labels[patch.label]),
      ...(answer.right ? [] : [" → ", ...breakable(labels[answer.predicted])])),
    element("br"),
    `${answer.confidence.toFixed(3)}${iou}`,
  );
  link.setAttribute("aria-label", description(patch, answer));
  link.firstChild.replaceChildren();
  inView.unobserve(cards[index]);
  inView.observe(cards[index]);
}

function description(patch, answer) {
  const iou = answer.iou === null ? "" : `, IoU ${answer.iou.toFixed(2)}`;
  return (
    `${patch.id}: ${labels[patch.label]}, predicted ${labels[answer.predicted]} ` +
    `${answer.confidence.toFixed(3)}, ${answer.right ? "right" : "wrong"}${iou}`
  );
}

/** One card at a time is a stop of the Tab key; arrows lead to the others. */
function makeReachable(index) {
  for (const link of document.querySelectorAll('.cards a[tabindex="0"]')) link.tabIndex = -1;
  if (index !== undefined) cards[index].firstChild.tabIndex = 0;
}

function moveFocus(event) {
  const item = event.target.closest("li");
  const position = shown.indexOf(Number(item?.dataset.index));
  const list = byId("cards").children;
  const columns = [...list].findIndex((other) => other.offsetTop > list[0].offsetTop);
  const row = columns < 0 ? list.length : columns;
  const goal = {
    ArrowLeft: position - 1, ArrowRight: position + 1, ArrowUp: position - row,
    ArrowDown: position + row, Home: 0, End: list.length - 1,
  }[event.key];
  if (position < 0 || goal === undefined) return;
  event.preventDefault();
  if (!list[goal]) return;
  makeReachable(shown[goal]);
  list[goal].firstChild.focus();
}

// ---- One patch -----------------------------------------------------------------------------

function hashOf(index) {
  return `#patch=${encodeURIComponent(patches[index].link)}`;
}

/** Opens the patch that the address names, or closes the dialog where it names none. */
function follow() {
  const wanted = patches.findIndex((_, index) => hashOf(index) === location.hash);
  if (wanted < 0) {
    dialog.close();
    return;
  }
  opened = wanted;
  const patch = patches[opened];
  const position = shown.indexOf(opened);
  byId("position").textContent = position < 0 ? "not among those chosen" : `${position + 1} of ${shown.length}`;
  byId("link").href = location.hash;
  byId("patch-body").replaceChildren(
    element("h2", { id: "patch-title" }, patch.id),
    element("p", { className: "small" }, `Patient ${patch.patient}, true class ${labels[patch.label]}`),
    ...runs.flatMap((name, run) => views(patch, run, name)),
  );
  if (!dialog.open) dialog.showModal();
}

function views(patch, run, name) {
  const answer = answerOf(patch, run);
  if (!answer) return [];
  const verdict = element("p", { className: answer.right ? "right" : "wrong" },
    `${answer.right ? "✓ right" : "✗ wrong"}: ${labels[answer.predicted]} with ${answer.confidence.toFixed(3)}` +
    (answer.iou === null ? "" : `; IoU of map and mask ${answer.iou.toFixed(3)}`));
  const plain = element("figure", {}, frame(patch, null), element("figcaption", {}, "Patch and mask"));
  const mapped = element("figure", {}, frame(patch, answer),
    element("figcaption", {}, bytes(answer.map).some(Boolean)
      ? `Map of ${labels[answer.predicted]}` : "The map is zero everywhere"));
  const rows = labels.map((label, k) => {
    const bar = element("span");
    bar.style.width = `${100 * answer.probabilities[k]}%`;
    const role = [k === patch.label && "true", k === answer.predicted && "predicted"].filter(Boolean);
    return element("tr", {},
      element("th", { scope: "row" }, label),
      element("td", {}, element("span", { className: "share", ariaHidden: "true" }, bar)),
      element("td", {}, answer.probabilities[k].toFixed(3)),
      element("td", { className: "small" }, role.join(", ")));
  });
  const table = element("table", {}, element("caption", {}, "Probabilities"), element("tbody", {}, ...rows));
  const heading = runs.length > 1 ? [element("h3", {}, name)] : [];
  return [...heading, verdict, element("div", { className: "views" }, plain, mapped, table)];
}

function step(by) {
  if (!shown.length) return;
  const position = shown.indexOf(opened);
  const goal = position < 0 ? 0 : (position + by + shown.length) % shown.length;
  history.replaceState(null, "", hashOf(shown[goal])); // tells nobody, so:
  follow();
}

function closed() {
  if (location.hash.startsWith("#patch=")) history.replaceState(null, "", "#gallery");
  if (shown.includes(opened)) {
    makeReachable(opened);
    cards[opened].firstChild.focus();
  }
}

// ---- Pictures ------------------------------------------------------------------------------

/** A patch with its outline and, if there is an answer, that answer's map. */
function frame(patch, answer) {
  const image = element("img", {
    src: `data:image/jpeg;base64,${patch.image}`, decoding: "async",
    alt: answer ? description(patch, answer) : `${patch.id}, patch with the outline of its mask`,
  });
  const layers = answer ? [image, heat(answer), outline(patch)] : [image, outline(patch)];
  return element("span", { className: "frame" }, ...layers);
}

/** The map in inferno's colours, the more opaque the hotter; interpolated between cell centres. */
function heat({ map, grid }) {
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
      const rgb = inferno.subarray(3 * value, 3 * value + 3);
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

function outline(patch) {
  const svg = byId("outline").content.firstElementChild.cloneNode(true);
  svg.firstElementChild.setAttribute("d", patch.outline);
  return svg;
}

// ---- Small helpers -------------------------------------------------------------------------

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

// ---- Start ---------------------------------------------------------------------------------

// Pictures are made only for cards that come into view.
const inView = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    inView.unobserve(target);
    const patch = patches[Number(target.dataset.index)];
    target.firstChild.firstChild.replaceWith(frame(patch, answerOf(patch)));
  }
}, { rootMargin: "400px" });

for (const input of [...filters, runChoice]) input?.addEventListener("input", update);
byId("strength").addEventListener("input", (event) =>
  document.body.style.setProperty("--strength", event.target.value / 100));
byId("outlines").addEventListener("input", (event) =>
  document.body.classList.toggle("no-outline", !event.target.checked));
byId("reset").addEventListener("click", () => {
  for (const input of filters) input.value = { "iou-low": "0", "iou-high": "1" }[input.id] ?? "";
  update();
});
byId("cards").addEventListener("keydown", moveFocus);
byId("previous").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
byId("close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", closed);
dialog.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by) step(by);
});
addEventListener("hashchange", follow);

byId("no-script").remove();
document.querySelector(".controls").hidden = false;
update();
follow();
