// The filters of the gallery. The address holds them: #true=MALIGNANT&answer=wrong.

const form = byId("filters");
const { thing, things } = byId("gallery").dataset; // what the gallery is of: "patch", "patches"

/** What each control of the form lets pass, but `sort`, which lets all. */
const FILTERS = {
  true: (value, patch) => isOf(labels[patch.label], value),
  predicted: (value, patch, answer) => isOf(labels[answer.predicted], value),
  answer: (value, patch, answer) => answer.right === (value === "right"),
  sure: (value, patch, answer) => answer.confidence >= Number(value),
  "iou-from": (value, patch, answer) => answer.iou !== null && answer.iou >= Number(value),
  "iou-to": (value, patch, answer) => answer.iou !== null && answer.iou <= Number(value),
};

/** Whether a label is a class, or one of "MALIGNANT" or "BENIGN". */
function isOf(label, chosen) {
  return label === chosen || label.startsWith(`${chosen}_`);
}

/** What is chosen, by the controls' names; what is at its default is left out. */
function chosen() {
  return new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
}

/** Sets the controls; returns in words what they do not know. */
function choose(wanted) {
  const unknown = [];
  for (const control of form.elements) {
    const value = wanted.get(control.name) ?? "";
    control.value = value;
    if (control.value !== value) {
      control.value = "";
      unknown.push(`${control.name}=${value}`);
    }
  }
  return unknown;
}

/** Indices of the patches that pass, in the order chosen. */
function passing() {
  const active = [...chosen()].filter(([name]) => name in FILTERS);
  const indices = [...patches.keys()].filter((index) => {
    const answer = answerOf(patches[index]);
    return active.every(([name, value]) => FILTERS[name](value, patches[index], answer));
  });
  const [key, direction] = form.elements.sort.value.split("-");
  if (!key) return indices;
  const sign = direction === "down" ? -1 : 1;
  const value = (index) => answerOf(patches[index])[key];
  return indices.sort((a, b) => {
    const [one, two] = [value(a), value(b)];
    if (one === null || two === null) return (one === null) - (two === null); // without IoU: last
    return sign * (one - two);
  });
}

/** The filters in words: "true class MALIGNANT_Mass, answer wrong". */
function inWords() {
  return [...chosen()].filter(([name]) => name in FILTERS).map(([name, value]) => {
    const control = form.elements[name];
    const text = control.selectedOptions?.[0].text ?? value;
    const label = control.labels[0].firstChild.textContent.trim();
    return `${label.replace(/^[A-Z][a-z]+\b/, (word) => word.toLowerCase())} ${text}`; // but IoU
  }).join(", ");
}

/** The address of what is chosen and, with its link, of one patch; `place` is a part of the page. */
function addressOf({ patch = "", place = "" } = {}) {
  const filters = chosen();
  if (patch) filters.set(thing, patch);
  return `#${[place, filters.toString()].filter(Boolean).join("&") || "gallery"}`;
}

/** What an address asks for. */
function asked(hash) {
  return new URLSearchParams(hash.slice(1));
}
