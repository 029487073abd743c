// Every page: terms that explain themselves, the part in view, a command to copy, and paper.
"use strict";

{ // what follows is known to no other script
  // ---- Terms: a definition beside the word; without scripts the word leads to the glossary -------

  const tip = Object.assign(document.createElement("div"), { className: "tip", hidden: true });
  tip.setAttribute("role", "tooltip");
  document.querySelector("main").append(tip);
  let leaving; // a pointer may go from the word to the definition without losing it

  const termOf = (event) => event.target.closest?.("a.term");

  function show(term) {
    clearTimeout(leaving);
    tip.textContent = document.querySelector(term.hash).textContent;
    tip.hidden = false;
    const [word, box] = [term.getBoundingClientRect(), tip.getBoundingClientRect()];
    const below = word.bottom + box.height + 8 < innerHeight;
    const right = document.documentElement.clientWidth - box.width - 8;
    const top = below ? word.bottom + 4 : word.top - box.height - 4;
    tip.style.left = `${scrollX + Math.max(8, Math.min(word.left, right))}px`;
    tip.style.top = `${scrollY + Math.max(8, top)}px`;
  }

  function hide() {
    clearTimeout(leaving);
    tip.hidden = true;
  }

  document.addEventListener("pointerover", (event) => {
    const term = termOf(event);
    if (term) show(term);
    else if (event.target === tip) clearTimeout(leaving);
  });
  document.addEventListener("pointerout", (event) => {
    if (event.pointerType !== "mouse" || !(termOf(event) || event.target === tip)) return;
    clearTimeout(leaving);
    leaving = setTimeout(hide, 200);
  });
  document.addEventListener("focusin", (event) => (termOf(event) ? show(termOf(event)) : hide()));
  document.addEventListener("focusout", hide);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("click", (event) => {
    const term = termOf(event);
    if (!term && event.target !== tip) hide();
    if (!term || event.pointerType !== "touch") return; // a mouse has seen it already, and follows
    event.preventDefault();
    show(term);
  });

  // ---- The part of the page that is in view ------------------------------------------------------

  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const reached = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) links.get(target.id).setAttribute("aria-current", "true");
      else links.get(target.id).removeAttribute("aria-current");
    }
  }, { rootMargin: "-25% 0px -74% 0px" });
  for (const id of links.keys()) reached.observe(document.getElementById(id));

  // ---- The command -------------------------------------------------------------------------------

  const [command, copy] = ["command", "copy"].map((id) => document.getElementById(id));
  if (copy) {
    copy.hidden = false;
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(command.textContent);
        copy.textContent = "Copied";
      } catch { // the browser forbids it: the user can still do it
        getSelection().selectAllChildren(command);
        copy.textContent = "Selected: press Ctrl+C";
      }
    });
  }

  // ---- Paper: nothing stays folded ---------------------------------------------------------------

  let opened = [];
  matchMedia("print").addEventListener("change", ({ matches: onPaper }) => {
    if (onPaper) opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = onPaper;
  });
}
