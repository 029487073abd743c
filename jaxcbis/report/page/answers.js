// The patches of the page, and what each run says of them; page/joined.py writes the data.

const { labels, runs, colours, patches } = JSON.parse(byId("gallery-data").textContent);

/** A run's answer to a patch, of a page of one run its own; null where it was not tested on it. */
function answerOf(patch, run = 0) {
  const answer = patch.answers[run];
  if (!answer) return null;
  const confidence = Math.max(...answer.probabilities);
  const predicted = answer.probabilities.indexOf(confidence);
  return { ...answer, confidence, predicted, right: predicted === patch.label };
}

/** Patch and answer in one line. */
function description(patch, answer) {
  const iou = answer.iou === null ? "" : `, IoU ${answer.iou.toFixed(2)}`;
  return (
    `${patch.id}: ${labels[patch.label]}, predicted ${labels[answer.predicted]} ` +
    `${answer.confidence.toFixed(3)}, ${answer.right ? "right" : "wrong"}${iou}`
  );
}

/** The same below a small picture: "✓ TRUE" or "✗ TRUE → PREDICTED", probability and IoU. */
function shortAnswer(patch, answer) {
  const iou = answer.iou === null ? "" : ` · IoU ${answer.iou.toFixed(2)}`;
  return [
    element("strong", { className: answer.right ? "right" : "wrong" },
      answer.right ? "✓ " : "✗ ", ...breakable(labels[patch.label]),
      ...(answer.right ? [] : [" → ", ...breakable(labels[answer.predicted])])),
    element("br"),
    `${answer.confidence.toFixed(3)}${iou}`,
  ];
}
