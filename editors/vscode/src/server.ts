// The language server: finding it, starting it, asking it.

import * as vscode from "vscode";
import { State, type LanguageClientOptions, type Middleware } from "vscode-languageclient/node";
import { Client } from "./client";
import { findProgram, type Program } from "./program";
import { SHOW_TIMELINE } from "./protocol";
import type { CommandReply, FileTests, Matrix, RunArguments, RunReply, Status, TestEventParams } from "./protocol";

/** Why a start ended that nobody waits for any more. */
const ABANDONED = "abandoned";

export class Server implements vscode.Disposable {
  private client: Client | undefined;
  private found: Program | undefined;
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
        if (change.affectsConfiguration("faultbox.inlineResults")) this.client?.drawHintsAgain();
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
    this.abandonStart();
    return this.queue(() => this.stopNow());
  }

  restart(): Promise<void> {
    this.abandonStart();
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

  /** What a shell calls the program that runs. */
  get word(): string {
    return this.found?.word ?? "faultbox";
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
    return this.client.ask<Reply>(method, params);
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

  /** A start under way may never come to an end; what is asked for now must not wait for it. */
  private abandonStart(): void {
    if (this.client?.state === State.Starting) this.client.giveUp(ABANDONED);
  }

  private async stopNow(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    if (client === undefined) return;
    await client.end();
    this.stateChange.fire(State.Stopped);
  }

  private async startNow(): Promise<void> {
    const found = findProgram();
    if ("missing" in found) {
      this.status.fire({ health: "error", running: 0, message: found.missing });
      void this.askForProgram(found.missing);
      return;
    }
    this.found = found;
    this.output.appendLine(`starting ${found.file} lsp`);
    const client = this.newClient(found);
    this.client = client;
    try {
      await client.begin();
    } catch (error) {
      this.client = undefined;
      client.giveUp(ABANDONED);
      this.stateChange.fire(State.Stopped);
      const why = error instanceof Error ? error.message : String(error);
      if (why !== ABANDONED) this.startFailed(`${found.file} lsp did not start: ${why}`);
    }
  }

  private newClient(program: Program): Client {
    const options: LanguageClientOptions = {
      documentSelector: [
        { scheme: "file", language: "faultbox" },
        { scheme: "file", pattern: "**/*.star" },
      ],
      // Asked for again when the server is started anew after a crash.
      initializationOptions: () => ({ testEvents: true, commands: [SHOW_TIMELINE], ...settings() }),
      outputChannel: this.output,
      middleware: this.middleware,
    };
    const client = new Client(program.file, options);
    client.onNotification("faultbox/testEvent", (params: TestEventParams) => this.testEvent.fire(params));
    client.onNotification("faultbox/testsChanged", (params: FileTests) => this.testsChanged.fire(params));
    client.onNotification("faultbox/resultsChanged", (params: { uri: string }) => this.resultsChanged.fire(params));
    client.onNotification("faultbox/status", (params: Status) => this.status.fire(params));
    client.onDidChangeState((change) => {
      // One that was given up says nothing about the one that took its place.
      if (this.client === client) this.stateChange.fire(change.newState);
    });
    return client;
  }

  /** The server writes its hints whatever the settings say. */
  private readonly middleware: Middleware = {
    provideInlayHints: (document, range, token, next) => {
      const show = vscode.workspace.getConfiguration("faultbox", document.uri).get<string>("inlineResults", "all");
      return show === "all" ? next(document, range, token) : [];
    },
  };

  private startFailed(message: string): void {
    this.output.appendLine(message);
    this.status.fire({ health: "error", running: 0, message });
    void this.askForProgram(message);
  }

  private sendSettings(): void {
    const told = this.client?.sendNotification("workspace/didChangeConfiguration", { settings: { faultbox: settings() } });
    // One that cannot be told now asks when it starts.
    void told?.catch(() => undefined);
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
