// The little a page may do: send messages to the extension, and make elements without ever parsing HTML.

import { listen, morphChildren } from "./morph";

interface Host {
  postMessage(message: unknown): void;
}

declare function acquireVsCodeApi(): Host;

export const host = acquireVsCodeApi();

type Attributes = Record<string, string | number | undefined>;

export function html(tag: string, attributes: Attributes = {}, ...children: (Node | string)[]): HTMLElement {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag: string, attributes: Attributes = {}, ...children: (Node | string)[]): SVGElement {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag) as SVGElement, attributes, children);
}

function fill<E extends Element>(element: E, attributes: Attributes, children: (Node | string)[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** Draws the newest message, at most once per frame, and tells the extension that the page is there. */
export function start<Content>(draw: (content: Content, root: HTMLElement) => Node[]): void {
  const root = document.getElementById("root");
  if (root === null) return;
  let newest: Content | undefined;
  let frame: number | undefined;
  const drawSoon = (): void => {
    frame ??= requestAnimationFrame(() => {
      frame = undefined;
      if (newest !== undefined) morphChildren(root, draw(newest, root));
    });
  };
  listen(root);
  window.addEventListener("message", (event) => {
    newest = event.data as Content;
    drawSoon();
  });
  window.addEventListener("resize", drawSoon);
  // A chooser was left alone while it had the focus.
  root.addEventListener("focusout", drawSoon);
  host.postMessage({ type: "ready" });
}
