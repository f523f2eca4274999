// Examples that can be done in the page. Until a reader presses a button nothing of the machine is
// asked for; then `live-panel.js` brings it.

import { element, text } from "./texts.js";

export function live() {
  // On paper, and on slides, there is only what was recorded.
  if (document.body.classList.contains("print")) return;
  const all = [...document.querySelectorAll("[data-live], [data-task]")];
  const places = all.filter((place) => !place.closest(".slides"));
  if (places.length === 0) return;
  for (const place of places) if (place.dataset.task) values(place);
  // How many bytes it has; nothing if the book was built without it.
  const bytes = Number(document.body.dataset.machine);
  if (bytes > 0) examples.push(...places.map((place) => new Example(place, bytes)));
  else places[0].before(element("p", { class: "live-absent" }, text("live-absent")));
}

const examples = [];

/** The panel: one a page. */
let panel;
function load() {
  panel ??= import("./live-panel.js").then(({ Panel }) => new Panel(examples));
  panel.catch(() => (panel = undefined));
  return panel;
}

/** A place with a button that brings Linux there. */
class Example {
  constructor(place, bytes) {
    this.element = place;
    this.session = place.dataset.session;
    /** The part that is typed here; a playground and a task have none. */
    this.part = place.dataset.part;
    this.task = place.dataset.task;
    this.size = (bytes / 1e6).toFixed(1);
    this.button = element("button", { type: "button", class: "live-start" });
    this.button.addEventListener("click", () => this.press());
    this.offer(false, false);
    this.box().append(this.button);
  }

  /** Where its buttons stand. */
  box() {
    const figure = this.element.querySelector("figcaption .buttons");
    if (figure) return figure;
    const box = element("div", { class: "live-buttons" });
    this.element.append(box);
    return box;
  }

  /** What the button does: start a machine, or go on with the one that runs, unless it is here. */
  offer(runs, here) {
    const what = (this.task ? "live-task-" : "live-") + (runs ? "go" : "start");
    this.button.textContent = text(what, { size: this.size });
    this.button.hidden = here && !this.task;
  }

  async press() {
    this.element.querySelector(".failed")?.remove();
    this.button.setAttribute("aria-busy", "true");
    try {
      const panel = await load();
      if (this.task) await panel.task(this);
      else await panel.open(this);
    } catch {
      this.element.append(element("p", { class: "failed", role: "alert" }, text("live-no-download")));
    }
    this.button.removeAttribute("aria-busy");
  }
}

/** What a task makes up when it begins has a place of its own in the text: `{name}`. */
function values(place) {
  const walker = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) found.push(walker.currentNode);
  for (const node of found) {
    const pieces = node.data.split(/(?<!\$)\{(\w+)\}/);
    if (pieces.length === 1) continue;
    const value = (name) => element("var", { "data-value": name }, name);
    node.replaceWith(...pieces.map((piece, number) => (number % 2 ? value(piece) : piece)));
  }
}
