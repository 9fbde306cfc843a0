// A command as one line for a POSIX shell.

/** The line that runs `argv`, with that program, from wherever it is pasted. */
export function shellLine(argv: readonly string[], cwd: string, program: string): string {
  return `cd ${quoted(cwd)} && ${[program, ...argv.slice(1)].map(quoted).join(" ")}`;
}

/** The word as a shell must see it. */
function quoted(word: string): string {
  return /^[A-Za-z0-9_\-./:=@%+,]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
