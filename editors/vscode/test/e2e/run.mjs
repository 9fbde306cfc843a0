// The browser's half of the test: opens the workbench, does what probe.js asks (clicks, screenshots, a look at the
// processes), and reports its result. Called by run.sh with everything in the environment.

import { existsSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const { CACHE, OUT, URL: address, WORKSPACE, SHOTS, FAULTBOX_BIN, MARK } = process.env;
const { chromium } = createRequire(path.join(CACHE, "package.json"))("playwright-core");
const DEADLINE = Date.now() + 480_000;

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
async function open() {
  for (;;) {
    try {
      await page.goto(`${address}/?folder=${WORKSPACE}`, { waitUntil: "domcontentloaded" });
      break;
    } catch (error) {
      if (Date.now() > DEADLINE) throw error;
      await sleep(200);
    }
  }
  await page.waitForSelector(".monaco-workbench", { timeout: 120_000 });
}

/** Answers one question after the other until the probe has written its result. */
async function serveProbe() {
  const result = path.join(OUT, "result.json");
  for (let number = 1; Date.now() < DEADLINE; ) {
    const question = path.join(OUT, `ask-${number}.json`);
    if (existsSync(question)) {
      await answer(number, JSON.parse(readFileSync(question, "utf8")));
      number += 1;
    } else if (existsSync(result)) {
      const told = JSON.parse(readFileSync(result, "utf8"));
      console.log(`VS Code ${told.vscode}`);
      for (const [step, what] of told.done) console.log(`  ${step}: ${JSON.stringify(what)}`);
      if (!told.ok) console.error(told.error);
      if (!told.ok) await page.screenshot({ path: path.join(OUT, "failed.png") });
      return told.ok ? 0 : 1;
    } else await sleep(50);
  }
  throw new Error("the probe did not finish");
}

async function answer(number, { action, ...what }) {
  let error = null;
  try {
    await ACTIONS[action](what);
  } catch (thrown) {
    error = String(thrown);
  }
  const file = path.join(OUT, `answer-${number}.json`);
  writeFileSync(`${file}.tmp`, JSON.stringify({ error }));
  renameSync(`${file}.tmp`, file);
}

const ACTIONS = {
  /** The lens with that title which stands right above the line. */
  "click-lens": async ({ title, near }) => {
    const line = page.locator(".view-line", { hasText: near }).first();
    await line.waitFor({ timeout: 60_000 });
    const lenses = page.locator(".codelens-decoration a");
    for (let tries = 0; tries < 600; tries += 1) {
      const below = (await line.boundingBox().catch(() => null))?.y ?? 0; // scrolling may not be over yet
      for (const lens of await lenses.all()) {
        const box = await lens.boundingBox().catch(() => null);
        const text = (await lens.textContent().catch(() => "")) ?? "";
        if (box && below - box.y > 0 && below - box.y < 40 && title.startsWith(text.trim().slice(0, 5))) {
          await lens.click();
          return;
        }
      }
      await sleep(100);
    }
    throw new Error(`no lens ${title} above ${near}`);
  },
  "click-cell": async ({ test }) => (await inWebview(`[data-test="${test}"]`)).click(),
  "click-all-cells": async () => (await inWebview("button.all")).click(),
  "click-jump": async ({ test }) => (await inWebview(`.cell:has([data-test="${test}"]) .jump:last-child`)).click(),
  "click-arrow": async () => (await inWebview("g.arrow .hit")).click({ position: { x: 1, y: 20 } }),
  /** Opens an entry of the Test Explorer, and another below it. */
  "expand-tests": async ({ labels }) => {
    for (const label of labels) {
      const row = page.locator(".test-explorer .monaco-list-row", { hasText: label }).first();
      await row.waitFor({ timeout: 60_000 });
      if ((await row.getAttribute("aria-expanded")) !== "true") await row.locator(".monaco-tl-twistie").click();
    }
  },
  "see-test": async ({ text }) => page.locator(".test-explorer .monaco-list-row", { hasText: text }).first().waitFor({ timeout: 60_000 }),
  "see-lens": async ({ text }) => page.locator(".codelens-decoration a", { hasText: text }).first().waitFor({ timeout: 60_000 }),
  /** A request the server refused, or a view that failed, ends up as a notification. */
  /** `failedRequests`: those to a server that never answered have failed, and VS Code says so. */
  "no-errors": async ({ failedRequests = false }) => {
    const errors = await page.locator(".notification-toast:has(.codicon-error) .notification-list-item-message").allTextContents();
    const others = errors.filter((text) => !(failedRequests && /^Request \S+ failed\.$/.test(text)));
    if (others.length > 0) throw new Error(others.join(" | "));
  },
  screenshot: async ({ name }) => {
    await page.mouse.move(760, 890); // nothing is hovered over
    await sleep(700); // the editor's animations; nothing is asserted on this
    await page.screenshot({ path: path.join(SHOTS, name) });
  },
  /** The server may keep its checker; a run's processes must be gone, on a busy machine a little later. */
  "nothing-runs": async ({ checker = false }) => {
    const end = Date.now() + 10_000;
    let left = runProcesses(checker);
    while (left.length > 0 && Date.now() < end) {
      await sleep(50);
      left = runProcesses(checker);
    }
    if (left.length > 0) throw new Error(`still running: ${left.join(" | ")}`);
  },
};

/** An element of whichever webview has it: the page sits two frames deep. */
async function inWebview(selector) {
  const end = Date.now() + 60_000;
  while (Date.now() < end) {
    for (const frame of page.frames().filter((each) => each !== page.mainFrame())) {
      const found = frame.locator(selector).first();
      if ((await found.count().catch(() => 0)) > 0) return found;
    }
    await sleep(100);
  }
  throw new Error(`no webview has ${selector}`);
}

/** Everything below our own `faultbox lsp`, not that of whoever else works on this machine; the warm checker only when it must not be there either. */
function runProcesses(checker) {
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap(processOf);
  const servers = processes.filter((each) => each.command.includes(`${FAULTBOX_BIN} lsp`) && isOurs(each.pid)).map((each) => each.pid);
  const below = (pid) => processes.filter((each) => each.parent === pid).flatMap((each) => [each, ...below(each.pid)]);
  if (servers.length === 0) throw new Error("the language server is not running");
  return servers.flatMap(below).filter((each) => checker || !each.command.includes("__check")).map((each) => `${each.pid} ${each.command}`);
}

/** What run.sh starts carries its mark in the environment. */
function isOurs(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(MARK);
  } catch {
    return false; // it ended while we looked, or is another user's
  }
}

function processOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return state === "Z" ? [] : [{ pid: Number(pid), parent: Number(parent), command }];
  } catch {
    return []; // it ended while we looked
  }
}

let code = 1;
if (process.env.DEBUG) page.on("console", (message) => console.error(message.text()));
try {
  await open();
  code = await serveProbe();
} catch (error) {
  console.error(String(error));
  await page.screenshot({ path: path.join(OUT, "stuck.png") });
} finally {
  await browser.close();
}
process.exit(code);
