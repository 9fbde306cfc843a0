// Drawing anew without making anew: elements that stay the same thing stay the same element, so a click whose press and
// release have a drawing between them arrives, and focus, scrolling and an open chooser stay where they are.

/** What an element does when it is clicked; the newest drawing's. */
const acts = new WeakMap<Element, () => void>();

/** Makes an element answer to mouse and keyboard alike. */
export function onActivate<E extends Element>(element: E, act: () => void): E {
  acts.set(element, act);
  return element;
}

/** Hears for all elements below `root`, because elements that stay take over what their successors would have done. */
export function listen(root: HTMLElement): void {
  root.addEventListener("click", (event) => actOf(event.target, root)?.());
  root.addEventListener("keydown", (event) => {
    const act = event.key === "Enter" || event.key === " " ? actOf(event.target, root) : undefined;
    if (act === undefined) return;
    event.preventDefault();
    if (!event.repeat) act();
  });
}

function actOf(target: EventTarget | null, root: HTMLElement): (() => void) | undefined {
  for (let at = target instanceof Element ? target : null; at !== null && at !== root; at = at.parentElement) {
    const act = acts.get(at);
    if (act !== undefined) return act;
  }
  return undefined;
}

/** Makes the children of `parent` look like `wanted`. Elements with a `data-key` are only ever taken for their like. */
export function morphChildren(parent: Element, wanted: readonly Node[]): void {
  const keys = new Set(wanted.map(keyOf).filter((key) => key !== ""));
  for (const child of [...parent.childNodes]) {
    if (keyOf(child) !== "" && !keys.has(keyOf(child))) child.remove();
  }
  const keyed = new Map([...parent.childNodes].map((child) => [keyOf(child), child]));
  let cursor = parent.firstChild;
  for (const next of wanted) {
    const key = keyOf(next);
    const old = key === "" ? cursor : (keyed.get(key) ?? null);
    if (old === null || !isLike(old, next)) {
      parent.insertBefore(next, cursor);
      continue;
    }
    if (old === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(old, cursor);
    morph(old, next);
  }
  while (cursor !== null) {
    const after: ChildNode | null = cursor.nextSibling;
    cursor.remove();
    cursor = after;
  }
}

function keyOf(node: Node): string {
  return node instanceof Element ? (node.getAttribute("data-key") ?? "") : "";
}

function isLike(old: Node, next: Node): boolean {
  return old.nodeName === next.nodeName && keyOf(old) === keyOf(next);
}

function morph(old: Node, next: Node): void {
  if (!(old instanceof Element && next instanceof Element)) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  const act = acts.get(next);
  if (act === undefined) acts.delete(old);
  else acts.set(old, act);
  // Changing the entries of a chooser closes it under the user's hand.
  if (old instanceof HTMLSelectElement && old === document.activeElement) return;
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...next.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  const chosen = next instanceof HTMLSelectElement ? next.value : undefined;
  morphChildren(old, [...next.childNodes]);
  if (old instanceof HTMLSelectElement && chosen !== undefined) old.value = chosen;
}
