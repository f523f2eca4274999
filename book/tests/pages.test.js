// The built pages in a browser: on a narrow screen and a wide one, in the light and in the dark, with
// the keyboard alone, without JavaScript, on paper.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { book, launch, serve, violations, visitor } from "./browser.js";

/** Not for reading in a browser: all pages on one, and the one for wrong addresses. */
const APART = ["print.html", "404.html"];
const pages = readdirSync(book).filter((name) => name.endsWith(".html") && !APART.includes(name));

let server, browser, visit;
before(async () => {
  server = await serve();
  browser = await launch();
  visit = visitor(browser, server);
});
after(async () => {
  await browser.close();
  server.close();
});

/** The first page that has this in its HTML. */
function pageWith(html) {
  return pages.find((name) => readFileSync(join(book, name), "utf8").includes(html));
}

/** Opens every fold: what is in it belongs to the page, too. */
function unfold(page) {
  return page.$$eval("main details", (folds) => folds.forEach((fold) => (fold.open = true)));
}

for (const name of pages) {
  test(`${name}: small enough, narrow enough, and axe finds nothing`, async () => {
    await visit(name, { width: 360, height: 740 }, async (page, bytes) => {
      assert.ok(bytes() <= 300_000, `it weighs ${bytes()} bytes before the player`);
      await unfold(page);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 360, `it is ${width} wide`);

      assert.deepEqual(await violations(page), [], "narrow, in the light");
      await page.setViewport({ width: 1280, height: 900 });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
      assert.deepEqual(await violations(page), [], "wide, in the dark");
    });
  });
}

test("the text is there without JavaScript", async () => {
  for (const name of pages) {
    await visit(name, { script: false }, async (page) => {
      // Puppeteer reads the page from outside of it.
      const client = await page.createCDPSession();
      const { root } = await client.send("DOM.getDocument", { depth: -1 });
      const ask = async (selector) =>
        (await client.send("DOM.querySelectorAll", { nodeId: root.nodeId, selector })).nodeIds;
      assert.equal((await ask("main h1")).length, 1, name);
      assert.equal((await ask("nav.contents a[aria-current=page]")).length, 1, name);
      const hidden = await ask("main [hidden]");
      assert.equal(hidden.length, 0, name);
    });
  }
});

test("contents open on a narrow screen, with the keyboard and without JavaScript", async () => {
  for (const script of [true, false]) {
    await visit("index.html", { width: 360, height: 740, script }, async (page) => {
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      const shown = await page.waitForSelector("nav.contents:popover-open");
      await page.keyboard.press("Escape");
      await page.waitForSelector("nav.contents:not(:popover-open)");
      await shown.dispose();
    });
  }
});

test("the first tab stop leads to the text", async () => {
  await visit("index.html", {}, async (page) => {
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.hash === "#text");
    const focused = await page.evaluate(() => document.activeElement.id);
    assert.equal(focused, "text");
  });
});

test("arrow keys belong to the reader", async () => {
  await visit(pages[0], {}, async (page) => {
    const before = page.url();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowLeft");
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
    assert.equal(page.url(), before);
  });
});

test("colours follow the system until they are chosen, and stay chosen", async () => {
  const paper = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await visit("index.html", { dark: true }, async (page) => {
    const dark = await paper(page);
    await page.select("#theme", "light");
    const light = await paper(page);
    assert.notEqual(light, dark);
    await page.reload();
    assert.equal(await paper(page), light);
    assert.equal(await page.$eval("#theme", (choice) => choice.value), "light");
    await page.select("#theme", "auto");
    assert.equal(await paper(page), dark);
  });
});

test("a question is answered, explained, remembered and forgotten", async (t) => {
  const name = pageWith('class="question"');
  if (!name) return t.skip("no page has questions yet");
  await visit(name, {}, async (page) => {
    const question = await page.$(".question");
    const verdict = () => question.$eval(".verdict", (box) => box.className);
    const press = (selector) => page.$eval(selector, (button) => button.click());
    await press(".question fieldset + button");
    assert.equal(await verdict(), "verdict wrong", "nothing was chosen");

    const answers = await question.$$eval(".reasons li", (reasons) =>
      reasons.map((reason) => reason.classList.contains("right")),
    );
    const choose = (wanted) =>
      question.$$eval(
        "input",
        (choices, wanted) =>
          choices.forEach((choice, place) => {
            if (choice.checked !== wanted[place]) choice.click();
          }),
        wanted,
      );
    await choose(answers.map((right, place) => place === answers.indexOf(false)));
    await press(".question fieldset + button");
    assert.equal(await verdict(), "verdict wrong");
    await choose(answers);
    await press(".question fieldset + button");
    assert.equal(await verdict(), "verdict right");
    assert.ok(await question.$(".verdict li"), "it says why");
    assert.match(await page.$eval(".progress p", (text) => text.textContent), /^1 of /);

    await page.reload();
    await page.waitForSelector(".question .verdict.right");
    await press(".progress button");
    assert.match(await page.$eval(".progress p", (text) => text.textContent), /^0 of /);
    await page.reload();
    assert.equal(await page.$(".question .verdict.right"), null);
  });
});

test("a guess hides its answer until it is asked for", async (t) => {
  const name = pageWith('class="guess"');
  if (!name) return t.skip("no page has guesses yet");
  await visit(name, {}, async (page) => {
    const shown = () =>
      page.$eval("details.predict > :not(summary)", (answer) => answer.checkVisibility());
    assert.equal(await shown(), false);
    await page.focus("details.predict summary");
    await page.keyboard.press("Enter");
    assert.equal(await shown(), true);
  });
});

test("a session is played, goes back to its text, and its commands are copied", async (t) => {
  const name = pageWith('data-cast=');
  if (!name) return t.skip("no session has been recorded yet");
  await visit(name, {}, async (page) => {
    const early = await page.evaluate(() => performance.getEntriesByType("resource").map((r) => r.name));
    assert.ok(!early.some((name) => name.includes("/player/")), "the player came unasked");
    await page.$eval(".session[data-cast] .play", (button) => button.click());
    await page.waitForSelector(".session .player .ap-player");
    assert.equal(await page.$eval(".session[data-cast] .scroll", (text) => text.hidden), true);
    await page.$eval(".session[data-cast] .play", (button) => button.click());
    await page.waitForFunction(() => !document.querySelector(".player"));
    assert.equal(await page.$eval(".session[data-cast] .scroll", (text) => text.hidden), false);

    const copied = await page.evaluate(async () => {
      let written = "";
      navigator.clipboard.writeText = async (text) => (written = text);
      const session = document.querySelector(".session:has(.command)");
      session.querySelector(".copy").click();
      await Promise.resolve();
      return [written, session.querySelector(".command").textContent];
    });
    assert.ok(copied[0].startsWith(copied[1]), "the first command comes without its prompt");
  });
});

test("a namespace is chosen by a key and by a click, and shows both sides", async (t) => {
  const name = pageWith('data-picture="namespace-explorer"');
  if (!name) return t.skip("no page has the namespaces' picture yet");
  const names = ["mnt", "pid", "net", "ipc", "uts", "user", "cgroup", "time"];
  if (!existsSync(join(book, "recordings/namespace-explorer"))) {
    return t.skip("its session has not been recorded yet");
  }
  await visit(name, {}, async (page) => {
    await page.waitForSelector(".namespace-explorer button");
    const buttons = await page.$$(".namespace-explorer button");
    assert.equal(buttons.length, names.length);
    const shows = (name) =>
      page.waitForFunction(
        (name) => {
          const sides = [...document.querySelectorAll(".namespace-explorer pre")];
          return sides.length === 2 && sides.every((side) => side.textContent.includes(`${name}:[`));
        },
        {},
        name,
      );
    for (const [place, button] of buttons.entries()) {
      await button.focus();
      await page.keyboard.press("Enter");
      await shows(names[place]);
      assert.equal(await button.evaluate((button) => button.ariaPressed), "true");
    }
    await page.$eval('[data-namespace="uts"] rect', (part) =>
      part.dispatchEvent(new MouseEvent("click", { bubbles: true })),
    );
    await shows("uts");
    assert.equal((await page.$$('.namespace-explorer [aria-pressed="true"]')).length, 1);
    assert.deepEqual(await violations(page), []);
  });
});

test("the search finds a page and leads to it", async () => {
  await visit("index.html", {}, async (page) => {
    await page.keyboard.press("/");
    await page.waitForSelector("dialog.search[open]");
    await page.keyboard.type("process");
    await page.waitForSelector("dialog.search li a");
    const target = await page.$eval("dialog.search li a", (link) => link.pathname);
    assert.ok(pages.includes(target.slice(1)), target);
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !document.querySelector("dialog[open]"));
  });
});

test("on paper folds are open, by the style alone, and nothing is to be pressed", async () => {
  const name = pageWith('class="predict"') ?? "index.html";
  await visit(name, {}, async (page) => {
    await page.emulateMediaType("print");
    const folded = await page.$$eval("main details > :not(summary)", (parts) =>
      parts.filter((part) => !part.checkVisibility()).map((part) => part.outerHTML.slice(0, 80)),
    );
    assert.deepEqual(folded, []);
    const pressed = await page.$$eval("button, .bar, nav", (parts) =>
      parts.filter((part) => part.checkVisibility()).map((part) => part.outerHTML.slice(0, 80)),
    );
    assert.deepEqual(pressed, []);
  });
});

test("the overlay's actions are done and undone, with the keyboard, and each says what it did", async (t) => {
  const name = pageWith('data-picture="overlay-stepper"');
  if (!name) return t.skip("no page has the picture");
  await visit(name, {}, async (page) => {
    await page.waitForSelector(".stepper");
    const said = () => page.$eval(".stepper .said", (text) => text.textContent);
    const after = (step) =>
      page.$eval(`[data-step=${step}] [data-when=after]`, (group) => getComputedStyle(group).visibility);
    const begun = await said();
    assert.equal(await after("delete"), "hidden");
    await page.$eval(".stepper .choices button:nth-child(4)", (button) => button.focus());
    await page.keyboard.press("Enter");
    assert.equal(await after("delete"), "visible");
    assert.equal(await after("rename"), "hidden");
    assert.match(await said(), /whiteout/);
    await page.keyboard.press("ArrowLeft");
    assert.equal(await after("delete"), "hidden");
    assert.equal(await said(), begun);
    for (let step = 0; step < 9; step++) await page.keyboard.press("ArrowRight");
    assert.equal(await after("again"), "visible");
    const pressed = await page.$$(".stepper .choices [aria-pressed=true]");
    assert.equal(pressed.length, (await page.$$("[data-step]")).length);
  });
});

test("a pull is gone through, step by step", async (t) => {
  const name = pageWith('data-picture="pull-stepper"');
  if (!name) return t.skip("no page has the picture");
  await visit(name, {}, async (page) => {
    await page.waitForSelector(".stepper");
    const lit = () => page.$$eval("[data-step]:not(.dim)", (steps) => steps.map((step) => step.dataset.step));
    const all = await lit();
    assert.ok(all.length > 1);
    await page.$eval(".stepper .moves button:nth-child(2)", (button) => button.click());
    assert.deepEqual(await lit(), all.slice(0, 1));
    await page.$eval(".stepper .choices button:last-child", (button) => button.click());
    assert.deepEqual(await lit(), all.slice(-1));
    await page.$eval(".stepper .moves button:nth-child(3)", (button) => button.click());
    assert.deepEqual(await lit(), all);
  });
});
