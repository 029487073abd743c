// The page of one patch: the patch, its maps, and the run's answer.

/** All that there is to say of a patch and the run's answer to it. */
function pageOf(patch) {
  const [run] = runs;
  const answer = answerOf(patch);
  const facts = [`Patient ${patch.patient}`, patch.view, `true class ${labels[patch.label]}`];
  const pictures = [
    picture(patch, "Patch and the lesion's outline", `${patch.id}: test patch with the outline of its mask`),
    mapPicture(patch, run, answer, answer.predicted, "predicted", answer.map, answer.contour),
  ];
  if (answer.true_map) {
    pictures.push(mapPicture(
      patch, run, answer, patch.label, "true", answer.true_map, answer.true_contour));
  }
  const lacking = answer.right || answer.true_map ? []
    : [element("p", { className: "small" }, "The run has kept no map of the true class.")];
  return [
    element("h2", { id: "patch-title" }, patch.id),
    element("p", { className: "small" }, facts.filter(Boolean).join(" · ")),
    verdict(patch, answer),
    element("div", { className: "views" }, ...pictures, probabilities(patch, answer)),
    key(run), ...lacking,
    element("p", { className: "small print-only" }, `${document.title}. Not a medical device.`),
  ];
}

/** What lies on a patch's card: its map, and its outline. */
function layersOf(patch, answer) {
  return [heat(answer.map, answer.grid), path("outline", patch.outline)];
}

function verdict(patch, answer) {
  const text = `${answer.right ? "✓ right" : "✗ wrong"}: ${labels[answer.predicted]} with ${answer.confidence.toFixed(3)}`;
  const truth = answer.right ? "" : `; the true class has ${answer.probabilities[patch.label].toFixed(3)}`;
  const iou = answer.iou === null ? "" : `; IoU of map and mask ${answer.iou.toFixed(3)}`;
  return element("p", { className: answer.right ? "right" : "wrong" }, text + truth + iou);
}

function picture(patch, caption, alt, layers = [], below = []) {
  return element("figure", {},
    frame(patch, alt, ...layers, path("outline", patch.outline)), ...below,
    element("figcaption", {}, caption));
}

/** A class's map with its colour bar; `role` says which class it is, "predicted" or "true". */
function mapPicture(patch, run, answer, label, role, map, contour) {
  const caption = `${run.method} of ${labels[label]} (${role}), ${answer.grid}\u00a0×\u00a0${answer.grid}\u00a0cells`;
  if (!bytes(map).some(Boolean)) return picture(patch, `${caption}: zero everywhere`, caption);
  return picture(patch, caption, `${caption}, over the patch`,
    [heat(map, answer.grid), path("contour", contour)],
    [colourBar(contour === undefined ? null : run.threshold)]);
}

/** What the two lines are. */
function key(run) {
  const sample = (kind) => element("span", { className: `line ${kind}`, ariaHidden: "true" });
  const lines = [element("span", {}, sample("outline"), "the radiologist's outline of the lesion")];
  if (run.threshold !== null) {
    lines.push(element("span", {}, sample("contour"),
      `the area that IoU is measured on: map at least ${run.threshold} of its maximum`));
  }
  return element("p", { className: "small key" }, ...lines);
}

function probabilities(patch, answer) {
  const rows = labels.map((label, k) => {
    const bar = element("span");
    bar.style.width = `${100 * answer.probabilities[k]}%`;
    const role = [k === patch.label && "true", k === answer.predicted && "predicted"].filter(Boolean);
    return element("tr", {},
      element("th", { scope: "row" }, ...breakable(label),
        ...(role.length ? [" ", element("span", { className: "small" }, role.join(", "))] : [])),
      element("td", {}, element("span", { className: "share", ariaHidden: "true" }, bar)),
      element("td", {}, answer.probabilities[k].toFixed(3)));
  });
  return element("table", {}, element("caption", {}, "Probabilities"), element("tbody", {}, ...rows));
}
