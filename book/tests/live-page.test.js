// What a reader sees of the machine in the page, with a stand-in for the machine itself: the panel,
// its terminals, its buttons, with the keyboard alone. `live.test.js` plays the examples in a real one.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { FIREFOX, book, launch, serve, violations, visitor } from "./browser.js";
import { serveWithFake } from "./with-fake.js";

/** A chapter with sessions that can be done in the page, in two terminals. */
const CHAPTER = "02-pid-namespace.html";
const INSIDE = "#session-02-by-hand-inside";
const OUTSIDE = "#session-02-by-hand-outside";

let server, browser, visit;
before(async () => {
  server = await serveWithFake();
  browser = await launch();
  visit = visitor(browser, server);
});
after(async () => {
  await browser.close();
  server.close();
});

/** Presses a button without the mouse: what lies above it does not matter. */
function press(page, selector) {
  return page.$eval(selector, (button) => {
    button.focus();
    button.click();
  });
}

async function start(page, place = INSIDE) {
  await press(page, `${place} .live-start`);
  await page.waitForSelector(".live[data-state=running]");
}

function typed(page) {
  return page.waitForFunction(() => document.querySelector(".live").dataset.typing === "no");
}

/** What was sent to the machine's terminals. */
const sent = (page) => page.evaluate(() => window.fakeMachine.sent);
const begun = (page) =>
  page.evaluate(() => window.fakeMachine.asked.filter((asked) => asked.do === "begin").length);
const focused = (page, selector) =>
  page.evaluate((selector) => Boolean(document.activeElement.closest(selector)), selector);

test("nothing of the machine is asked for before its button is pressed", async () => {
  await visit(CHAPTER, {}, async (page) => {
    const asked = () =>
      page.evaluate(() =>
        performance
          .getEntriesByType("resource")
          .map((resource) => new URL(resource.name).pathname)
          .filter((path) => /machine|live-|sessions|xterm/.test(path)),
      );
    await page.$eval(INSIDE, (figure) => figure.scrollIntoView());
    assert.deepEqual(await asked(), []);
    assert.match(await page.$eval(`${INSIDE} .live-start`, (button) => button.textContent), /9\.0 MB/);
    await start(page);
    assert.ok((await asked()).includes("/machine/xterm.js"));
  });
});

test("with the panel open axe finds nothing, and the page is not wider than the screen", async () => {
  await visit(CHAPTER, { width: 360, height: 740 }, async (page) => {
    await start(page);
    await press(page, ".live-all");
    await typed(page);
    await page.waitForSelector(".live-inspect tr.own", { timeout: 5000 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    assert.deepEqual(await violations(page), [], "narrow, in the light");
    await page.setViewport({ width: 1280, height: 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
    assert.deepEqual(await violations(page), [], "wide, in the dark");
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 1280);
  });
});

test("the keyboard comes into a terminal, and leaves it", async () => {
  await visit(CHAPTER, {}, async (page) => {
    await start(page);
    assert.ok(await focused(page, ".live-terminal[data-number='0']"), "it is in the terminal");
    const help = await page.evaluate(() => {
      const described = document.activeElement.getAttribute("aria-describedby");
      return document.getElementById(described).textContent;
    });
    assert.match(help, /Escape, then Tab/);

    await page.keyboard.type("ls /");
    await page.keyboard.press("Tab");
    assert.equal(await page.$("dialog.search[open]"), null, "the page's keys are not the terminal's");
    assert.equal((await sent(page))[0], "ls /\t");

    await page.keyboard.press("Escape");
    await page.keyboard.press("Tab");
    assert.ok(!(await focused(page, ".live-terminal[data-number='0']")), "it has left");
    assert.ok(await focused(page, ".live-terminal[data-number='1']"), "for the next one");
    assert.equal((await sent(page))[0], "ls /\t", "the program got neither key");
    await page.keyboard.press("Escape");
    await page.keyboard.down("Shift");
    await page.keyboard.press("Tab");
    await page.keyboard.up("Shift");
    assert.ok(await focused(page, ".live-terminal[data-number='0']"), "and backwards");

    await page.keyboard.press("Escape");
    await page.keyboard.press("a");
    assert.equal((await sent(page))[0], "ls /\t\x1ba", "alone Escape is the program's");
  });
});

test("commands are typed by their buttons, and as a whole", async () => {
  await visit(CHAPTER, {}, async (page) => {
    await start(page);
    const first = `${INSIDE} .live-type`;
    const label = await page.$eval(first, (button) => button.getAttribute("aria-label"));
    assert.equal(label, "Type: unshare --map-root-user --pid --fork --mount-proc bash");
    await page.focus(first);
    await page.keyboard.press("Enter");
    await typed(page);
    assert.match((await sent(page))[0], /^unshare .* bash\r$/);
    assert.equal(await page.$eval(first, (button) => button.dataset.typed), "yes");
    await press(page, ".live-all");
    await typed(page);
    assert.match((await sent(page))[0], /bash\rps -eo pid,ppid,args\rsleep 1000 &\r$/, "the rest, once");

    // What a button types does not come into what is copied.
    const commands = await page.$$eval(`${INSIDE} .command`, (lines) => lines.map((line) => line.textContent));
    assert.equal(commands[0], "unshare --map-root-user --pid --fork --mount-proc bash");
  });
});

test("the panel goes along: the session's next part has the same shells, another session new ones", async () => {
  await visit(CHAPTER, {}, async (page) => {
    await start(page);
    await press(page, `${OUTSIDE} .live-start`);
    await page.waitForSelector(`${OUTSIDE} + .live`);
    assert.equal(await begun(page), 1);
    assert.equal((await page.$$(".live")).length, 1);
    assert.ok(await page.$eval(".live-before", (button) => !button.hidden), "something is left out");
    await press(page, ".live-before");
    await typed(page);
    await press(page, `${OUTSIDE} .live-type`);
    await typed(page);
    const [first, host] = await sent(page);
    assert.match(first, /sleep 1000 &\r$/);
    assert.equal(host, "ps -C sleep -o pid,args\r");
  });
  await visit("playground.html", {}, async (page) => {
    await start(page, ".playground");
    assert.equal(await begun(page), 1);
    const terminals = await page.$$eval(".live-terminal", (all) => all.map((one) => one.dataset.terminal));
    assert.deepEqual(terminals, ["", "host"]);
  });
});

test("out of sight the machine rests", async () => {
  await visit(CHAPTER, {}, async (page) => {
    await start(page);
    const rests = (yes) => page.waitForFunction((yes) => window.fakeMachine.paused === yes, {}, yes);
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
    await rests(true);
    await page.$eval(".live", (panel) => panel.scrollIntoView());
    await rests(false);
  });
});

test("switched off while it comes, it does not come; called again, it does", async () => {
  await visit(CHAPTER, {}, async (page) => {
    await press(page, `${INSIDE} .live-start`);
    await page.waitForSelector(".live[data-state=loading]");
    await press(page, ".live-stop");
    assert.equal(await page.$(".live"), null);
    await start(page);
    assert.equal(await begun(page), 1);
  });
});

test("what the kernel says is told in short when it changes", async () => {
  await visit(CHAPTER, {}, async (page) => {
    await start(page);
    await page.waitForFunction(() => document.querySelector(".live-inspect td").textContent !== "–");
    const whose = (kind) =>
      page.$eval(`.live-inspect [data-namespace=${kind}] td:last-child`, (cell) => cell.textContent);
    assert.equal(await whose("pid"), "the host’s");
    await press(page, `${INSIDE} .live-type`);
    await page.waitForSelector(".live-inspect [data-namespace=pid].own", { timeout: 5000 });
    assert.equal(await whose("net"), "the host’s");
    const said = await page.$eval(".live-inspect [role=status]", (text) => text.textContent);
    assert.match(said, /Namespace pid: its own/);
    assert.match(said, /Memory: 64\.0 MiB/);
    assert.doesNotMatch(said, /net/);
  });
});

test("a task has made-up values, and is looked at", async () => {
  await visit("playground.html", {}, async (page) => {
    const task = "[data-task=memory]";
    await press(page, `${task} .live-start`);
    await page.waitForSelector(`${task}[data-state=begun] .live-check`);
    assert.match(await page.$eval(task, (box) => box.textContent), /Give lime at most 24 MiB/);
    await press(page, `${task} .live-check`);
    await page.waitForSelector(`${task} .live-claims .fails`);
    assert.match(await page.$eval(`${task} [role=status]`, (text) => text.textContent), /1 of 2/);
    assert.match(await page.$eval(`${task} .fails`, (claim) => claim.textContent), /memory\.max is max/);
    assert.deepEqual(await violations(page), []);
    await page.evaluate(() => window.fakeMachine.send(0, "unshare\r"));
    await page.waitForFunction(() => window.fakeMachine.own);
    await press(page, `${task} .live-check`);
    await page.waitForSelector(`${task}[data-state=done]`);
  });
});

test("what goes wrong is said, and can be tried again", async () => {
  await visit(CHAPTER, {}, async (page) => {
    await page.evaluate(() => (window.fakeMachineFails = new RangeError("out of memory")));
    await press(page, `${INSIDE} .live-start`);
    await page.waitForSelector(".live[data-state=failed]");
    const said = () => page.$eval(".live-status", (text) => text.textContent);
    assert.match(await said(), /not enough memory/);
    await page.evaluate(() => (window.fakeMachineFails = undefined));
    await press(page, ".live-retry");
    await page.waitForSelector(".live[data-state=running]");
  });
  await visit(CHAPTER, {}, async (page) => {
    await page.evaluate(() => delete window.WebAssembly);
    await press(page, `${INSIDE} .live-start`);
    await page.waitForSelector(".live[data-state=failed]");
    assert.match(await page.$eval(".live-status", (text) => text.textContent), /WebAssembly/);
  });
});

test("a fresh machine has new shells; switched off, it leaves the page as it was", async () => {
  await visit(CHAPTER, {}, async (page) => {
    await start(page);
    await press(page, ".live-all");
    await typed(page);
    await press(page, ".live-fresh");
    await page.waitForFunction(() => window.fakeMachine.asked.filter((it) => it.do === "begin").length === 2);
    await page.waitForSelector(`${INSIDE} .live-type[data-typed=no]`);
    // While a command runs the next one is typed all the same: it waits in the terminal.
    await page.evaluate(() => window.fakeMachine.send(0, "sleep 5\r"));
    await press(page, `${INSIDE} .live-type`);
    await page.waitForFunction(() => document.querySelector(".live").dataset.typing === "yes");
    await press(page, ".live-stop");
    assert.equal(await page.$(".live, .live-line"), null);
    assert.ok(await page.evaluate(() => window.fakeMachine.ended));
    assert.ok(await focused(page, `${INSIDE} .live-start`));
  });
});

test("a fresh machine comes also while a command hangs, once for two presses", async () => {
  await visit(CHAPTER, {}, async (page) => {
    await start(page);
    await page.focus(".live-terminal[data-number='0'] textarea");
    await page.keyboard.type("sleep 5");
    await page.keyboard.press("Enter");
    await press(page, `${INSIDE} .live-type`);
    await page.$eval(".live-fresh", (button) => (button.click(), button.click()));
    await page.waitForFunction(() => window.fakeMachine.asked.filter((it) => it.do === "begin").length === 2);
    await page.waitForSelector(".live-terminal[data-prompts]");
    assert.equal(await page.evaluate(() => window.fakeMachine.made), 2);
    await press(page, ".live-all");
    await typed(page);
  });
});

test("switched off while a fresh machine comes, it is off", async () => {
  await visit(CHAPTER, {}, async (page) => {
    await start(page);
    await press(page, ".live-fresh");
    await press(page, ".live-stop");
    assert.equal(await page.$(".live"), null);
    await press(page, `${INSIDE} .live-start`);
    await page.waitForSelector(".live[data-state=running] .live-terminal[data-prompts]");
    assert.equal(await page.evaluate(() => window.Machine.all.length), 2);
  });
});

test("a touch screen has keys that its keyboard lacks", async () => {
  const shown = (page) => page.$eval(".live-keys", (keys) => getComputedStyle(keys).display);
  await visit(CHAPTER, {}, async (page) => {
    await start(page);
    assert.equal(await shown(page), "none");
  });
  await visit(CHAPTER, {}, async (page) => {
    await page.setViewport({ width: 400, height: 800, hasTouch: true, isMobile: true });
    await start(page);
    assert.equal(await shown(page), "flex");
    assert.deepEqual(await violations(page), []);
    await page.evaluate(() => window.fakeMachine.send(0, "sleep 5\r"));
    await press(page, ".live-keys [aria-label='Ctrl C']");
    await press(page, ".live-keys [aria-label='Arrow up']");
    assert.match((await sent(page))[0], /sleep 5\r\x03\x1b\[A$/);
  });
});

test("a copy without the machine says so once, and on paper and slides there is none", async () => {
  const without = await serve(async (path) => {
    if (!path.endsWith(".html")) return undefined;
    const page = await readFile(join(book, path), "utf8");
    return Buffer.from(page.replace(/data-machine="\d*"/, 'data-machine=""'));
  });
  await visitor(browser, without)(CHAPTER, {}, async (page) => {
    assert.equal((await page.$$(".live-absent")).length, 1);
    assert.equal(await page.$(".live-start"), null);
  });
  without.close();
  for (const name of ["print.html", "slides.html"]) {
    await visit(name, {}, async (page) => assert.equal(await page.$(".live-start"), null, name));
  }
});

test("Firefox does it, too", async (t) => {
  if (!FIREFOX) return t.skip("there is no Firefox");
  const firefox = await launch("firefox");
  t.after(() => firefox.close());
  const page = await firefox.newPage();
  await page.goto(`${server.address}/${CHAPTER}`);
  await start(page);
  await press(page, ".live-all");
  await typed(page);
  await page.focus(".live-terminal[data-number='0'] textarea");
  await page.keyboard.type("ls /");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Tab");
  assert.ok(await focused(page, ".live-terminal[data-number='1']"));
  assert.match((await sent(page))[0], /sleep 1000 &\rls \/$/);
});
