// One run as its events tell it. Pure: events in, state out; every view of a run reads this.

import type { Evidence, Failure, Leaf, Outcome, ServerEvent, Totals, WireEvent } from "../protocol";

/** A leaf that talks more than this keeps its first events; the number of lost ones is shown. */
export const MAX_EVENTS_PER_LEAF = 20_000;

export type LeafStatus = "queued" | "running" | Outcome;

export interface LeafState {
  leaf: Leaf;
  status: LeafStatus;
  /** What it is busy with, such as `starting db`. */
  phase: string;
  durationMs: number;
  /** It passed, and none of its faults acted. */
  notFired: boolean;
  failure: Failure | undefined;
  evidence: Evidence[];
  replay: string | undefined;
  events: WireEvent[];
  lostEvents: number;
}

export interface Run {
  id: string;
  /** The document it was started from. */
  uri: string;
  /** What was asked for; `null` is every test of the file. */
  tests: string[] | null;
  leaves: LeafState[];
  /** Nothing more will happen. */
  ended: boolean;
  cancelled: boolean;
  /** Why it ended without outcomes, in the server's words. */
  message: string | undefined;
  totals: Totals | undefined;
  durationMs: number;
}

export function newRun(id: string, uri: string): Run {
  return {
    id,
    uri,
    tests: null,
    leaves: [],
    ended: false,
    cancelled: false,
    message: undefined,
    totals: undefined,
    durationMs: 0,
  };
}

/** Applies one event. Events that are unknown, or about a leaf nobody announced, change nothing. */
export function apply(run: Run, event: WireEvent | ServerEvent): void {
  switch (event.event) {
    case "queued":
      run.tests = event.tests;
      return;
    case "log":
      return;
    case "ended":
      run.ended = true;
      run.cancelled ||= event.cancelled;
      run.message = event.message ?? undefined;
      for (const each of run.leaves) {
        if (!isOver(each.status)) each.status = "not_run";
      }
      return;
    case "run_started":
      run.leaves = event.leaves.map(newLeaf);
      return;
    case "run_finished":
      run.cancelled ||= event.interrupted;
      run.totals = event.totals;
      run.durationMs = event.durationMs;
      return;
    default: {
      const leaf = leafOf(run, event);
      if (leaf !== undefined) applyToLeaf(leaf, event);
    }
  }
}

/** The leaf an event is about. */
export function leafOf(run: Run, event: WireEvent | ServerEvent): LeafState | undefined {
  return "leaf" in event && event.leaf !== undefined ? run.leaves[event.leaf] : undefined;
}

function newLeaf(leaf: Leaf): LeafState {
  return {
    leaf,
    status: "queued",
    phase: "",
    durationMs: 0,
    notFired: false,
    failure: undefined,
    evidence: [],
    replay: undefined,
    events: [],
    lostEvents: 0,
  };
}

function applyToLeaf(state: LeafState, event: WireEvent): void {
  if (event.event === "leaf_restarted") {
    // Everything the first attempt did vanished with it.
    state.events = [];
    state.lostEvents = 0;
  }
  if (state.events.length < MAX_EVENTS_PER_LEAF || event.event === "leaf_finished") state.events.push(event);
  else state.lostEvents += 1;
  if (event.event === "leaf_finished") {
    state.status = event.outcome;
    state.phase = "";
    state.durationMs = event.durationMs;
    state.notFired = event.notFired === true;
    state.failure = event.failure ?? undefined;
    state.evidence = event.evidence;
    state.replay = event.replay ?? undefined;
  } else if (!isOver(state.status)) {
    state.status = "running";
    if (event.event === "phase") state.phase = event.service ? `${event.phase} ${event.service}` : event.phase;
  }
}

export function isOver(status: LeafStatus): status is Outcome {
  return status !== "queued" && status !== "running";
}

/** How far a run is, for the status bar. */
export function progress(run: Run): { done: number; total: number; bad: number } {
  const over = run.leaves.filter((each) => isOver(each.status));
  const bad = over.filter((each) => each.status !== "pass" && each.status !== "skipped" && each.status !== "not_run");
  return { done: over.length, total: run.leaves.length, bad: bad.length };
}

/** `11 passed`, `9 passed, 2 failed`, `9 passed (2 not fired)`, with `cancelled` behind it where it was. */
export function summary(run: Run): string {
  const parts = run.totals === undefined ? [] : counts(run.totals);
  if (run.cancelled) parts.push("cancelled");
  if (parts.length === 0) parts.push(run.message ?? "nothing was run");
  const silent = run.totals?.notFired ?? 0;
  return parts.join(", ") + (silent > 0 ? ` (${silent} not fired)` : "");
}

function counts(totals: Totals): string[] {
  const rest: [number, string][] = [
    [totals.failed, "failed"],
    [totals.errors, totals.errors === 1 ? "error" : "errors"],
    [totals.timeouts, "timed out"],
    [totals.bypassed, "bypassed"],
    [totals.inconclusive, "inconclusive"],
    [totals.skipped, "skipped"],
    [totals.notRun, "not run"],
  ];
  const shown = rest.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return [`${totals.passed} passed`, ...shown];
}
