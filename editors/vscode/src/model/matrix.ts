// The matrix panel's tables: scenarios by faults, each cell with its latest outcome.

import type { Location, Matrix, Place, Range, Result } from "../protocol";
import { duration, outcomeWord, shortName } from "./names";
import { isOver, type LeafState, type LeafStatus } from "./run";

/** Where a click leads: a place of the run, or the line the server told. */
export type Target = { place: Place } | { location: Location };

export interface MatrixCell {
  test: string;
  status: LeafStatus | "unknown" | "excluded";
  /** `PASS`, `running`, `starting db`; empty when never run. */
  text: string;
  detail: string;
  title: string;
  /** Its rule: the first that did not fire, else the first, else the line of the fault. */
  rule: Target | null;
  failure: Target | null;
}

export interface MatrixTable {
  title: string;
  range: Range;
  columns: { fault: string; location: Location | null }[];
  rows: { scenario: string; location: Location | null; cells: MatrixCell[] }[];
  /** The tests of all cells, to run the whole table. */
  tests: string[];
  passed: number;
  bad: number;
}

/** Finds the newest state of a test that this session has seen. */
export type Latest = (test: string) => LeafState | undefined;

/** One table per matrix of a spec. Live states win over the results the server remembers. */
export function matrixTables(matrices: Matrix[], latest: Latest): MatrixTable[] {
  return matrices.map((matrix, index) => tableOf(matrix, matrices.length > 1 ? `Matrix ${index + 1}` : "Matrix", latest));
}

function tableOf(matrix: Matrix, name: string, latest: Latest): MatrixTable {
  const rows = matrix.scenarios.map((scenario, row) => ({
    scenario,
    location: matrix.scenarioRanges[row] ?? null,
    cells: matrix.faults.map((_, column) => cellOf(matrix, row, column, latest)),
  }));
  const cells = rows.flatMap((row) => row.cells).filter((cell) => cell.status !== "excluded");
  const size = `${count(rows.length, "scenario")} × ${count(matrix.faults.length, "fault")} = ${count(cells.length, "cell")}`;
  return {
    title: `${name}: ${size}`,
    range: matrix.range,
    columns: matrix.faults.map((fault, column) => ({ fault, location: matrix.faultRanges[column] ?? null })),
    rows,
    tests: cells.map((cell) => cell.test),
    passed: cells.filter((cell) => cell.status === "pass").length,
    bad: cells.filter((cell) => isBad(cell.status)).length,
  };
}

function cellOf(matrix: Matrix, row: number, column: number, latest: Latest): MatrixCell {
  const told = matrix.cells.find((each) => each.row === row && each.column === column);
  const location = matrix.faultRanges[column];
  const rule = location ? { location } : null;
  if (!told?.test) return { ...plain("", "excluded", rule), title: "left out by the spec" };
  const state = latest(told.test);
  if (state !== undefined) return cellOfState(told.test, state, rule);
  return told.result === null
    ? { ...plain(told.test, "unknown", rule), title: `${shortName(told.test)}: not run yet` }
    : cellOfResult(told.test, told.result, rule);
}

function plain(test: string, status: MatrixCell["status"], rule: Target | null): MatrixCell {
  return { test, status, text: "", detail: "", title: shortName(test), rule, failure: null };
}

function cellOfState(test: string, state: LeafState, rule: Target | null): MatrixCell {
  const silent = state.evidence.filter((each) => each.fired === 0);
  const acting = silent[0] ?? state.evidence[0];
  const told = [
    shortName(test),
    ...(state.failure ? [state.failure.message] : []),
    ...state.evidence.map((each) => `${each.rule}: ${each.summary}`),
  ];
  const over = isOver(state.status);
  return {
    test,
    status: state.status,
    text: isOver(state.status) ? outcomeWord(state.status) : state.phase || state.status,
    detail: over && state.status !== "not_run" ? tail(state.notFired, state.durationMs) : "",
    title: told.join("\n"),
    rule: acting ? { place: acting.place } : rule,
    failure: state.failure?.place ? { place: state.failure.place } : null,
  };
}

function cellOfResult(test: string, result: Result, rule: Target | null): MatrixCell {
  const cell = plain(test, result.outcome, rule);
  if (result.outcome === "running") return { ...cell, text: "running" };
  return {
    ...cell,
    text: outcomeWord(result.outcome),
    detail: tail(result.outcome === "pass" && result.fired === false, result.durationMs),
    title: [shortName(test), ...(result.message === null ? [] : [result.message])].join("\n"),
  };
}

function tail(notFired: boolean, ms: number | null): string {
  if (notFired) return "not fired";
  return ms === null ? "" : duration(ms);
}

function isBad(status: MatrixCell["status"]): boolean {
  return status === "fail" || status === "error" || status === "timeout" || status === "bypassed";
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
