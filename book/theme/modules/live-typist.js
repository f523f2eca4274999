// Types the steps of a session into the terminals of a machine, and waits as a reader would: for the
// prompt, or for what the step says. No DOM: the tests play sessions with it, too.
//
// The shells' prompts carry a mark that draws nothing, `OSC 133`, with the status of the command before
// (`recorder/src/prompt.rs`).

const PROMPT = /\x1b\]133;A;(\d+);\d*\x07[$#] (?:\x1b\[6n)?/g;
const CONTINUED = /\x1b\]133;P;k=s\x07> /;
const INVISIBLE = /\x1b\][^\x07]*\x07|\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[=>]/g;
/** Milliseconds in which a terminal shows what is typed, and after which one that is silent waits. */
const ECHO = 5000;
const SILENCE = 700;
/** So many characters of what was printed are kept. */
const KEPT = 100_000;

/** What ends a wait that is given up. */
export class Stopped extends Error {}

export class Typist {
  /**
   * `show` gets what a terminal is to show: all that is printed, but for quiet commands. `ended` gets
   * how a terminal's command ended, when its shell asks for the next one.
   */
  constructor(machine, show = () => {}, ended = () => {}) {
    this.seats = [0, 1, 2].map((number) => {
      const seat = new Seat(
        (text) => machine.send(number, text),
        (bytes) => show(number, bytes),
        (status) => ended(number, status),
      );
      machine.onOutput(number, (bytes) => seat.hear(bytes));
      return seat;
    });
  }

  /** New shells are about to come: nothing of the old ones counts. */
  begin() {
    this.stop();
    for (const seat of this.seats) seat.forget();
  }

  /** What the reader types. */
  send(number, text) {
    this.seats[number].user(text);
  }

  /** Gives up what is waited for. */
  stop() {
    for (const seat of this.seats) seat.stop();
  }

  /** Waits until a shell waits for a command. */
  ready(number) {
    return this.seats[number].wait((seat) => seat.status !== null);
  }

  /**
   * Types one step: `{ output, status }`, what it printed, and how it ended if a prompt came. `next`
   * is the step after it: what a key will end is not waited for.
   */
  async type(number, step, next) {
    const seat = this.seats[number];
    if (step.kind !== "key") await (seat.used ? seat.silence() : this.ready(number));
    seat.quiet = step.kind === "quiet";
    if (step.kind === "key") seat.type(step.bytes);
    else await seat.lines(step.lines);
    if (step.until) await seat.wait((seat) => step.until.test(seat.text()));
    else if (next?.kind === "key") await seat.silence();
    else await seat.wait((seat) => seat.status !== null);
    return { output: seat.text(), status: seat.status };
  }
}

/** A terminal, and whether its shell waits for a command. */
class Seat {
  constructor(send, show, ended) {
    Object.assign(this, { post: send, show, ended, waiting: new Set() });
    this.forget();
  }

  forget() {
    this.decoder = new TextDecoder();
    this.printed = "";
    /** How the last command ended, if the shell waits for the next one. */
    this.status = null;
    this.quiet = false;
    this.entered = false;
    /** Whether anything was typed. */
    this.used = false;
    /** Whether the reader has begun a line. */
    this.begun = false;
  }

  hear(bytes) {
    // A quiet command is over with the prompt that ends what is heard now, which is there already.
    const quiet = this.quiet;
    this.printed = (this.printed + this.decoder.decode(bytes, { stream: true })).slice(-KEPT);
    // The line break that Enter makes is no output.
    if (this.entered && this.printed.includes("\n")) {
      this.printed = this.printed.slice(this.printed.indexOf("\n") + 1);
      this.entered = false;
    }
    const prompt = [...this.printed.matchAll(PROMPT)].at(-1);
    if (prompt) {
      this.output = this.printed.slice(0, prompt.index);
      this.status = Number(prompt[1]);
      this.printed = this.printed.slice(prompt.index + prompt[0].length);
      this.quiet = false;
    }
    if (!quiet) this.show(bytes);
    if (prompt) this.ended(this.status);
    this.heard = performance.now();
    this.look();
  }

  /** What was printed since the last step was typed: up to the prompt, if one came. */
  text() {
    const text = this.status === null ? this.printed : this.output;
    return text.replace(INVISIBLE, "").replaceAll("\r", "");
  }

  user(text) {
    this.used = true;
    if (text.includes("\r")) this.status = null;
    // What begins with Escape moves, or is the terminal's own answer.
    this.begun = !text.includes("\r") && (this.begun || !text.startsWith("\x1b"));
    this.post(text);
  }

  type(text) {
    this.used = true;
    this.status = null;
    this.printed = "";
    this.begun = false;
    this.post(text);
  }

  async lines(lines) {
    const atPrompt = this.status !== null;
    // ^U takes back what the reader has begun.
    if (atPrompt && this.begun) this.post("\x15");
    for (const [place, line] of lines.entries()) {
      if (place > 0 && atPrompt) await this.wait((seat) => CONTINUED.test(seat.printed));
      this.type(line);
      // Its echo is no output. A program may show none.
      await this.wait((seat) => seat.shows(line), ECHO);
      this.type("\r");
      this.entered = true;
      await this.wait((seat) => !seat.entered, ECHO);
      this.entered = false;
    }
  }

  /** Whether what was typed is seen. A shell that edits its line wraps it as it likes. */
  shows(line) {
    const letters = (text) => text.replace(/\s/g, "");
    return letters(this.text()).endsWith(letters(line));
  }

  /** Waits for a prompt, or until nothing more is printed; not forever for a program that never rests. */
  async silence() {
    const begun = (this.heard = performance.now());
    const since = (time) => performance.now() - time;
    while (this.status === null && since(this.heard) < SILENCE && since(begun) < ECHO) {
      await this.wait(() => this.status !== null, SILENCE);
    }
  }

  /** Waits until `test` holds, for so many milliseconds at most, or as long as it takes. */
  wait(test, limit) {
    return new Promise((resolve, reject) => {
      const timer = limit && setTimeout(() => end(resolve), limit);
      const end = (how) => {
        clearTimeout(timer);
        this.waiting.delete(waiter);
        how();
      };
      const waiter = {
        look: () => test(this) && end(resolve),
        stop: () => end(() => reject(new Stopped("it was given up"))),
      };
      this.waiting.add(waiter);
      waiter.look();
    });
  }

  look() {
    for (const waiter of [...this.waiting]) waiter.look();
  }

  stop() {
    for (const waiter of [...this.waiting]) waiter.stop();
    this.quiet = false;
  }
}
