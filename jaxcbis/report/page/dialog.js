// The dialog that shows one patch of a gallery: its buttons and keys.

const dialog = byId("patch");

/** Shows a page in the dialog, which opens if it is closed. */
function showInDialog(position, address, ...page) {
  byId("position").textContent = position;
  byId("link").href = address;
  byId("patch-body").replaceChildren(...page);
  if (!dialog.open) dialog.showModal();
  if (!dialog.contains(document.activeElement)) byId("next").focus(); // a link that is gone had it
}

/** `index` is of a patch among those `shown`, which begin anew behind the last. */
function placeOf(index, shown) {
  const position = shown.indexOf(index);
  return position < 0 ? "not among those chosen" : `${position + 1} of ${shown.length}`;
}

/** The patch that stands so many places behind one, of those shown; the first where it is none. */
function neighbour(index, by, shown) {
  const position = shown.indexOf(index);
  return shown[position < 0 ? 0 : (position + by + shown.length) % shown.length];
}

/** Has the dialog call `step` with -1 or 1, and `closed` when it has closed. */
function operateDialog(step, closed) {
  byId("previous").addEventListener("click", () => step(-1));
  byId("next").addEventListener("click", () => step(1));
  byId("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", closed);
  dialog.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by) step(by);
  });
}

/** Calls `fill` with the index of each card that comes near the part in view, once. */
function fillInView(cards, fill) {
  const inView = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      inView.unobserve(target);
      fill(Number(target.dataset.index));
    }
  }, { rootMargin: "400px" });
  for (const card of cards) inView.observe(card);
}
