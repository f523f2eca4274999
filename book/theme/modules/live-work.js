// What is to be typed of a session, and what was: its buttons in the page, one step or many.

import { Steps } from "./live-steps.js";
import { Stopped } from "./live-typist.js";

export class Work {
  /**
   * The parts of a session, the names of its terminals, and who types. `on` has what happens:
   * `pressed` at a figure, `types` into a terminal, `typed` a step, `changed`.
   */
  constructor(session, parts, names, typist, on) {
    Object.assign(this, { parts, names, typist, on });
    /** For each part the numbers of the steps that were typed. */
    this.done = new Map(parts.map((part) => [part, new Set()]));
    this.steps = parts.flatMap((part) => {
      const place = `figure[data-live][data-session="${session}"][data-part="${part.name}"]`;
      const figures = [...document.querySelectorAll(place)].filter((figure) => !figure.closest(".slides"));
      return figures.map((figure) => ({
        part,
        buttons: new Steps(figure, part, (number) => this.press(figure, part, number)),
      }));
    });
    this.mark();
  }

  part(name) {
    return this.parts.find((part) => part.name === name);
  }

  /** The number of a part's terminal. */
  terminal(part) {
    return Math.max(this.names.indexOf(part?.terminal ?? ""), 0);
  }

  /** What was not typed of a part. */
  left(part) {
    const all = part.steps.map((_, number) => ({ part, number }));
    return all.filter(({ number }) => !this.done.get(part).has(number));
  }

  /** What was not typed of the parts before one. */
  missing(part) {
    return this.parts.slice(0, Math.max(this.parts.indexOf(part), 0)).flatMap((one) => this.left(one));
  }

  /** One step, and the quiet ones before it. */
  async press(figure, part, number) {
    // The reader does not wait any longer.
    this.typist.stop();
    await this.typing;
    this.on.pressed(figure);
    let first = number;
    while (first > 0 && part.steps[first - 1].kind === "quiet") first -= 1;
    const quiet = this.left(part).filter((step) => step.number >= first && step.number < number);
    this.type([...quiet, { part, number }]);
  }

  /** What is left of a part; all of it again, if nothing is. */
  all(part) {
    if (this.left(part).length === 0) this.done.get(part).clear();
    this.type(this.left(part));
  }

  type(steps) {
    this.typing = this.each(steps).finally(() => {
      this.typing = undefined;
      this.on.changed();
    });
    this.on.changed();
  }

  /** Types steps one after the other; each waits for what the one before has printed. */
  async each(steps) {
    try {
      for (const { part, number } of steps) {
        const terminal = this.terminal(part);
        await this.on.types(terminal);
        this.done.get(part).add(number);
        this.mark();
        const came = await this.typist.type(terminal, part.steps[number], part.steps[number + 1]);
        this.on.typed({ part: part.name, number, ...came });
      }
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
  }

  mark() {
    for (const { part, buttons } of this.steps) buttons.mark(this.done.get(part));
  }

  end() {
    this.typist.stop();
    for (const { buttons } of this.steps) buttons.remove();
  }
}
