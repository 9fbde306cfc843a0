// Where a line is after an edit: results stay beside the text they are about until that text itself changes.

/** One change of a document, lines from 0, as editors report it. */
export interface LineChange {
  startLine: number;
  startColumn: number;
  endLine: number;
  endColumn: number;
  text: string;
}

/** The new number of `line`, or `undefined` when the change touched the line itself. */
export function moveLine(line: number, change: LineChange): number | undefined {
  const added = change.text.split("\n").length - 1;
  const shift = added - (change.endLine - change.startLine);
  if (line < change.startLine) return line;
  // A change that ends at the very start of a line leaves that line as it is, unless something is put before its text.
  const endsAtStart = change.text.endsWith("\n") || (change.text === "" && change.startColumn === 0);
  const isBelow = line > change.endLine || (line === change.endLine && change.endColumn === 0 && endsAtStart);
  return isBelow ? line + shift : undefined;
}
