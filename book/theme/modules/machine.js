// A Linux in the page: an emulated PC (v86) that goes on from a snapshot. For whoever uses it, in a
// page or in Node; what the reader sees is made elsewhere. How its parts meet: book/machine/README.md.

import { file } from "./machine-file.js";

// A snapshot fits only the devices that it was made with.
export function hardware(memory) {
  return {
    memory_size: memory << 20,
    vga_memory_size: 1 << 20,
    disable_keyboard: true,
    disable_mouse: true,
    disable_speaker: true,
    // With it comes the interrupt controller whose clock lets the kernel sleep long.
    acpi: true,
    uart1: true,
    uart2: true,
  };
}

// The serial lines: questions and answers; all terminals.
const DESK = 0;
const TERMINALS = 1;
// On the terminals' line this byte, which text never has, and a number say whose the next bytes are.
const MARK = 0xff;
// A question that takes longer has been lost, and a machine that takes longer does not start.
const PATIENCE = 60_000;

const GONE = "the machine has ended";

// What the desk says that it could not do.
export class Refused extends Error {}

// The machine was brought, and does not run.
export class NotStarted extends Error {}

// The emulator and its lines, whether it goes on from a snapshot or boots.
export class Lines {
  #emulator;
  #answers = "";
  #decoder = new TextDecoder();
  #questions = new Map();
  #asked = 0;
  #current = 0;
  #marked = false;
  #printed = new Map();
  #listeners = new Map();

  #onLine;
  #patience;

  // `onLine` hears what the desk says without being asked; an answer may take so many milliseconds.
  constructor(onLine = () => {}, patience = PATIENCE) {
    this.#onLine = onLine;
    this.#patience = patience;
  }

  // Listens to this emulator from now on.
  join(emulator) {
    this.#emulator = emulator;
    const hear = (line, act) =>
      emulator.add_listener(`serial${line}-output-byte`, (byte) => {
        if (this.#emulator === emulator) act(byte);
      });
    hear(DESK, (byte) => this.#deskByte(byte));
    hear(TERMINALS, (byte) => this.#terminalByte(byte));
  }

  // Whoever waits for an answer waits no more, and what is still said is not heard.
  leave() {
    this.#emulator = undefined;
    for (const settle of this.#questions.values()) settle({ error: GONE });
    this.#questions.clear();
    this.#answers = "";
    this.#printed.clear();
    this.#marked = false;
  }

  onOutput(terminal, listener) {
    this.#listeners.set(terminal, listener);
  }

  send(terminal, text) {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    this.#write(TERMINALS, [MARK, terminal]);
    for (const byte of bytes) this.#write(TERMINALS, byte === MARK ? [MARK, MARK] : [byte]);
  }

  ask(question) {
    if (!this.#emulator) return Promise.reject(new Refused(GONE));
    const id = ++this.#asked;
    return new Promise((done, failed) => {
      const lost = setTimeout(() => {
        this.#questions.delete(id);
        failed(new Refused(`the machine does not answer (${question.do})`));
      }, this.#patience);
      this.#questions.set(id, (answer) => {
        clearTimeout(lost);
        if (answer.error) failed(new Refused(answer.error));
        else done(answer);
      });
      this.#write(DESK, new TextEncoder().encode(`${JSON.stringify({ id, ...question })}\n`));
    });
  }

  #write(line, bytes) {
    for (const byte of bytes) this.#emulator?.bus.send(`serial${line}-input`, byte);
  }

  #deskByte(byte) {
    this.#answers += this.#decoder.decode(Uint8Array.of(byte), { stream: true });
    if (byte !== 10) return;
    const line = this.#answers;
    this.#answers = "";
    const answer = parsed(line);
    if (answer?.id === null) return this.#onLine(answer);
    const settle = this.#questions.get(answer?.id);
    this.#questions.delete(answer?.id);
    settle?.(answer);
  }

  #terminalByte(byte) {
    if (this.#marked && byte !== MARK) this.#current = byte;
    else if (!this.#marked && byte === MARK) {
      this.#marked = true;
      return;
    } else this.#print(byte);
    this.#marked = false;
  }

  // Bytes come one at a time; they are handed on together.
  #print(byte) {
    const terminal = this.#current;
    const bytes = this.#printed.get(terminal);
    if (bytes) return bytes.push(byte);
    this.#printed.set(terminal, [byte]);
    queueMicrotask(() => {
      const all = this.#printed.get(terminal);
      this.#printed.delete(terminal);
      if (all) this.#listeners.get(terminal)?.(Uint8Array.from(all));
    });
  }
}

// The guest's root may write to the desk's line, too: what is no answer is nothing.
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

export class Machine {
  // None while one is being ended: whoever let it run then would keep it from that.
  #emulator;
  #lines = new Lines();
  // Makes an emulator that goes on from the snapshot; what it is called with hears why it can't.
  #make;
  #paused = false;
  #ended = false;

  // `root` is the address of the folder machine/, which ends in a slash.
  static async start(root, { onProgress = () => {} } = {}) {
    const about = JSON.parse(new TextDecoder().decode(await file(new URL("machine.json", root))));
    let got = 0;
    const part = (name) =>
      file(new URL(name, root), (count) => {
        got += count;
        onProgress(Math.min(got, about.bytes), about.bytes);
      });
    const { emulator, wasm, bios, vgabios } = about.files;
    const [library, program, ...images] = await Promise.all([
      part(emulator),
      part(wasm),
      part(bios),
      part(vgabios),
      part(about.state),
    ]);
    const { V86 } = await imported(library);
    const machine = new Machine();
    machine.#make = (failed) =>
      new V86({
        ...hardware(about.memory),
        // The emulator does not listen for what goes wrong in here.
        wasm_fn: (imports) => {
          const made = WebAssembly.instantiate(program, imports).then(({ instance }) => instance.exports);
          made.catch(failed);
          return made;
        },
        bios: { buffer: images[0] },
        vga_bios: { buffer: images[1] },
        initial_state: { buffer: images[2] },
        autostart: true,
      });
    await machine.#begin();
    return machine;
  }

  async #begin() {
    const started = new Promise((done, failed) => {
      // Where memory ends while the snapshot is unpacked nobody says so.
      const late = setTimeout(() => failed(new NotStarted("the machine does not start")), PATIENCE);
      const emulator = this.#make(failed);
      this.#lines.join(emulator);
      emulator.add_listener("emulator-started", () => {
        clearTimeout(late);
        done(emulator);
      });
    });
    this.#emulator = await started;
    this.#paused = false;
  }

  async #leave() {
    const emulator = this.#emulator;
    this.#emulator = undefined;
    this.#lines.leave();
    await emulator?.destroy();
  }

  // Calls back with the bytes that a terminal prints.
  onOutput(terminal, listener) {
    this.#lines.onOutput(terminal, listener);
  }

  // Types into a terminal.
  send(terminal, text) {
    this.#lines.send(terminal, text);
  }

  // Asks the desk; the answer, or an Error with the desk's sentence.
  async ask(question) {
    const now = Math.floor(Date.now() / 1000);
    return this.#lines.ask(question.do === "begin" ? { time: now, ...question } : question);
  }

  // The snapshot again: all is as after the start. One at a time.
  async fresh() {
    // Not by `restore_state`: the guest's timers would come once a second from then on.
    await this.#leave();
    if (!this.#ended) await this.#begin();
    if (!this.#ended) return;
    await this.#leave();
    throw new Refused(GONE);
  }

  pause() {
    if (this.#paused) return;
    this.#paused = true;
    this.#emulator?.stop();
  }

  resume() {
    if (!this.#paused) return;
    this.#paused = false;
    this.#emulator?.run();
  }

  async end() {
    this.#ended = true;
    await this.#leave();
  }
}

// The emulator is a module, which is loaded from memory here: compressed, it is a third.
async function imported(bytes) {
  if (typeof Buffer === "function") {
    const text = Buffer.from(bytes).toString("base64");
    return import(`data:text/javascript;base64,${text}`);
  }
  // A heading of this name is a variable, too, and the emulator would take the page for Node.
  globalThis.process = undefined;
  const address = URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  try {
    return await import(address);
  } finally {
    URL.revokeObjectURL(address);
  }
}
