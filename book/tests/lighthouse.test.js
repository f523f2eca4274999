// Lighthouse on a telephone: how fast, how accessible, how well made. Three pages: the longest
// chapter, one with pictures, the first.

import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { book, launch, serve, tool } from "./browser.js";

const LEAST = 0.95;
const CATEGORIES = ["performance", "accessibility", "best-practices"];

const chapters = readdirSync(book).filter((name) => /^\d\d-.*\.html$/.test(name));
const size = (name) => statSync(join(book, name)).size;
const longest = chapters.toSorted((one, other) => size(other) - size(one))[0];

test("Lighthouse gives at least 95 of 100", async (t) => {
  const lighthouse = (await tool("lighthouse")).default;
  const server = await serve();
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    server.close();
  });
  const port = Number(new URL(browser.wsEndpoint()).port);
  const look = async (name) => {
    const options = { port, onlyCategories: CATEGORIES, formFactor: "mobile", output: "json" };
    const { lhr } = await lighthouse(`${server.address}/${name}`, options);
    const scores = CATEGORIES.map((category) => lhr.categories[category].score);
    const told = CATEGORIES.map((category, place) => `${category} ${scores[place] * 100}`).join(", ");
    t.diagnostic(`${name}: ${told}`);
    const failed = Object.values(lhr.audits).filter((audit) => audit.score !== null && audit.score < 0.9);
    const why = failed.map((audit) => `${audit.id}: ${audit.displayValue ?? audit.title}`).join("\n");
    return { least: Math.min(...scores), why: `${name}: ${told}\n${why}` };
  };
  for (const name of ["index.html", longest, "introduction.html"]) {
    // What else the machine does makes a page slower, and nothing makes it faster: the best counts.
    let seen;
    for (let left = 3; left > 0 && !(seen?.least >= LEAST); left -= 1) seen = await look(name);
    assert.ok(seen.least >= LEAST, seen.why);
  }
});
