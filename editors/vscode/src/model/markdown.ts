// Texts of programs and specs inside Markdown: they are shown as they are, whatever they contain.

/** Text that Markdown shows letter by letter. A backslash may stand before any ASCII punctuation. */
export function plain(text: string): string {
  return text
    .replaceAll(/[!-/:-@[-`{-~]/g, "\\$&")
    .replaceAll(/\r\n?/g, "\n")
    // Spaces at the start of a line would make it code, those at its end a break.
    .replaceAll(/^[ \t]+|[ \t]+$|[ \t]{2,}/gm, (space) => "&nbsp;".repeat(space.length))
    .replaceAll("\n", "  \n");
}

/** Text between as many backticks as it needs. */
export function code(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  const pad = text.startsWith("`") || text.endsWith("`") ? " " : "";
  return `${fence}${pad}${text}${pad}${fence}`;
}
