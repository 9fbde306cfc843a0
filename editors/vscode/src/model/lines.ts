// Where a line is after an edit: results stay beside the text they are about until that text itself changes.

/** One change of a document, lines from 0, as editors report it. */
export interface LineChange {
  startLine: number;
  startColumn: number;
  endLine: number;
  text: string;
}

/** The new number of `line`, or `undefined` when the change touched the line itself. */
export function moveLine(line: number, change: LineChange): number | undefined {
  const added = change.text.split("\n").length - 1;
  const shift = added - (change.endLine - change.startLine);
  if (line < change.startLine) return line;
  if (line > change.endLine) return line + shift;
  // Text inserted as whole lines at the start of a line pushes that line down unchanged.
  const insertsAbove = change.startLine === change.endLine && change.startColumn === 0 && change.text.endsWith("\n");
  return insertsAbove && line === change.startLine ? line + shift : undefined;
}
