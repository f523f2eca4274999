// What the machine in the page costs a reader, in each browser: run by `scripts/bench page`, from the
// project's folder, with the book built (scripts/book) and the machine in it (scripts/browser-vm).
//
// "cold": nothing is in the browser's cache, and all that comes shares a line of 20 Mbit/s with 20 ms
// for each answer. "warm": the same browser once more, everything in its cache.

import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

import { book, launch, serve } from "./browser.js";

const RUNS = Number(process.argv[2] ?? 5);
const PAGE = "02-pid-namespace.html";
/** Bytes a second, and milliseconds. */
const LINE = { rate: 20e6 / 8, delay: 20 };
/** Seconds until whoever reads is at rest, and for which the rest is measured. */
const READ = 60;
const REST = 20;
const TICKS = 100;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** In front of a server: a line of that rate, shared by all connections. Files may be kept. */
async function slow(server) {
  let free = 0;
  const line = createServer(async (request, answer) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const from = await fetch(server.address + pathname);
    const bytes = Buffer.from(await from.arrayBuffer());
    const headers = { "content-type": from.headers.get("content-type") ?? "", "content-length": bytes.length };
    answer.writeHead(from.status, { ...headers, "cache-control": "max-age=3600" });
    if (line.wide) return answer.end(bytes);
    await pause(LINE.delay);
    for (let at = 0; at < bytes.length; at += 16384) {
      const piece = bytes.subarray(at, at + 16384);
      const now = performance.now();
      free = Math.max(free, now) + (piece.length / LINE.rate) * 1000;
      await pause(free - now);
      answer.write(piece);
      line.bytes += piece.length;
    }
    answer.end();
  });
  line.bytes = 0;
  await new Promise((done) => line.listen(0, "127.0.0.1", done));
  line.address = `http://127.0.0.1:${line.address().port}`;
  return line;
}

/** The browser's processes: its own, and all that descend from it. */
function family(first) {
  const parents = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [[Number(name), Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, "utf8"))[1])]];
      } catch {
        return []; // It has ended meanwhile.
      }
    });
  const all = new Set([first]);
  for (let before = 0; before !== all.size; ) {
    before = all.size;
    for (const [pid, parent] of parents) if (all.has(parent)) all.add(pid);
  }
  return [...all];
}

/** Seconds of a processor that they have had. */
function used(pids) {
  let ticks = 0;
  for (const pid of pids) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      // It has ended.
    }
  }
  return ticks / TICKS;
}

/** Percent of a processor while nothing is done. */
async function resting(pids) {
  const before = used(pids);
  await pause(REST * 1000);
  return ((used(pids) - before) / REST) * 100;
}

/** MB that the largest of them, the page's, has for itself or shares with others. */
function memory(pids) {
  const sizes = pids.map((pid) => {
    try {
      return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]) / 1000;
    } catch {
      return 0;
    }
  });
  return Math.max(...sizes);
}

/** Presses the page's first button; milliseconds to the prompt. */
function prompt(page) {
  return page.evaluate(async () => {
    const begun = performance.now();
    document.querySelector("figure[data-live] .live-start").click();
    while (!document.querySelector(".live-terminal[data-number='0'][data-prompts]")) {
      if (document.querySelector(".live[data-state=failed]")) throw new Error("the machine did not start");
      await new Promise((done) => setTimeout(done, 5));
    }
    return performance.now() - begun;
  });
}

const middle = (all) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)];

async function measure(name) {
  const server = await serve();
  const line = await slow(server);
  const seen = { cold: [], warm: [], fresh: [], before: 0, others: 0 };
  for (let run = 0; run < RUNS; run += 1) {
    const browser = await launch(name);
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    page.setDefaultTimeout(120_000);
    let asked = [];
    page.on("request", (request) => asked.push(request.url()));
    line.wide = false;
    await page.goto(`${line.address}/${PAGE}`, { waitUntil: "networkidle0" });
    seen.before += asked.filter((url) => /machine|live-|sessions/.test(url)).length;
    line.bytes = 0;
    seen.cold.push(await prompt(page));
    seen.bytes = line.bytes;
    seen.others += asked.filter((url) => !/^(blob|data):/.test(url) && !url.startsWith(line.address)).length;
    line.wide = true;
    await page.reload({ waitUntil: "networkidle0" });
    await pause(1000);
    seen.warm.push(await prompt(page));
    if (run === RUNS - 1) {
      const pids = family(browser.process().pid);
      await pause(READ * 1000);
      seen.idle = await resting(pids);
      seen.memory = memory(pids);
      await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
      await pause(2000);
      seen.away = await resting(pids);
      seen.fresh.push(
        await page.evaluate(async () => {
          const begun = performance.now();
          document.querySelector(".live-fresh").click();
          const first = () => document.querySelector(".live-terminal[data-number='0']");
          const old = first();
          while (first() === old || !first()?.dataset.prompts) await new Promise((done) => setTimeout(done, 5));
          return performance.now() - begun;
        }),
      );
      await page.goto("about:blank");
      await pause(3000);
      seen.empty = await resting(pids);
    }
    await browser.close();
  }
  line.close();
  server.close();
  return seen;
}

const rows = [["", "wanted"], ["cold, 20 Mbit/s: press to prompt", "≤ 6 s"], ["warm: press to prompt", "≤ 1 s"]];
rows.push(["a fresh machine: press to prompt", "1 s"], ["on the wire, after the press", "≤ 10 MB"]);
rows.push(["requests before the press", "0"], ["requests to other hosts", "0"]);
rows.push(["idle for a minute, in view", "≤ 3 %"], ["idle, out of view", "0 %"], ["the same browser with an empty page", ""]);
rows.push(["memory of the page's process", "≤ 400 MB"]);
for (const name of (process.env.BROWSERS ?? "chromium firefox").split(" ")) {
  const seen = await measure(name);
  const seconds = (all) => `${(middle(all) / 1000).toFixed(2)} s`;
  const percent = (value) => `${value.toFixed(1)} %`;
  const cells = [name, seconds(seen.cold), seconds(seen.warm), seconds(seen.fresh)];
  cells.push(`${(seen.bytes / 1e6).toFixed(2)} MB`, String(seen.before), String(seen.others));
  cells.push(percent(seen.idle), percent(seen.away), percent(seen.empty), `${seen.memory.toFixed(0)} MB`);
  cells.forEach((cell, row) => rows[row].push(cell));
}
const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
for (const row of rows) console.log(row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
console.log(`\nTimes are medians of ${RUNS}, each with a browser that was just started.`);
