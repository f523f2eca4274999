// Every link and every file that a built page names is there. Nothing but links leads elsewhere.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { book } from "./browser.js";

const pages = readdirSync(book).filter((name) => name.endsWith(".html"));
const text = new Map(pages.map((page) => [page, readFileSync(join(book, page), "utf8")]));
const ids = new Map();
for (const [page, html] of text) {
  ids.set(page, new Set([...html.matchAll(/\sid="([^"]*)"/g)].map((match) => match[1])));
}

test("links inside the book lead to a page and an id", () => {
  const dead = [];
  for (const [page, html] of text) {
    for (const [, link] of html.matchAll(/<a\s[^>]*?href="([^"]*)"/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [path, id] = decodeURI(link).split("#");
      const target = path === "" ? page : path;
      if (!existsSync(join(book, target))) dead.push(`${page}: ${link}`);
      else if (id && ids.has(target) && !ids.get(target).has(id)) dead.push(`${page}: ${link}`);
    }
  }
  assert.deepEqual(dead, []);
});

test("an id stands for one thing", () => {
  const twice = [];
  for (const [page, html] of text) {
    const seen = new Set();
    for (const [, id] of html.matchAll(/\sid="([^"]*)"/g)) {
      if (seen.has(id)) twice.push(`${page}: ${id}`);
      seen.add(id);
    }
  }
  assert.deepEqual(twice, []);
});

test("a page asks for files of the book alone", () => {
  const missing = [];
  for (const [page, html] of text) {
    const asks = /<(?:link|script|img|source|iframe)\s[^>]*?(?:href|src)="([^"]*)"/g;
    const casts = /data-cast="([^"]*)"/g;
    for (const [, link] of [...html.matchAll(asks), ...html.matchAll(casts)]) {
      if (!existsSync(join(book, link))) missing.push(`${page}: ${link}`);
    }
  }
  assert.deepEqual(missing, []);
});

test("no page names a folder of the machine on which it was made", () => {
  const folder = process.cwd();
  assert.deepEqual(pages.filter((page) => text.get(page).includes(folder)), []);
});
