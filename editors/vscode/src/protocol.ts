// What the server says beyond the Language Server Protocol: editors/PROTOCOL.md, and version 1 of the event lines
// that `faultbox test --format jsonl` writes (engine/src/report/wire.rs is the source of their form).
//
// Readers skip events and keys they do not know, so everything here is only what this extension uses.

/** Lines and UTF-16 columns count from 0, as in the Language Server Protocol. */
export interface Place {
  path: string;
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

export type Outcome =
  | "pass"
  | "fail"
  | "error"
  | "timeout"
  | "bypassed"
  | "inconclusive"
  | "skipped"
  | "not_run";

export interface Cell {
  matrix: number;
  row: number;
  column: number;
}

export interface Leaf {
  test: string;
  seed: number;
  repeat: number;
  place: Place;
  cell: Cell | null;
}

export interface MatrixPlan {
  scenarios: string[];
  faults: string[];
  /** Pairs of row and column that the spec leaves out. */
  excluded: [number, number][];
  place: Place;
}

export interface Note {
  text: string;
  place: Place | null;
}

export interface Failure {
  kind: string;
  message: string;
  place: Place | null;
  label: string;
  actual: string | null;
  expected: string | null;
  notes: Note[];
  help: string[];
}

export interface Evidence {
  rule: string;
  assumption: string | null;
  target: string;
  action: string;
  matcher: string;
  seen: number;
  matched: number;
  fired: number;
  /** `fired 2x`, or `never fired: ...` with the nearest miss. */
  summary: string;
  place: Place;
}

export interface Totals {
  passed: number;
  failed: number;
  errors: number;
  timeouts: number;
  bypassed: number;
  inconclusive: number;
  skipped: number;
  notRun: number;
  /** Of those that passed, tests none of whose faults acted. */
  notFired: number;
}

export type FaultWord = "respond" | "error" | "delay" | "drop" | "deny" | "allow" | "change";

interface Base {
  v: 1;
  /** Index into the leaves of `run_started`; absent on facts about the whole run. */
  leaf?: number;
  /** Milliseconds since the leaf, or the run, started. */
  atMs: number;
}

export type WireEvent = Base &
  (
    | { event: "run_started"; spec: string; jobs: number; runs: number; leaves: Leaf[]; matrices: MatrixPlan[] }
    | { event: "notice"; text: string }
    | ({ event: "leaf_started" } & Leaf)
    | { event: "phase"; phase: string; service?: string }
    | { event: "leaf_restarted"; reason: string }
    | { event: "service_started"; service: string; pid: number }
    | { event: "service_ready"; service: string; afterMs: number }
    | { event: "service_exited"; service: string; status: string; expected: boolean; allowed: boolean; cause: string | null }
    | { event: "service_output"; service: string; stream: "stdout" | "stderr"; line: string }
    | { event: "service_output_left_out"; service: string; lines: number; bytes: number }
    | { event: "step_sent"; step: number; target: string; method: string; summary: string; place: Place }
    | { event: "step_received"; step: number; status: number; ok: boolean; error: string; body: string; durationMs: number }
    | { event: "rule_installed"; rule: string; target: string; text: string; place: Place }
    | { event: "rule_removed"; rule: string }
    | { event: "rule_fired"; rule: string; target: string; word: FaultWord; action: string; operation: string; label: string | null; step: number | null; place: Place }
    | { event: "connection_failed"; target: string; reason: string }
    | { event: "connection_opaque"; target: string; reason: string }
    | { event: "printed"; text: string; place: Place | null }
    | { event: "assertion_passed"; place: Place }
    | ({ event: "warning" } & Failure)
    | ({
        event: "leaf_finished";
        outcome: Outcome;
        durationMs: number;
        /** It passed, and none of its faults acted. */
        notFired: boolean;
        failure: Failure | null;
        evidence: Evidence[];
        returned: string | null;
        assertions: number;
        replay: string | null;
      } & Leaf)
    | { event: "run_finished"; totals: Totals; durationMs: number; testsDurationMs: number; interrupted: boolean }
  );

export type WireEventOf<Name extends WireEvent["event"]> = Extract<WireEvent, { event: Name }>;

/** What the server adds to the lines of the run. `ended` is always the last. */
export type ServerEvent =
  | { event: "queued"; tests: string[] | null; argv: string[] }
  | { event: "log"; text: string }
  | { event: "ended"; exitCode: number | null; cancelled: boolean; message: string | null };

/** Parameters of the notification `faultbox/testEvent`. */
export interface TestEventParams {
  runId: string;
  /** From 0 without gaps within a run. */
  seq: number;
  uri: string;
  event: WireEvent | ServerEvent;
}

/** The one argument of `faultbox.run` and `faultbox.showCommand`. */
export interface RunArguments {
  uri: string;
  tests?: string[];
  all?: boolean;
  failed?: boolean;
}

/** The answer to `faultbox.run` and `faultbox.rerunFailed`: given at once, the run goes on behind it. */
export interface RunReply {
  runId: string;
  /** `null`: every test of the file. */
  tests: string[] | null;
}

/** Our command that the server may put behind a lens, because we tell it that we have it. */
export const SHOW_TIMELINE = "faultbox.editor.showTimeline";

/** The argument of that lens. */
export interface TimelineArguments {
  uri: string;
  runId: string;
  /** Full name. */
  test: string;
}

/** The answer to `faultbox.showCommand`. */
export interface CommandReply {
  argv: string[];
  cwd: string;
}

export interface Position {
  line: number;
  character: number;
}

export interface Range {
  start: Position;
  end: Position;
}

export interface Location {
  uri: string;
  range: Range;
}

export interface TestItem {
  /** Unique in the file; for a runnable test its full name. */
  id: string;
  label: string;
  kind: "test" | "scenario" | "faultScenario" | "matrix" | "cell";
  /** The matrix of a cell. */
  parent: string | null;
  /** What to put into `tests` of `faultbox.run`. */
  run: string[];
  range: Range;
  selectionRange: Range;
}

/** Parameters of `faultbox/testsChanged`, and an element of the answer to `faultbox/discoverTests`. */
export interface FileTests {
  uri: string;
  version: number | null;
  tests: TestItem[];
}

export interface Result {
  outcome: Outcome | "running";
  durationMs: number | null;
  message: string | null;
  /** Of a cell: did a fault act. */
  fired: boolean | null;
  runId: string;
}

/** An element of the answer to `faultbox/matrix`. */
export interface Matrix {
  range: Range;
  scenarios: string[];
  faults: string[];
  scenarioRanges: (Location | null)[];
  faultRanges: (Location | null)[];
  cells: { row: number; column: number; test: string | null; result: Result | null }[];
}

/** Parameters of `faultbox/status`. */
export interface Status {
  health: "ok" | "warning" | "error";
  running: number;
  message: string | null;
}
