// Results in the text: the outcome behind each test, the failing assertion, what each rule did.

import { createHash } from "node:crypto";
import * as vscode from "vscode";
import { mergeByLine, remarksOf, type LineRemark, type Remark } from "./model/inline";
import { moveLine, type LineChange } from "./model/lines";
import { documentOf } from "./places";
import { documentKey, type RunEvent, type Runs } from "./runs";
import type { Server } from "./server";

const LOOKS: Record<LineRemark["look"], { color: string; background?: string; ruler?: string }> = {
  pass: { color: "testing.iconPassed" },
  fail: { color: "testing.iconFailed", background: "inputValidation.errorBackground", ruler: "testing.iconFailed" },
  rule: { color: "editorCodeLens.foreground" },
  silent: { color: "editorWarning.foreground", ruler: "editorWarning.foreground" },
};

/** An edit no line survives. */
const REPLACED: LineChange = { startLine: 0, startColumn: 0, endLine: Number.MAX_SAFE_INTEGER, endColumn: 1, text: "" };

export class Decorations implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly types = new Map<LineRemark["look"], vscode.TextEditorDecorationType>();
  /** By document, then by test: what the newest run of that test said. Lines follow the edits made since. */
  private readonly remarks = new Map<string, Map<string, Remark[]>>();
  /** Edits made since a run took its copy of the text, by run and document. */
  private readonly edits = new Map<string, Map<string, LineChange[]>>();
  /** What closed documents with remarks said, by their hash: remarks are about that text and no other. */
  private readonly closedTexts = new Map<string, string>();

  constructor(private readonly server: Server, runs: Runs) {
    for (const look of Object.keys(LOOKS) as LineRemark["look"][]) this.types.set(look, decorationType(look));
    this.disposables.push(
      ...this.types.values(),
      runs.onEvent((event) => this.receive(event)),
      vscode.workspace.onDidChangeTextDocument((change) => this.edited(change)),
      vscode.workspace.onDidCloseTextDocument((document) => this.closed(document)),
      vscode.workspace.onDidOpenTextDocument((document) => this.opened(document)),
      vscode.window.onDidChangeVisibleTextEditors(() => this.drawAll()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("faultbox.inlineResults")) this.drawAll();
      }),
    );
  }

  dispose(): void {
    for (const each of this.disposables) each.dispose();
  }

  /** What is drawn in a document, for the editor test. */
  shown(uri: vscode.Uri): LineRemark[] {
    const show = vscode.workspace.getConfiguration("faultbox", uri).get<string>("inlineResults", "all");
    const all = [...(this.remarks.get(uri.toString())?.values() ?? [])].flat();
    const wanted = all.filter((remark) => {
      if (show === "off") return false;
      if (remark.kind === "failure") return true;
      return show === "all" && !(remark.kind === "rule" && this.server.hasInlayHints);
    });
    return mergeByLine(wanted);
  }

  private receive({ run, leaf, event }: RunEvent): void {
    if (event.event === "queued") this.edits.set(run.id, new Map());
    if (event.event === "ended") this.edits.delete(run.id);
    if (event.event !== "leaf_finished" || leaf === undefined) return;
    this.forget(leaf.leaf.test, run.uri);
    for (const remark of remarksOf(leaf)) {
      const uri = documentOf(remark.path, run.uri).toString();
      const moved = movedBy(remark, this.edits.get(run.id)?.get(uri) ?? []);
      if (moved === undefined) continue;
      this.remarksOf(uri, ownerKey(leaf.leaf.test, run.uri)).push(moved);
      // A run of a closed document took its text from the disk, whatever was in the editor before.
      this.closedTexts.delete(uri);
    }
    this.drawAll();
  }

  /** A test of a spec may have left remarks in the files it loads, too. */
  private forget(test: string, spec: string): void {
    for (const tests of this.remarks.values()) tests.delete(ownerKey(test, spec));
  }

  private remarksOf(uri: string, owner: string): Remark[] {
    const tests = this.remarks.get(uri) ?? new Map<string, Remark[]>();
    this.remarks.set(uri, tests);
    const found = tests.get(owner) ?? [];
    tests.set(owner, found);
    return found;
  }

  private closed(document: vscode.TextDocument): void {
    if (document.uri.scheme !== "file") return;
    const uri = documentKey(document.uri.toString());
    if (this.remarks.has(uri) || this.edits.size > 0) this.closedTexts.set(uri, hashOf(document));
  }

  /** What was changed while nobody told us of it is as good as replaced. */
  private opened(document: vscode.TextDocument): void {
    const uri = documentKey(document.uri.toString());
    const before = this.closedTexts.get(uri);
    this.closedTexts.delete(uri);
    if (before === undefined || before === hashOf(document)) return;
    this.remarks.delete(uri);
    for (const documents of this.edits.values()) documents.set(uri, [REPLACED]);
    this.drawAll();
  }

  private edited({ document, contentChanges }: vscode.TextDocumentChangeEvent): void {
    if (contentChanges.length === 0 || document.uri.scheme !== "file") return;
    const uri = documentKey(document.uri.toString());
    const changes = contentChanges.map(({ range, text }) => ({
      startLine: range.start.line,
      startColumn: range.start.character,
      endLine: range.end.line,
      endColumn: range.end.character,
      text,
    }));
    for (const documents of this.edits.values()) documents.set(uri, [...(documents.get(uri) ?? []), ...changes]);
    const tests = this.remarks.get(uri);
    if (!tests) return;
    for (const [test, remarks] of tests) {
      tests.set(test, remarks.map((remark) => movedBy(remark, changes)).filter((remark) => remark !== undefined));
    }
    this.drawAll();
  }

  private drawAll(): void {
    for (const editor of vscode.window.visibleTextEditors) {
      if (editor.document.uri.scheme === "file") this.draw(editor);
    }
  }

  private draw(editor: vscode.TextEditor): void {
    const { document } = editor;
    const remarks = this.shown(document.uri).filter((remark) => remark.line < document.lineCount);
    for (const [look, type] of this.types) {
      const options = remarks.filter((remark) => remark.look === look).map((remark) => ({
        range: document.lineAt(remark.line).range,
        hoverMessage: new vscode.MarkdownString(remark.hover),
        renderOptions: { after: { contentText: remark.text } },
      }));
      editor.setDecorations(type, options);
    }
  }
}

function decorationType(look: LineRemark["look"]): vscode.TextEditorDecorationType {
  const { color, background, ruler } = LOOKS[look];
  return vscode.window.createTextEditorDecorationType({
    isWholeLine: true,
    rangeBehavior: vscode.DecorationRangeBehavior.ClosedClosed,
    ...(background === undefined ? {} : { backgroundColor: new vscode.ThemeColor(background) }),
    ...(ruler === undefined
      ? {}
      : { overviewRulerColor: new vscode.ThemeColor(ruler), overviewRulerLane: vscode.OverviewRulerLane.Right }),
    after: { color: new vscode.ThemeColor(color), margin: "0 0 0 2em", fontStyle: "italic" },
  });
}

function hashOf(document: vscode.TextDocument): string {
  return createHash("sha256").update(document.getText()).digest("hex");
}

function movedBy(remark: Remark, changes: LineChange[]): Remark | undefined {
  let line: number | undefined = remark.line;
  for (const change of changes) {
    if (line === undefined) return undefined;
    line = moveLine(line, change);
  }
  return line === undefined ? undefined : { ...remark, line };
}

function ownerKey(test: string, spec: string): string {
  return `${spec} ${test}`;
}
