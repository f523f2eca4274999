// Plays every live example of the book as a reader would: presses the buttons, and compares what the
// guest prints with the page's own transcript. Does every task, once it has been seen to be undone.
// BROWSERS names them where not both are wanted.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { parts } from "../theme/modules/live-session.js";
import { book, launch, serve } from "./browser.js";

/** Milliseconds that a step may take: machines are emulated, and computers busy. */
const PATIENCE = 60_000;
const RECORDER = process.env.RECORDER ?? "target/debug/recorder";
const BROWSERS = (process.env.BROWSERS ?? "chromium firefox").split(" ");

const read = (path) => readFileSync(path, "utf8");
const pages = readdirSync(book).filter((name) => /\.html$/.test(name) && name !== "print.html");
const played = pages.filter((name) => /data-live=|data-task=/.test(read(join(book, name))));

// Browsers side by side: each emulates with one processor.
describe("the machine in the page", { concurrency: BROWSERS.length }, () => {
  for (const name of BROWSERS) describe(name, { concurrency: 1 }, () => all(name));
});

function all(name) {
  let server, browser;
  before(async () => {
    server = await serve();
    browser = await launch(name);
  });
  after(async () => {
    await browser?.close();
    server.close();
  });
  for (const page of played) {
    test(`${page}: every live example does what its text says`, () => examples(browser, server, page));
    test(`${page}: every task is undone, then done`, () => tasks(browser, server, page));
  }
  test("a fresh machine comes also while a command hangs", () => fresh(browser, server));
}

/** Opens a page that keeps what its panel tells. Terminals are as wide as the recordings'. */
async function open(browser, server, name) {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.setViewport({ width: 2600, height: 1000 });
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`${server.address}/${name}`);
  await page.addStyleTag({ content: "main > .live { width: 2400px !important }" });
  await page.evaluate(() => {
    window.told = [];
    addEventListener("live-typed", ({ detail }) => window.told.push(detail));
  });
  return { page, errors };
}

async function examples(browser, server, name) {
  const { page, errors } = await open(browser, server, name);
  const figures = await page.$$eval("figure[data-live]", (all) => all.map((it) => ({ ...it.dataset })));
  for (const session of new Set(figures.map((figure) => figure.session))) {
    const file = read(join(book, "sessions", `${session}.session`));
    const live = figures.filter((figure) => figure.session === session).map((figure) => figure.part);
    const heard = {};
    for (const part of parts(file).slice(0, last(file, live))) {
      const where = `${session}:${part.name}`;
      const figure = `figure[data-session="${session}"][data-part="${part.name}"]`;
      assert.ok(live.includes(part.name), `${where} can't be done on the page, and what follows needs it`);
      await come(page, figure, session);
      heard[part.name] = await press(page, figure, part, where);
    }
    if (/^# live: only$/m.test(file)) continue;
    assert.equal(differences(session, heard), "", session);
  }
  assert.deepEqual(errors, []);
  await page.close();
}

/** The number of parts up to the last one that is live. */
function last(file, live) {
  return parts(file).findLastIndex((part) => live.includes(part.name)) + 1;
}

/** Presses an example's own button, and waits for its session. */
async function come(page, place, session) {
  await page.$eval(`${place} .live-start`, (button) => button.click());
  await page.waitForFunction(
    (session) => {
      const panel = document.querySelector(".live");
      if (panel?.dataset.state === "failed") throw new Error(panel.textContent);
      return panel?.dataset.state === "running" && panel.dataset.session === session;
    },
    { polling: 50 },
    session,
  );
}

/** Presses the button of each step; what was typed and what came of it. */
async function press(page, figure, part, where) {
  const events = [];
  for (const [number, step] of part.steps.entries()) {
    if (step.kind === "quiet") continue;
    await page.$eval(`${figure} [data-step="${number}"]`, (button) => button.click());
    const told = await page
      .waitForFunction(
        (part, number) => {
          const place = window.told.findIndex((it) => it.part === part && it.number === number);
          return place >= 0 && window.told.splice(0, place + 1).at(-1);
        },
        { polling: 20 },
        part.name,
        number,
      )
      .catch(async () => {
        throw new Error(`${where}: ${step.text} came to no end:\n${await shown(page)}`);
      });
    const { output, status } = await told.jsonValue();
    const bare = step.kind === "key" || step.text === "exit" || step.until || status === null;
    if (!bare) assert.equal(status, step.status ?? 0, `${where}: ${step.text}\n${output}`);
    if (step.kind === "command") events.push({ prompt: step.prompt, lines: step.lines });
    events.push({ printed: output });
  }
  return events;
}

/** What the terminals show. */
function shown(page, terminal = ".live-terminal") {
  const text = (all) => all.map((rows) => [...rows.children].map((it) => it.textContent).join("\n")).join("\n");
  return page.$$eval(`${terminal} .xterm-rows`, text);
}

/** What the recorder finds different. */
function differences(session, heard) {
  const folder = mkdtempSync(join(tmpdir(), "live-"));
  try {
    const file = join(folder, "heard.json");
    writeFileSync(file, JSON.stringify(heard));
    const wanted = ["played", "--kept", "book/recordings", "--heard", file];
    return execFileSync(RECORDER, [...wanted, `book/sessions/${session}.session`], { encoding: "utf8" });
  } catch (error) {
    // Nobody could be asked.
    if (!error.stdout || error.status === 2) throw error;
    return error.stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function tasks(browser, server, name) {
  const { page, errors } = await open(browser, server, name);
  const all = await page.$$eval("[data-task]", (all) => all.map((it) => it.dataset.task));
  for (const task of all) {
    const box = `[data-task="${task}"]`;
    await page.$eval(`${box} .live-start`, (button) => button.click());
    await page.waitForSelector(`${box}[data-state="begun"]`);
    assert.equal(await verdict(page, box), "begun", `${task}: nothing was done, and it counts as done`);

    const values = await page.$$eval(`${box} [data-value]`, (all) =>
      Object.fromEntries(all.map((it) => [it.dataset.value, it.textContent])),
    );
    const file = `book/tasks/played/${task}.session`;
    assert.ok(existsSync(file), `nobody knows how ${task} is done`);
    for (const part of parts(read(file))) await type(page, part, values, task);
    // What was put into the background may still be on its way.
    const late = Date.now() + PATIENCE;
    while ((await verdict(page, box)) !== "done") {
      assert.ok(Date.now() < late, `${task}: ${await claims(page, box)}`);
    }
  }
  assert.deepEqual(errors, []);
  await page.close();
}

/** A machine that is at work, and has more to type, is exchanged; then one that is just coming is not wanted. */
async function fresh(browser, server) {
  const { page, errors } = await open(browser, server, "02-pid-namespace.html");
  const figure = 'figure[data-session="02-by-hand"][data-part="inside"]';
  const first = `${figure} .live-type`;
  const press = (button) => page.$eval(button, (it) => it.click());
  await come(page, figure, "02-by-hand");
  const before = await page.waitForSelector(".live-terminal[data-number='0'][data-prompts]");
  await page.focus(".live-terminal[data-number='0'] textarea");
  await page.keyboard.type("sleep 1000");
  await page.keyboard.press("Enter");
  await press(first);
  await page.waitForSelector(".live[data-typing=yes]");
  await page.$eval(".live-fresh", (button) => (button.click(), button.click()));
  await page.waitForFunction((view) => !view.isConnected, {}, before);
  await page.waitForSelector(".live-terminal[data-number='0'][data-prompts]");
  await press(first);
  await page.waitForFunction(() => window.told.length > 0);

  await press(".live-fresh");
  await press(".live-stop");
  assert.equal(await page.$(".live"), null);
  await come(page, figure, "02-by-hand");
  await page.waitForSelector(".live-terminal[data-number='0'][data-prompts]");
  assert.deepEqual(errors, []);
  await page.close();
}

/** Presses "Check". */
async function verdict(page, box) {
  await page.$eval(`${box} .live-claims`, (list) => list.replaceChildren());
  await page.$eval(`${box} .live-check`, (button) => button.click());
  await page.waitForSelector(`${box} .live-claims li`);
  return page.$eval(box, (it) => it.dataset.state);
}

function claims(page, box) {
  return page.$$eval(`${box} .live-claims li`, (all) => all.map((it) => it.textContent).join("; "));
}

/** Types by hand: no button does what a reader has to find. */
async function type(page, part, values, task) {
  const terminal = `.live-terminal[data-number="${part.terminal === "" ? 0 : 1}"]`;
  const look = () => page.$eval(terminal, ({ dataset }) => ({ ...dataset }));
  for (const step of part.steps) {
    const lines = step.lines.map((line) => line.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole));
    await page.waitForSelector(`${terminal}[data-prompts]`);
    const before = (await look()).prompts;
    await page.focus(`${terminal} textarea`);
    for (const line of lines) {
      await page.keyboard.type(line);
      await page.keyboard.press("Enter");
    }
    const came = page.waitForFunction(
      (terminal, before, until) => {
        const view = document.querySelector(terminal);
        const rows = view.querySelector(".xterm-rows");
        return until ? new RegExp(until).test(rows.textContent) : view.dataset.prompts !== before;
      },
      { polling: 20 },
      terminal,
      before,
      step.until?.source,
    );
    await came.catch(async () => {
      throw new Error(`${task}: ${lines.join("\n")} came to no end:\n${await shown(page, terminal)}`);
    });
    const { status } = await look();
    const bare = step.until || step.text === "exit";
    const seen = await shown(page, terminal);
    if (!bare) assert.equal(Number(status), step.status ?? 0, `${task}: ${lines.join("\n")}\n${seen}`);
  }
}
