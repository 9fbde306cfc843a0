// The matrix of a spec, live: a click runs a cell, a second action leads to its rule.

import * as vscode from "vscode";
import { matrixTables, type MatrixTable, type Target } from "../model/matrix";
import { reveal } from "../places";
import type { Matrix, RunArguments } from "../protocol";
import { documentKey, type Runs } from "../runs";
import type { Server } from "../server";
import { Panel } from "./panel";

export interface MatrixContent {
  spec: string;
  tables: MatrixTable[];
  canRun: boolean;
  /** Something of this spec runs and can be cancelled. */
  running: boolean;
}

export type MatrixMessage = { type: "run"; tests: string[] } | { type: "open"; target: Target } | { type: "cancel" };

/** Live drawings of a busy run are joined: a page needs no more than this many per second. */
const DRAW_EVERY_MS = 50;

export class MatrixPanel implements vscode.Disposable {
  readonly panel: Panel<MatrixContent, MatrixMessage>;
  private readonly disposables: vscode.Disposable[] = [];
  private uri: string | undefined;
  private matrices: Matrix[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(
    extensionUri: vscode.Uri,
    private readonly server: Server,
    private readonly runs: Runs,
    private readonly run: (what: RunArguments) => Promise<unknown>,
  ) {
    const options = { id: "faultbox.matrix", title: "Faultbox Matrix", script: "matrix", extensionUri };
    this.panel = new Panel<MatrixContent, MatrixMessage>(options, (message) => void this.receive(message));
    this.disposables.push(
      this.panel,
      runs.onEvent(({ run: { uri } }) => {
        if (uri === this.uri) this.drawSoon();
      }),
      server.onTestsChanged(({ uri }) => {
        if (documentKey(uri) === this.uri && this.panel.isOpen) void this.refresh().catch(() => undefined); // of a file that was closed, what is shown stays
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const each of this.disposables) each.dispose();
  }

  async open(uri: string): Promise<void> {
    this.uri = documentKey(uri);
    this.panel.open();
    await this.refresh();
  }

  private async refresh(): Promise<void> {
    if (this.uri === undefined) return;
    this.matrices = await this.server.matrices(this.uri);
    this.draw();
  }

  private drawSoon(): void {
    if (!this.panel.isOpen) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.draw();
    }, DRAW_EVERY_MS);
  }

  private draw(): void {
    const { uri } = this;
    if (uri === undefined) return;
    const tables = matrixTables(this.matrices, (test) => this.runs.latest(uri, test));
    const spec = vscode.workspace.asRelativePath(vscode.Uri.parse(uri));
    const running = this.runs.active().some((run) => run.uri === uri);
    this.panel.show({ spec, tables, canRun: vscode.workspace.isTrusted, running });
  }

  private async receive(message: MatrixMessage): Promise<void> {
    const { uri } = this;
    if (uri === undefined) return;
    switch (message.type) {
      case "run":
        await this.run({ uri, tests: message.tests });
        break;
      case "open":
        await reveal(message.target, uri);
        break;
      case "cancel":
        await this.server.cancel();
        break;
    }
  }
}
