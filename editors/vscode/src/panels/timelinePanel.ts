// The timeline of one test of a run: lanes, requests, rule hits; live while the test runs.

import * as vscode from "vscode";
import { timelineOf, type Timeline } from "../model/timeline";
import type { LeafState, Run } from "../model/run";
import { isGood, shortName } from "../model/names";
import { isOver } from "../model/run";
import { reveal } from "../places";
import type { Place } from "../protocol";
import type { Runs } from "../runs";
import { Panel } from "./panel";

export interface TimelineContent {
  /** Names the run the indices are of. */
  run: string;
  tests: { index: number; name: string; status: string }[];
  chosen: number;
  timeline: Timeline | null;
}

export type TimelineMessage = { type: "choose"; run: string; index: number } | { type: "open"; place: Place };

const DRAW_EVERY_MS = 50;

export class TimelinePanel implements vscode.Disposable {
  readonly panel: Panel<TimelineContent, TimelineMessage>;
  private readonly disposables: vscode.Disposable[] = [];
  private run: Run | undefined;
  private chosen: LeafState | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(extensionUri: vscode.Uri, private readonly runs: Runs) {
    const options = { id: "faultbox.timeline", title: "Faultbox Timeline", script: "timeline", extensionUri };
    this.panel = new Panel<TimelineContent, TimelineMessage>(options, (message) => void this.receive(message));
    this.disposables.push(
      this.panel,
      runs.onEvent(({ run, event }) => {
        // A new run of the same spec replaces the one shown.
        if (event.event === "run_started" && this.run?.uri === run.uri) this.take(run, this.chosen?.leaf.test);
        if (run === this.run) this.drawSoon();
      }),
    );
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const each of this.disposables) each.dispose();
  }

  /** Shows a test of that run or of the last one; the run's first failure when none is named or it was not part of it. */
  open(uri: string, test: string | undefined, runId?: string): boolean {
    const run = (runId === undefined ? undefined : this.runs.get(runId)) ?? this.runs.last(uri) ?? this.runs.last();
    if (run === undefined || run.leaves.length === 0) return false;
    this.take(run, test);
    this.panel.open();
    this.draw();
    return true;
  }

  private take(run: Run, test: string | undefined): void {
    this.run = run;
    const named = run.leaves.find((state) => state.leaf.test === test);
    const bad = run.leaves.find((state) => isOver(state.status) && !isGood(state.status));
    this.chosen = named ?? bad ?? run.leaves[0];
  }

  private drawSoon(): void {
    if (!this.panel.isOpen) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.draw();
    }, DRAW_EVERY_MS);
  }

  private draw(): void {
    const { run, chosen } = this;
    if (run === undefined) return;
    const repeats = run.leaves.some((state) => state.leaf.repeat > 0);
    this.panel.show({
      run: run.id,
      tests: run.leaves.map((state, index) => ({
        index,
        name: shortName(state.leaf.test) + (repeats ? ` #${state.leaf.repeat + 1}` : ""),
        status: state.status,
      })),
      chosen: chosen === undefined ? -1 : run.leaves.indexOf(chosen),
      timeline: chosen === undefined ? null : timelineOf(chosen),
    });
  }

  private async receive(message: TimelineMessage): Promise<void> {
    if (this.run === undefined) return;
    if (message.type === "open") {
      await reveal({ place: message.place }, this.run.uri);
      return;
    }
    // Of a run that was replaced meanwhile, the index says nothing.
    if (message.run !== this.run.id) return;
    this.chosen = this.run.leaves[message.index];
    this.draw();
  }
}
