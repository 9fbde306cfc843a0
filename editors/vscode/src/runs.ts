// All runs this window has seen, whoever started them: a lens, the Test Explorer, a panel or a command.

import * as vscode from "vscode";
import { apply, leafOf, newRun, type LeafState, type Run } from "./model/run";
import type { ServerEvent, TestEventParams, WireEvent } from "./protocol";

/** As many as the server remembers. */
const KEPT_RUNS = 16;

export interface RunEvent {
  run: Run;
  leaf: LeafState | undefined;
  event: WireEvent | ServerEvent;
}

export class Runs implements vscode.Disposable {
  private readonly runs = new Map<string, Run>();
  /** The newest state of each test, by document and name. */
  private readonly newest = new Map<string, Map<string, LeafState>>();
  private readonly emitter = new vscode.EventEmitter<RunEvent>();
  readonly onEvent = this.emitter.event;

  dispose(): void {
    this.emitter.dispose();
  }

  /** Takes a notification of the server; the state is up to date before anybody hears of it. */
  receive({ runId, uri, event }: TestEventParams): void {
    // A server that was started anew counts its runs from one again.
    if (event.event === "queued") this.runs.delete(runId);
    const run = this.runs.get(runId) ?? this.add(newRun(runId, documentKey(uri)));
    apply(run, event);
    const leaf = leafOf(run, event);
    if (leaf !== undefined) this.remember(run.uri, leaf);
    else if (event.event === "run_started") for (const each of run.leaves) this.remember(run.uri, each);
    this.emitter.fire({ run, leaf, event });
    if (event.event === "ended") this.forgetUnrun(run);
  }

  /** The server is gone, and with it everything that ran. */
  serverStopped(): void {
    for (const run of this.active()) {
      const event: ServerEvent = { event: "ended", exitCode: null, cancelled: true, message: "the server stopped" };
      this.receive({ runId: run.id, seq: -1, uri: run.uri, event });
    }
  }

  active(): Run[] {
    return [...this.runs.values()].filter((run) => !run.ended);
  }

  get(id: string): Run | undefined {
    return this.runs.get(id);
  }

  last(uri?: string): Run | undefined {
    const key = uri === undefined ? undefined : documentKey(uri);
    return [...this.runs.values()].reverse().find((run) => key === undefined || run.uri === key);
  }

  latest(uri: string, test: string): LeafState | undefined {
    return this.newest.get(documentKey(uri))?.get(test);
  }

  private add(run: Run): Run {
    this.runs.set(run.id, run);
    for (const [id, old] of this.runs) {
      if (this.runs.size <= KEPT_RUNS) break;
      if (old.ended) this.runs.delete(id);
    }
    return run;
  }

  private remember(uri: string, leaf: LeafState): void {
    const tests = this.newest.get(uri) ?? new Map<string, LeafState>();
    this.newest.set(uri, tests.set(leaf.leaf.test, leaf));
  }

  /** A cancelled run says nothing about the tests whose turn never came. */
  private forgetUnrun(run: Run): void {
    const tests = this.newest.get(run.uri);
    for (const leaf of run.leaves) {
      if (leaf.status === "not_run" && tests?.get(leaf.leaf.test) === leaf) tests.delete(leaf.leaf.test);
    }
  }
}

/** One spelling per document: servers and editors escape URIs differently. */
export function documentKey(uri: string): string {
  return vscode.Uri.parse(uri).toString();
}
