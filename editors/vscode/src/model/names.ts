// Names of tests and of outcomes, as people read them.

import type { Outcome } from "../protocol";

/** The name without `test_`, which the runner adds again; the rule of engine/src/report/replay.rs. */
export function shortName(test: string): string {
  const rest = test.startsWith("test_") ? test.slice("test_".length) : "";
  return rest !== "" && !rest.startsWith("test_") ? rest : test;
}

/** `52 ms`, `1.07 s`. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  return ms < 10_000 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 1000).toFixed(1)} s`;
}

/** The word on a result line; the terminal's `Outcome::word`. */
export function outcomeWord(outcome: Outcome): string {
  return outcome === "not_run" ? "NOT RUN" : outcome.toUpperCase();
}

/** True when a run with only such outcomes exits with 0. */
export function isGood(outcome: Outcome): boolean {
  return outcome === "pass" || outcome === "skipped";
}
