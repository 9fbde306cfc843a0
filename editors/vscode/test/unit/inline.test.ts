import assert from "node:assert/strict";
import test from "node:test";
import { mergeByLine, remarksOf } from "../../src/model/inline";
import { moveLine, type LineChange } from "../../src/model/lines";
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

test("a place in a recipe is no line of the spec", () => {
  const inRecipe = { ...evidence("a[0]", 1).place, path: "@faultbox/recipes/http.star" };
  const rule = { ...evidence("a[0]", 1), place: inRecipe };
  assert.deepEqual(drawn({ evidence: [rule] }), [[7, "pass", "✓ 57 ms"]]);
  const failed = { ...failure(9), place: inRecipe };
  assert.deepEqual(drawn({ outcome: "fail", failure: failed }), [[7, "fail", "✗ expected 503, got 404"]]);
});

test("a test that was not run says nothing, a cell leaves its matrix's line alone", () => {
  assert.deepEqual(drawn({ outcome: "not_run" }), []);
  const cell = { ...leaf("test_matrix_a_x"), cell: { matrix: 0, row: 0, column: 0 } };
  assert.deepEqual(remarksOf(runOf([cell], finished(0, cell)).leaves[0]!), []);
});

test("lines follow edits above them and vanish with edits in them", () => {
  const edit = (start: string, end: string, text: string): LineChange => {
    const [startLine = 0, startColumn = 0] = start.split(":").map(Number);
    const [endLine = 0, endColumn = 0] = end.split(":").map(Number);
    return { startLine, startColumn, endLine, endColumn, text };
  };
  const cases: [what: string, change: LineChange, line: number | undefined][] = [
    ["below", edit("7:1", "7:1", "x"), 5],
    ["lines above", edit("2:1", "2:1", "a\nb\n"), 7],
    ["fewer lines above", edit("2:1", "4:1", ""), 3],
    ["the line itself", edit("5:1", "5:1", "x"), undefined],
    ["around it", edit("4:1", "6:1", ""), undefined],
    ["whole lines put before it", edit("5:0", "5:0", "# note\n"), 6],
    ["the line directly above deleted", edit("4:0", "5:0", ""), 4],
    ["the line directly above replaced by two", edit("4:0", "5:0", "a\nb\n"), 6],
    ["the line directly above cut at its middle", edit("4:3", "5:0", "x\n"), 5],
    ["joined to the line above", edit("4:3", "5:0", ""), undefined],
    ["text put before its own", edit("5:0", "5:0", "x"), undefined],
    ["itself deleted with its end", edit("5:0", "6:0", ""), undefined],
  ];
  for (const [what, change, line] of cases) assert.equal(moveLine(5, change), line, what);
});

test("hovers show what programs said letter by letter", () => {
  const said = "<p>A & B</p> at /data/* __init__ [x](y)\n    1. `a`";
  const told = { outcome: "fail" as const, failure: { ...failure(9), message: said, label: "", notes: [], help: [] }, replay: "run `x`" };
  const [outcome, failing] = states(told).flatMap(remarksOf);
  const shown = "\\<p\\>A \\& B\\<\\/p\\> at \\/data\\/\\* \\_\\_init\\_\\_ \\[x\\]\\(y\\)  \n&nbsp;&nbsp;&nbsp;&nbsp;1\\. \\`a\\`";
  assert.equal(outcome?.hover, shown);
  assert.equal(failing?.hover, `**0**: ${shown}\n\nreplay: \`\` run \`x\` \`\``);
});

test("names and durations read as on the terminal", () => {
  assert.deepEqual(["test_a", "test_", "test_test_a", "plain"].map(shortName), ["a", "test_", "test_test_a", "plain"]);
  assert.deepEqual([52.4, 1068, 12_345].map(duration), ["52 ms", "1.07 s", "12.3 s"]);
});
