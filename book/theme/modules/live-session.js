// A session's file, as far as a page types it. `recorder/src/session.rs` is the grammar, and has
// refused what is mistaken: here every line is right. No DOM: the tests read sessions, too.

/**
 * The parts of a session's file: `{ name, terminal, steps }`. A step has a `kind` ("command", "key" or
 * "quiet"), what is typed (`lines`, or the `bytes` of a key), the `text` that a reader sees, and
 * `until`, a regular expression or null; `prompt` and `status` are for tests.
 */
export function parts(file) {
  const parts = [];
  // A quiet command before the first part belongs to that part.
  const first = [];
  for (const line of file.split("\n").map((line) => line.trimEnd())) {
    const steps = parts.at(-1)?.steps ?? first;
    const header = /^\[(\S+)(?: +@(\S+))?\]$/.exec(line);
    const [, word, value] = /^(key|quiet|until|status): *(.*)$/.exec(line) ?? [];
    if (header) {
      parts.push({ name: header[1], terminal: header[2] ?? "", steps: first.splice(0) });
    } else if (word === "quiet") {
      steps.push(step("quiet", value));
    } else if (parts.length === 0) {
      continue;
    } else if (/^[$#] /.test(line)) {
      steps.push({ ...step("command", line.slice(2)), prompt: line[0] });
    } else if (/^>( |$)/.test(line)) {
      steps.at(-1).lines.push(line.slice(2));
      steps.at(-1).text += `\n${line.slice(2)}`;
    } else if (word === "key") {
      steps.push({ ...step("key", value), bytes: bytes(value) });
    } else if (word === "until") {
      steps.at(-1).until = new RegExp(value);
    } else if (word === "status") {
      steps.at(-1).status = Number(value);
    }
  }
  return parts;
}

function step(kind, text) {
  return { kind, text, lines: [text], until: null };
}

/** What a terminal sends for a key. */
function bytes(key) {
  if (key === "Enter") return "\r";
  return key.length === 2 && key[0] === "^" ? String.fromCharCode(key.charCodeAt(1) & 0x1f) : key;
}
