// The Test Explorer: files, tests, matrices and their cells; runs from anywhere show up here.

import * as vscode from "vscode";
import { isRecipe } from "./model/inline";
import { outputOf } from "./model/output";
import { isOver, type LeafState } from "./model/run";
import { gone, treeOf, type TestNode } from "./model/testTree";
import { documentOf, rangeOf, vscodeRange } from "./places";
import type { FileTests, Note, RunReply } from "./protocol";
import { documentKey, type RunEvent, type Runs } from "./runs";
import type { Server } from "./server";

/** Workspaces with more specs list the rest as they are opened. */
const MAX_LISTED_FILES = 500;

/** The server reads no larger ones either. */
const MAX_SPEC_BYTES = 2 * 1024 * 1024;

/** What a spec has and other `.star` files do not; only decides which unopened files are listed. */
const LOOKS_LIKE_A_SPEC = /^\s*(scenario|fault_scenario|fault_matrix|fault_assumption)\s*\(|\bfault_assumption\s*\(|^def test_/m;

/** One TestRun of VS Code, which may stand for several runs of the server (one per file). */
interface Shown {
  testRun: vscode.TestRun;
  open: Set<string>;
  /** False while more runs may still be started for it. */
  complete: boolean;
}

export class TestExplorer implements vscode.Disposable {
  readonly controller = vscode.tests.createTestController("faultbox", "Faultbox");
  private readonly disposables: vscode.Disposable[] = [this.controller];
  private readonly shown = new Map<string, Shown>();
  /** Runs whose first events came before the answer that tells whose they are. */
  private readonly unclaimed = new Map<string, RunEvent[]>();
  private asking = 0;
  /** What to run for an item without children. */
  private readonly names = new WeakMap<vscode.TestItem, string[]>();

  constructor(private readonly server: Server, runs: Runs) {
    const run = (request: vscode.TestRunRequest, token: vscode.CancellationToken): Promise<void> => this.runRequest(request, token);
    this.controller.createRunProfile("Run", vscode.TestRunProfileKind.Run, run, true);
    this.controller.resolveHandler = async (item) => {
      await (item ? this.resolve(item) : this.listFiles());
    };
    this.controller.refreshHandler = () => this.listFiles();
    // The server tells of the files it knows; of the others nobody else does.
    const watcher = vscode.workspace.createFileSystemWatcher("**/*.star", true, true, false);
    this.disposables.push(
      watcher,
      watcher.onDidDelete((uri) => this.forget(uri.toString())),
      server.onTestsChanged((file) => this.update(file)),
      runs.onEvent((event) => this.receive(event)),
    );
  }

  dispose(): void {
    for (const each of this.disposables) each.dispose();
  }

  /** Replaces what is known of a file. Items that stay keep their identity, and so their last result. */
  update(file: FileTests): void {
    const uri = vscode.Uri.parse(file.uri);
    const known = this.controller.items.get(uri.toString());
    if (file.tests.length === 0) {
      known?.children.replace([]);
      if (known && !known.canResolveChildren) this.controller.items.delete(known.id);
      return;
    }
    const root = known ?? this.addFile(uri, false);
    root.canResolveChildren = false;
    this.replaceChildren(root, treeOf(file), uri);
  }

  private replaceChildren(parent: vscode.TestItem, nodes: TestNode[], uri: vscode.Uri): void {
    const items = nodes.map((node, index) => {
      const item = parent.children.get(node.id) ?? this.controller.createTestItem(node.id, node.label, uri);
      this.names.set(item, node.run);
      item.label = node.label;
      item.description = node.description;
      item.range = vscodeRange(node.range);
      // The order of the text, not of the alphabet.
      item.sortText = String(index).padStart(6, "0");
      this.replaceChildren(item, node.children, uri);
      return item;
    });
    parent.children.replace(items);
  }

  private addFile(uri: vscode.Uri, canResolveChildren: boolean): vscode.TestItem {
    const item = this.controller.createTestItem(uri.toString(), vscode.workspace.asRelativePath(uri), uri);
    item.canResolveChildren = canResolveChildren;
    this.controller.items.add(item);
    return item;
  }

  async listFiles(): Promise<void> {
    const files = await vscode.workspace.findFiles("**/*.star", "**/{node_modules,target,bazel-*}/**", MAX_LISTED_FILES);
    const unopened = [...this.controller.items].filter(([, item]) => isUnresolved(item)).map(([id]) => id);
    for (const id of gone(unopened, files.map(String), MAX_LISTED_FILES)) this.forget(id);
    for (const uri of files) {
      const text = await readText(uri);
      // The server may have told of the file meanwhile; what it said stays.
      const isKnown = this.controller.items.get(uri.toString()) !== undefined;
      if (!isKnown && LOOKS_LIKE_A_SPEC.test(text)) this.addFile(uri, true);
    }
  }

  /** Takes a file nobody has opened out of the list. */
  private forget(id: string): void {
    const item = this.controller.items.get(id);
    if (item && isUnresolved(item)) this.controller.items.delete(id);
  }

  /** Opening the document is what makes the server look at it. What went wrong stands at the item, and is the answer. */
  private async resolve(item: vscode.TestItem): Promise<string | undefined> {
    if (!item.uri) return undefined;
    try {
      await vscode.workspace.openTextDocument(item.uri);
      for (const file of await this.server.discover(item.uri.toString())) this.update(file);
      item.error = undefined;
      return undefined;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      item.error = why;
      return why;
    }
  }

  // --- running ---

  private async runRequest(request: vscode.TestRunRequest, token: vscode.CancellationToken): Promise<void> {
    if (!vscode.workspace.isTrusted) {
      void vscode.window.showWarningMessage("Faultbox runs nothing in a folder you have not trusted.");
      return;
    }
    const shown = this.newShown(request, false);
    try {
      for (const [uri, tests] of await this.selection(request, shown.testRun)) {
        if (token.isCancellationRequested) break;
        const reply = await this.ask(() => this.server.run(tests === "all" ? { uri, all: true } : { uri, tests }), shown.testRun);
        if (reply !== undefined) this.claim(reply.runId, shown);
      }
    } finally {
      shown.complete = true;
      this.endIfDone(shown);
      this.adoptUnclaimed();
    }
  }

  private newShown(request: vscode.TestRunRequest, complete: boolean): Shown {
    const shown: Shown = { testRun: this.controller.createTestRun(request), open: new Set(), complete };
    shown.testRun.token.onCancellationRequested(() => {
      for (const id of shown.open) void this.server.cancel(id);
    });
    return shown;
  }

  private async ask(start: () => Promise<RunReply>, testRun: vscode.TestRun): Promise<RunReply | undefined> {
    this.asking += 1;
    try {
      return await start();
    } catch (error) {
      testRun.appendOutput(`${String(error)}\r\n`);
      void vscode.window.showErrorMessage(`Faultbox: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    } finally {
      this.asking -= 1;
    }
  }

  /** What to ask for, by document. */
  private async selection(request: vscode.TestRunRequest, testRun: vscode.TestRun): Promise<Map<string, string[] | "all">> {
    const include = request.include ?? [...this.controller.items].map(([, item]) => item);
    const excluded = new Set(request.exclude ?? []);
    const wanted = new Map<string, string[] | "all">();
    for (const item of include) {
      if (!item.uri || excluded.has(item)) continue;
      const wrong = isUnresolved(item) ? await this.resolve(item) : undefined;
      if (wrong !== undefined) {
        // One file that cannot be read takes nothing from the others.
        testRun.errored(item, new vscode.TestMessage(wrong));
        continue;
      }
      const uri = item.uri.toString();
      const before = wanted.get(uri);
      if (before === "all") continue;
      if (item.parent === undefined && excluded.size === 0) wanted.set(uri, "all");
      // "At the cursor" may name an item twice.
      else wanted.set(uri, [...new Set([...(before ?? []), ...this.leavesOf(item, excluded)])]);
    }
    return wanted;
  }

  private leavesOf(item: vscode.TestItem, excluded: Set<vscode.TestItem>): string[] {
    if (excluded.has(item)) return [];
    if (item.children.size === 0) return this.names.get(item) ?? [];
    return [...item.children].flatMap(([, child]) => this.leavesOf(child, excluded));
  }

  // --- showing ---

  private receive(event: RunEvent): void {
    const shown = this.shown.get(event.run.id);
    if (shown) {
      this.show(shown, event);
      return;
    }
    this.unclaimed.set(event.run.id, [...(this.unclaimed.get(event.run.id) ?? []), event]);
    this.adoptUnclaimed();
  }

  private claim(runId: string, shown: Shown): void {
    shown.open.add(runId);
    this.shown.set(runId, shown);
    const events = this.unclaimed.get(runId) ?? [];
    this.unclaimed.delete(runId);
    for (const event of events) this.show(shown, event);
  }

  /** Runs of lenses, panels and commands become test runs of their own. */
  private adoptUnclaimed(): void {
    // While an answer is awaited an unknown run may be the one it tells of.
    if (this.asking > 0) return;
    for (const [runId, events] of [...this.unclaimed]) {
      const first = events[0] as RunEvent;
      const root = this.controller.items.get(first.run.uri);
      const include = first.run.tests?.map((test) => this.find(first.run.uri, test)).filter((item) => item !== undefined);
      const request = new vscode.TestRunRequest(include ?? (root ? [root] : undefined));
      this.claim(runId, this.newShown(request, true));
    }
  }

  private show(shown: Shown, { run, leaf, event }: RunEvent): void {
    const { testRun } = shown;
    const item = leaf && this.find(run.uri, leaf.leaf.test);
    for (const line of outputOf(event)) testRun.appendOutput(`${line.replaceAll(/\r?\n/g, "\r\n")}\r\n`, undefined, item);
    if (event.event === "run_started") {
      for (const each of run.leaves) this.withItem(run.uri, each, (found) => testRun.enqueued(found));
    } else if (event.event === "leaf_finished" && leaf && item) {
      this.showOutcome(testRun, item, leaf, run.uri);
    } else if (event.event === "leaf_started" && item) {
      testRun.started(item);
    } else if (event.event === "ended") {
      for (const each of run.leaves.filter((state) => state.status === "not_run")) {
        this.withItem(run.uri, each, (found) => testRun.skipped(found));
      }
      shown.open.delete(run.id);
      this.shown.delete(run.id);
      this.endIfDone(shown);
    }
  }

  private showOutcome(testRun: vscode.TestRun, item: vscode.TestItem, leaf: LeafState, uri: string): void {
    if (!isOver(leaf.status)) return;
    switch (leaf.status) {
      case "pass":
        testRun.passed(item, leaf.durationMs);
        break;
      case "skipped":
      case "not_run":
        testRun.skipped(item);
        break;
      case "fail":
      case "bypassed":
      case "inconclusive":
        testRun.failed(item, messageOf(leaf, uri), leaf.durationMs);
        break;
      case "error":
      case "timeout":
        testRun.errored(item, messageOf(leaf, uri), leaf.durationMs);
        break;
    }
  }

  private endIfDone(shown: Shown): void {
    if (shown.complete && shown.open.size === 0) shown.testRun.end();
  }

  private withItem(uri: string, leaf: LeafState, act: (item: vscode.TestItem) => void): void {
    const item = this.find(uri, leaf.leaf.test);
    if (item) act(item);
  }

  /** The item of a test: below its file, or below a matrix of it. */
  find(uri: string, test: string): vscode.TestItem | undefined {
    const root = this.controller.items.get(documentKey(uri));
    if (!root) return undefined;
    const direct = root.children.get(test);
    if (direct) return direct;
    for (const [, group] of root.children) {
      const cell = group.children.get(test);
      if (cell) return cell;
    }
    return undefined;
  }
}

/** Listed, but nobody has looked into it yet. */
function isUnresolved(item: vscode.TestItem): boolean {
  return item.canResolveChildren && item.children.size === 0;
}

/** The text of a file, empty when it cannot be read: it is then not listed. What is no file, such as a pipe, is not. */
async function readText(uri: vscode.Uri): Promise<string> {
  try {
    const { type, size } = await vscode.workspace.fs.stat(uri);
    // What the kernel shows as files has no size.
    if ((type & vscode.FileType.File) === 0 || size === 0 || size > MAX_SPEC_BYTES) return "";
    return Buffer.from(await vscode.workspace.fs.readFile(uri)).toString("utf8");
  } catch {
    return "";
  }
}

/** The failure with expected and actual side by side where something was compared. */
function messageOf(leaf: LeafState, uri: string): vscode.TestMessage {
  const { failure } = leaf;
  if (!failure) return new vscode.TestMessage(leaf.status);
  const withPlace = (note: Note): string =>
    note.place && !isRecipe(note.place) ? `${note.text}  (${vscode.workspace.asRelativePath(documentOf(note.place.path, uri))}:${note.place.line + 1})` : note.text;
  const text = [failure.message, ...failure.notes.map(withPlace), ...failure.help.map((help) => `help: ${help}`)].join("\n");
  const message =
    failure.expected !== null && failure.actual !== null
      ? vscode.TestMessage.diff(text, failure.expected, failure.actual)
      : new vscode.TestMessage(text);
  const place = failure.place && !isRecipe(failure.place) ? failure.place : leaf.leaf.place;
  message.location = new vscode.Location(documentOf(place.path, uri), rangeOf(place));
  return message;
}
