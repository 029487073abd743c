// Patches of several runs: a card for each with every run's answer. The address holds the filters:
// #show=only-b&a=RUN&b=RUN&true=MALIGNANT_Mass&patch=ID.

const form = byId("filters");
const cards = patches.map(card);
let shown = []; // indices of the patches that pass the filters
let opened = null; // index of the patch in the dialog

// ---- Which patches are shown ---------------------------------------------------------------

/** What each choice lets pass, of the answers of runs A and B and of all runs that have one. */
const SHOWS = {
  "": () => true,
  "only-a": (a, b) => Boolean(a?.right && b && !b.right),
  "only-b": (a, b) => Boolean(b?.right && a && !a.right),
  "all-wrong": (a, b, all) => all.every((answer) => !answer.right),
  "all-right": (a, b, all) => all.every((answer) => answer.right),
};

function passes(patch, show) {
  const answers = runs.map((_, run) => answerOf(patch, run));
  const [a, b] = ["a", "b"].map((name) => answers[form.elements[name]?.selectedIndex ?? 0]);
  return SHOWS[show](a, b, answers.filter(Boolean));
}

function update() {
  const truth = form.elements.true.value;
  const ofClass = [...patches.keys()].filter((k) => !truth || labels[patches[k].label] === truth);
  for (const input of form.elements.show) {
    const passing = ofClass.filter((k) => passes(patches[k], input.value));
    input.parentElement.querySelector("output").textContent = `(${passing.length})`;
    if (input.checked) shown = passing;
  }
  byId("count").textContent = `${shown.length} of ${patches.length} patches.`;
  byId("nothing").hidden = shown.length > 0;
  byId("cards").replaceChildren(...shown.map((k) => cards[k]));
  for (const k of shown) cards[k].firstChild.href = address(k);
}

// ---- Cards ---------------------------------------------------------------------------------

/** A card; its pictures are made when it comes into view. */
function card(patch, index) {
  const name = element("span", { className: "name" },
    element("strong", {}, ...breakable(labels[patch.label])), ` ${patch.id}`);
  const link = element("a", {}, name, element("span", { className: "strip" }));
  link.setAttribute("aria-label", inOneLine(patch));
  const item = element("li", {}, link);
  item.dataset.index = index;
  return item;
}

function fill(index) {
  const patch = patches[index];
  const plain = element("span", {}, frame(patch, "", path("outline", patch.outline)),
    element("span", { className: "text" }, "patch"));
  const answers = answered(patch).map(({ answer, run, crop }) => element("span", {},
    frame(crop, "", heat(answer.map, answer.grid), path("outline", crop.outline)),
    element("span", { className: "text" }, element("span", { className: "run" }, run.name), said(answer))));
  cards[index].firstChild.lastChild.replaceChildren(plain, ...answers);
}

/** Of each run that was tested on a patch its answer, and the patch as the run cuts it. */
function answered(patch) {
  return runs.flatMap((run, k) => {
    const answer = answerOf(patch, k);
    if (!answer) return [];
    const { image = patch.image, outline = patch.outline } = answer;
    return [{ answer, run, crop: { ...patch, image, outline } }];
  });
}

function said(answer) {
  const iou = answer.iou === null ? "" : ` · IoU ${answer.iou.toFixed(2)}`;
  return element("span", {},
    element("strong", { className: answer.right ? "right" : "wrong" },
      answer.right ? "✓ " : "✗ ", ...breakable(labels[answer.predicted])),
    ` ${answer.confidence.toFixed(2)}${iou}`);
}

function inOneLine(patch) {
  const told = answered(patch).map(({ answer, run }) =>
    `${run.name} ${answer.right ? "right" : "wrong"}, ${labels[answer.predicted]} ${answer.confidence.toFixed(2)}`);
  return `${patch.id}: ${labels[patch.label]}; ${told.join("; ")}`;
}

// ---- The address ---------------------------------------------------------------------------

/** The filters and, if one is given, a patch; what is as it was at first is left out. */
function address(index) {
  const words = new URLSearchParams([...new FormData(form)].filter(([name, value]) => value !== first.get(name)));
  if (index !== undefined) words.set("patch", patches[index].link);
  return `#${words.toString() || "gallery"}`;
}

/** Sets the filters by the address, and opens the patch that it names. Parts of the page are no filters. */
function follow() {
  const hash = location.hash.slice(1);
  const words = new URLSearchParams(hash.includes("=") ? hash : "");
  if (hash.includes("=") || hash === "gallery") {
    for (const name of first.keys()) choose(name, words.get(name) ?? first.get(name));
    update();
  }
  const link = words.get("patch");
  const index = patches.findIndex((patch) => patch.link === link);
  if (index < 0) dialog.close();
  else open(index);
}

/** Sets a control; a value that it does not have leaves it as it was at first. */
function choose(name, value) {
  const control = form.elements[name];
  control.value = value;
  if (control.value !== value) control.value = first.get(name);
}

// ---- One patch -----------------------------------------------------------------------------

function open(index) {
  opened = index;
  const patch = patches[index];
  const facts = [`Patient ${patch.patient}`, patch.view, `true class ${labels[patch.label]}`];
  const answers = answered(patch);
  showInDialog(placeOf(index, shown), address(index),
    element("h2", { id: "patch-title" }, patch.id),
    element("p", { className: "small" }, facts.filter(Boolean).join(" · ")),
    element("div", { className: "every" },
      element("div", {}, element("h3", {}, "Patch"), picture(patch, "Patch and the lesion's outline", "")),
      ...answers.map(({ answer, run, crop }) => element("div", {},
        element("h3", {}, run.name),
        mapPicture(crop, run, answer, answer.predicted, "predicted", answer.map, answer.contour),
        element("p", {}, said(answer))))),
    beside(patch, answers),
    ...(answers.length ? [key(answers[0].run)] : []),
  );
}

/** Probabilities, a column for each run. */
function beside(patch, answers) {
  const head = ["class", ...answers.map(({ run }) => run.name)];
  const rows = labels.map((label, k) => element("tr", {},
    element("th", { scope: "row" }, k === patch.label ? `${label} (true)` : label),
    ...answers.map(({ answer }) => element("td", {},
      element(k === answer.predicted ? "strong" : "span", {}, answer.probabilities[k].toFixed(3))))));
  const table = element("table", {}, element("caption", {}, "Probabilities; bold: predicted"),
    element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col" }, text)))),
    element("tbody", {}, ...rows));
  const region = element("div", { className: "table", tabIndex: 0 }, table);
  region.setAttribute("role", "region");
  region.setAttribute("aria-label", "Probabilities");
  return region;
}

function step(by) {
  if (!shown.length) return;
  const goal = neighbour(opened, by, shown);
  history.replaceState(null, "", address(goal)); // tells nobody, so:
  open(goal);
}

function closed() {
  if (location.hash.includes("patch=")) history.replaceState(null, "", address());
  if (shown.includes(opened)) cards[opened].firstChild.focus();
}

// ---- Start ---------------------------------------------------------------------------------

form.reset(); // a browser that reloads keeps what was chosen; the address says it
const first = new Map(new FormData(form));
document.body.style.setProperty("--frames", Math.min(runs.length + 1, 8));
fillInView(cards, fill);

function choiceMade() {
  history.pushState(null, "", address());
  update();
}
form.addEventListener("change", (event) => {
  if (event.target.id === "outlines") byId("cards").classList.toggle("no-outlines", !event.target.checked);
  else choiceMade();
});
form.addEventListener("reset", () => setTimeout(() => { // when the form has its first values again
  byId("cards").classList.remove("no-outlines");
  choiceMade();
}));
form.addEventListener("submit", (event) => event.preventDefault());
operateDialog(step, closed);
addEventListener("hashchange", follow);

byId("no-script").remove();
document.querySelector(".controls").hidden = false;
update();
follow();
