// The gallery of a run's test patches, or of other things that answers.js and the like speak of: what
// passes the filters as cards, one at a time as a page.

const cards = patches.map((_, index) => card(index));
let shown = []; // indices of the patches that pass the filters, in order
let opened = null; // index of the patch in the dialog

// ---- The list of cards ---------------------------------------------------------------------

function card(index) {
  const patch = patches[index];
  const answer = answerOf(patch);
  const link = element("a", { tabIndex: -1 }, element("span", { className: "frame" }),
    element("span", { className: "text" }, ...shortAnswer(patch, answer)));
  link.setAttribute("aria-label", description(patch, answer));
  const item = element("li", {}, link);
  item.dataset.index = index;
  return item;
}

/** A card's pictures; they are made when it comes into view. */
function fill(index) {
  const patch = patches[index];
  const answer = answerOf(patch);
  cards[index].firstChild.firstChild.replaceWith(
    frame(patch, description(patch, answer), ...layersOf(patch, answer)));
}

function update() {
  shown = passing();
  const filters = inWords();
  byId("count").textContent = `${shown.length} of ${patches.length} ${things}${filters && `: ${filters}`}.`;
  byId("nothing").hidden = shown.length > 0;
  byId("cards").replaceChildren(...shown.map((index) => cards[index]));
  for (const index of shown) {
    cards[index].firstChild.href = addressOf({ patch: patches[index].link });
  }
  makeReachable(shown[0]);
  for (const link of document.querySelectorAll("a.filter")) {
    const here = String(asked(link.hash)) === String(chosen());
    here ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  }
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

// ---- The address ---------------------------------------------------------------------------

/** Shows what the address asks for: filters, a patch, or a part of the page under the filters. */
function follow() {
  const wanted = asked(location.hash);
  const seenBefore = history.state !== null; // by Back, Forward or Reload: then it says all
  const ours = [...wanted.keys()].some((name) => name === thing || form.elements.namedItem(name));
  const unknown = ours || seenBefore ? choose(wanted) : [];
  const place = [...wanted.keys()].find((name) => wanted.get(name) === "" && byId(name)) ?? "";
  const link = wanted.get(thing);
  const index = patches.findIndex((patch) => patch.link === link);
  if (link !== null && index < 0) unknown.push(`${thing}=${link}`);
  byId("notice").hidden = !unknown.length;
  byId("notice").textContent = `The address asks for what this report does not have: ${unknown.join(", ")}.`;
  const address = addressOf({ place, patch: index < 0 ? "" : link });
  history.replaceState({}, "", address === "#gallery" && !location.hash ? undefined : address);
  update();
  if (index >= 0) {
    openPatch(index);
    return;
  }
  dialog.close();
  if (ours && !seenBefore) leadHere();
}

function leadHere() {
  byId("gallery-title").scrollIntoView();
  byId("gallery-title").focus({ preventScroll: true });
}

/** After a change of the controls. */
function choiceMade() {
  byId("notice").hidden = true;
  history.pushState({}, "", addressOf());
  update();
}

// ---- One patch -----------------------------------------------------------------------------

function openPatch(index) {
  opened = index;
  showInDialog(placeOf(index, shown), location.hash, ...pageOf(patches[index]));
}

function step(by) {
  if (!shown.length) return;
  const goal = neighbour(opened, by, shown);
  history.replaceState({}, "", addressOf({ patch: patches[goal].link }));
  openPatch(goal);
}

function afterClose() {
  if (asked(location.hash).has(thing)) history.replaceState({}, "", addressOf());
  if (shown.includes(opened)) {
    makeReachable(opened);
    cards[opened].firstChild.focus();
  }
}

// ---- Start ---------------------------------------------------------------------------------

fillInView(cards, fill);

form.addEventListener("change", choiceMade);
form.addEventListener("submit", (event) => event.preventDefault());
for (const button of document.querySelectorAll("button.clear")) {
  button.addEventListener("click", () => {
    choose(new URLSearchParams());
    choiceMade();
  });
}
byId("maps").addEventListener("input", (event) =>
  byId("cards").classList.toggle("maps", event.target.checked));
byId("outlines").addEventListener("input", (event) =>
  byId("cards").classList.toggle("no-outlines", !event.target.checked));
byId("cards").addEventListener("keydown", moveFocus);
operateDialog(step, afterClose);
addEventListener("hashchange", follow);
// A link to what is shown already changes no address, but leads to the gallery all the same.
document.addEventListener("click", (event) => {
  if (event.target.closest("a.filter")?.hash === location.hash) leadHere();
});

byId("no-script").remove();
document.querySelector(".controls").hidden = false;
byId("more").open = matchMedia("(min-width: 40rem)").matches; // a phone has room for the patches alone
follow();
