// Which of the programs that could be meant is started. Nothing within a folder that is not trusted is.

import * as path from "node:path";

export interface Program {
  file: string;
  /** What a shell calls it: only a program on PATH needs no path. */
  word: string;
}

/** What the choice depends on. */
export interface Surroundings {
  /** The setting `faultbox.path`. */
  set: string;
  /** The folders of the workspace. */
  folders: readonly string[];
  isTrusted: boolean;
  /** The folders of PATH. */
  path: readonly string[];
  isProgram(file: string): boolean;
  /** The file without links; the name itself when there is no such file. */
  real(file: string): string;
}

export function choose(around: Surroundings): Program | { missing: string } {
  const { set, folders, isTrusted } = around;
  const found = (files: string[]) => files.filter(path.isAbsolute).filter((file) => around.isProgram(file));
  const mayRun = (file: string) => isTrusted || ![file, around.real(file)].some((each) => isWithin(each, around));
  if (set !== "") {
    const named = found([set, ...folders.map((folder) => path.resolve(folder, set))]);
    const file = named.find(mayRun);
    if (file !== undefined) return { file, word: file };
    const why = named.length > 0 ? "which lies in a folder you have not trusted" : "which is not a program";
    return { missing: `faultbox.path is ${set}, ${why}` };
  }
  const installed = found(around.path.map((folder) => path.join(folder, "faultbox"))).find(mayRun);
  if (installed !== undefined) return { file: installed, word: "faultbox" };
  const built = folders.flatMap((folder) => ["release", "debug"].map((kind) => path.join(folder, "target", kind, "faultbox")));
  const file = found(built).find(mayRun);
  return file === undefined ? { missing: "no `faultbox` program on PATH; install it or set faultbox.path" } : { file, word: file };
}

function isWithin(file: string, { folders, real }: Surroundings): boolean {
  return folders.flatMap((folder) => [folder, real(folder)]).some((folder) => {
    const way = path.relative(folder, file);
    return way !== "" && way !== ".." && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way);
  });
}
