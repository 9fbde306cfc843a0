// The little a page may do: send messages to the extension, and make elements without ever parsing HTML.

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

/** Makes an element answer to mouse and keyboard alike. */
export function onActivate<E extends Element>(element: E, act: () => void): E {
  element.addEventListener("click", act);
  element.addEventListener("keydown", (event) => {
    const { key } = event as KeyboardEvent;
    if (key !== "Enter" && key !== " ") return;
    event.preventDefault();
    act();
  });
  return element;
}

/** Draws each message, and tells the extension that the page is there. */
export function start<Content>(draw: (content: Content, root: HTMLElement) => void): void {
  const root = document.getElementById("root");
  if (root === null) return;
  window.addEventListener("message", (event) => draw(event.data as Content, root));
  host.postMessage({ type: "ready" });
}
