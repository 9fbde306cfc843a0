// Which `faultbox` program: the one the user set, the one on PATH, or one built in the folder.

import { accessSync, constants, realpathSync, statSync } from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import { choose, type Program } from "./model/choice";

export type { Program };

/** The program to start. One inside the workspace is only taken when the user trusts the workspace. */
export function findProgram(): Program | { missing: string } {
  return choose({
    set: vscode.workspace.getConfiguration("faultbox").get<string>("path", "").trim(),
    folders: (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath),
    isTrusted: vscode.workspace.isTrusted,
    path: (process.env["PATH"] ?? "").split(path.delimiter),
    isProgram,
    real,
  });
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function real(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file;
  }
}
