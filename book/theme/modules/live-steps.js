// Buttons at the lines of a transcript: each types its command, or presses its key, in the terminal.

import { element, text } from "./texts.js";

export class Steps {
  /** `press` gets the number of a step. */
  constructor(figure, part, press) {
    this.figure = figure;
    this.press = press;
    this.buttons = new Map();
    let commands = [...figure.querySelectorAll("pre .command")];
    // Where the buttons of the line go: before its prompt.
    let line = null;
    for (const [number, step] of part.steps.entries()) {
      if (step.kind === "quiet") continue;
      const place = commands.findIndex((command) => typed(command) === step.text);
      if (step.kind === "command" && place >= 0) {
        line = this.line(commands[place].previousElementSibling ?? commands[place]);
        commands = commands.slice(place + 1);
      }
      // A key has no line of its own: it stands at the command that it follows.
      line ??= this.top();
      const button = this.button(number, step);
      this.buttons.set(number, button);
      line.append(button);
    }
  }

  line(before) {
    const line = element("span", { class: "live-line" });
    before.before(line);
    return line;
  }

  /** A line above the transcript, for keys that end what another part began. */
  top() {
    const line = element("span", { class: "live-line top" });
    this.figure.querySelector("pre code").prepend(line);
    return line;
  }

  button(number, { kind, text: what }) {
    const label = text(kind === "key" ? "live-press" : "live-type", { what });
    const attributes = { type: "button", class: "live-type", "data-step": number, "aria-label": label, title: label };
    const button = element("button", attributes, kind === "key" ? what : "⏎");
    button.addEventListener("click", () => this.press(number));
    return button;
  }

  /** Marks what has been typed. */
  mark(done) {
    for (const [number, button] of this.buttons) {
      button.dataset.typed = done.has(number) ? "yes" : "no";
    }
  }

  remove() {
    for (const line of this.figure.querySelectorAll(".live-line")) line.remove();
  }
}

/** A command of a transcript as it was typed, perhaps over several lines. */
function typed(command) {
  let all = command.textContent;
  for (let next = command.nextElementSibling; next && !next.matches(".command"); next = next.nextElementSibling) {
    if (next.matches(".continued")) all += `\n${next.textContent}`;
  }
  return all;
}
