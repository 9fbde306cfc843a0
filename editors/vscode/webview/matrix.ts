// The matrix page: a click on a cell runs it, the arrow beside it leads to its rule.

import type { MatrixCell, MatrixTable, Target } from "../src/model/matrix";
import type { MatrixContent, MatrixMessage } from "../src/panels/matrixPanel";
import { onActivate } from "./morph";
import { host, html, start } from "./vscode";

const send = (message: MatrixMessage): void => host.postMessage(message);

start<MatrixContent>((content) => {
  const tables = content.tables.map((table) => section(table, content));
  const none = html("p", { class: "empty" }, "This spec has no fault_matrix(...).");
  // Another spec is drawn anew: nothing pressed in one may be released in the other.
  return [html("div", { "data-key": content.uri }, html("p", { class: "spec" }, content.spec), ...(tables.length > 0 ? tables : [none]))];
});

function section(table: MatrixTable, { canRun, running, uri }: MatrixContent): HTMLElement {
  const head = html("header", {}, html("h2", {}, table.title));
  if (canRun && running) {
    head.append(onActivate(html("button", { class: "quiet", "data-key": "cancel" }, "Cancel"), () => send({ type: "cancel", uri })));
  } else if (canRun) {
    head.append(onActivate(html("button", { class: "all", "data-key": "all" }, "Run all cells"), () => send({ type: "run", uri, tests: table.tests })));
  }
  // Behind the button, which must not move while it is pressed.
  if (table.passed > 0) head.append(html("span", { class: "pass" }, `${table.passed} passed`));
  if (table.bad > 0) head.append(html("span", { class: "fail" }, `${table.bad} failed`));
  const heads = table.columns.map(({ fault, location }) => html("th", { scope: "col" }, named(fault, location && { location }, uri)));
  const rows = table.rows.map((row) =>
    html(
      "tr",
      {},
      html("th", { scope: "row" }, named(row.scenario, row.location && { location: row.location }, uri)),
      ...row.cells.map((cell) => cellOf(cell, uri, canRun)),
    ),
  );
  const grid = html("table", {}, html("thead", {}, html("tr", {}, html("td"), ...heads)), html("tbody", {}, ...rows));
  return html("section", {}, head, html("div", { class: "wide" }, grid), html("p", { class: "hint" }, "Click a cell to run it. Its arrow leads to the rule, a failure's ! to the failing line."));
}

function named(name: string, target: Target | null, uri: string): HTMLElement {
  if (target === null) return html("span", {}, name);
  return onActivate(html("a", { tabindex: 0, title: "Go to its line" }, name), () => send({ type: "open", uri, target }));
}

function cellOf(cell: MatrixCell, uri: string, canRun: boolean): HTMLElement {
  if (cell.status === "excluded") return html("td", { class: "excluded", title: cell.title }, "—");
  const run = html("button", { class: `run ${cell.status}`, title: cell.title, "data-test": cell.test, "data-key": cell.test });
  run.append(html("span", { class: "word" }, cell.text || "▶"), html("span", { class: cell.detail === "not fired" ? "detail silent" : "detail" }, cell.detail));
  if (canRun) onActivate(run, () => send({ type: "run", uri, tests: [cell.test] }));
  const links: HTMLElement[] = [];
  if (cell.failure) links.push(link("!", "Go to the failing line", cell.failure, uri));
  if (cell.rule) links.push(link("→", "Go to the rule", cell.rule, uri));
  return html("td", {}, html("div", { class: "cell" }, run, ...links));
}

function link(text: string, title: string, target: Target, uri: string): HTMLElement {
  return onActivate(html("button", { class: "jump", title, "aria-label": title, "data-key": text }, text), () => send({ type: "open", uri, target }));
}
