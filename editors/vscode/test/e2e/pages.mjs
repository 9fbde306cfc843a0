// The pages of the webviews in a browser, drawn anew all the time as during a busy run: clicks arrive, focus and
// scrolling stay. Called by run.sh, after the extension was built.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const { chromium } = createRequire(path.join(process.env.CACHE, "package.json"))("playwright-core");
const built = fileURLToPath(new URL("../../dist/webview/", import.meta.url));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });

async function open(script) {
  const page = await browser.newPage({ viewport: { width: 700, height: 400 } });
  await page.setContent(`<!doctype html><html><head><style>${readFileSync(`${built}panel.css`)}</style></head><body><main id="root"></main>
    <script>window.sent = []; function acquireVsCodeApi() { return { postMessage: (message) => window.sent.push(message) }; }</script>
    <script>${readFileSync(`${built}${script}.js`)}</script></body></html>`);
  const show = (content) => page.evaluate((data) => new Promise((drawn) => {
    window.postMessage(data, "*");
    setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(drawn)), 20);
  }), content);
  const sent = () => page.evaluate(() => window.sent.splice(0).filter((message) => message.type !== "ready"));
  return { page, show, sent };
}

const place = { path: "/spec.star", line: 3, column: 0, endLine: 3, endColumn: 9 };

function matrix(uri, number, running = true) {
  const cell = (test) => ({ test, status: "running", text: `step ${number}`, detail: "", title: test, rule: { place }, failure: null });
  const rows = ["write", "read"].map((scenario) => ({ scenario, location: null, cells: [cell(`${scenario}_a`), cell(`${scenario}_b`)] }));
  const columns = ["a", "b"].map((fault) => ({ fault, location: null }));
  const tests = rows.flatMap((row) => row.cells.map((each) => each.test));
  return { uri, spec: uri, canRun: true, running, tables: [{ title: "Matrix", range: null, columns, rows, tests, passed: number % 2, bad: 0 }] };
}

function timeline(requests, chosen = 0) {
  const arrows = Array.from({ length: requests }, (_, index) => ({ lane: 1, sent: index, received: index + 1, ok: true, text: `GET ${index}`, reply: "200", place }));
  const drawn = { title: "a", verdict: "running", good: true, failure: null, lanes: ["test", "api"], endMs: 1000 + requests, bars: [], arrows, marks: [], omitted: "" };
  return { run: "r1", tests: [{ index: 0, name: "a", status: "running" }, { index: 1, name: "b", status: "queued" }], chosen, timeline: drawn };
}

/** A click with drawings between its press and its release. */
async function press({ page, show }, selector, during) {
  const element = page.locator(selector).first();
  await element.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await element.boundingBox();
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.mouse.down();
  for (const content of during) await show(content);
  await page.mouse.up();
}

const focus = (page) => page.evaluate(() => document.activeElement?.textContent);

async function matrixPage() {
  const panel = await open("matrix");
  const { page, show, sent } = panel;
  const [a, b] = ["file:///a.star", "file:///b.star"];
  await show(matrix(a, 0));
  await press(panel, '[data-test="read_a"]', [matrix(a, 1), matrix(a, 2), matrix(a, 3)]);
  assert.deepEqual(await sent(), [{ type: "run", uri: a, tests: ["read_a"] }]);
  await press(panel, "button.quiet", [matrix(a, 4), matrix(a, 5)]);
  assert.deepEqual(await sent(), [{ type: "cancel", uri: a }]);
  // What was pressed is gone when it is released: nothing happens, least of all something else.
  await press(panel, "button.quiet", [matrix(a, 5, false)]);
  await press(panel, '[data-test="read_a"]', [matrix(b, 1)]);
  assert.deepEqual(await sent(), []);
  // The keyboard.
  await page.locator("button.quiet").focus();
  await show(matrix(b, 2));
  assert.equal(await focus(page), "Cancel");
  await page.locator(".jump").last().focus();
  await show(matrix(b, 3));
  await page.keyboard.press("Enter");
  await page.keyboard.press("Space");
  assert.deepEqual((await sent()).map(({ type, uri }) => [type, uri]), [["open", b], ["open", b]]);
}

async function timelinePage() {
  const panel = await open("timeline");
  const { page, show, sent } = panel;
  await show(timeline(100));
  await page.evaluate(() => window.scrollTo(0, 1200));
  await show(timeline(101));
  assert.equal(await page.evaluate(() => window.scrollY), 1200, "the page stays where it was scrolled to");
  await press(panel, "ol.events li:nth-child(60)", [timeline(102), timeline(103)]);
  assert.deepEqual(await sent(), [{ type: "open", place }]);
  await page.locator("select").focus();
  await show(timeline(104));
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), "SELECT");
  await page.locator("select").selectOption("1");
  assert.deepEqual(await sent(), [{ type: "choose", run: "r1", index: 1 }]);
  await show(timeline(3, 1));
  assert.deepEqual([await page.locator("select").inputValue(), await page.locator("ol.events li").count()], ["1", 3]);
}

try {
  await matrixPage();
  await timelinePage();
  console.log("pages.mjs: passed");
} finally {
  await browser.close();
}
