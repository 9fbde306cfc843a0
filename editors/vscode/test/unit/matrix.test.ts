import assert from "node:assert/strict";
import test from "node:test";
import { matrixTables } from "../../src/model/matrix";
import type { Matrix, Result } from "../../src/protocol";
import { evidence, failure, finished, leaf, range, runOf } from "./samples";

const at = (line: number) => ({ uri: "file:///spec.star", range: range(line) });
const passed: Result = { outcome: "pass", durationMs: 55, message: null, fired: true, runId: "r0" };

const matrix: Matrix = {
  range: range(20, 30),
  scenarios: ["write", "health"],
  faults: ["api_503", "slow"],
  scenarioRanges: [at(1), null],
  faultRanges: [at(5), at(9)],
  cells: [
    { row: 0, column: 0, test: "test_matrix_write_api_503", result: null },
    { row: 0, column: 1, test: "test_matrix_write_slow", result: passed },
    { row: 1, column: 0, test: "test_matrix_health_api_503", result: { ...passed, fired: false } },
    { row: 1, column: 1, test: null, result: null },
  ],
};

function cells(...args: Parameters<typeof matrixTables>) {
  const [table] = matrixTables(...args);
  return table!.rows.map((row) => row.cells.map((cell) => [cell.status, cell.text, cell.detail].join(" ").trim()));
}

test("before any run the server's results fill the table", () => {
  assert.deepEqual(cells([matrix], () => undefined), [
    ["unknown", "pass PASS 55 ms"],
    ["pass PASS not fired", "excluded"],
  ]);
  const [table] = matrixTables([matrix], () => undefined);
  assert.equal(table!.title, "Matrix: 2 scenarios × 2 faults = 3 cells");
  assert.deepEqual(table!.rows[0]!.cells[0]!.rule, { location: at(5) });
  assert.deepEqual(table!.tests, ["test_matrix_write_api_503", "test_matrix_write_slow", "test_matrix_health_api_503"]);
});

test("what a run says wins, and leads to the rule that never fired", () => {
  const about = leaf("test_matrix_write_api_503");
  const silent = evidence("api_503[1]", 0, 6);
  const run = runOf([about], finished(0, about, { outcome: "fail", failure: failure(25), evidence: [evidence("api_503[0]", 1), silent] }));
  const [table] = matrixTables([matrix], (name) => run.leaves.find((state) => state.leaf.test === name));
  const cell = table!.rows[0]!.cells[0]!;
  assert.deepEqual([cell.text, cell.rule, table!.bad], ["FAIL", { place: silent.place }, 1]);
  assert.deepEqual(cell.failure, { place: failure(25).place });
  assert.match(cell.title, /404 != 503/);
});

test("a pass without any rule acting says so", () => {
  const about = leaf("test_matrix_write_api_503");
  const run = runOf([about], finished(0, about, { notFired: true, evidence: [evidence("api_503[0]", 0)] }));
  assert.equal(cells([matrix], (name) => run.leaves.find((state) => state.leaf.test === name))[0]![0], "pass PASS not fired");
});

test("two matrices are numbered", () => {
  assert.deepEqual(matrixTables([matrix, matrix], () => undefined).map((table) => table.title.split(":")[0]), ["Matrix 1", "Matrix 2"]);
});
