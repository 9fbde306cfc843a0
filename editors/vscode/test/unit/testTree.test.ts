import assert from "node:assert/strict";
import test from "node:test";
import { gone, testAt, treeOf, type TestNode } from "../../src/model/testTree";
import { fileOf, item } from "./samples";

const spec = fileOf(
  item("test_write", "scenario", 3, 10),
  item("test_write_gets_503", "faultScenario", 12, 17),
  item("matrix", "matrix", 20, 30),
  item("test_matrix_a_x", "cell", 20, 30, "matrix"),
  item("test_matrix_a_y", "cell", 20, 30, "matrix"),
);

const outline = (nodes: TestNode[]): unknown[] => nodes.map((node) => (node.children.length > 0 ? [node.id, outline(node.children)] : node.id));

test("cells are children of their matrix, in the order of the text", () => {
  const tree = treeOf(spec);
  assert.deepEqual(outline(tree), ["test_write", "test_write_gets_503", ["matrix", ["test_matrix_a_x", "test_matrix_a_y"]]]);
  assert.equal(tree[2]!.description, "2 cells");
});

test("an item whose parent is missing, or is itself, stands alone", () => {
  assert.deepEqual(outline(treeOf(fileOf(item("a", "cell", 1, 1, "gone"), item("b", "cell", 1, 1, "b")))), ["a", "b"]);
});

test("the test at a line is the innermost one; on a matrix it is the matrix", () => {
  assert.equal(testAt(spec, 14)?.id, "test_write_gets_503");
  assert.equal(testAt(spec, 25)?.id, "matrix");
  assert.equal(testAt(spec, 18), undefined);
  const nested = fileOf(item("outer", "test", 0, 20), item("inner", "scenario", 5, 6));
  assert.equal(testAt(nested, 5)?.id, "inner");
});

test("a file that was listed and is not found any more is gone, unless the listing was cut short", () => {
  assert.deepEqual(gone(["a", "b", "c"], ["a", "c", "d"], 10), ["b"]);
  assert.deepEqual(gone(["a", "b"], ["c", "d"], 2), []);
});
