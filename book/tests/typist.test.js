// A session is typed into real shells, of this machine: the page's typist waits for what comes of each
// step, and shows what a reader is to see.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";

import { parts } from "../theme/modules/live-session.js";
import { Stopped, Typist } from "../theme/modules/live-typist.js";

/** The prompts that sessions have (`recorder/src/prompt.rs`). */
const PROMPTS = { PS1: "\x1b]133;A;$?;${EUID-}\x07\\$ ", PS2: "\x1b]133;P;k=s\x07> " };

const SESSION = `# title: All that can be typed
# live: only
# setup: true
quiet: cd /tmp; UNSEEN=1

[first]
$ echo one; echo two
$ cat <<END
> a line
>
> END
$ false
status: 1
$ sleep 100
key: ^C
status: 130
$ cat
until: ^$
key: h
until: h
key: Enter
until: h\\s
key: ^D
$ echo a line so long that the shell has to wrap it, since it is longer than all columns of the terminal

[second @host]
$ echo "$UNSEEN" there
`;

/** Two terminals with a shell each. */
class Shells {
  constructor() {
    this.all = [0, 1].map(() =>
      spawn("script", ["-qfc", "stty cols 100; exec bash --norc", "/dev/null"], {
        env: { ...PROMPTS, PATH: process.env.PATH, HOME: "/tmp", TERM: "xterm" },
        stdio: ["pipe", "pipe", "ignore"],
      }),
    );
  }

  onOutput(terminal, listener) {
    this.all[terminal]?.stdout.on("data", listener);
  }

  send(terminal, text) {
    this.all[terminal].stdin.write(text);
  }

  end() {
    for (const shell of this.all) shell.kill("SIGKILL");
  }
}

test("each step is typed, waited for, and known by what it printed", { timeout: 60_000 }, async (t) => {
  const shells = new Shells();
  t.after(() => shells.end());
  let shown = "";
  const typist = new Typist(shells, (terminal, bytes) => {
    if (terminal === 0) shown += bytes;
  });
  const found = [];
  for (const { terminal, steps } of parts(SESSION)) {
    const number = terminal === "" ? 0 : 1;
    await typist.ready(number);
    for (const [place, step] of steps.entries()) {
      const { output, status } = await typist.type(number, step, steps[place + 1]);
      found.push([step.text, output, status]);
    }
  }
  const long = found.find(([typed]) => typed.startsWith("echo a line so long"));
  assert.deepEqual(found, [
    ["cd /tmp; UNSEEN=1", "", 0],
    ["echo one; echo two", "one\ntwo\n", 0],
    ["cat <<END\na line\n\nEND", "a line\n\n", 0],
    ["false", "", 1],
    ["sleep 100", "", null],
    ["^C", "^C\n", 130],
    ["cat", "", null],
    ["h", "h", null],
    ["Enter", "\nh\n", null],
    ["^D", "", 0],
    [long[0], `${long[0].slice(5)}\n`, 0],
    ['echo "$UNSEEN" there', " there\n", 0],
  ]);
  assert.doesNotMatch(shown, /UNSEEN/, "what is quiet is not shown");
  assert.match(shown, /echo one; echo two/);
});

test("what is waited for can be given up, and what was begun is taken back", { timeout: 60_000 }, async (t) => {
  const shells = new Shells();
  t.after(() => shells.end());
  const typist = new Typist(shells);
  const [{ steps }] = parts("# title: t\n[a]\n$ sleep 100\n$ echo here\n");
  await typist.ready(0);
  const given = assert.rejects(typist.type(0, steps[0]), Stopped);
  setTimeout(() => typist.stop(), 500);
  await given;
  typist.send(0, "\x03");
  await typist.ready(0);
  typist.send(0, "rm -r");
  const { output, status } = await typist.type(0, steps[1]);
  assert.deepEqual([output, status], ["here\n", 0]);
});
