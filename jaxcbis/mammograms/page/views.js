// The test views of the page, and what the run says of them; page/gallery.py writes the data. Scripts
// of every gallery know them as patches.

const { labels, colours, threshold, grid, size, patches } =
  JSON.parse(byId("gallery-data").textContent);
byId("gallery").style.setProperty("--ratio", size[1] / size[0]);

/** The run's answer to a view; `confidence` is the probability of what it is called. */
function answerOf(view) {
  const predicted = Number(view.probability >= threshold);
  const confidence = predicted ? view.probability : 1 - view.probability;
  return { probability: view.probability, predicted, confidence, right: predicted === view.label };
}

/** Side and projection: "left CC". */
function sideOf(view) {
  return `${view.side.toLowerCase()} ${view.view}`;
}

/** View and answer in one line. */
function description(view, answer) {
  return (
    `${view.id}: ${labels[view.label]}, called ${labels[answer.predicted]}, ` +
    `probability of malignancy ${answer.probability.toFixed(3)}, ${answer.right ? "right" : "wrong"}`
  );
}

/** The same below a small picture. */
function shortAnswer(view, answer) {
  return [
    element("strong", { className: answer.right ? "right" : "wrong" },
      `${answer.right ? "✓" : "✗"} ${labels[view.label]}`),
    element("br"), `${answer.probability.toFixed(3)} · ${sideOf(view)}`,
  ];
}
