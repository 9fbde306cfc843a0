// The extension: wires the server's messages to the views. Reading order: protocol.ts, model/, runs.ts, server.ts, then
// one file per view.

import * as vscode from "vscode";
import { State } from "vscode-languageclient/node";
import { Commands } from "./commands";
import { Decorations } from "./decorations";
import { outputOf, selectionText } from "./model/output";
import { summary } from "./model/run";
import { MatrixPanel } from "./panels/matrixPanel";
import { TimelinePanel } from "./panels/timelinePanel";
import { Runs } from "./runs";
import { Server } from "./server";
import { StatusBar } from "./statusBar";
import { TestExplorer } from "./testExplorer";

/** What the editor test looks at; no promise to other extensions. */
export interface Api {
  server: Server;
  runs: Runs;
  explorer: TestExplorer;
  decorations: Decorations;
  statusBar: StatusBar;
  matrixPanel: MatrixPanel;
  timelinePanel: TimelinePanel;
}

let running: Server | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  const log = vscode.window.createOutputChannel("Faultbox");
  const server = new Server();
  const runs = new Runs();
  const explorer = new TestExplorer(server, runs);
  const decorations = new Decorations(server, runs);
  const statusBar = new StatusBar(server, runs);
  const commands = new Commands(server, runs, log);
  const matrixPanel = new MatrixPanel(context.extensionUri, server, runs, (what) => commands.run(what));
  const timelinePanel = new TimelinePanel(context.extensionUri, runs);
  commands.matrixPanel = matrixPanel;
  commands.timelinePanel = timelinePanel;
  context.subscriptions.push(log, server, runs, explorer, decorations, statusBar, commands, matrixPanel, timelinePanel);
  context.subscriptions.push(
    server.onTestEvent((params) => runs.receive(params)),
    server.onState((state) => {
      if (state === State.Stopped) runs.serverStopped();
    }),
    runs.onEvent(({ run, event }) => {
      if (event.event === "queued") log.appendLine(`\n=== ${vscode.Uri.parse(run.uri).fsPath}: ${selectionText(event.tests)} ===`);
      for (const line of outputOf(event)) log.appendLine(line);
      if (event.event === "ended") log.appendLine(`=== ${summary(run)} ===`);
    }),
  );
  running = server;
  // Views and commands are there at once, whatever the program does.
  void server.start();
  void explorer.listFiles();
  return { server, runs, explorer, decorations, statusBar, matrixPanel, timelinePanel };
}

/** VS Code waits for this, so the server can end what it started. */
export async function deactivate(): Promise<void> {
  await running?.stop();
}
