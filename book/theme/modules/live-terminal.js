// One terminal of the machine: xterm.js in the page's colours and letters, as wide as there is room.

import { element, text } from "./texts.js";

/** Milliseconds for which Escape is kept back: Tab after it leaves the terminal. */
const ESCAPE = 1000;
/** Milliseconds without a change of width. */
const CALM = 100;
/** At most as wide as where sessions are recorded. */
const COLUMNS = { least: 20, most: 100 };

/** Keys that a touch keyboard lacks, what a terminal sends for them, and the sign on them that is no word. */
const KEYS = [
  ["escape", "\x1b"],
  ["tab", "\t"],
  ["interrupt", "\x03"],
  ["end", "\x04"],
  ["up", "\x1b[A", "↑"],
  ["down", "\x1b[B", "↓"],
  ["left", "\x1b[D", "←"],
  ["right", "\x1b[C", "→"],
];

/** What a reader who sees the terminals, too, would call one. */
export function terminalLabel(name) {
  return name === "" ? text("live-terminal-first") : text("live-terminal", { terminal: name });
}

export class TerminalView {
  /** `on` has what happens: `typed` with text, `sized` with columns and rows, `focused`. */
  constructor(Terminal, name, number, help, on) {
    this.on = on;
    this.label = terminalLabel(name);
    this.place = element("div", { class: "live-screen" });
    this.element = element(
      "div",
      { class: "live-terminal", role: "group", "aria-label": this.label, "data-terminal": name, "data-number": number },
      element("p", { class: "live-name" }, this.label),
      this.keys(),
      this.place,
    );
    this.terminal = new Terminal({
      allowProposedApi: false,
      cursorBlink: false,
      fontFamily: getComputedStyle(document.querySelector("pre, code, .mono") ?? document.body).fontFamily,
      fontSize: matchMedia("(max-width: 40rem)").matches ? 11 : 13,
      // Colours that a program chooses stay readable on both papers.
      minimumContrastRatio: 4.5,
      // Where terminals stand one below the other each is lower.
      rows: matchMedia("(min-width: 90rem)").matches ? 20 : 14,
      screenReaderMode: true,
      scrollback: 2000,
    });
    this.help = help;
    this.terminal.onData((data) => on.typed(data));
    this.terminal.attachCustomKeyEventHandler((event) => this.key(event));
    // What is pressed in here is the terminal's: the page has keys of its own.
    this.element.addEventListener("keydown", (event) => event.stopPropagation());
    this.element.addEventListener("focusin", () => on.focused());
    // While a window is being dragged its width is none to draw for.
    this.look = new ResizeObserver(() => {
      clearTimeout(this.dragged);
      this.dragged = setTimeout(() => this.fit(), CALM);
    });
  }

  /** Buttons for what a touch keyboard has no key for; only where there is one are they seen. */
  keys() {
    const buttons = KEYS.map(([key, bytes, sign]) => {
      const name = text(`live-key-${key}`);
      const button = element("button", { type: "button", "aria-label": name }, sign ?? name);
      // The keyboard stays where it is.
      button.addEventListener("pointerdown", (event) => event.preventDefault());
      button.addEventListener("click", () => this.on.typed(this.sent(bytes)));
      return button;
    });
    return element("div", { class: "live-keys", role: "group", "aria-label": text("live-keys") }, ...buttons);
  }

  /** Some programs want the arrows' other bytes (DECCKM). */
  sent(bytes) {
    return this.terminal.modes.applicationCursorKeysMode ? bytes.replace("\x1b[", "\x1bO") : bytes;
  }

  /** Draws it; it must be in the page. */
  open() {
    this.terminal.open(this.place);
    const input = this.terminal.textarea;
    input.setAttribute("aria-label", this.label);
    input.setAttribute("aria-describedby", this.help);
    this.colour();
    this.look.observe(this.place);
  }

  /** The page's colours, as they are now. */
  colour() {
    const { color, backgroundColor } = getComputedStyle(this.place);
    this.terminal.options.theme = {
      background: backgroundColor,
      foreground: color,
      cursor: color,
      cursorAccent: backgroundColor,
      selectionBackground: "#7f9fbf80",
    };
  }

  show(bytes) {
    this.terminal.write(bytes);
  }

  /** Its shell asks for the next command; how the one before ended. */
  ended(status) {
    const { dataset } = this.element;
    dataset.status = status;
    dataset.prompts = Number(dataset.prompts ?? 0) + 1;
  }

  focus() {
    this.terminal.focus();
  }

  /** As many columns as there is room for. */
  fit() {
    const screen = this.place.querySelector(".xterm-screen");
    const cell = screen && screen.clientWidth / this.terminal.cols;
    if (!cell || this.place.clientWidth === 0) return;
    // The scroll bar lies above the last letters otherwise.
    const room = Math.floor((this.place.clientWidth - 20) / cell);
    const columns = Math.min(Math.max(room, COLUMNS.least), COLUMNS.most);
    if (columns !== this.terminal.cols) this.terminal.resize(columns, this.terminal.rows);
    const size = `${columns}×${this.terminal.rows}`;
    if (size !== this.size) this.on.sized(columns, this.terminal.rows);
    this.size = size;
  }

  /** Keys that are not only the terminal's. False: it does not get this one. */
  key(event) {
    if (event.type !== "keydown") return true;
    if (event.ctrlKey && event.shiftKey && event.code === "KeyC" && this.terminal.hasSelection()) {
      event.preventDefault();
      navigator.clipboard?.writeText(this.terminal.getSelection());
      return false;
    }
    const bare = !event.ctrlKey && !event.altKey && !event.metaKey;
    if (event.key === "Escape" && bare && !event.shiftKey) {
      event.preventDefault();
      this.escape();
      this.leaving = true;
      this.kept = setTimeout(() => this.escape(), ESCAPE);
      return false;
    }
    // Shift alone is on the way to Shift and Tab.
    if (event.key === "Shift") return true;
    if (event.key === "Tab" && bare && this.leaving) {
      this.leaving = false;
      clearTimeout(this.kept);
      this.kept = null;
      return false;
    }
    this.escape();
    this.leaving = false;
    return true;
  }

  /** Sends the Escape that was kept back, if there is one. */
  escape() {
    if (!this.kept) return;
    clearTimeout(this.kept);
    this.kept = null;
    this.on.typed("\x1b");
  }

  end() {
    clearTimeout(this.kept);
    clearTimeout(this.dragged);
    this.look.disconnect();
    this.terminal.dispose();
    this.element.remove();
  }
}
