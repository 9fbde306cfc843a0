// Events and items the tests are told in few words.

import type { Evidence, Failure, FileTests, Leaf, Place, TestItem, WireEvent } from "../../src/protocol";
import { apply, newRun, type Run } from "../../src/model/run";

export function place(line: number): Place {
  return { path: "/spec.star", line, column: 4, endLine: line, endColumn: 20 };
}

export function leaf(test: string, line = 7): Leaf {
  return { test, seed: 0, repeat: 0, place: place(line), cell: null };
}

export function failure(line: number): Failure {
  return {
    kind: "expectation",
    message: "assert_eq failed: 404 != 503",
    place: place(line),
    label: "r.status is 404",
    actual: "404",
    expected: "503",
    notes: [{ text: "r is the reply to step 2", place: null }],
    help: ["return the POST's reply"],
  };
}

export function evidence(rule: string, fired: number, line = 5): Evidence {
  const summary = fired > 0 ? `fired ${fired}x` : "never fired: path is not /data/key";
  return { rule, assumption: null, target: "api.public", action: "response 503", matcher: "POST *", seen: 1, matched: fired, fired, summary, place: place(line) };
}

type Finished = Extract<WireEvent, { event: "leaf_finished" }>;

export function finished(index: number, about: Leaf, more: Partial<Finished> = {}): WireEvent {
  return {
    v: 1,
    event: "leaf_finished",
    leaf: index,
    atMs: 57,
    ...about,
    outcome: "pass",
    durationMs: 57,
    failure: null,
    evidence: [],
    returned: null,
    assertions: 1,
    replay: null,
    ...more,
  } as WireEvent;
}

export function runOf(leaves: Leaf[], ...events: WireEvent[]): Run {
  const run = newRun("r1", "file:///spec.star");
  apply(run, { v: 1, event: "run_started", atMs: 0, spec: "spec.star", jobs: 1, runs: 1, leaves, matrices: [] });
  for (const event of events) apply(run, event);
  return run;
}

export function range(line: number, endLine = line): TestItem["range"] {
  return { start: { line, character: 0 }, end: { line: endLine, character: 80 } };
}

export function item(id: string, kind: TestItem["kind"], line: number, endLine = line, parent: string | null = null): TestItem {
  const at = range(line, endLine);
  return { id, label: id.replace(/^test_/, ""), kind, parent, run: [id], range: at, selectionRange: at };
}

export function fileOf(...tests: TestItem[]): FileTests {
  return { uri: "file:///spec.star", version: 1, tests };
}
