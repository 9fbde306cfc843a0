// A language client that can be given up at any moment. The library's own waits for a server that hangs: it neither
// ends a start that gets no answer, nor the process of a stop that gets none.

import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import * as vscode from "vscode";
import { CloseAction, LanguageClient, State, type ErrorHandler, type LanguageClientOptions } from "vscode-languageclient/node";

/** A server answers in milliseconds; this is for a machine that is very busy. */
const START_MS = 15_000;
/** A well server ends its runs in this time; VS Code itself waits 5 s when a window closes. */
const STOP_MS = 3000;
/** Between the end of a program's output and its own. */
const END_MS = 500;

export class Client extends LanguageClient {
  /** It has answered once: from here on the library may start it again after a crash. */
  private wasWell = false;
  private readonly waiting = new Set<(reason: Error) => void>();

  constructor(file: string, options: LanguageClientOptions, private readonly children = new Children(file)) {
    super("faultbox", "Faultbox", () => children.start(), {
      ...options,
      errorHandler: {
        error: (...told) => this.usual.error(...told),
        closed: () => this.closed(),
      },
      // Whoever began says what went wrong; the library would show its own words, too.
      initializationFailedHandler: () => false,
    });
    this.onDidChangeState(({ newState }) => (this.wasWell ||= newState === State.Running));
  }

  private readonly usual: ErrorHandler = this.createDefaultErrorHandler();

  /** Starts, or fails in bounded time. */
  async begin(): Promise<void> {
    const slow = setTimeout(() => this.giveUp(`no answer within ${START_MS / 1000} s`), START_MS);
    try {
      await this.unlessGivenUp(this.start());
    } catch (error) {
      // That the program ended says more than what its broken pipe led to.
      const end = this.children.killed ? undefined : await this.children.end();
      throw end === undefined ? error : new Error(`${end} before it answered`);
    } finally {
      clearTimeout(slow);
    }
  }

  /** Stops, by force when asking does not help. */
  async end(): Promise<void> {
    const why = "the Faultbox server was stopped";
    try {
      if (this.state !== State.Running) return this.giveUp(why);
      await super.stop(STOP_MS);
      this.refuse(new Error(why));
      setTimeout(() => this.giveUp(why), STOP_MS);
    } catch (error) {
      this.outputChannel.appendLine(`${String(error)}; its process is killed`);
      this.giveUp(why);
    }
  }

  /** Asks; the answer of a server that is gone is not waited for. */
  ask<Reply>(method: string, params: object): Promise<Reply> {
    return this.unlessGivenUp(this.sendRequest<Reply>(method, params));
  }

  /** Ends the process at once, and everything that waits for it. */
  giveUp(why: string): void {
    this.children.kill();
    this.refuse(new Error(why));
    void this.dispose(0).catch(() => undefined);
  }

  drawHintsAgain(): void {
    for (const document of vscode.workspace.textDocuments) {
      this.getFeature("textDocument/inlayHint").getProvider(document)?.onDidChangeInlayHints.fire();
    }
  }

  private unlessGivenUp<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.waiting.add(reject);
      work.then(resolve, reject).finally(() => this.waiting.delete(reject));
    });
  }

  private refuse(reason: Error): void {
    for (const reject of this.waiting) reject(reason);
    this.waiting.clear();
  }

  private closed(): ReturnType<ErrorHandler["closed"]> {
    this.refuse(new Error("the Faultbox server ended"));
    if (this.wasWell && !this.children.killed) return this.usual.closed();
    return { action: CloseAction.DoNotRestart, handled: true };
  }

  override error(message: string, data?: unknown, show: boolean | "force" = true): void {
    super.error(message, data, this.wasWell && !this.children.killed ? show : false);
  }

  /** The library also calls this for a start that failed, without looking at the answer. */
  override stop(timeout?: number): Promise<void> {
    const stopped = super.stop(timeout);
    return this.wasWell ? stopped : stopped.catch(() => undefined);
  }
}

/** The processes a client has started: one, and after each crash another. */
class Children {
  killed = false;
  private newest: ChildProcess | undefined;

  constructor(private readonly file: string) {}

  async start(): Promise<ChildProcessWithoutNullStreams> {
    if (this.killed) throw new Error("the Faultbox server was stopped");
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    const child = spawn(this.file, ["lsp"], folder?.scheme === "file" ? { cwd: folder.fsPath } : {});
    this.newest = child;
    // Without a process there is an `error` event, which `once` turns into an exception.
    await once(child, "spawn");
    child.on("error", () => undefined);
    return child;
  }

  /** How the newest process ended, if it did. */
  async end(): Promise<string | undefined> {
    const child = this.newest;
    if (child === undefined || child.pid === undefined) return undefined;
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, "exit", { signal: AbortSignal.timeout(END_MS) }).catch(() => undefined);
    }
    if (child.exitCode !== null) return `it ended with code ${child.exitCode}`;
    return child.signalCode === null ? undefined : `${child.signalCode} ended it`;
  }

  kill(): void {
    this.killed = true;
    this.newest?.kill("SIGKILL");
  }
}
