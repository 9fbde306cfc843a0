// The tests of one spec as a tree, from the flat list the server sends.

import type { FileTests, Range, TestItem } from "../protocol";

export interface TestNode {
  id: string;
  label: string;
  kind: TestItem["kind"];
  description: string;
  range: Range;
  /** The names to run for this node: itself, or its cells. */
  run: string[];
  children: TestNode[];
}

/** Cells become children of their matrix; an item whose parent is missing stands on its own. */
export function treeOf(file: FileTests): TestNode[] {
  const nodes = new Map(file.tests.map((item) => [item.id, nodeOf(item)]));
  const roots: TestNode[] = [];
  for (const item of file.tests) {
    const node = nodes.get(item.id) as TestNode;
    const parent = item.parent === null ? undefined : nodes.get(item.parent);
    if (parent === undefined || parent === node) roots.push(node);
    else parent.children.push(node);
  }
  for (const node of nodes.values()) {
    if (node.children.length > 0) node.description = `${node.children.length} cells`;
  }
  return roots;
}

/** The innermost runnable item around a line: what "run the test at the cursor" means. */
export function testAt(file: FileTests, line: number): TestItem | undefined {
  const around = file.tests.filter((item) => item.range.start.line <= line && line <= item.range.end.line);
  const height = (item: TestItem): number => item.range.end.line - item.range.start.line;
  // Cells share the range of their matrix; at the same height the item that comes first, the matrix, wins.
  return around.sort((a, b) => height(a) - height(b) || rank(a) - rank(b))[0];
}

function rank(item: TestItem): number {
  return item.kind === "cell" ? 1 : 0;
}

/** Which of the files that are only listed are not there any more. A listing that was cut short tells nothing. */
export function gone(listed: readonly string[], found: readonly string[], limit: number): string[] {
  if (found.length >= limit) return [];
  const there = new Set(found);
  return listed.filter((id) => !there.has(id));
}

const DESCRIPTIONS: Record<TestItem["kind"], string> = {
  test: "",
  scenario: "scenario",
  faultScenario: "fault scenario",
  matrix: "matrix",
  cell: "",
};

function nodeOf(item: TestItem): TestNode {
  const { id, label, kind, range, run } = item;
  return { id, label, kind, description: DESCRIPTIONS[kind], range, run, children: [] };
}
