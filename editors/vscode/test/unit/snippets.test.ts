// A snippet that is taken as it comes must pass `faultbox check`, whatever is chosen where it offers a choice.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL("../../snippets/faultbox.json", import.meta.url));
const snippets = JSON.parse(readFileSync(file, "utf8")) as Record<string, { body: string[] }>;
const CHOICE = /\$\{\d+\|((?:\\.|[^|\\])*)\|\}/g;

/** What the editor inserts when the user takes that entry of each choice, and every default. */
function expand(name: string, entry: number): string {
  const text = (snippets[name] as { body: string[] }).body.join("\n");
  const taken = text.replaceAll(CHOICE, (_, list: string) => {
    const entries = list.split(/(?<!\\),/).map((each) => each.replaceAll(/\\(.)/g, "$1"));
    return entries[Math.min(entry, entries.length - 1)] as string;
  });
  return taken.replaceAll(/\$\{\d+:([^}]*)\}/g, "$1").replaceAll(/\$\d+/g, "");
}

/** In an order in which each may use what those before it declare. */
const DECLARATIONS = ["Service", "Service of another protocol", "Scenario", "Protocol fault", "Fault scenario", "Syscall fault", "Fault matrix", "Test"];
const RULES = ["Response rule", "Delay rule", "Drop rule"];
const longest = Math.max(...Object.values(snippets).flatMap(({ body }) => [...body.join("").matchAll(CHOICE)].map(([, list = ""]) => list.split(",").length)));

function spec(entry: number): string {
  const rules = RULES.map((name) => expand(name, entry)).join(", ");
  return [...DECLARATIONS.map((name) => expand(name, entry)), `more = fault_assumption("more", target = api.public, rules = [${rules}])`, ""].join("\n");
}

test("the specs below are made of every snippet", () => {
  assert.deepEqual([...DECLARATIONS, ...RULES].sort(), Object.keys(snippets).sort());
  assert.doesNotMatch(spec(0), /\$/);
});

const program = process.env["FAULTBOX_BIN"];
const mayBeSkipped = program === undefined && process.env["FAULTBOX_NO_SKIP"] === undefined;
test("all snippets together make a spec without errors, with each entry of their choices", { skip: mayBeSkipped && "FAULTBOX_BIN is not set" }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), "faultbox-snippets-"));
  try {
    mkdirSync(path.join(folder, "bin"));
    for (const name of ["api", "db"]) writeFileSync(path.join(folder, "bin", name), "#!/bin/sh\n", { mode: 0o755 });
    for (let entry = 0; entry < longest; entry += 1) {
      writeFileSync(path.join(folder, "spec.star"), spec(entry));
      const { status, stdout, stderr } = spawnSync(program as string, ["check", "spec.star"], { cwd: folder, encoding: "utf8" });
      assert.equal(status, 0, `${spec(entry)}\n${stdout}${stderr}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
