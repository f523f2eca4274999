// A headless Chromium and a server of the built book, for the tests.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";

/** The built book. */
export const book = process.env.BOOK ?? "target/book/en";

/** What `scripts/book` installed. */
const tools = createRequire(join(process.cwd(), "target/book/tools/npm/"));

export function tool(name) {
  return import(pathToFileURL(tools.resolve(name)).href);
}

export function toolFile(name) {
  return tools.resolve(name);
}

const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".svg": "image/svg+xml",
};

/**
 * Serves the book on loopback, as `coracle book` does: without compression. `instead` may give another
 * content for a path than the book's.
 */
export async function serve(instead = async () => undefined) {
  const server = createServer(async (request, answer) => {
    const path = normalize(new URL(request.url, "http://localhost").pathname);
    const file = join(book, path.endsWith("/") ? join(path, "index.html") : path);
    try {
      const content = (await instead(path)) ?? (await readFile(file));
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      answer.writeHead(200, { "content-type": type, "content-length": content.length });
      answer.end(content);
    } catch {
      answer.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** Debian's, or another distribution's; undefined if there is none. */
export const FIREFOX =
  process.env.FIREFOX ?? ["/usr/bin/firefox-esr", "/usr/bin/firefox"].find(existsSync);

/** Starts a browser. Without these options Chromium asks for updates, and as root does not start. */
export async function launch(name = "chromium") {
  const puppeteer = (await tool("puppeteer-core")).default;
  if (name === "firefox") {
    assert.ok(FIREFOX, "there is no Firefox");
    // As root it does not start in somebody else's home.
    const home = mkdtempSync(join(tmpdir(), "firefox-"));
    const env = { ...process.env, HOME: home };
    const firefox = await puppeteer.launch({ browser: name, executablePath: FIREFOX, headless: true, env });
    firefox.once("disconnected", () => rmSync(home, { recursive: true, force: true }));
    return firefox;
  }
  return puppeteer.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** Opens a page in a browser that knows nothing yet, and closes it behind what is done with it. */
export function visitor(browser, server) {
  return async (name, { width = 1280, height = 900, dark = false, script = true }, act) => {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    await page.setJavaScriptEnabled(script);
    await page.setViewport({ width, height });
    await page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: dark ? "dark" : "light" },
    ]);
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("requestfailed", (request) => errors.push(`${request.url()} failed`));
    page.on("request", (request) => {
      // What the page has made itself is no request.
      if (!request.url().replace(/^blob:/, "").startsWith(server.address)) errors.push(`asked for ${request.url()}`);
    });
    let bytes = 0;
    page.on("response", (answer) => (bytes += Number(answer.headers()["content-length"] ?? 0)));
    await page.goto(`${server.address}/${name}`, { waitUntil: "load" });
    await act(page, () => bytes);
    await context.close();
    assert.deepEqual(errors, [], name);
  };
}

/** What axe finds. */
export async function violations(page) {
  const ready = await page.evaluate(() => "axe" in window);
  if (!ready) await page.addScriptTag({ path: toolFile("axe-core/axe.min.js") });
  return page.evaluate(async () => {
    const { violations } = await window.axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 120)}`);
  });
}
