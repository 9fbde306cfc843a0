// Runs inside VS Code's extension host. What only a user can do (clicks, screenshots) it asks of run.mjs by a file, and
// waits for the answer; what the API can tell it asserts itself.

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const vscode = require("vscode");

const { SPEC, OUT, MODE } = JSON.parse(fs.readFileSync(path.join(__dirname, "config.json"), "utf8"));
const PATIENCE_MS = 120_000;
const TEST = "test_write_gets_503";
const done = [];

exports.activate = async () => {
  // The settings that matter are applied with the window; the story runs behind activation.
  const chosen = MODE === "untrusted" ? untrusted : story;
  chosen().then(
    () => finish({ ok: true }),
    (error) => finish({ ok: false, error: String(error?.stack ?? error) }),
  );
};

function finish(result) {
  fs.writeFileSync(path.join(OUT, "result.tmp"), JSON.stringify({ vscode: vscode.version, done, ...result }, null, 2));
  fs.renameSync(path.join(OUT, "result.tmp"), path.join(OUT, "result.json"));
}

async function story() {
  const api = await vscode.extensions.getExtension("faultbox.faultbox").activate();
  const uri = vscode.Uri.file(SPEC);
  const document = await vscode.workspace.openTextDocument(uri);
  const editor = await vscode.window.showTextDocument(document);
  const lineOf = (text, from = 0) => {
    for (let line = from; line < document.lineCount; line += 1) if (document.lineAt(line).text.includes(text)) return line;
    throw new Error(`no line with ${text}`);
  };
  const scenario = lineOf('fault_scenario("write_gets_503"');
  const expectation = lineOf("expect =", scenario);
  const lensAt = async (line) => {
    const lenses = (await vscode.commands.executeCommand("vscode.executeCodeLensProvider", uri, 100)) ?? [];
    return lenses.find((lens) => lens.range.start.line === line && lens.command?.command === "faultbox.run");
  };
  const latest = (test) => api.runs.latest(uri.toString(), test);
  const idle = () => api.runs.active().length === 0;

  assert.equal(document.languageId, "faultbox");
  const lens = await until("a lens over write_gets_503", () => lensAt(scenario));
  note("lens", lens.command.title);

  // A real click on the lens runs the test, which passes.
  editor.revealRange(new vscode.Range(scenario, 0, scenario, 0), vscode.TextEditorRevealType.InCenter);
  await ask("click-lens", { title: lens.command.title, near: 'fault_scenario("write_gets_503"' });
  const passed = await until("a pass", () => idle() && latest(TEST)?.status === "pass" && latest(TEST));
  const title = await until("the outcome in the lens", async () => {
    const now = (await lensAt(scenario))?.command.title;
    return now?.includes("✓") && now;
  });
  note("pass", title);
  assert.ok(passed.evidence.some((each) => each.fired > 0), "the rule fired");
  await until("the pass behind the test", () => api.decorations.shown(uri).some((remark) => remark.line === scenario && remark.look === "pass"));

  // 503 becomes 500 in the editor only; the run takes the text as it stands.
  const at = document.lineAt(expectation).text.indexOf("503");
  const edit = new vscode.WorkspaceEdit();
  edit.replace(uri, new vscode.Range(expectation, at, expectation, at + 3), "500");
  assert.ok(await vscode.workspace.applyEdit(edit));
  assert.ok(document.isDirty);
  const again = await until("a lens over the edited test", () => lensAt(scenario));
  await vscode.commands.executeCommand(again.command.command, ...again.command.arguments);
  const diagnostic = await until("the failure's diagnostic", () => {
    const found = vscode.languages.getDiagnostics(uri).filter((each) => each.source === "faultbox run");
    return idle() && found[0];
  });
  const failed = latest(TEST);
  note("fail", [diagnostic.range.start.line + 1, diagnostic.message, failed.failure]);
  assert.equal(diagnostic.range.start.line, expectation);
  assert.deepEqual([failed.status, failed.failure.expected, failed.failure.actual], ["fail", "500", "503"]);
  assert.ok(document.isDirty, "the run did not save the buffer");
  const inline = (line) => api.decorations.shown(uri).find((remark) => remark.line === line);
  assert.equal(inline(scenario)?.text, "✗ expected 500, got 503");
  assert.equal(inline(expectation)?.look, "fail");
  const explorerItem = api.explorer.find(uri.toString(), TEST);
  assert.ok(explorerItem, "the test is in the Test Explorer");
  assert.ok(api.statusBar.text.includes("1 failed"), api.statusBar.text);
  await until("the failure in the lens", async () => (await lensAt(scenario))?.command.title.startsWith("✗"));
  await ask("see-lens", { text: "✗" });
  await ask("screenshot", { name: "failing-run.png" });

  // The matrix: a click on a cell of the page runs that cell.
  await vscode.commands.executeCommand("faultbox.editor.showMatrix");
  const tables = await until("the matrix", () => api.matrixPanel.panel.content?.tables[0] && api.matrixPanel.panel.content.tables);
  assert.deepEqual(tables[0].columns.map((column) => column.fault), ["api_503", "slow_data", "degraded_api"]);
  assert.deepEqual(tables[0].rows.map((row) => row.scenario), ["write_and_read", "health"]);
  await ask("click-cell", { test: "test_matrix_health_api_503" });
  await until("the cell's outcome", () => idle() && latest("test_matrix_health_api_503")?.status === "pass");
  await until("the outcome in the page", () => api.matrixPanel.panel.content.tables[0].rows[1].cells[0].text === "PASS");
  note("matrix", api.matrixPanel.panel.content.tables[0].rows.map((row) => row.cells.map((cell) => `${cell.text} ${cell.detail}`.trim())));
  assert.ok(api.explorer.find(uri.toString(), "test_matrix_health_api_503").parent.id !== uri.toString(), "cells are below their matrix");
  await ask("click-all-cells", {});
  const allCells = () => api.matrixPanel.panel.content.tables[0].rows.flatMap((row) => row.cells);
  await until("every cell's outcome in the page", () => idle() && allCells().every((cell) => cell.text === "PASS"));
  await until("the page to offer running again", () => !api.matrixPanel.panel.content.running);
  await ask("screenshot", { name: "matrix.png" });

  // A second action leads to the rule.
  await ask("click-jump", { test: "test_matrix_health_api_503" });
  const rule = lineOf('fault_assumption("api_503"');
  const jumped = await until("the cursor at the rule", () => {
    const line = vscode.window.activeTextEditor?.selection.active.line;
    return vscode.window.activeTextEditor?.document.uri.toString() === uri.toString() && line >= rule && line <= rule + 4 && line + 1;
  });
  note("rule", jumped);

  // The timeline of the failing test.
  const rerun = await lensAt(scenario);
  await vscode.commands.executeCommand(rerun.command.command, ...rerun.command.arguments);
  await until("the failure again", () => api.runs.active().length === 0 && api.runs.last(uri.toString()).leaves[0].status === "fail");
  await vscode.window.showTextDocument(document, vscode.ViewColumn.One);
  const timelineLens = await until("a lens that shows the timeline", async () => {
    const lenses = await vscode.commands.executeCommand("vscode.executeCodeLensProvider", uri, 100);
    return lenses?.find((each) => each.range.start.line === scenario && each.command?.command === "faultbox.editor.showTimeline");
  });
  await vscode.commands.executeCommand(timelineLens.command.command, ...timelineLens.command.arguments);
  const timeline = await until("the timeline", () => api.timelinePanel.panel.content?.timeline);
  note("timeline", [timeline.title, timeline.lanes, timeline.arrows.length, timeline.marks.length]);
  assert.equal(timeline.title, TEST);
  assert.ok(timeline.lanes.includes("test") && timeline.lanes.includes("api"));
  assert.ok(timeline.arrows.length > 0 && timeline.marks.some((mark) => mark.kind === "rule"));
  const step = timeline.arrows[0].place.line;
  await ask("click-arrow", {});
  await until("the cursor at the step", () => vscode.window.activeTextEditor?.selection.active.line === step);
  await ask("screenshot", { name: "timeline.png" });

  // Everything, as the Test Explorer shows it.
  await vscode.commands.executeCommand("workbench.action.closeEditorsInOtherGroups");
  await vscode.commands.executeCommand("faultbox.editor.runAll");
  await until("all tests", () => idle() && api.runs.last(uri.toString())?.leaves.length === 11 && api.runs.last(uri.toString()).totals);
  await vscode.commands.executeCommand("workbench.view.testing.focus");
  await ask("expand-tests", { labels: ["protocol-test.star", "matrix 2 × 3"] });
  await ask("see-test", { text: "health × degraded_api" });
  await ask("screenshot", { name: "test-explorer.png" });
  await vscode.commands.executeCommand("workbench.view.explorer");

  // Cancelling ends the run, and whatever it started.
  const slow = await until("a lens over slow_reads", () => lensAt(lineOf('fault_scenario("slow_reads"')));
  await vscode.commands.executeCommand(slow.command.command, ...slow.command.arguments);
  await until("the slow test on its way", () => latest("test_slow_reads")?.status === "running");
  const clicked = Date.now();
  await vscode.commands.executeCommand("faultbox.editor.cancel");
  const cancelled = await until("the end of the run", () => idle() && api.runs.last(uri.toString()));
  note("cancel", [cancelled.leaves[0].status, `${Date.now() - clicked} ms`]);
  assert.ok(cancelled.cancelled, "the run says that it was cancelled");
  await ask("nothing-runs", {});

  // The Test Explorer's own run and cancel.
  const runAtCursor = async (text) => {
    const shown = await vscode.window.showTextDocument(document, vscode.ViewColumn.One);
    const line = lineOf(text);
    shown.selection = new vscode.Selection(line, 0, line, 0);
    await vscode.commands.executeCommand("testing.runAtCursor");
  };
  await runAtCursor("scenario(health)");
  await until("the explorer's run", () => idle() && latest("test_health")?.status === "pass");
  assert.deepEqual(api.runs.last().tests, ["test_health"]);
  const slowRun = runAtCursor('fault_scenario("slow_reads"');
  await until("the explorer's slow run on its way", () => !idle() && latest("test_slow_reads")?.status === "running");
  await vscode.commands.executeCommand("testing.cancelRun");
  const stopped = await until("its end", () => idle() && api.runs.last());
  assert.ok(stopped.cancelled, "cancelled from the Test Explorer");
  await slowRun;
  await ask("nothing-runs", {});
  note("explorer", [api.runs.last().tests, stopped.leaves[0].status]);

  // Without a spec in it, a .star file stays quiet.
  const other = vscode.Uri.file(path.join(path.dirname(SPEC), "BUILD.star"));
  fs.writeFileSync(other.fsPath, 'load("//tools:rules.bzl", "library")\n\nlibrary(name = "x", srcs = glob(["*.c"]))\n');
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(other), vscode.ViewColumn.One);
  assert.equal((await vscode.commands.executeCommand("vscode.executeCodeLensProvider", other, 10))?.length ?? 0, 0);
  assert.deepEqual(vscode.languages.getDiagnostics(other), []);
  note("quiet", "BUILD.star");

  // A spec nobody has opened is listed, and goes with its file.
  const unopened = vscode.Uri.file(path.join(path.dirname(SPEC), "unopened.star"));
  // A file that comes and goes within one look of VS Code's watcher is never told of.
  const watcher = vscode.workspace.createFileSystemWatcher("**/unopened.star");
  let isSeen = false;
  watcher.onDidCreate(() => (isSeen = true));
  fs.writeFileSync(unopened.fsPath, document.getText());
  await until("the watcher's word of the unopened spec", () => isSeen);
  watcher.dispose();
  const isListed = () => api.explorer.controller.items.get(unopened.toString()) !== undefined;
  await until("the unopened spec in the list", () => api.explorer.listFiles().then(isListed));
  fs.unlinkSync(unopened.fsPath);
  await until("the list without it", () => !isListed());
  note("unopened", "gone");

  // Restarting keeps everything working.
  await vscode.commands.executeCommand("faultbox.editor.restartServer");
  await until("lenses after a restart", () => lensAt(scenario));
  await runAtCursor("scenario(health)");
  await until("a run of the new server", () => idle() && api.runs.last().leaves[0]?.status === "pass");
  note("restart", "ok");

  // Also when the server hangs: it is killed, and another takes its place.
  const hanging = serverPid();
  process.kill(hanging, "SIGSTOP");
  await vscode.commands.executeCommand("faultbox.editor.restartServer");
  await until("another server", () => api.server.running && serverPid() !== hanging);
  await until("lenses of another server", () => lensAt(scenario));
  note("restart of a hanging server", "ok");

  await ask("no-errors", {});

  // A program that never answers is replaced once the setting names another.
  const settings = vscode.workspace.getConfiguration("faultbox");
  const right = settings.get("path");
  const silent = path.join(OUT, "silent");
  fs.writeFileSync(silent, "#!/bin/sh\nexec sleep 300\n", { mode: 0o755 });
  await settings.update("path", silent, vscode.ConfigurationTarget.Global);
  await until("the silent program", () => serverPid("sleep 300") !== undefined);
  await settings.update("path", right, vscode.ConfigurationTarget.Global);
  await until("the right server", () => api.server.running && lensAt(scenario));
  assert.equal(serverPid("sleep 300"), undefined);
  note("a silent program", "replaced");
  await ask("no-errors", { failedRequests: true });
}

/** The process this window's extension host has started as its server. */
function serverPid(command = " lsp") {
  for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const words = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      if (state !== "Z" && Number(parent) === process.pid && words.endsWith(command)) return Number(pid);
    } catch {
      // it ended while we looked
    }
  }
  return undefined;
}

/** In a folder the user has not trusted: the text is read, nothing of it is evaluated or run. */
async function untrusted() {
  assert.equal(vscode.workspace.isTrusted, false, "the window is in restricted mode");
  const api = await vscode.extensions.getExtension("faultbox.faultbox").activate();
  const uri = vscode.Uri.file(SPEC);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri));
  await until("the server", () => api.server.running);
  await assert.rejects(() => api.server.run({ uri: uri.toString(), all: true }), "the server refuses to run");
  assert.deepEqual(api.runs.last(), undefined);
  await ask("nothing-runs", { checker: true });
  note("untrusted", "refused");
}

function note(step, what) {
  done.push([step, what]);
}

/** Waits for a condition, looking at it again and again; what it waits for is in the message when it never comes. */
async function until(what, condition) {
  const end = Date.now() + PATIENCE_MS;
  while (Date.now() < end) {
    const found = await condition();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  throw new Error(`waited ${PATIENCE_MS / 1000} s in vain for ${what}`);
}

let asked = 0;

/** Has the browser's side do something, and waits until it did. */
async function ask(action, what) {
  asked += 1;
  const [question, answer] = ["ask", "answer"].map((kind) => path.join(OUT, `${kind}-${asked}.json`));
  fs.writeFileSync(`${question}.tmp`, JSON.stringify({ action, ...what }));
  fs.renameSync(`${question}.tmp`, question);
  await until(`the browser to do ${action}`, () => fs.existsSync(answer));
  const { error } = JSON.parse(fs.readFileSync(answer, "utf8"));
  if (error) throw new Error(`${action}: ${error}`);
}
