// One item at the bottom: is the server well, how far is the run, how did the last one end.

import * as vscode from "vscode";
import { State } from "vscode-languageclient/node";
import { progress, summary } from "./model/run";
import type { Status } from "./protocol";
import type { Runs } from "./runs";
import type { Server } from "./server";

export class StatusBar implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("faultbox.status", vscode.StatusBarAlignment.Left, 5);
  private readonly disposables: vscode.Disposable[] = [this.item];
  private state = State.Stopped;
  private status: Status = { health: "ok", running: 0, message: null };

  constructor(server: Server, private readonly runs: Runs) {
    this.item.name = "Faultbox";
    this.item.command = "faultbox.editor.menu";
    this.disposables.push(
      server.onState((state) => {
        this.state = state;
        if (state === State.Running) this.status = { health: "ok", running: 0, message: null };
        this.update();
      }),
      server.onStatus((status) => {
        this.status = status;
        this.update();
      }),
      runs.onEvent(() => this.update()),
      vscode.window.onDidChangeVisibleTextEditors(() => this.update()),
    );
    this.update();
  }

  dispose(): void {
    for (const each of this.disposables) each.dispose();
  }

  get text(): string {
    return this.item.text;
  }

  private update(): void {
    const [text, tooltip, bad] = this.content();
    this.item.text = text;
    this.item.tooltip = tooltip;
    this.item.backgroundColor = bad ? new vscode.ThemeColor("statusBarItem.errorBackground") : undefined;
    const inSpec = vscode.window.visibleTextEditors.some((editor) => editor.document.languageId === "faultbox");
    if (inSpec || this.runs.active().length > 0 || this.status.health === "error") this.item.show();
    else this.item.hide();
  }

  private content(): [text: string, tooltip: string, bad: boolean] {
    if (this.status.health === "error") return ["$(error) Faultbox", this.status.message ?? "the server has a problem", true];
    if (this.state === State.Starting) return ["$(loading~spin) Faultbox", "the server is starting", false];
    if (this.state === State.Stopped) return ["$(circle-slash) Faultbox", "the server is not running", false];
    const active = this.runs.active();
    if (active.length > 0) {
      const sums = active.map(progress);
      const add = (key: "done" | "total" | "bad"): number => sums.reduce((sum, each) => sum + each[key], 0);
      const failed = add("bad") > 0 ? `, ${add("bad")} failed` : "";
      return [`$(sync~spin) Faultbox ${add("done")}/${add("total")}${failed}`, "running; click to cancel or look", false];
    }
    const last = this.runs.last();
    if (last === undefined) return ["$(beaker) Faultbox", this.status.message ?? "ready", false];
    const totals = last.totals;
    const bad = totals === undefined || totals.failed + totals.errors + totals.timeouts + totals.bypassed > 0;
    const icon = last.cancelled ? "$(circle-slash)" : bad ? "$(testing-failed-icon)" : "$(testing-passed-icon)";
    return [`${icon} Faultbox: ${summary(last)}`, last.message ?? "the last run", false];
  }
}
