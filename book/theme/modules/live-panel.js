// Linux in the page: one machine, one panel. The panel stands below the example for which it was
// called, and goes with the reader from one to the next.

import { Inspect } from "./live-inspect.js";
import { load, sentence } from "./live-load.js";
import { parts } from "./live-session.js";
import { Task } from "./live-task.js";
import { TerminalView } from "./live-terminal.js";
import { Stopped, Typist } from "./live-typist.js";
import { Work } from "./live-work.js";
import { address, element, text } from "./texts.js";

const HELP = "live-help";
/** Milliseconds from one look at the kernel to the next. */
const LOOK = 2000;
/** A terminal that was silent for so long is looked at; one that never is, now and then all the same. */
const SILENCE = 600;
const PATIENCE = 6000;
/** Where nothing is printed little changes: from look to look it takes three times as long, up to this. */
const CALM = 60_000;

export class Panel {
  /** `examples` are all places of the page to which it may be called. */
  constructor(examples) {
    this.examples = examples;
    this.state = "none";
    this.looked = this.heard = this.began = -Infinity;
    this.calm = PATIENCE;
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
    this.before = button("before", () => this.work.type(this.work.missing(this.part)));
    this.fresh = button("fresh", () => this.again());
    this.retry = button("retry", () => this.open(this.example));
    const stop = button("stop", () => this.end());
    this.bar = element("div", { class: "live-bar" }, this.all, this.before, this.fresh, this.retry, stop);
    this.progress = element("progress", { "aria-label": text("live-progress") });
    this.bytes = element("span", { class: "live-bytes" });
    this.loading = element("p", { class: "live-loading" }, this.progress, " ", this.bytes);
    this.terminals = element("div", { class: "live-terminals" });
    this.help = element("p", { class: "live-help", id: HELP }, text("live-help"));
    const sources = element("a", { href: address("machine/sources.html"), target: "_blank" }, text("live-sources"));
    this.sources = element("p", { class: "live-sources" }, sources);
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
      this.sources,
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
    this.inspect.element.addEventListener("toggle", () => this.lookSoon());
    setInterval(() => {
      this.look();
      this.rest();
    }, LOOK);
  }

  /** Out of sight, and in a tab that is not seen, the machine rests, if it has nothing to do. */
  rest() {
    this.seen = this.inView && !document.hidden;
    if (this.state !== "running") return;
    if (this.seen || this.opening || this.asking || this.types) this.machine.resume();
    else this.machine.pause();
  }

  /** Whether something is being typed that prints now and then. */
  get types() {
    return Boolean(this.work?.typing) && performance.now() - Math.max(this.heard, this.began) < CALM;
  }

  /** Shows what the panel is doing: none, loading, running or failed. */
  turn(state, sentence = "") {
    this.state = this.element.dataset.state = state;
    const running = state === "running";
    this.status.textContent = sentence;
    this.loading.hidden = state !== "loading";
    this.retry.hidden = state !== "failed";
    for (const part of [this.terminals, this.help, this.inspect.element, this.sources, this.fresh]) part.hidden = !running;
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
    await (this.opening ?? this.opens(this.bring(document.activeElement)));
    // The one before was switched off while it came.
    if (this.state === "none" && this.example === example) return this.open(example);
    return this.state === "running" && this.session === example.session;
  }

  /** One machine, one session at a time. */
  async opens(work) {
    this.opening = work.finally(() => {
      this.opening = undefined;
      this.rest();
    });
    this.rest();
    await this.opening;
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
    this.offer();
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
    this.turn("loading", text("live-loading"));
    this.progress.removeAttribute("value");
    this.bytes.textContent = "";
    const { machine, Terminal } = await load((bytes, total) => this.count(bytes, total));
    if (this.state !== "loading") {
      await machine.end();
      throw new Stopped();
    }
    Object.assign(this, { machine, Terminal });
    const ended = (number, status) => this.on(number, (view) => view.ended(status));
    this.typist = new Typist(machine, (number, bytes) => this.show(number, bytes), ended);
  }

  show(number, bytes) {
    this.heard = performance.now();
    this.on(number, (view) => view.show(bytes));
  }

  /** Shells may print before it is known how many there are. */
  on(number, act) {
    if (this.views.length === 0) this.early.push([number, act]);
    else if (this.views[number]) act(this.views[number]);
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
    this.session = this.element.dataset.session = session;
    this.work = new Work(session, parts(file), terminals, this.typist, {
      pressed: (figure) => this.follow(figure),
      types: async (number) => {
        this.active = number;
        // Who looks is a process, too, and `ps` would show it.
        await this.looking;
        this.began = performance.now();
      },
      typed: (detail) => this.tell(detail),
      changed: () => this.changed(),
    });
    this.turn("running", text("live-running"));
    this.views = terminals.map((name, number) => this.terminal(name, number));
    this.terminals.replaceChildren(...this.views.map((view) => view.element));
    this.active = this.work.terminal(this.part);
    for (const view of this.views) view.open();
    for (const [number, act] of this.early.splice(0)) this.on(number, act);
    const answered = await this.machine.ask({ do: "inspect", terminal: 0 }).catch(() => null);
    this.inspect.begin(answered);
    if (answered) this.inspect.show(answered, this.views[0].label);
  }

  terminal(name, number) {
    return new TerminalView(this.Terminal, name, number, HELP, {
      typed: (data) => this.typist.send(number, data),
      sized: (columns, rows) => {
        this.machine?.ask({ do: "size", terminal: number, columns, rows }).catch(() => {});
      },
      focused: () => this.face(number),
    });
  }

  /** The reader is at a terminal. */
  face(number) {
    if (this.active !== number) this.lookSoon();
    this.active = number;
  }

  /** What the reader turns to is looked at, whether or not it is time. */
  lookSoon() {
    this.looked = -Infinity;
    this.calm = PATIENCE;
  }

  /** What belonged to the session before. */
  clear() {
    for (const view of this.views) view.end();
    this.views = [];
    this.early = [];
    // Its shells are gone, and who would have answered with them.
    this.looking = undefined;
    this.work?.end();
    this.work = undefined;
    this.inspect.begin(null);
    this.doing?.end();
    this.doing = undefined;
  }

  /** The part of the example at which the panel is, if it has one. */
  get part() {
    return this.work?.part(this.example?.part);
  }

  view() {
    return this.views[this.work.terminal(this.part)];
  }

  /** The reader types at another part of the session. */
  follow(figure) {
    if (this.element.previousElementSibling === figure) return;
    this.come(this.examples.find((example) => example.element === figure));
  }

  /** Something is being typed, or no longer. */
  changed() {
    this.offer();
    this.rest();
  }

  /** What there is to type: the whole part, and what stands before it. */
  offer() {
    const typing = Boolean(this.work?.typing);
    const missing = this.work ? this.work.missing(this.part) : [];
    this.all.hidden = !this.part && !typing;
    this.all.textContent = text(typing ? "live-enough" : "live-all");
    this.before.hidden = typing || missing.length === 0;
    this.element.dataset.typing = typing ? "yes" : "no";
  }

  typeAll() {
    if (this.work.typing) this.typist.stop();
    else this.work.all(this.part);
  }

  /** Whoever wants to know what came of a step hears it here. */
  tell(detail) {
    this.element.dispatchEvent(new CustomEvent("live-typed", { detail, bubbles: true }));
  }

  /** Asks the kernel what is in front, as long as somebody looks. */
  async look() {
    if (this.state !== "running" || !this.seen || !this.inspect.open || this.looking) return;
    if (this.session === undefined) return;
    // Who looks costs time: not while a command is at work.
    const now = performance.now();
    if (now - this.heard < SILENCE && now - this.looked < PATIENCE) return;
    if (this.work.typing && now - this.began < PATIENCE) return;
    const calm = this.heard < this.looked;
    if (calm && now - this.looked < this.calm) return;
    this.calm = calm ? Math.min(3 * this.calm, CALM) : PATIENCE;
    this.looked = now;
    const { label } = this.views[this.active];
    const answer = this.machine.ask({ do: "inspect", terminal: this.active });
    // Where the process is gone the next one will be seen.
    const looking = answer.then((seen) => this.inspect.show(seen, label)).catch(() => {});
    this.looking = looking;
    await looking;
    if (this.looking === looking) this.looking = undefined;
  }

  /** The machine as it was in the beginning. */
  async again() {
    if (this.renewing) return;
    this.renewing = true;
    while (this.opening) await this.opening;
    if (this.state === "running") await this.opens(this.renew(document.activeElement));
    this.renewing = false;
  }

  async renew(pressed) {
    this.status.textContent = text("live-begins");
    this.session = undefined;
    const made = this.machine.fresh();
    this.typist.begin();
    try {
      await made;
    } catch (error) {
      return this.fail(error);
    }
    await this.bring(pressed);
  }

  async end() {
    const { machine, example } = this;
    this.clear();
    this.machine = this.session = this.example = undefined;
    this.turn("none");
    this.element.remove();
    example.button?.focus();
    await machine?.end();
  }

  fail(error) {
    // It was switched off meanwhile.
    if (error instanceof Stopped || this.state === "none") return;
    console.error(error);
    const said = sentence(error);
    this.machine?.end().catch(() => {});
    this.clear();
    this.machine = this.session = undefined;
    this.turn("failed", said);
  }
}
