// Events as lines of text, for the test output and the output channel.

import type { ServerEvent, WireEvent, WireEventOf } from "../protocol";
import { duration, outcomeWord, shortName } from "./names";

/** `worker died: killed by SIGABRT, 12 ms after write -> ENOSPC on /tmp/work.log`; `ended` where it may. */
export function endOf({ service, status, allowed, cause }: WireEventOf<"service_exited">): string {
  return `${service} ${allowed ? "ended" : "died"}: ${status}${cause === null ? "" : `, ${cause}`}`;
}

/** The lines for an event, or none when it says nothing a reader wants. */
export function outputOf(event: WireEvent | ServerEvent): string[] {
  switch (event.event) {
    case "queued":
      return [`$ ${event.argv.join(" ")}`];
    case "log":
      return [event.text];
    case "ended":
      return event.message === null ? [] : [event.message];
    case "notice":
      return [event.text];
    case "service_started":
      return [stamp(event.atMs, `${event.service} started, pid ${event.pid}`)];
    case "service_ready":
      return [stamp(event.atMs, `${event.service} ready after ${duration(event.afterMs)}`)];
    case "service_exited":
      return event.expected ? [] : [stamp(event.atMs, endOf(event))];
    case "service_output":
      return [stamp(event.atMs, `${event.service}| ${event.line}`)];
    case "service_output_left_out":
      return [stamp(event.atMs, `${event.service}| … ${event.lines.toLocaleString("en")} lines left out`)];
    case "step_sent":
      return [stamp(event.atMs, `-> ${event.target} ${event.summary}`)];
    case "step_received": {
      const said = event.error !== "" ? event.error : `${event.status} ${JSON.stringify(event.body)}`;
      return [stamp(event.atMs, `<- ${said} (${duration(event.durationMs)})`)];
    }
    case "rule_fired":
      return [stamp(event.atMs, `!! ${event.rule}: ${event.operation} -> ${event.action}`)];
    case "printed":
      return [stamp(event.atMs, event.text)];
    case "leaf_finished": {
      const head = `--- ${outcomeWord(event.outcome)}: ${event.test} (${duration(event.durationMs)}, seed=${event.seed}) ---`;
      const evidence = event.evidence.map((each) => `  ${each.rule}   ${each.action}   ${each.matcher}   ${each.summary}`);
      return [head, ...failureLines(event.failure), ...evidence];
    }
    default:
      return [];
  }
}

function failureLines(failure: { message: string; label: string; notes: { text: string }[]; help: string[] } | null): string[] {
  if (failure === null) return [];
  return [
    `  ${failure.message}`,
    ...failure.notes.map((note) => `  = ${note.text}`),
    ...failure.help.map((help) => `  = help: ${help}`),
  ];
}

function stamp(ms: number, text: string): string {
  return `  ${ms.toFixed(0).padStart(6)} ms  ${text}`;
}

/** What a run was asked to do, for titles. */
export function selectionText(tests: string[] | null): string {
  if (tests === null) return "all tests";
  const [only] = tests;
  return tests.length === 1 && only !== undefined ? shortName(only) : `${tests.length} tests`;
}
