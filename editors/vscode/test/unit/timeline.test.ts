import assert from "node:assert/strict";
import test from "node:test";
import { timelineOf } from "../../src/model/timeline";
import type { WireEvent } from "../../src/protocol";
import { failure, finished, leaf, place, runOf } from "./samples";

function timeline(...events: object[]) {
  const all = events.map((event) => ({ v: 1, leaf: 0, ...event }) as WireEvent);
  return timelineOf(runOf([leaf("test_a")], ...all).leaves[0]!);
}

const sent = { event: "step_sent", atMs: 10, step: 1, target: "api.public", method: "get", summary: "GET /x", place: place(2) };

test("a request is an arrow from the test to its service, answered or not", () => {
  const received = { event: "step_received", atMs: 14, step: 1, status: 503, ok: true, error: "", body: "no", durationMs: 4 };
  const [arrow] = timeline(sent, received).arrows;
  assert.deepEqual([arrow!.lane, arrow!.sent, arrow!.received, arrow!.reply], [1, 10, 14, "503 no"]);
  const open = timeline(sent).arrows[0]!;
  assert.deepEqual([open.received, open.reply], [undefined, "no reply"]);
});

test("a bad end says why and leads to its line", () => {
  const about = leaf("test_a");
  const run = runOf([about], finished(0, about, { outcome: "fail", failure: failure(25) }));
  const { verdict, good, failure: line } = timelineOf(run.leaves[0]!);
  assert.match(verdict, /^FAIL after .*: expected 503, got 404$/);
  assert.deepEqual([good, line], [false, failure(25).place]);
  assert.deepEqual([timeline(sent).verdict, timeline(sent).good], ["running", true]);
});

test("lanes stand in the order services appear, the test first", () => {
  const lanes = timeline(
    { event: "service_started", atMs: 1, service: "db", pid: 1 },
    { event: "service_started", atMs: 2, service: "api", pid: 2 },
    sent,
  ).lanes;
  assert.deepEqual(lanes, ["test", "db", "api"]);
});

test("a hit on an interface is a mark, one on a service a tick", () => {
  const hit = { event: "rule_fired", atMs: 12, rule: "r", word: "deny", action: "deny EIO", operation: "write", label: null, place: place(5) };
  const { marks, lanes } = timeline({ ...hit, target: "api.public" }, { ...hit, target: "db", label: "slow disk" });
  assert.deepEqual(marks.map((mark) => [lanes[mark.lane], mark.kind]), [["api", "rule"], ["db", "syscall"]]);
  assert.equal(marks[1]!.text, "write: deny EIO (slow disk) by r");
});

test("a service's bars follow each other, and an unexpected end is marked", () => {
  const { bars } = timeline(
    { event: "service_started", atMs: 1, service: "db", pid: 7 },
    { event: "service_ready", atMs: 5, service: "db", afterMs: 4 },
    { event: "service_exited", atMs: 9, service: "db", status: "exit code 1", expected: false, allowed: false, cause: "3 ms after write -> EIO on /x" },
  );
  assert.deepEqual(bars.map((bar) => [bar.kind, bar.from, bar.to]), [["starting", 1, 5], ["running", 5, 9], ["died", 9, 9]]);
});

test("what is still open reaches to the last event", () => {
  const { bars, endMs } = timeline({ event: "phase", atMs: 0, phase: "scenario" }, sent);
  assert.deepEqual([bars[0]!.to, endMs], [10, 10]);
});

test("too many requests are counted, not drawn", () => {
  const many = Array.from({ length: 2_100 }, (_, step) => ({ ...sent, step, atMs: step }));
  const shown = timeline(...many);
  assert.equal(shown.arrows.length, 2_000);
  assert.equal(shown.omitted, "100 later events are not drawn");
});
