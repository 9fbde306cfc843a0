// The matrix of a spec, live: a click runs a cell, a second action leads to its rule.

import * as vscode from "vscode";
import { matrixTables, type MatrixTable, type Target } from "../model/matrix";
import { reveal } from "../places";
import type { Matrix, RunArguments } from "../protocol";
import { documentKey, type Runs } from "../runs";
import type { Server } from "../server";
import { Panel } from "./panel";

export interface MatrixContent {
  /** The document the tables are of; a click says which it was made in. */
  uri: string;
  spec: string;
  tables: MatrixTable[];
  canRun: boolean;
  /** Something of this spec runs and can be cancelled. */
  running: boolean;
}

export type MatrixMessage = { uri: string } & ({ type: "run"; tests: string[] } | { type: "open"; target: Target } | { type: "cancel" });

/** Live drawings of a busy run are joined: a page needs no more than this many per second. */
const DRAW_EVERY_MS = 50;

export class MatrixPanel implements vscode.Disposable {
  readonly panel: Panel<MatrixContent, MatrixMessage>;
  private readonly disposables: vscode.Disposable[] = [];
  /** What is drawn: a document and its own matrices, which only change together. */
  private shown: { uri: string; matrices: Matrix[] } | undefined;
  /** The document that was asked for last; an answer about another one is too late. */
  private wanted: string | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    extensionUri: vscode.Uri,
    private readonly server: Server,
    private readonly runs: Runs,
    private readonly run: (what: RunArguments) => Promise<unknown>,
  ) {
    const options = { id: "faultbox.matrix", title: "Faultbox Matrix", script: "matrix", extensionUri };
    this.panel = new Panel<MatrixContent, MatrixMessage>(options, (message) => {
      this.receive(message).catch((error: unknown) => void vscode.window.showErrorMessage(`Faultbox: ${error instanceof Error ? error.message : String(error)}`));
    });
    this.disposables.push(
      this.panel,
      runs.onEvent(({ run: { uri } }) => {
        if (uri === this.shown?.uri) this.drawSoon();
      }),
      server.onTestsChanged(({ uri }) => {
        const key = documentKey(uri);
        if (key === this.shown?.uri && this.panel.isOpen) void this.refresh(key).catch(() => undefined); // of a file that was closed, what is shown stays
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const each of this.disposables) each.dispose();
  }

  async open(uri: string): Promise<void> {
    const key = documentKey(uri);
    this.wanted = key;
    try {
      if (await this.refresh(key)) this.panel.open();
    } catch (error) {
      // What is shown stays, and stays up to date.
      if (this.wanted === key) this.wanted = this.shown?.uri;
      throw error;
    }
  }

  /** False when another document was asked for meanwhile. */
  private async refresh(uri: string): Promise<boolean> {
    const matrices = await this.server.matrices(uri);
    if (uri !== this.wanted) return false;
    this.shown = { uri, matrices };
    this.draw();
    return true;
  }

  private drawSoon(): void {
    if (!this.panel.isOpen) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.draw();
    }, DRAW_EVERY_MS);
  }

  private draw(): void {
    if (this.shown === undefined) return;
    const { uri, matrices } = this.shown;
    const tables = matrixTables(matrices, (test) => this.runs.latest(uri, test));
    const spec = vscode.workspace.asRelativePath(vscode.Uri.parse(uri));
    const running = this.runs.active().some((run) => run.uri === uri);
    this.panel.show({ uri, spec, tables, canRun: vscode.workspace.isTrusted, running });
  }

  private async receive(message: MatrixMessage): Promise<void> {
    const { uri } = message;
    switch (message.type) {
      case "run":
        await this.run({ uri, tests: message.tests });
        break;
      case "open":
        await reveal(message.target, uri);
        break;
      case "cancel":
        for (const { id } of this.runs.active().filter((run) => run.uri === uri)) await this.server.cancel(id);
        break;
    }
  }
}
