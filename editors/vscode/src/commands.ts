// The commands of the palette, the title bar and the status bar. The server's own commands are registered by the
// language client under their own names, so none of these may begin with one of them.

import * as vscode from "vscode";
import { shellLine } from "./model/shell";
import { testAt } from "./model/testTree";
import type { MatrixPanel } from "./panels/matrixPanel";
import type { TimelinePanel } from "./panels/timelinePanel";
import type { FileTests, RunArguments, RunReply, TimelineArguments } from "./protocol";
import { documentKey, type Runs } from "./runs";
import type { Server } from "./server";

export class Commands implements vscode.Disposable {
  private readonly disposables: vscode.Disposable[] = [];
  private readonly tests = new Map<string, FileTests>();
  private last: RunArguments | undefined;
  matrixPanel: MatrixPanel | undefined;
  timelinePanel: TimelinePanel | undefined;

  constructor(private readonly server: Server, private readonly runs: Runs, private readonly log: vscode.OutputChannel) {
    const commands: Record<string, (argument: unknown) => Promise<unknown>> = {
      runAll: () => this.runHere((uri) => ({ uri, all: true })),
      runFailed: () => this.runHere((uri) => ({ uri, failed: true })),
      runAtCursor: () => this.runAtCursor(),
      rerun: () => this.rerun(),
      cancel: () => this.report(server.cancel()),
      showMatrix: () => this.showMatrix(),
      showTimeline: (argument) => this.showTimeline(argument),
      copyCommand: () => this.copyCommand(),
      showOutput: async () => this.log.show(true),
      restartServer: () => this.server.restart(),
      menu: () => this.menu(),
    };
    for (const [name, act] of Object.entries(commands)) {
      this.disposables.push(vscode.commands.registerCommand(`faultbox.editor.${name}`, act));
    }
    this.disposables.push(
      server.onTestsChanged((file) => {
        this.tests.set(documentKey(file.uri), file);
        this.updateContext();
      }),
      runs.onEvent(({ run, event }) => {
        if (event.event === "queued") this.last = event.tests === null ? { uri: run.uri, all: true } : { uri: run.uri, tests: event.tests };
        if (event.event === "queued" || event.event === "run_started" || event.event === "ended") this.updateContext();
      }),
      vscode.window.onDidChangeActiveTextEditor(() => this.updateContext()),
    );
  }

  dispose(): void {
    for (const each of this.disposables) each.dispose();
  }

  /** Starts a run; a refusal is shown, not thrown. */
  async run(what: RunArguments): Promise<RunReply | undefined> {
    if (!vscode.workspace.isTrusted) {
      const manage = "Manage trust";
      const choice = await vscode.window.showWarningMessage("Faultbox runs nothing in a folder you have not trusted.", manage);
      if (choice === manage) await vscode.commands.executeCommand("workbench.trust.manage");
      return undefined;
    }
    return this.report(this.server.run(what));
  }

  private async report<T>(work: Promise<T>): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      void vscode.window.showErrorMessage(`Faultbox: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  private specUri(): string | undefined {
    const active = vscode.window.activeTextEditor;
    // The cursor may be in another file beside the spec, or in a panel.
    const editors = [...(active ? [active] : []), ...vscode.window.visibleTextEditors];
    const spec = editors.map((editor) => editor.document).find((document) => document.languageId === "faultbox" || document.fileName.endsWith(".star"));
    return spec?.uri.toString() ?? this.last?.uri;
  }

  private async runHere(what: (uri: string) => RunArguments): Promise<void> {
    const uri = this.specUri();
    if (uri === undefined) openSpecFirst();
    else await this.run(what(uri));
  }

  private async runAtCursor(): Promise<void> {
    const editor = vscode.window.activeTextEditor;
    const test = this.testAtCursor();
    if (editor && test) await this.run({ uri: editor.document.uri.toString(), tests: test.run });
    else void vscode.window.showInformationMessage("Faultbox: the cursor is in no test.");
  }

  private testAtCursor(): ReturnType<typeof testAt> {
    const editor = vscode.window.activeTextEditor;
    const file = editor && this.tests.get(documentKey(editor.document.uri.toString()));
    return file && testAt(file, editor.selection.active.line);
  }

  private async rerun(): Promise<void> {
    if (this.last) await this.run(this.last);
    else await this.runHere((uri) => ({ uri, all: true }));
  }

  private async showMatrix(): Promise<void> {
    const uri = this.specUri();
    if (uri === undefined) openSpecFirst();
    else await this.report(this.matrixPanel?.open(uri) ?? Promise.resolve());
  }

  /** A lens says which test of which run; from elsewhere it is the test at the cursor in the last run. */
  private async showTimeline(argument: unknown): Promise<void> {
    const { uri, runId, test } = isTimelineArguments(argument)
      ? argument
      : { uri: this.specUri() ?? "", runId: undefined, test: this.testAtCursor()?.run[0] };
    const shown = this.timelinePanel?.open(uri, test, runId) ?? false;
    if (!shown) void vscode.window.showInformationMessage("Faultbox: run a test first; the timeline shows what happened in it.");
  }

  private async copyCommand(): Promise<void> {
    const uri = this.specUri();
    if (uri === undefined) return openSpecFirst();
    const test = this.testAtCursor();
    const reply = await this.report(this.server.showCommand(test ? { uri, tests: test.run } : { uri, all: true }));
    if (reply === undefined) return;
    await vscode.env.clipboard.writeText(shellLine(reply.argv, reply.cwd, this.server.word));
    void vscode.window.setStatusBarMessage("Faultbox: command copied", 3000);
  }

  private async menu(): Promise<void> {
    const running = this.runs.active().length > 0;
    const entries: [label: string, command: string][] = [
      ...(running ? [["$(debug-stop) Cancel the run", "cancel"] as [string, string]] : []),
      ["$(run-all) Run all tests of this spec", "runAll"],
      ["$(debug-rerun) Run the last selection again", "rerun"],
      ["$(table) Show matrix", "showMatrix"],
      ["$(graph-line) Show timeline", "showTimeline"],
      ["$(output) Show output", "showOutput"],
      ["$(refresh) Restart server", "restartServer"],
    ];
    const choice = await vscode.window.showQuickPick(entries.map(([label, command]) => ({ label, command })), { title: "Faultbox" });
    if (choice) await vscode.commands.executeCommand(`faultbox.editor.${choice.command}`);
  }

  private updateContext(): void {
    const uri = vscode.window.activeTextEditor?.document.uri.toString();
    const tests = (uri && this.tests.get(documentKey(uri))?.tests) || [];
    const contexts: Record<string, boolean> = {
      hasTests: tests.length > 0,
      hasMatrix: tests.some((test) => test.kind === "matrix"),
      hasRun: this.runs.last() !== undefined,
      running: this.runs.active().length > 0,
    };
    for (const [name, value] of Object.entries(contexts)) void vscode.commands.executeCommand("setContext", `faultbox.${name}`, value);
  }
}

/** Title bars pass a Uri, the palette nothing. */
function isTimelineArguments(argument: unknown): argument is TimelineArguments {
  const { uri, runId, test } = (argument ?? {}) as Partial<Record<keyof TimelineArguments, unknown>>;
  return [uri, runId, test].every((each) => typeof each === "string");
}

function openSpecFirst(): void {
  void vscode.window.showInformationMessage("Faultbox: open a spec first.");
}
