// What package.json promises must be there: VS Code itself only fails when somebody clicks.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const json = (file: string) => JSON.parse(readFileSync(root + file, "utf8"));
const manifest = json("package.json");
const grammar = json("syntaxes/faultbox.tmLanguage.json");

test("every contributed file exists", () => {
  const { languages, grammars, snippets } = manifest.contributes;
  const files = [manifest.icon, languages[0].configuration, languages[0].icon.light, grammars[0].path, snippets[0].path];
  for (const file of files) assert.ok(existsSync(root + file), file);
});

test("every command of the manifest is registered, and the other way round", () => {
  const source = readFileSync(`${root}src/commands.ts`, "utf8");
  const table = source.slice(source.indexOf("const commands"), source.indexOf("for (const [name, act]"));
  const registered = [...table.matchAll(/^ {6}(\w+): (?:async )?\(\w*\)/gm)].map(([, name]) => `faultbox.editor.${name}`);
  const promised = manifest.contributes.commands.map((each: { command: string }) => each.command);
  assert.deepEqual(registered.sort(), promised.sort());
});

test("every setting of the manifest is read", () => {
  const source = ["server.ts", "program.ts", "decorations.ts"].map((file) => readFileSync(`${root}src/${file}`, "utf8")).join("");
  for (const key of Object.keys(manifest.contributes.configuration.properties)) {
    const name = key.replace("faultbox.", "");
    // The language client reads `faultbox.trace.server` by its own id.
    if (name !== "trace.server") assert.ok(source.includes(`"${name}"`), key);
  }
});

test("the grammar's patterns are regular expressions and its includes exist", () => {
  let patterns = 0;
  const visit = (node: Record<string, unknown>): void => {
    for (const key of ["match", "begin", "end"]) {
      if (typeof node[key] === "string") patterns += new RegExp(node[key]) ? 1 : 0;
    }
    if (typeof node["include"] === "string") assert.ok(grammar.repository[node["include"].slice(1)], node["include"]);
    for (const value of Object.values(node)) {
      if (value !== null && typeof value === "object") visit(value as Record<string, unknown>);
    }
  };
  visit(grammar);
  assert.ok(patterns > 15);
});

test("the colours of a line", () => {
  const kinds = Object.entries(grammar.repository as Record<string, { match?: string }>);
  const first = (text: string) => kinds.find(([, { match }]) => match !== undefined && new RegExp(`^(?:${match})`).test(text))?.[0];
  assert.equal(first("fault_scenario("), "declaration");
  assert.equal(first("response(method="), "fault");
  assert.equal(first("assert_eq(r"), "check");
  assert.equal(first("expect = lambda"), "argument");
  assert.equal(first("# note"), "comment");
});
