// Places of events as places of documents.

import { existsSync } from "node:fs";
import * as path from "node:path";
import * as vscode from "vscode";
import { isRecipe } from "./model/inline";
import type { Location, Place, Range } from "./protocol";

/**
 * The document a place is in. Paths are as the runner was given them: absolute when the server started it; a relative
 * one is looked for beside the spec, then in the workspace folders.
 */
export function documentOf(placePath: string, specUri: string): vscode.Uri {
  if (path.isAbsolute(placePath)) return vscode.Uri.file(placePath);
  const spec = vscode.Uri.parse(specUri).fsPath;
  const folders = (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
  const found = [path.dirname(spec), ...folders].map((folder) => path.join(folder, placePath)).find(existsSync);
  return vscode.Uri.file(found ?? spec);
}

export function rangeOf(place: Place): vscode.Range {
  return new vscode.Range(place.line, place.column, place.endLine, place.endColumn);
}

export function vscodeRange({ start, end }: Range): vscode.Range {
  return new vscode.Range(start.line, start.character, end.line, end.character);
}

/** Shows a line of the spec beside the panel the user clicked in, and puts the cursor there. */
export async function reveal(target: { place: Place } | { location: Location }, specUri: string): Promise<void> {
  if ("place" in target && isRecipe(target.place)) {
    void vscode.window.showInformationMessage(`${target.place.path} comes with Faultbox; \`faultbox recipes show\` prints it.`);
    return;
  }
  const [uri, range] =
    "place" in target
      ? [documentOf(target.place.path, specUri), rangeOf(target.place)]
      : [vscode.Uri.parse(target.location.uri), vscodeRange(target.location.range)];
  const shown = vscode.window.visibleTextEditors.find((editor) => editor.document.uri.toString() === uri.toString());
  const viewColumn = shown?.viewColumn ?? vscode.ViewColumn.One;
  const editor = await vscode.window.showTextDocument(uri, { viewColumn, preserveFocus: false });
  // The cursor at the start: a range that is wider than the editor must not scroll the line's beginning away.
  editor.selection = new vscode.Selection(range.end, range.start);
  editor.revealRange(new vscode.Range(range.start, range.start), vscode.TextEditorRevealType.InCenterIfOutsideViewport);
}
