// What happened in one leaf, laid out in time: a lane for the test and one per service.

import type { FaultWord, Place, WireEvent } from "../protocol";
import { valuesOf } from "./inline";
import { duration, isGood, outcomeWord } from "./names";
import { endOf } from "./output";
import { isOver, type LeafState } from "./run";

/** The drawing stays readable, and the panel quick, up to about this many marks of one kind. */
const MAX_ITEMS = 2_000;

export interface Bar {
  lane: number;
  from: number;
  to: number;
  kind: "phase" | "starting" | "running" | "died";
  text: string;
}

export interface Arrow {
  /** Lane the request goes to; it always starts in lane 0, the test's. */
  lane: number;
  sent: number;
  /** `undefined` while no reply came. */
  received: number | undefined;
  ok: boolean;
  text: string;
  reply: string;
  place: Place;
}

export interface Mark {
  lane: number;
  at: number;
  /** A hit of a protocol rule is a mark, a faulted system call a tick. */
  kind: "rule" | "syscall" | "note";
  word: FaultWord | "note";
  text: string;
  place: Place | null;
}

export interface Timeline {
  title: string;
  /** How it ended, such as `FAIL after 61 ms: expected 500, got 503`; what it does while it runs. */
  verdict: string;
  good: boolean;
  /** The line that failed. */
  failure: Place | null;
  lanes: string[];
  endMs: number;
  bars: Bar[];
  arrows: Arrow[];
  marks: Mark[];
  /** What was left out, in words; empty when everything is shown. */
  omitted: string;
}

/** Lays out a leaf, finished or still running. */
export function timelineOf(state: LeafState): Timeline {
  const layout = new Layout();
  for (const event of state.events) layout.add(event);
  return layout.finish(state);
}

class Layout {
  private readonly lanes = ["test"];
  private readonly bars: Bar[] = [];
  private readonly arrows: Arrow[] = [];
  private readonly marks: Mark[] = [];
  private readonly open = new Map<string, Bar>();
  private readonly waiting = new Map<number, Arrow>();
  private end = 0;
  private skipped = 0;

  add(event: WireEvent): void {
    this.end = Math.max(this.end, event.atMs);
    const at = event.atMs;
    switch (event.event) {
      case "phase":
        this.bar("phase", 0, at, "phase", event.service ? `${event.phase} ${event.service}` : event.phase);
        break;
      case "service_started":
        this.bar(event.service, this.lane(event.service), at, "starting", `${event.service} starting, pid ${event.pid}`);
        break;
      case "service_ready":
        this.bar(event.service, this.lane(event.service), at, "running", `${event.service} ready after ${duration(event.afterMs)}`);
        break;
      case "service_exited":
        this.exited(event.service, at, endOf(event), event.expected);
        break;
      case "step_sent":
        this.sent(event.step, event.target, at, event.summary, event.place);
        break;
      case "step_received":
        this.received(event.step, at, event.ok, replyText(event.status, event.ok, event.error, event.body));
        break;
      case "rule_fired": {
        const kind = event.target.includes(".") ? "rule" : "syscall";
        const label = event.label === null ? "" : ` (${event.label})`;
        const text = `${event.operation}: ${event.action}${label} by ${event.rule}`;
        this.mark({ lane: this.lane(serviceOf(event.target)), at, kind, word: event.word, text, place: event.place });
        break;
      }
      case "connection_failed":
      case "connection_opaque":
        this.mark({ lane: this.lane(serviceOf(event.target)), at, kind: "note", word: "note", text: event.reason, place: null });
        break;
      default:
        break;
    }
  }

  finish(state: LeafState): Timeline {
    for (const bar of this.open.values()) bar.to = this.end;
    const lost = this.skipped + state.lostEvents;
    return {
      title: state.leaf.test,
      verdict: verdictOf(state),
      good: !isOver(state.status) || isGood(state.status),
      failure: state.failure?.place ?? null,
      lanes: this.lanes,
      endMs: Math.max(this.end, 1),
      bars: this.bars,
      arrows: this.arrows,
      marks: this.marks,
      omitted: lost > 0 ? `${lost} later events are not drawn` : "",
    };
  }

  private lane(service: string): number {
    const known = this.lanes.indexOf(service);
    return known >= 0 ? known : this.lanes.push(service) - 1;
  }

  /** Opens a bar and closes the one that lane of facts had before. */
  private bar(key: string, lane: number, at: number, kind: Bar["kind"], text: string): void {
    const before = this.open.get(key);
    if (before) before.to = at;
    const bar = { lane, from: at, to: at, kind, text };
    this.bars.push(bar);
    this.open.set(key, bar);
  }

  private exited(service: string, at: number, text: string, expected: boolean): void {
    const before = this.open.get(service);
    if (before) before.to = at;
    this.open.delete(service);
    if (!expected) {
      const lane = this.lane(service);
      this.bars.push({ lane, from: at, to: at, kind: "died", text });
    }
  }

  private sent(step: number, target: string, at: number, text: string, place: Place): void {
    if (this.arrows.length >= MAX_ITEMS) {
      this.skipped += 1;
      return;
    }
    const lane = this.lane(serviceOf(target));
    const arrow: Arrow = { lane, sent: at, received: undefined, ok: false, text, reply: "no reply", place };
    this.arrows.push(arrow);
    this.waiting.set(step, arrow);
  }

  private received(step: number, at: number, ok: boolean, reply: string): void {
    const arrow = this.waiting.get(step);
    if (arrow === undefined) return;
    arrow.received = at;
    arrow.ok = ok;
    arrow.reply = reply;
    this.waiting.delete(step);
  }

  private mark(mark: Mark): void {
    if (this.marks.length < MAX_ITEMS) this.marks.push(mark);
    else this.skipped += 1;
  }
}

function verdictOf(state: LeafState): string {
  if (!isOver(state.status)) return state.phase || state.status;
  if (state.status === "not_run") return outcomeWord(state.status);
  const why = state.failure ? `: ${valuesOf(state.failure)}` : "";
  return `${outcomeWord(state.status)} after ${duration(state.durationMs)}${why}`;
}

/** `api` of `api.public`. */
function serviceOf(target: string): string {
  return target.split(".", 1)[0] ?? target;
}

function replyText(status: number, ok: boolean, error: string, body: string): string {
  if (error !== "") return error;
  const short = body.length > 60 ? `${body.slice(0, 60)}…` : body;
  const code = status !== 0 ? String(status) : ok ? "ok" : "failed";
  return short === "" ? code : `${code} ${short.replace(/\s+/g, " ")}`;
}
