// Linux in the page: one machine, one panel. The panel stands below the example for which it was
// called, and goes with the reader from one to the next.

import { Inspect } from "./live-inspect.js";
import { parts } from "./live-session.js";
import { Steps } from "./live-steps.js";
import { TerminalView } from "./live-terminal.js";
import { Task } from "./live-task.js";
import { Stopped, Typist } from "./live-typist.js";
import { Machine } from "./machine.js";
import { address, element, text } from "./texts.js";

const HELP = "live-help";
/** Milliseconds from one look at the kernel to the next. */
const LOOK = 2000;
/** A terminal that was silent for so long is looked at; one that never is, now and then all the same. */
const SILENCE = 600;
const PATIENCE = 6000;

export class Panel {
  /** `examples` are all places of the page to which it may be called. */
  constructor(examples) {
    this.examples = examples;
    this.state = "none";
    this.looked = this.heard = -Infinity;
    /** What has been typed of the session: for each part the numbers of its steps. */
    this.done = new Map();
    this.steps = [];
    this.views = [];
    this.early = [];
    this.draw();
    this.watch();
  }

  draw() {
    const button = (name, press) => {
      const made = element("button", { type: "button", class: `live-${name}` }, text(`live-${name}`));
      made.addEventListener("click", press);
      return made;
    };
    this.status = element("p", { class: "live-status", role: "status" });
    this.all = button("all", () => this.typeAll());
    this.before = button("before", () => this.typeBefore());
    this.fresh = button("fresh", () => this.again());
    this.retry = button("retry", () => this.open(this.example));
    const stop = button("stop", () => this.end());
    this.bar = element("div", { class: "live-bar" }, this.all, this.before, this.fresh, this.retry, stop);
    this.progress = element("progress", { "aria-label": text("live-progress") });
    this.bytes = element("span", { class: "live-bytes" });
    this.loading = element("p", { class: "live-loading" }, this.progress, " ", this.bytes);
    this.terminals = element("div", { class: "live-terminals" });
    this.help = element("p", { class: "live-help", id: HELP }, text("live-help"));
    this.inspect = new Inspect();
    this.element = element(
      "section",
      { class: "live", "aria-label": text("live-label"), tabindex: "-1" },
      this.bar,
      this.status,
      this.loading,
      this.terminals,
      this.help,
      this.inspect.element,
    );
    this.turn("none");
  }

  watch() {
    new IntersectionObserver((entries) => {
      this.inView = entries.at(-1).isIntersecting;
      this.rest();
    }).observe(this.element);
    document.addEventListener("visibilitychange", () => this.rest());
    const colours = () => this.views.forEach((view) => view.colour());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colours);
    const choice = { attributes: true, attributeFilter: ["data-theme"] };
    new MutationObserver(colours).observe(document.documentElement, choice);
    setInterval(() => this.look(), LOOK);
  }

  /** Out of sight, and in a tab that is not seen, the machine rests, if it has nothing to do. */
  rest() {
    this.seen = this.inView && !document.hidden;
    if (this.state !== "running") return;
    if (this.seen || this.opening || this.typing || this.asking) this.machine.resume();
    else this.machine.pause();
  }

  /** Shows what the panel is doing: none, loading, running or failed. */
  turn(state, sentence = "") {
    this.state = this.element.dataset.state = state;
    const running = state === "running";
    this.status.textContent = sentence;
    this.loading.hidden = state !== "loading";
    this.retry.hidden = state !== "failed";
    for (const part of [this.terminals, this.help, this.inspect.element, this.fresh]) part.hidden = !running;
    this.offer();
    this.invite();
  }

  /** What the examples' buttons say: at the one where the panel is there is nothing to press. */
  invite() {
    const running = this.state === "running";
    for (const example of this.examples) {
      example.offer(running, running && example === this.example);
    }
  }

  /** Comes to an example, with its session's shells; whether they are there. */
  async open(example) {
    this.come(example);
    // One on its way will be here.
    this.opening ??= this.bring(document.activeElement).finally(() => {
      this.opening = undefined;
      this.rest();
    });
    this.rest();
    await this.opening;
    // The one before was switched off while it came.
    if (this.state === "none" && this.example === example) return this.open(example);
    return this.state === "running" && this.session === example.session;
  }

  async bring(pressed) {
    try {
      if (this.state !== "running") await this.start();
      // Another example may have been chosen meanwhile.
      while (this.session !== this.example.session) await this.begin();
    } catch (error) {
      return this.fail(error);
    }
    this.offer();
    this.rest();
    this.arrive(pressed);
  }

  /** Begins a task, in new shells. */
  async task(example) {
    this.session = undefined;
    if (!(await this.open(example))) return;
    const ask = async (what) => {
      this.asking = true;
      this.rest();
      const answer = this.machine.ask({ do: what, name: example.task });
      return answer.finally(() => {
        this.asking = false;
        this.rest();
      });
    };
    this.doing?.end();
    this.doing = new Task(example.element, ask);
    await this.doing.begin();
  }

  come(example) {
    this.example = example;
    this.element.dataset.part = example.part ?? "";
    if (example.element.nextElementSibling !== this.element) example.element.after(this.element);
    // What is out of sight would rest.
    this.element.scrollIntoView({ block: "nearest" });
    this.invite();
  }

  /** The keyboard goes to the terminal, if the reader has not gone elsewhere meanwhile. */
  arrive(pressed) {
    if (document.activeElement !== pressed && document.activeElement !== document.body) return;
    // On a telephone the keyboard would cover it all.
    if (matchMedia("(pointer: coarse)").matches) this.element.focus({ preventScroll: true });
    else this.view()?.focus();
  }

  async start() {
    if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function") {
      throw new Sentence(text("live-old-browser"));
    }
    this.turn("loading", text("live-loading"));
    this.progress.removeAttribute("value");
    this.bytes.textContent = "";
    const root = address("machine/");
    const answer = await fetch(new URL("machine.json", root));
    if (!answer.ok) throw new Error(answer.statusText);
    const { files } = await answer.json();
    const onProgress = (bytes, total) => this.count(bytes, total);
    const [machine, Terminal] = await Promise.all([
      Machine.start(root, { onProgress }),
      terminal(root, files),
    ]);
    if (this.state !== "loading") {
      machine.end();
      throw new Stopped();
    }
    Object.assign(this, { machine, Terminal });
    const ended = (number, status) => this.views[number]?.ended(status);
    this.typist = new Typist(machine, (number, bytes) => this.show(number, bytes), ended);
  }

  /** Shells may print before it is known how many there are. */
  show(number, bytes) {
    this.heard = performance.now();
    if (this.views.length > 0) this.views[number]?.show(bytes);
    else this.early.push([number, bytes]);
  }

  count(bytes, total) {
    this.progress.max = total;
    this.progress.value = bytes;
    const mega = (number) => (number / 1e6).toFixed(1);
    this.bytes.textContent = text("live-bytes", { bytes: mega(bytes), total: mega(total) });
  }

  /** New shells for the example's session. */
  async begin() {
    const { session } = this.example;
    this.session = undefined;
    if (this.state === "running") this.status.textContent = text("live-begins");
    const answer = await fetch(address(`sessions/${session}.session`));
    if (!answer.ok) throw new Error(answer.statusText);
    const file = await answer.text();
    this.clear();
    this.typist.begin();
    const time = Math.floor(Date.now() / 1000);
    const { terminals } = await this.machine.ask({ do: "begin", session: file, time });
    if (!this.machine) throw new Stopped();
    this.session = this.element.dataset.session = session;
    this.parts = parts(file);
    this.done = new Map(this.parts.map((part) => [part.name, new Set()]));
    this.names = terminals;
    this.turn("running", text("live-running"));
    this.views = terminals.map((name, number) => this.terminal(name, number));
    this.terminals.replaceChildren(...this.views.map((view) => view.element));
    this.active = this.number(this.part);
    for (const view of this.views) view.open();
    for (const [number, bytes] of this.early.splice(0)) this.show(number, bytes);
    this.buttons();
    const answered = await this.machine.ask({ do: "inspect", terminal: 0 }).catch(() => null);
    this.inspect.begin(answered);
    if (answered) this.inspect.show(answered);
  }

  terminal(name, number) {
    return new TerminalView(this.Terminal, name, number, HELP, {
      typed: (data) => this.typist.send(number, data),
      sized: (columns, rows) => {
        this.machine?.ask({ do: "size", terminal: number, columns, rows }).catch(() => {});
      },
      focused: () => (this.active = number),
    });
  }

  /** What belonged to the session before. */
  clear() {
    for (const view of this.views) view.end();
    for (const steps of this.steps) steps.remove();
    this.views = [];
    this.early = [];
    this.steps = [];
    this.done = new Map();
    this.inspect.begin(null);
    this.doing?.end();
    this.doing = undefined;
  }

  /** The part of the example at which the panel is, if it has one. */
  get part() {
    return this.parts?.find((part) => part.name === this.example?.part);
  }

  number(part) {
    return Math.max(this.names.indexOf(part?.terminal ?? ""), 0);
  }

  view() {
    return this.views[this.number(this.part)];
  }

  /** At each part of the session that the page shows, a button at each line. */
  buttons() {
    for (const part of this.parts) {
      const place = `figure[data-session="${this.session}"][data-part="${part.name}"]`;
      for (const figure of document.querySelectorAll(place)) {
        if (figure.closest(".slides")) continue;
        const steps = new Steps(figure, part, (number) => this.press(figure, part, number));
        this.steps.push(Object.assign(steps, { part }));
      }
    }
    this.mark();
  }

  mark() {
    for (const steps of this.steps) steps.mark(this.done.get(steps.part.name));
    this.offer();
  }

  /** What there is to type: the whole part, and what stands before it. */
  offer() {
    const running = this.state === "running";
    this.all.hidden = !running || (!this.part && !this.typing);
    this.all.textContent = text(this.typing ? "live-enough" : "live-all");
    this.before.hidden = !running || Boolean(this.typing) || this.missing().length === 0;
    this.element.dataset.typing = this.typing ? "yes" : "no";
  }

  /** Steps of earlier parts that were not typed. */
  missing() {
    const here = this.parts?.indexOf(this.part) ?? 0;
    return (this.parts ?? []).slice(0, Math.max(here, 0)).flatMap((part) => this.left(part));
  }

  /** What was not typed of a part. */
  left(part) {
    const all = part.steps.map((_, number) => ({ part, number }));
    return all.filter(({ number }) => !this.done.get(part.name).has(number));
  }

  /** One step, and the quiet ones before it. */
  async press(figure, part, number) {
    // The reader does not wait any longer.
    this.typist.stop();
    await this.typing;
    if (this.element.previousElementSibling !== figure) {
      this.come(this.examples.find((example) => example.element === figure));
    }
    let first = number;
    while (first > 0 && part.steps[first - 1].kind === "quiet") first -= 1;
    const quiet = this.left(part).filter((step) => step.number >= first && step.number < number);
    this.type([...quiet, { part, number }]);
  }

  typeAll() {
    if (this.typing) return this.typist.stop();
    if (this.left(this.part).length === 0) this.done.get(this.part.name).clear();
    this.type(this.left(this.part));
  }

  typeBefore() {
    this.type(this.missing());
  }

  type(steps) {
    this.typing = this.each(steps).finally(() => {
      this.typing = undefined;
      this.offer();
      this.rest();
    });
    this.offer();
    this.rest();
  }

  /** Types steps one after the other; each waits for what the one before has printed. */
  async each(steps) {
    try {
      for (const { part, number } of steps) {
        const terminal = (this.active = this.number(part));
        const step = part.steps[number];
        this.done.get(part.name).add(number);
        this.mark();
        if (steps.length > 1 && step.kind === "command") await this.typist.ready(terminal);
        const came = await this.typist.type(terminal, step, part.steps[number + 1]);
        this.tell({ part: part.name, number, ...came });
      }
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
  }

  /** Whoever wants to know what came of a step hears it here. */
  tell(detail) {
    this.element.dispatchEvent(new CustomEvent("live-typed", { detail, bubbles: true }));
  }

  /** Asks the kernel what is in front, as long as somebody looks. */
  async look() {
    if (this.state !== "running" || !this.seen || !this.inspect.open || this.looking) return;
    if (this.session === undefined) return;
    // Who looks is a process, too, and costs time: not while a command is at work.
    const now = performance.now();
    if (now - this.heard < SILENCE && now - this.looked < PATIENCE) return;
    this.looked = now;
    this.looking = true;
    try {
      this.inspect.show(await this.machine.ask({ do: "inspect", terminal: this.active }));
    } catch {
      // The process is gone; the next one will be seen.
    }
    this.looking = false;
  }

  /** The machine as it was in the beginning. */
  async again() {
    this.status.textContent = text("live-begins");
    this.typist.begin();
    try {
      await this.machine.fresh();
      await this.begin();
      this.view()?.focus();
    } catch (error) {
      this.fail(error);
    }
  }

  async end() {
    const { machine, example } = this;
    this.clear();
    this.typist?.stop();
    for (const what of ["machine", "session", "parts", "example"]) this[what] = undefined;
    this.turn("none");
    this.element.remove();
    example.button?.focus();
    await machine?.end();
  }

  fail(error) {
    // It was switched off meanwhile.
    if (error instanceof Stopped) return;
    console.error(error);
    // Once it runs, it says itself what it could not do.
    const said = this.machine ? text("live-refused", { why: error.message }) : sentence(error);
    this.machine?.end().catch(() => {});
    this.clear();
    this.machine = this.session = undefined;
    this.turn("failed", said);
  }
}

/** An error that says what a reader can do. */
class Sentence extends Error {}

function sentence(error) {
  if (error instanceof Sentence) return error.message;
  // So browsers call what does not fit into a tab's memory.
  if (error instanceof RangeError || /memory/i.test(error.message)) return text("live-no-memory");
  return text("live-no-download");
}

/** The terminal's program and its style, once. */
let loaded;
function terminal(root, files) {
  const place = (file) => new URL(file, root).href;
  loaded ??= Promise.all([
    added("script", { src: place(files.terminal) }),
    added("link", { rel: "stylesheet", href: place(files.style) }),
  ]).then(() => window.Terminal);
  loaded.catch(() => (loaded = undefined));
  return loaded;
}

function added(name, attributes) {
  const made = element(name, attributes);
  const ready = new Promise((resolve, reject) => Object.assign(made, { onload: resolve, onerror: reject }));
  document.head.append(made);
  return ready;
}
