// What pictures that go on step by step have in common: their steps, their words, and the controls.
//
// A step is a group of the picture with `data-step`; its `data-label` names it, its <desc> says what
// happens. The controls' own words are attributes of the group with `data-next`. So all words stand
// in the picture, and whoever translates it translates them.

import { element } from "./texts.js";

/** The steps of a figure, in the order of the picture. */
export function steps(figure) {
  return [...figure.querySelectorAll("[data-step]")].map((group) => ({
    group,
    label: group.dataset.label,
    text: group.querySelector("desc").textContent,
  }));
}

/** Buttons below a picture, and a place in which it is said what happens. */
export class Controls {
  /** `on` has what the buttons do: `back`, `next`, `again`, and `choose` with a step's number. */
  constructor(figure, choices, on) {
    this.words = figure.querySelector("[data-next]").dataset;
    this.choices = choices.map((choice, i) => button(choice, () => on.choose(i)));
    this.back = button({ label: this.words.back }, on.back);
    this.next = button({ label: this.words.next }, on.next);
    const again = button({ label: this.words.again }, on.again);
    const group = { class: "choices", role: "group", "aria-label": this.words.choose };
    this.said = element("p", { class: "said", role: "status" });
    const moves = element("div", { class: "moves" }, this.back, this.next, again);
    const box = element("div", { class: "stepper" }, element("div", group, ...this.choices), moves, this.said);
    box.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const move = { ArrowLeft: on.back, ArrowRight: on.next, Home: on.again }[event.key];
      if (!move) return;
      event.preventDefault();
      move();
    });
    const caption = figure.querySelector("figcaption");
    caption ? caption.before(box) : figure.append(box);
  }

  /** Shows which choices are pressed, and whether there is a step back and a next one. */
  show(pressed, { back, next, text }) {
    this.choices.forEach((choice, i) => choice.setAttribute("aria-pressed", String(pressed(i))));
    // Not `disabled`: a button that was just used would lose the focus.
    this.back.setAttribute("aria-disabled", String(!back));
    this.next.setAttribute("aria-disabled", String(!next));
    this.said.textContent = text;
  }
}

function button({ label, name }, press) {
  const made = element("button", { type: "button", "aria-label": name }, label);
  made.addEventListener("click", press);
  return made;
}
