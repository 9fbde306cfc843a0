import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { apply, MAX_EVENTS_PER_LEAF, newRun, progress, summary } from "../../src/model/run";
import type { WireEvent } from "../../src/protocol";
import { failure, finished, leaf, runOf } from "./samples";

const both = [leaf("test_a"), leaf("test_b")];

test("a leaf goes from queued over its phases to its outcome", () => {
  const run = runOf(both);
  const state = run.leaves[0]!;
  assert.equal(state.status, "queued");
  apply(run, { v: 1, event: "phase", leaf: 0, atMs: 1, phase: "starting", service: "db" });
  assert.deepEqual([state.status, state.phase], ["running", "starting db"]);
  apply(run, finished(0, both[0]!, { outcome: "fail", failure: failure(9) }));
  assert.deepEqual([state.status, state.phase, state.failure?.expected], ["fail", "", "503"]);
  assert.deepEqual(progress(run), { done: 1, total: 2, bad: 1 });
});

test("a late event does not bring a finished leaf back to life", () => {
  const run = runOf(both, finished(0, both[0]!));
  apply(run, { v: 1, event: "phase", leaf: 0, atMs: 99, phase: "stopping" });
  assert.equal(run.leaves[0]!.status, "pass");
});

test("when a run is killed, what had no outcome was not run", () => {
  const run = runOf(both, finished(0, both[0]!));
  apply(run, { event: "ended", exitCode: null, cancelled: true, message: null });
  assert.deepEqual(run.leaves.map((each) => each.status), ["pass", "not_run"]);
  assert.ok(run.ended);
  assert.equal(summary(run), "cancelled");
});

test("the summary counts what is there, worst after passed", () => {
  const run = runOf(both);
  const totals = { passed: 9, failed: 2, errors: 1, timeouts: 0, bypassed: 0, inconclusive: 0, skipped: 0, notRun: 3, notFired: 2 };
  apply(run, { v: 1, event: "run_finished", atMs: 5, totals, durationMs: 5, testsDurationMs: 5, interrupted: true });
  assert.equal(summary(run), "9 passed, 2 failed, 1 error, 3 not run, cancelled (2 not fired)");
});

test("events nobody announced a leaf for, or that are unknown, change nothing", () => {
  const run = runOf(both);
  const before = structuredClone(run);
  apply(run, { v: 1, event: "phase", leaf: 7, atMs: 1, phase: "scenario" });
  apply(run, { v: 1, event: "from_the_future", atMs: 1 } as unknown as WireEvent);
  assert.deepEqual(run, before);
});

test("a restarted leaf forgets its first attempt", () => {
  const run = runOf(both);
  apply(run, { v: 1, event: "service_started", leaf: 0, atMs: 1, service: "db", pid: 1 });
  apply(run, { v: 1, event: "leaf_restarted", leaf: 0, atMs: 2, reason: "fault() on db" });
  assert.deepEqual(run.leaves[0]!.events.map((event) => event.event), ["leaf_restarted"]);
});

test("a leaf that never stops talking is bounded, and says so", () => {
  const run = runOf(both);
  for (let at = 0; at < MAX_EVENTS_PER_LEAF + 10; at += 1) {
    apply(run, { v: 1, event: "printed", leaf: 0, atMs: at, text: "x", place: null });
  }
  apply(run, finished(0, both[0]!));
  const state = run.leaves[0]!;
  assert.equal(state.events.length, MAX_EVENTS_PER_LEAF + 1);
  assert.equal(state.lostEvents, 10);
  assert.equal(state.status, "pass");
});

test("the engine's golden file is understood", () => {
  const golden = readFileSync(new URL("../../../../engine/src/report/golden/events.jsonl", import.meta.url), "utf8");
  const run = newRun("r1", "file:///protocol-test.star");
  for (const line of golden.trim().split("\n")) apply(run, JSON.parse(line) as WireEvent);
  assert.deepEqual(run.leaves.map((each) => [each.leaf.test, each.status]), [
    ["test_write_gets_503", "fail"],
    ["test_matrix_a_x", "pass"],
  ]);
  assert.equal(summary(run), "1 passed, 1 failed");
});
