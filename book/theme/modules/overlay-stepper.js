// The picture of what a container's actions leave in which folder: each row is an action, which can
// be done and undone. It begins with none.

import { Controls, steps } from "./stepper.js";

/** Adds the controls to the figure. */
export function start(figure) {
  const all = steps(figure);
  /** What has been done, in this order. */
  let done = [];

  const controls = new Controls(figure, all, {
    next() {
      const next = all.findIndex((_, i) => !done.includes(i));
      if (next >= 0) show([...done, next]);
    },
    back: () => show(done.slice(0, -1)),
    again: () => show([]),
    choose: (i) => show(done.includes(i) ? done.filter((other) => other !== i) : [...done, i]),
  });

  function show(now) {
    done = now;
    const last = done.at(-1);
    all.forEach(({ group }, i) => {
      const is = done.includes(i);
      group.querySelector("[data-when=before]").setAttribute("visibility", is ? "hidden" : "inherit");
      group.querySelector("[data-when=after]").setAttribute("visibility", is ? "inherit" : "hidden");
      group.classList.toggle("dim", last !== undefined && i !== last);
    });
    controls.show((i) => done.includes(i), {
      back: done.length > 0,
      next: done.length < all.length,
      text: last === undefined ? controls.words.start : all[last].text,
    });
  }

  all.forEach(({ group }, i) => group.addEventListener("click", () => controls.choices[i].click()));
  show([]);
}
