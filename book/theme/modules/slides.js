// Sections of a page as slides, one at a time. Without this they are a page like any other.

import { element, text } from "./texts.js";

/** What a press of a key does: how far to go. */
const STEPS = {
  ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1,
  ArrowLeft: -1, ArrowUp: -1, PageUp: -1,
  Home: -Infinity, End: Infinity,
};

export function slides() {
  const box = document.querySelector(".slides");
  if (!box || document.body.classList.contains("print")) return;
  const all = split(box);
  let shown = null;

  function show(place) {
    shown = Math.min(Math.max(place, 0), all.length - 1);
    for (const [other, slide] of all.entries()) slide.hidden = other !== shown;
    all[shown].focus();
  }

  function end() {
    document.body.classList.remove("presenting");
    for (const slide of all) slide.hidden = false;
    all[shown].scrollIntoView();
    shown = null;
    if (document.fullscreenElement) document.exitFullscreen();
  }

  const button = element("button", { type: "button" }, text("present"));
  button.addEventListener("click", () => {
    document.body.classList.add("presenting");
    // Where there can be no full screen, the slides fill the page.
    document.documentElement.requestFullscreen?.().catch(() => {});
    show(0);
  });
  box.before(element("p", {}, button));

  // Escape ends the full screen, and the browser tells nobody of the key.
  document.addEventListener("fullscreenchange", () => {
    if (!document.fullscreenElement && shown !== null) end();
  });
  // Only while presenting, and not what is meant for a player or a button.
  document.addEventListener("keydown", (event) => {
    if (shown === null || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") return end();
    if (!(event.key in STEPS) || event.target.closest("button, .player, input")) return;
    event.preventDefault();
    show(shown + STEPS[event.key]);
  });
}

/** A section for each second heading and what follows it. */
function split(box) {
  const slides = [];
  for (const child of [...box.children]) {
    if (child.matches("h2")) {
      const slide = element("section", { class: "slide", tabindex: "-1", "aria-labelledby": child.id });
      child.before(slide);
      slides.push(slide);
    }
    slides.at(-1)?.append(child);
  }
  return slides;
}
