// Which `faultbox` program: the one the user set, the one on PATH, or one built in the folder.

import { accessSync, constants, statSync } from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";

export interface Program {
  file: string;
  /** What a shell calls it: only a program on PATH needs no path. */
  word: string;
}

/** The program to start. One inside the workspace is only taken when the user trusts the workspace. */
export function findProgram(): Program | { missing: string } {
  const set = vscode.workspace.getConfiguration("faultbox").get<string>("path", "").trim();
  const folders = (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
  if (set !== "") {
    const found = [set, ...folders.map((folder) => path.resolve(folder, set))].find((each) => path.isAbsolute(each) && isProgram(each));
    return found === undefined ? { missing: `faultbox.path is ${set}, which is not a program` } : { file: found, word: found };
  }
  const onPath = (process.env["PATH"] ?? "").split(path.delimiter).filter(path.isAbsolute).map((folder) => path.join(folder, "faultbox"));
  const installed = onPath.find(isProgram);
  if (installed !== undefined) return { file: installed, word: "faultbox" };
  const built = folders.flatMap((folder) => ["release", "debug"].map((kind) => path.join(folder, "target", kind, "faultbox")));
  const found = vscode.workspace.isTrusted ? built.find(isProgram) : undefined;
  return found === undefined ? { missing: "no `faultbox` program on PATH; install it or set faultbox.path" } : { file: found, word: found };
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
