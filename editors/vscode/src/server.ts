// The language server: finding it, starting it, asking it.

import { accessSync, constants, statSync } from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import { LanguageClient, State, type LanguageClientOptions } from "vscode-languageclient/node";
import { SHOW_TIMELINE } from "./protocol";
import type { CommandReply, FileTests, Matrix, RunArguments, RunReply, Status, TestEventParams } from "./protocol";

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  /** Starts and stops happen one after the other, however fast the user asks. */
  private turn: Promise<void> = Promise.resolve();
  private readonly disposables: vscode.Disposable[] = [];
  readonly output = vscode.window.createOutputChannel("Faultbox Server");
  private readonly testEvent = this.emitter<TestEventParams>();
  private readonly testsChanged = this.emitter<FileTests>();
  private readonly resultsChanged = this.emitter<{ uri: string }>();
  private readonly status = this.emitter<Status>();
  private readonly stateChange = this.emitter<State>();
  readonly onTestEvent = this.testEvent.event;
  readonly onTestsChanged = this.testsChanged.event;
  readonly onResultsChanged = this.resultsChanged.event;
  readonly onStatus = this.status.event;
  readonly onState = this.stateChange.event;

  constructor() {
    this.disposables.push(
      this.output,
      vscode.workspace.onDidGrantWorkspaceTrust(() => void this.restart()),
      vscode.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("faultbox.path")) void this.restart();
        else if (change.affectsConfiguration("faultbox")) this.sendSettings();
      }),
    );
  }

  dispose(): void {
    for (const each of this.disposables) each.dispose();
  }

  start(): Promise<void> {
    return this.queue(() => this.startNow());
  }

  stop(): Promise<void> {
    return this.queue(() => this.stopNow());
  }

  restart(): Promise<void> {
    return this.queue(async () => {
      await this.stopNow();
      await this.startNow();
    });
  }

  /** True when the server itself writes `fired 2x` behind the rules. */
  get hasInlayHints(): boolean {
    return Boolean(this.client?.initializeResult?.capabilities.inlayHintProvider);
  }

  get running(): boolean {
    return this.client?.state === State.Running;
  }

  run(what: RunArguments): Promise<RunReply> {
    return this.command<RunReply>("faultbox.run", what);
  }

  async cancel(runId?: string): Promise<void> {
    await this.command("faultbox.cancel", runId === undefined ? {} : { runId });
  }

  showCommand(what: RunArguments): Promise<CommandReply> {
    return this.command<CommandReply>("faultbox.showCommand", what);
  }

  async discover(uri: string): Promise<FileTests[]> {
    const { files } = await this.request<{ files: FileTests[] }>("faultbox/discoverTests", { textDocument: { uri } });
    return files;
  }

  async matrices(uri: string): Promise<Matrix[]> {
    return (await this.request<{ matrices: Matrix[] }>("faultbox/matrix", { textDocument: { uri } })).matrices;
  }

  /** Server commands go over the wire, not through VS Code's registry, whose entries vanish during a restart. */
  private command<Reply>(command: string, argument: object): Promise<Reply> {
    return this.request<Reply>("workspace/executeCommand", { command, arguments: [argument] });
  }

  private async request<Reply>(method: string, params: object): Promise<Reply> {
    await this.turn;
    if (this.client === undefined) throw new Error("the Faultbox server is not running; see \"Faultbox: Restart server\"");
    return this.client.sendRequest<Reply>(method, params);
  }

  private emitter<T>(): vscode.EventEmitter<T> {
    const emitter = new vscode.EventEmitter<T>();
    this.disposables.push(emitter);
    return emitter;
  }

  private queue(work: () => Promise<void>): Promise<void> {
    // A failed start was reported where it failed; it must not block the next one.
    this.turn = this.turn.then(work).catch((error: unknown) => this.output.appendLine(String(error)));
    return this.turn;
  }

  private async stopNow(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    // A crashed client cannot be stopped, and needs no stopping.
    if (client?.state === State.Running) await client.stop(3000);
    await client?.dispose(3000).catch(() => undefined);
  }

  private async startNow(): Promise<void> {
    const program = findProgram();
    if (typeof program !== "string") {
      this.status.fire({ health: "error", running: 0, message: program.missing });
      void this.askForProgram(program.missing);
      return;
    }
    this.output.appendLine(`starting ${program} lsp`);
    const options: LanguageClientOptions = {
      documentSelector: [
        { scheme: "file", language: "faultbox" },
        { scheme: "file", pattern: "**/*.star" },
      ],
      initializationOptions: { testEvents: true, commands: [SHOW_TIMELINE], ...settings() },
      outputChannel: this.output,
    };
    const run = { command: program, args: ["lsp"] };
    const client = new LanguageClient("faultbox", "Faultbox", { run, debug: run }, options);
    client.onNotification("faultbox/testEvent", (params: TestEventParams) => this.testEvent.fire(params));
    client.onNotification("faultbox/testsChanged", (params: FileTests) => this.testsChanged.fire(params));
    client.onNotification("faultbox/resultsChanged", (params: { uri: string }) => this.resultsChanged.fire(params));
    client.onNotification("faultbox/status", (params: Status) => this.status.fire(params));
    client.onDidChangeState((change) => this.stateChange.fire(change.newState));
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.status.fire({ health: "error", running: 0, message: `the server did not start: ${String(error)}` });
      throw error;
    }
  }

  private sendSettings(): void {
    void this.client?.sendNotification("workspace/didChangeConfiguration", { settings: { faultbox: settings() } });
  }

  private async askForProgram(missing: string): Promise<void> {
    const open = "Open the setting";
    const choice = await vscode.window.showErrorMessage(`Faultbox: ${missing}`, open);
    if (choice === open) await vscode.commands.executeCommand("workbench.action.openSettings", "faultbox.path");
  }
}

function settings(): object {
  const configuration = vscode.workspace.getConfiguration("faultbox");
  return {
    trusted: vscode.workspace.isTrusted,
    codeLens: configuration.get<string>("codeLens", "always"),
    jobs: configuration.get<number>("jobs", 0),
  };
}

/** The program to start. One inside the workspace is only taken when the user trusts the workspace. */
function findProgram(): string | { missing: string } {
  const set = vscode.workspace.getConfiguration("faultbox").get<string>("path", "").trim();
  const folders = (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
  if (set !== "") {
    const found = [set, ...folders.map((folder) => path.resolve(folder, set))].find((each) => path.isAbsolute(each) && isProgram(each));
    return found ?? { missing: `faultbox.path is ${set}, which is not a program` };
  }
  const built = folders.flatMap((folder) => ["release", "debug"].map((kind) => path.join(folder, "target", kind, "faultbox")));
  const onPath = (process.env["PATH"] ?? "").split(path.delimiter).filter(path.isAbsolute).map((folder) => path.join(folder, "faultbox"));
  const found = [...onPath, ...(vscode.workspace.isTrusted ? built : [])].find(isProgram);
  return found ?? { missing: "no `faultbox` program on PATH; install it or set faultbox.path" };
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
