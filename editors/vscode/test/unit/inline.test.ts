import assert from "node:assert/strict";
import test from "node:test";
import { mergeByLine, remarksOf } from "../../src/model/inline";
import { moveLine } from "../../src/model/lines";
import { duration, shortName } from "../../src/model/names";
import { evidence, failure, finished, leaf, runOf } from "./samples";

function states(...events: Parameters<typeof finished>[2][]) {
  const leaves = events.map((_, index) => leaf(`test_${index}`, 7 + index));
  return runOf(leaves, ...events.map((more, index) => finished(index, leaves[index]!, more))).leaves;
}

const drawn = (...events: Parameters<typeof finished>[2][]) =>
  mergeByLine(states(...events).flatMap(remarksOf)).map(({ line, look, text }) => [line, look, text]);

test("a pass is marked at the test, a failure also at the assertion, whose text is VS Code's own", () => {
  assert.deepEqual(drawn({}), [[7, "pass", "✓ 57 ms"]]);
  assert.deepEqual(drawn({ outcome: "fail", failure: failure(9) }), [
    [7, "fail", "✗ expected 503, got 404"],
    [9, "fail", ""],
  ]);
});

test("a rule used by two tests adds up; one that never fired says why", () => {
  assert.deepEqual(drawn({ evidence: [evidence("a[0]", 1)] }, { evidence: [evidence("a[0]", 2)] })[0], [5, "rule", "fired 3×"]);
  assert.deepEqual(drawn({ evidence: [evidence("a[0]", 0)] })[0], [5, "silent", "never fired: path is not /data/key"]);
});

test("a test that was not run says nothing, a cell leaves its matrix's line alone", () => {
  assert.deepEqual(drawn({ outcome: "not_run" }), []);
  const cell = { ...leaf("test_matrix_a_x"), cell: { matrix: 0, row: 0, column: 0 } };
  assert.deepEqual(remarksOf(runOf([cell], finished(0, cell)).leaves[0]!), []);
});

test("lines follow edits above them and vanish with edits in them", () => {
  const edit = (startLine: number, endLine: number, text: string, startColumn = 1) => ({ startLine, startColumn, endLine, text });
  assert.equal(moveLine(5, edit(7, 7, "x")), 5);
  assert.equal(moveLine(5, edit(2, 2, "a\nb\n")), 7);
  assert.equal(moveLine(5, edit(2, 4, "")), 3);
  assert.equal(moveLine(5, edit(5, 5, "x")), undefined);
  assert.equal(moveLine(5, edit(4, 6, "")), undefined);
  assert.equal(moveLine(5, edit(5, 5, "# note\n", 0)), 6);
});

test("names and durations read as on the terminal", () => {
  assert.deepEqual(["test_a", "test_", "test_test_a", "plain"].map(shortName), ["a", "test_", "test_test_a", "plain"]);
  assert.deepEqual([52.4, 1068, 12_345].map(duration), ["52 ms", "1.07 s", "12.3 s"]);
});
