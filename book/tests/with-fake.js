// The book with a stand-in for the machine, so that what a reader sees of it can be tried without one.

import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { book, serve, toolFile } from "./browser.js";

const MACHINE = { bytes: 9_000_000, files: { terminal: "xterm.js", style: "xterm.css" } };
/** What the binder makes of a task that this stand-in knows. */
const TASK = `<div class="task" data-task="memory" data-session="playground"><p class="label">Task</p>
<p>Give <code>{name}</code> at most {limit}.</p></div>`;

export function serveWithFake() {
  return serve(async (path) => {
    switch (path) {
      case "/theme/machine.js":
        return readFile("book/tests/fake-machine.js");
      case "/machine/machine.json":
        return Buffer.from(JSON.stringify(MACHINE));
      case "/machine/xterm.js":
        return readFile(toolFile("@xterm/xterm/lib/xterm.js"));
      case "/machine/xterm.css":
        return readFile(toolFile("@xterm/xterm/css/xterm.css"));
    }
    if (!path.endsWith(".html")) return undefined;
    const page = await readFile(join(book, path), "utf8");
    const known = page.replace(/data-machine="\d*"/, `data-machine="${MACHINE.bytes}"`);
    return Buffer.from(known.replace('<div class="playground"', `${TASK}<div class="playground"`));
  });
}
