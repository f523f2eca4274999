// The picture of a pull: its requests and answers, one after the other.

import { Controls, steps } from "./stepper.js";

/** Adds the controls to the figure. */
export function start(figure) {
  const all = steps(figure);
  const last = all.length - 1;
  const choices = all.map(({ label }, i) => ({ label: String(i + 1), name: `${i + 1}: ${label}` }));
  let at = -1;

  const controls = new Controls(figure, choices, {
    next: () => show(Math.min(at + 1, last)),
    back: () => show(Math.max(at - 1, -1)),
    again: () => show(-1),
    choose: (i) => show(i),
  });

  function show(now) {
    at = now;
    // Before the first step the whole picture is seen.
    all.forEach(({ group }, i) => group.classList.toggle("dim", at >= 0 && i !== at));
    controls.show((i) => i === at, {
      back: at >= 0,
      next: at < last,
      text: at < 0 ? controls.words.start : `${choices[at].name}. ${all[at].text}`,
    });
  }

  all.forEach(({ group }, i) => group.addEventListener("click", () => show(i)));
  show(-1);
}
