// The page of one view: the view, its map, the run's answer, and the other views of the patient.

/** What lies on a view: its map, and the outlines of its lesions. */
function layersOf(view) {
  return [heat(view.map, ...grid), ...outlinesOf(view)];
}

function outlinesOf(view) {
  const benign = path("outline", view.benign);
  benign.classList.add("benign");
  return [benign, path("outline", view.malignant)];
}

/** All that there is to say of a view and the run's answer to it. */
function pageOf(view) {
  const answer = answerOf(view);
  const facts = [`Patient ${view.patient}`, `${sideOf(view)} view`, `true class ${labels[view.label]}`];
  const caption = `Map of malignancy, ${grid[0]}\u00a0×\u00a0${grid[1]}\u00a0cells`;
  const isZero = !bytes(view.map).some(Boolean);
  return [
    element("h2", { id: "patch-title" }, view.id),
    element("p", { className: "small" }, facts.join(" · ")),
    verdict(view, answer),
    element("div", { className: "views" },
      figure(view, "View and the lesions' outlines", outlinesOf(view)),
      figure(view, isZero ? `${caption}: zero everywhere` : caption,
        isZero ? outlinesOf(view) : layersOf(view), isZero ? [] : [colourBar(null)]),
      element("div", {}, probabilities(view), ...others(view))),
    key(view),
    element("p", { className: "small print-only" }, `${document.title}. Not a medical device.`),
  ];
}

function verdict(view, answer) {
  const called = answer.predicted ? "called malignant" : "not called malignant";
  const side = answer.predicted ? "at least" : "below";
  return element("p", { className: answer.right ? "right" : "wrong" },
    `${answer.right ? "✓ right" : "✗ wrong"}: ${called}, ${view.probability.toFixed(3)} is ` +
    `${side} ${threshold.toFixed(3)}`);
}

function figure(view, caption, layers, below = []) {
  return element("figure", {}, frame(view, `${view.id}: ${caption}`, ...layers), ...below,
    element("figcaption", {}, caption));
}

function probabilities(view) {
  const rows = [["of the view", view.probability], ["with flips averaged", view.probability_flips]]
    .filter(([, value]) => value !== null)
    .map(([name, value]) => {
      const bar = element("span");
      bar.style.width = `${100 * value}%`;
      return element("tr", {}, element("th", { scope: "row" }, name),
        element("td", {}, element("span", { className: "share", ariaHidden: "true" }, bar)),
        element("td", {}, value.toFixed(3)));
    });
  return element("table", {}, element("caption", {}, "Probability of malignancy"),
    element("tbody", {}, ...rows));
}

/** Links to the other views of the patient that the page holds. */
function others(view) {
  const found = patches.filter((other) => other.patient === view.patient && other !== view);
  if (!found.length) return [];
  const links = found.map((other) => element("li", {},
    element("a", { href: addressOf({ patch: other.link }) }, sideOf(other)),
    ` ${other.probability.toFixed(3)}, ${labels[other.label]}`));
  return [element("h3", {}, "Other views of this patient"),
    element("ul", { className: "others" }, ...links)];
}

/** What the lines are. */
function key(view) {
  if (!view.masked) {
    return element("p", { className: "small" }, "Not every lesion of this view has a mask.");
  }
  const lines = [["malignant", "malignant"], ["benign", "benign"]]
    .filter(([kind]) => view[kind])
    .map(([kind, word]) => element("span", {},
      element("span", { className: `line outline ${kind}`, ariaHidden: "true" }),
      `the radiologist's outline of a ${word} lesion`));
  return element("p", { className: "small key" }, ...lines);
}
