// Patches of several runs: one card a patch with every run's answer; filters live in the address.
"use strict";

const { labels, runs, colours, patches } = JSON.parse(byId("gallery-data").textContent);
const inferno = bytes(colours);
const form = byId("filters");
const dialog = byId("patch");
const cards = patches.map(card);
let shown = []; // indices of the patches that pass the filters
let opened = null; // index of the patch in the dialog

// ---- Answers -------------------------------------------------------------------------------

for (const patch of patches) {
  for (const answer of patch.answers) {
    if (!answer) continue; // the run was not tested on it
    answer.confidence = Math.max(...answer.probabilities);
    answer.predicted = answer.probabilities.indexOf(answer.confidence);
    answer.right = answer.predicted === patch.label;
  }
}

function passes(patch, show) {
  const [a, b] = ["a", "b"].map((id) => patch.answers[Number(byId(id)?.value ?? 0)]);
  const every = patch.answers.filter(Boolean);
  switch (show) {
    case "only-a": return Boolean(a && b) && a.right && !b.right;
    case "only-b": return Boolean(a && b) && b.right && !a.right;
    case "all-wrong": return every.every((answer) => !answer.right);
    case "all-right": return every.every((answer) => answer.right);
    default: return true;
  }
}

// ---- The list ------------------------------------------------------------------------------

function update() {
  const truth = byId("truth").value;
  const ofClass = patches.map((_, k) => k).filter((k) => truth === "" || patches[k].label === Number(truth));
  for (const input of form.querySelectorAll('[name="show"]')) {
    const passing = ofClass.filter((k) => passes(patches[k], input.value));
    input.parentElement.querySelector("output").textContent = `(${passing.length})`;
    if (input.checked) shown = passing;
  }
  byId("count").textContent = `${shown.length} of ${patches.length} patches.`;
  byId("cards").replaceChildren(...shown.map((k) => cards[k]));
  for (const k of shown) cards[k].firstChild.href = address(k);
}

/** A card; its pictures are made when it comes into view. */
function card(patch, index) {
  const strip = element("span", { className: "strip" });
  const name = element("span", { className: "name" }, element("strong", {}, ...breakable(labels[patch.label])), ` ${patch.id}`);
  const link = element("a", {}, name, strip);
  const item = element("li", {}, link);
  item.dataset.index = index;
  return item;
}

function fill(index) {
  const [patch, link] = [patches[index], cards[index].firstChild];
  link.setAttribute("aria-label", description(patch));
  link.lastChild.replaceChildren(
    element("span", {}, frame(patch.pictures[0]), element("span", { className: "text" }, "patch")),
    ...patch.answers.flatMap((answer, run) => (answer ? [
      element("span", {}, frame(patch.pictures[answer.picture], answer),
        element("span", { className: "text" }, element("span", { className: "run" }, runs[run]), said(patch, answer))),
    ] : [])),
  );
}

function said(patch, answer) {
  const iou = answer.iou === null ? "" : ` · IoU ${answer.iou.toFixed(2)}`;
  return element("span", {},
    element("strong", { className: answer.right ? "right" : "wrong" },
      answer.right ? "✓ " : "✗ ", ...breakable(labels[answer.predicted])),
    ` ${answer.confidence.toFixed(2)}${iou}`);
}

function description(patch) {
  const told = patch.answers.map((answer, run) => answer &&
    `${runs[run]} ${answer.right ? "right" : "wrong"}, ${labels[answer.predicted]} ${answer.confidence.toFixed(2)}`);
  return `${patch.id}: ${labels[patch.label]}; ${told.filter(Boolean).join("; ")}`;
}

function frame(picture, answer) {
  const image = element("img", { src: `data:image/jpeg;base64,${picture.image}`, decoding: "async", alt: "" });
  const layers = answer ? [image, heat(answer.map, answer.grid, inferno)] : [image];
  return element("span", { className: "frame" }, ...layers, outline(picture.outline));
}

// ---- The address ---------------------------------------------------------------------------

/** What the address says: show, a, b, truth and patch, each left out where it is as it was at first. */
function address(patch) {
  const words = new URLSearchParams();
  const data = { show: new FormData(form).get("show"), a: byId("a")?.value, b: byId("b")?.value, truth: byId("truth").value };
  for (const [key, value] of Object.entries(data)) if (value && value !== initial[key]) words.set(key, value);
  if (patch !== undefined) words.set("patch", patches[patch].link);
  return `#${words.toString() || "gallery"}`;
}

/** Sets the filters by the address, and opens the patch that it names. Other parts of the page are no filters. */
function follow() {
  const hash = location.hash.slice(1);
  const words = new URLSearchParams(hash.includes("=") ? hash : "");
  if (hash.includes("=") || hash === "gallery") {
    const wanted = words.get("show") ?? "";
    for (const input of form.querySelectorAll('[name="show"]')) input.checked = input.value === wanted;
    if (!form.querySelector('[name="show"]:checked')) form.querySelector('[name="show"]').checked = true;
    for (const id of ["a", "b", "truth"]) choose(byId(id), words.get(id) ?? initial[id]);
    update();
  }
  const found = words.has("patch") ? patches.findIndex((patch) => patch.link === words.get("patch")) : -1;
  if (found < 0) dialog.close();
  else open(found);
}

/** Chooses a value of a list; one that it does not have leaves it as it was. */
function choose(select, value) {
  if (select && [...select.options].some((option) => option.value === value)) select.value = value;
}

// ---- One patch -----------------------------------------------------------------------------

function open(index) {
  opened = index;
  const [patch, position] = [patches[index], shown.indexOf(index)];
  byId("position").textContent = position < 0 ? "not among those chosen" : `${position + 1} of ${shown.length}`;
  byId("link").href = address(index);
  const answered = patch.answers.flatMap((answer, run) => (answer ? [[answer, runs[run]]] : []));
  const figure = (picture, answer, ...text) =>
    element("figure", {}, frame(picture, answer), element("figcaption", {}, ...text));
  byId("patch-body").replaceChildren(
    element("h2", { id: "patch-title" }, patch.id),
    element("p", { className: "small" }, `Patient ${patch.patient}, true class ${labels[patch.label]}`),
    element("div", { className: "several" },
      figure(patch.pictures[0], null, "Patch and mask"),
      ...answered.map(([answer, name]) =>
        figure(patch.pictures[answer.picture], answer, element("strong", {}, name), element("br"), said(patch, answer)))),
    probabilities(patch, answered),
  );
  if (!dialog.open) dialog.showModal();
}

function probabilities(patch, answered) {
  const head = element("tr", {}, element("th", { scope: "col" }, "class"),
    ...answered.map(([, name]) => element("th", { scope: "col" }, name)));
  const rows = labels.map((label, k) => element("tr", {},
    element("th", { scope: "row" }, k === patch.label ? `${label} (true)` : label),
    ...answered.map(([answer]) => element("td", {},
      k === answer.predicted ? element("strong", {}, answer.probabilities[k].toFixed(3)) : answer.probabilities[k].toFixed(3)))));
  const table = element("table", {}, element("caption", {}, "Probabilities; bold: predicted"),
    element("thead", {}, head), element("tbody", {}, ...rows));
  const region = element("div", { className: "table", tabIndex: 0 }, table);
  region.setAttribute("role", "region");
  region.setAttribute("aria-label", "Probabilities");
  return region;
}

function step(by) {
  if (!shown.length) return;
  const position = shown.indexOf(opened);
  const goal = shown[position < 0 ? 0 : (position + by + shown.length) % shown.length];
  history.replaceState(null, "", address(goal)); // tells nobody, so:
  open(goal);
}

function closed() {
  if (location.hash.includes("patch=")) history.replaceState(null, "", address());
  cards[opened]?.firstChild.focus();
}

// ---- Start ---------------------------------------------------------------------------------

const inView = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) continue;
    inView.unobserve(target);
    fill(Number(target.dataset.index));
  }
}, { rootMargin: "400px" });

const initial = { show: "", a: byId("a")?.value, b: byId("b")?.value, truth: "" };
document.body.style.setProperty("--frames", Math.min(runs.length + 1, 8));
cards.forEach((item, index) => {
  item.firstChild.setAttribute("aria-label", description(patches[index]));
  inView.observe(item);
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", (event) => {
  if (event.target.id === "strength") document.body.style.setProperty("--strength", event.target.value / 100);
  else if (event.target.id === "outlines") document.body.classList.toggle("no-outline", !event.target.checked);
  else {
    update();
    history.replaceState(null, "", address());
  }
});
form.addEventListener("reset", () => setTimeout(() => { // when the form has its first values again
  document.body.style.setProperty("--strength", 1);
  document.body.classList.remove("no-outline");
  update();
  history.replaceState(null, "", address());
}));
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
form.hidden = false;
update();
follow();
