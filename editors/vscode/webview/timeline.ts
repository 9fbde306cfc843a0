// The timeline page: one lane per service and one for the test; a click on anything with a line leads to it.

import type { Arrow, Mark, Timeline } from "../src/model/timeline";
import type { TimelineContent, TimelineMessage } from "../src/panels/timelinePanel";
import { onActivate } from "./morph";
import { host, html, start, svg } from "./vscode";

const MIN_WIDTH = 420;
const LEFT = 80;
const RIGHT = 24;
const TOP = 30;
const LANE = 64;

const send = (message: TimelineMessage): void => host.postMessage(message);

const SIGNS: Record<string, string> = { pass: "✓", fail: "✗", error: "✗", timeout: "✗", bypassed: "✗", running: "◌" };

/** What each kind of drawing means, for the legend. */
const KINDS = [
  ["phase", "phase of the test"],
  ["starting", "service starts"],
  ["running", "service runs"],
  ["hit", "rule acts"],
] as const;

/** Width of a letter in a bar, roughly; a label that does not fit stays in the tooltip. */
const LETTER = 6;

start<TimelineContent>((content, root) => {
  const { timeline, run, chosen } = content;
  const width = Math.max(root.clientWidth, MIN_WIDTH);
  const drawn =
    timeline === null
      ? [html("p", { class: "empty" }, "Nothing happened yet.")]
      : [drawing(timeline, width), legend(), list(timeline), html("p", { class: "hint" }, timeline.omitted)];
  // Another test is drawn anew; the chooser stays, and with it the keyboard's place.
  return [header(content), html("div", { "data-key": `${run} ${chosen}` }, ...drawn)];
});

document.addEventListener("change", ({ target }) => {
  if (target instanceof HTMLSelectElement) send({ type: "choose", run: target.dataset["key"] ?? "", index: Number(target.value) });
});

function header({ tests, chosen, timeline, run }: TimelineContent): HTMLElement {
  const options = tests.map(({ index, name, status }) =>
    html("option", { value: index, ...(index === chosen ? { selected: "" } : {}) }, `${SIGNS[status] ?? "·"} ${name}`),
  );
  const head = html("header", {}, html("select", { "aria-label": "Test", "data-key": run }, ...options));
  if (timeline) head.append(verdict(timeline));
  return head;
}

function verdict({ verdict, good, failure }: Timeline): HTMLElement {
  const look = good ? "pass" : "fail";
  if (failure === null) return html("span", { class: look }, verdict);
  const link = html("a", { class: look, tabindex: 0, title: "Go to the failing line" }, verdict);
  return onActivate(link, () => send({ type: "open", place: failure }));
}

function drawing(timeline: Timeline, width: number): SVGElement {
  const height = TOP + timeline.lanes.length * LANE + 10;
  const x = (ms: number): number => LEFT + (ms / timeline.endMs) * (width - LEFT - RIGHT);
  const y = (lane: number): number => TOP + lane * LANE + LANE / 2;
  const picture = svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Timeline of ${timeline.title}` });
  const lanes = timeline.lanes.flatMap((name, lane) => [
    svg("text", { class: "lane", x: 8, y: y(lane) + 4 }, name),
    svg("line", { class: "lane", x1: LEFT, x2: width - RIGHT, y1: y(lane), y2: y(lane) }),
  ]);
  const bars: SVGElement[] = [];
  for (const bar of timeline.bars) {
    const length = bar.kind === "died" ? 3 : Math.max(x(bar.to) - x(bar.from), 1);
    const rect = { class: `bar ${bar.kind}`, x: x(bar.from), y: y(bar.lane) - 7, width: length, height: 14, rx: 2 };
    bars.push(svg("rect", rect, svg("title", {}, bar.text)));
    if (bar.kind === "phase" && length > bar.text.length * LETTER) {
      bars.push(svg("text", { class: "bar", x: x(bar.from) + length / 2, y: y(bar.lane) + 3 }, bar.text));
    }
  }
  const arrows = timeline.arrows.map((arrow) => arrowOf(arrow, x, y));
  const marks = timeline.marks.map((mark) => markOf(mark, x, y));
  // A group each: all but the axis only ever grow at their end, so what is there stays what it is.
  const groups = [axis(timeline.endMs, x, height), lanes, bars, arrows, marks].map((each) => svg("g", {}, ...each));
  picture.append(heads(), ...groups);
  return picture;
}

/** Arrow heads, one per colour. */
function heads(): SVGElement {
  const size = { viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 5, markerHeight: 5, orient: "auto" };
  const tip = (state: string): SVGElement => svg("marker", { id: `tip-${state}`, ...size }, svg("path", { class: `tip ${state}`, d: "M0 0 L8 4 L0 8 z" }));
  return svg("defs", {}, ...["ok", "bad", "open"].map(tip));
}

function legend(): HTMLElement {
  const entry = ([kind, text]: readonly [string, string]): HTMLElement => html("span", {}, html("i", { class: kind }), text);
  return html("p", { class: "legend" }, ...KINDS.map(entry));
}

/** Four to eight marks at round numbers. */
function axis(endMs: number, x: (ms: number) => number, height: number): SVGElement[] {
  const power = 10 ** Math.floor(Math.log10(endMs / 4));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => endMs / each <= 8) ?? endMs;
  const marks: SVGElement[] = [];
  for (let at = 0; at <= endMs; at += step) {
    marks.push(svg("line", { class: "axis", x1: x(at), x2: x(at), y1: 20, y2: height - 8 }));
    const label = at >= 1000 ? `${at / 1000} s` : `${Number(at.toPrecision(6))} ms`;
    // One that would be cut off at the right edge is left out.
    if (x(at) + label.length * LETTER <= x(endMs) + RIGHT) marks.push(svg("text", { class: "axis", x: x(at) + 3, y: 14 }, label));
  }
  return marks;
}

function arrowOf(arrow: Arrow, x: (ms: number) => number, y: (lane: number) => number): SVGElement {
  const state = arrow.received === undefined ? "open" : arrow.ok ? "ok" : "bad";
  const tip = `url(#tip-${state})`;
  const from = x(arrow.sent);
  const to = x(arrow.received ?? arrow.sent);
  const group = svg("g", { class: `arrow ${state}`, tabindex: 0 }, svg("title", {}, `${arrow.text}\n${arrow.reply}\nGo to its line`));
  // Lines are too thin to hit; the area between them answers, too.
  const hit = { class: "hit", x: from - 4, y: y(0) + 8, width: to - from + 8, height: y(arrow.lane) - y(0) - 12 };
  group.append(svg("rect", hit));
  group.append(svg("line", { x1: from, x2: from, y1: y(0) + 8, y2: y(arrow.lane) - 8, "marker-end": tip }));
  if (arrow.received !== undefined) {
    group.append(svg("line", { class: "served", x1: from, x2: to, y1: y(arrow.lane) - 8, y2: y(arrow.lane) - 8 }));
    group.append(svg("line", { class: "reply", x1: to, x2: to, y1: y(arrow.lane) - 8, y2: y(0) + 8, "marker-end": tip }));
  }
  return onActivate(group, () => send({ type: "open", place: arrow.place }));
}

function markOf(mark: Mark, x: (ms: number) => number, y: (lane: number) => number): SVGElement {
  const [cx, cy] = [x(mark.at), y(mark.lane)];
  const shape =
    mark.kind === "syscall"
      ? svg("line", { x1: cx, x2: cx, y1: cy + 6, y2: cy + 22 })
      : svg("path", { d: `M${cx} ${cy - 9} l9 9 l-9 9 l-9 -9 z` });
  const group = svg("g", { class: `mark ${mark.kind} ${mark.word}` }, svg("title", {}, mark.text), shape);
  const { place } = mark;
  if (place === null) return group;
  group.setAttribute("tabindex", "0");
  return onActivate(group, () => send({ type: "open", place }));
}

/** The same facts as text, in order: readable without a mouse, and by a screen reader. */
function list({ lanes, arrows, marks }: Timeline): HTMLElement {
  const steps = arrows.map(({ lane, sent, text, reply, ok, place }, index) => ({ key: `step ${index}`, at: sent, lane, text, reply, place, kind: ok ? "ok" : "bad" }));
  const hits = marks.map(({ lane, at, text, place, kind }, index) => ({ key: `hit ${index}`, at, lane, text, reply: "", place, kind }));
  const rows = [...steps, ...hits].sort((a, b) => a.at - b.at).slice(0, 500).map(({ key, at, lane, text, reply, place, kind }) => {
    const what = html("span", { class: "what" }, text, ...(reply === "" ? [] : [html("span", { class: "reply" }, ` → ${reply}`)]));
    const line = html("li", { class: kind, "data-key": key }, html("span", { class: "at" }, `${at.toFixed(0)} ms`), html("span", { class: "lane" }, lanes[lane] ?? ""), what);
    if (place === null) return line;
    line.setAttribute("tabindex", "0");
    return onActivate(line, () => send({ type: "open", place }));
  });
  return html("ol", { class: "events" }, ...rows);
}
