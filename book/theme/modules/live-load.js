// Brings the machine and the terminals' program, and says in words what went wrong.

import { file } from "./machine-file.js";
import { Machine, NotStarted, Refused } from "./machine.js";
import { address, element, text } from "./texts.js";

/** An error that says what a reader can do. */
class Sentence extends Error {}

/** What a reader is told of an error. */
export function sentence(error) {
  if (error instanceof Sentence) return error.message;
  if (error instanceof Refused) return text("live-refused", { why: error.message });
  if (error instanceof NotStarted) return text("live-not-started");
  // So browsers call what does not fit into a tab's memory.
  if (error instanceof RangeError || /memory/i.test(error.message)) return text("live-no-memory");
  return text("live-no-download");
}

/** A machine that runs, and the class of its terminals. `onProgress` gets bytes and all bytes. */
export async function load(onProgress) {
  if (typeof WebAssembly !== "object" || typeof DecompressionStream !== "function") {
    throw new Sentence(text("live-old-browser"));
  }
  const root = address("machine/");
  const answer = await fetch(new URL("machine.json", root));
  if (!answer.ok) throw new Error(answer.statusText);
  const { files } = await answer.json();
  let more = 0;
  const [machine, Terminal] = await Promise.all([
    Machine.start(root, { onProgress: (bytes, total) => onProgress(Math.min(bytes + more, total), total) }),
    terminal(root, files, (count) => (more += count)),
  ]);
  return { machine, Terminal };
}

/** The terminal's program and its style, once. */
let loaded;
function terminal(root, { terminal, style }, onBytes) {
  const url = (name) => new URL(name, root);
  loaded ??= Promise.all([
    file(url(terminal), onBytes).then(script),
    added("link", { rel: "stylesheet", href: url(style).href }),
  ]).then(() => window.Terminal);
  loaded.catch(() => (loaded = undefined));
  return loaded;
}

/** Runs a program that came compressed. */
async function script(bytes) {
  const src = URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  await added("script", { src });
  URL.revokeObjectURL(src);
}

function added(name, attributes) {
  const made = element(name, attributes);
  const ready = new Promise((resolve, reject) => Object.assign(made, { onload: resolve, onerror: reject }));
  document.head.append(made);
  return ready;
}
