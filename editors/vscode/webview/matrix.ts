// The matrix page: a click on a cell runs it, the arrow beside it leads to its rule.

import type { MatrixCell, MatrixTable, Target } from "../src/model/matrix";
import type { MatrixContent, MatrixMessage } from "../src/panels/matrixPanel";
import { host, html, onActivate, start } from "./vscode";

const send = (message: MatrixMessage): void => host.postMessage(message);

start<MatrixContent>((content, root) => {
  const focused = document.activeElement?.getAttribute("data-test");
  root.replaceChildren(html("p", { class: "spec" }, content.spec));
  if (content.tables.length === 0) {
    root.append(html("p", { class: "empty" }, "This spec has no fault_matrix(...)."));
  }
  for (const table of content.tables) root.append(section(table, content));
  // Drawing replaced the element the keyboard was on.
  if (focused) root.querySelector<HTMLElement>(`[data-test="${CSS.escape(focused)}"]`)?.focus();
});

function section(table: MatrixTable, { canRun, running }: MatrixContent): HTMLElement {
  const head = html("header", {}, html("h2", {}, table.title));
  if (table.passed > 0) head.append(html("span", { class: "pass" }, `${table.passed} passed`));
  if (table.bad > 0) head.append(html("span", { class: "fail" }, `${table.bad} failed`));
  if (canRun && running) {
    head.append(onActivate(html("button", { class: "quiet" }, "Cancel"), () => send({ type: "cancel" })));
  } else if (canRun) {
    head.append(onActivate(html("button", { class: "all" }, "Run all cells"), () => send({ type: "run", tests: table.tests })));
  }
  const heads = table.columns.map(({ fault, location }) => html("th", { scope: "col" }, named(fault, location && { location })));
  const rows = table.rows.map((row) =>
    html(
      "tr",
      {},
      html("th", { scope: "row" }, named(row.scenario, row.location && { location: row.location })),
      ...row.cells.map((cell) => cellOf(cell, canRun)),
    ),
  );
  const grid = html("table", {}, html("thead", {}, html("tr", {}, html("td"), ...heads)), html("tbody", {}, ...rows));
  return html("section", {}, head, html("div", { class: "wide" }, grid), html("p", { class: "hint" }, "Click a cell to run it. Its arrow leads to the rule, a failure's ! to the failing line."));
}

function named(name: string, target: Target | null): HTMLElement {
  if (target === null) return html("span", {}, name);
  return onActivate(html("a", { tabindex: 0, title: "Go to its line" }, name), () => send({ type: "open", target }));
}

function cellOf(cell: MatrixCell, canRun: boolean): HTMLElement {
  if (cell.status === "excluded") return html("td", { class: "excluded", title: cell.title }, "—");
  const run = html("button", { class: `run ${cell.status}`, title: cell.title, "data-test": cell.test });
  run.append(html("span", { class: "word" }, cell.text || "▶"), html("span", { class: cell.detail === "not fired" ? "detail silent" : "detail" }, cell.detail));
  if (canRun) onActivate(run, () => send({ type: "run", tests: [cell.test] }));
  const links: HTMLElement[] = [];
  if (cell.failure) links.push(link("!", "Go to the failing line", cell.failure));
  if (cell.rule) links.push(link("→", "Go to the rule", cell.rule));
  return html("td", {}, html("div", { class: "cell" }, run, ...links));
}

function link(text: string, title: string, target: Target): HTMLElement {
  return onActivate(html("button", { class: "jump", title, "aria-label": title }, text), () => send({ type: "open", target }));
}
