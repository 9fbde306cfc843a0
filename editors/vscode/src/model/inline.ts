// What stands in the text after a run. Each test leaves remarks on lines; remarks on one line are merged when drawn.

import type { Failure, Place } from "../protocol";
import { code, plain } from "./markdown";
import { duration, isGood, outcomeWord, shortName } from "./names";
import { isOver, type LeafState } from "./run";

export type RemarkKind = "outcome" | "failure" | "rule";

export interface Remark {
  path: string;
  line: number;
  kind: RemarkKind;
  good: boolean;
  text: string;
  /** Markdown. */
  hover: string;
  /** Of a rule: how often it acted in this test. */
  fired: number;
}

/** One line's worth of remarks, ready to draw. */
export interface LineRemark {
  line: number;
  look: "pass" | "fail" | "rule" | "silent";
  text: string;
  hover: string;
}

/** What one ended test says about lines of the spec. */
export function remarksOf(state: LeafState): Remark[] {
  if (!isOver(state.status) || state.status === "not_run") return [];
  const found: Remark[] = [];
  // Cells share the line of their matrix, which has a lens and a panel of its own.
  if (state.leaf.cell === null) found.push(outcomeRemark(state));
  if (state.failure?.place && !isRecipe(state.failure.place)) found.push(failureRemark(state, state.failure, state.failure.place));
  for (const evidence of state.evidence.filter(({ place }) => !isRecipe(place))) {
    const hover = plain(`${evidence.rule} on ${evidence.target}, in ${shortName(state.leaf.test)}: ${evidence.summary}`);
    found.push(remark(evidence.place, "rule", evidence.fired > 0, evidence.summary, hover, evidence.fired));
  }
  return found;
}

/** True for a place in a file that comes with Faultbox, which is no line of a document. */
export function isRecipe({ path }: Place): boolean {
  return path.startsWith("@faultbox/");
}

/** Merges the remarks of all tests, line by line, in the order of the text. */
export function mergeByLine(remarks: Remark[]): LineRemark[] {
  const lines = new Map<number, Remark[]>();
  for (const each of remarks) lines.set(each.line, [...(lines.get(each.line) ?? []), each]);
  return [...lines.entries()].sort(([a], [b]) => a - b).map(([line, all]) => merged(line, all));
}

function merged(line: number, all: Remark[]): LineRemark {
  const failures = all.filter((each) => each.kind === "failure");
  const outcomes = all.filter((each) => each.kind === "outcome");
  const rules = all.filter((each) => each.kind === "rule");
  const fired = rules.reduce((sum, rule) => sum + rule.fired, 0);
  const texts = unique(outcomes);
  if (rules.length > 0) texts.push(fired > 0 ? `fired ${fired}×` : (rules[0]?.text ?? ""));
  const bad = [...failures, ...outcomes].some((each) => !each.good);
  const look = bad ? "fail" : outcomes.length > 0 ? "pass" : fired > 0 ? "rule" : "silent";
  const hover = [...new Set(all.map((each) => each.hover).filter((text) => text !== ""))].join("\n\n");
  return { line, look, text: texts.join("  "), hover };
}

function unique(remarks: Remark[]): string[] {
  return [...new Set(remarks.map((each) => each.text))];
}

function outcomeRemark(state: LeafState): Remark {
  const outcome = state.status;
  const good = isOver(outcome) && isGood(outcome);
  const bad = state.failure ? valuesOf(state.failure) : isOver(outcome) ? outcomeWord(outcome) : outcome;
  const text = good ? `✓ ${duration(state.durationMs)}` : `✗ ${bad}`;
  return remark(state.leaf.place, "outcome", good, text, plain(state.failure?.message ?? ""), 0);
}

/** `expected 503, got 404`, or the message where nothing was compared. */
export function valuesOf({ expected, actual, message }: Failure): string {
  return expected !== null && actual !== null ? `expected ${firstLine(expected)}, got ${firstLine(actual)}` : firstLine(message);
}

function failureRemark(state: LeafState, failure: Failure, place: Place): Remark {
  const hover = [
    `**${plain(shortName(state.leaf.test))}**: ${plain(failure.message)}`,
    ...(failure.label === "" ? [] : [plain(failure.label)]),
    ...failure.notes.map((note) => plain(note.text)),
    ...failure.help.map((help) => `help: ${plain(help)}`),
    ...(state.replay === undefined ? [] : [`replay: ${code(state.replay)}`]),
  ].join("\n\n");
  // VS Code itself puts the test's message behind this line; we add the mark and the hover.
  return remark(place, "failure", false, "", hover, 0);
}

function remark(place: Place, kind: RemarkKind, good: boolean, text: string, hover: string, fired: number): Remark {
  return { path: place.path, line: place.line, kind, good, text, hover, fired };
}

function firstLine(text: string): string {
  const [first = ""] = text.split("\n", 1);
  return first.length > 100 ? `${first.slice(0, 100)}…` : first;
}
