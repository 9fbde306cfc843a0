import assert from "node:assert/strict";
import test from "node:test";
import { choose } from "../../src/model/choice";

/** The files there are, and the links among them. */
const LINKS: Record<string, string> = { "/home/me/link": "/work/target/debug/faultbox", "/ways/work": "/work" };
const FILES = ["/usr/bin/faultbox", "/opt/faultbox", "/work/bin/faultbox", "/work/target/debug/faultbox", "/work..bin/faultbox"];

function chosen(set: string, isTrusted: boolean, more: { path?: string[]; folders?: string[] } = {}): string {
  const real = (file: string) => LINKS[file] ?? file.replace(/^\/ways\/work/, "/work");
  const isProgram = (file: string) => FILES.includes(real(file));
  const found = choose({ set, folders: more.folders ?? ["/work"], isTrusted, path: more.path ?? [], isProgram, real });
  return "missing" in found ? found.missing : `${found.word} = ${found.file}`;
}

test("a folder that is not trusted has no program for us, however it is named", () => {
  const refused = (set: string) => `faultbox.path is ${set}, which lies in a folder you have not trusted`;
  for (const set of ["bin/faultbox", "./bin/faultbox", "../work/bin/faultbox", "/work/bin/faultbox", "/home/me/link"]) {
    assert.equal(chosen(set, false), refused(set));
    assert.notEqual(chosen(set, true), refused(set));
  }
  assert.equal(chosen("/work/bin/faultbox", false, { folders: ["/ways/work"] }), refused("/work/bin/faultbox"));
  const none = "no `faultbox` program on PATH; install it or set faultbox.path";
  assert.equal(chosen("", false), none);
  assert.equal(chosen("", false, { path: ["/work/bin"] }), none);
  assert.equal(chosen("", true), "/work/target/debug/faultbox = /work/target/debug/faultbox");
});

test("a program elsewhere is taken, trusted or not", () => {
  for (const isTrusted of [true, false]) {
    assert.equal(chosen("/opt/faultbox", isTrusted), "/opt/faultbox = /opt/faultbox");
    assert.equal(chosen("/work..bin/faultbox", isTrusted), "/work..bin/faultbox = /work..bin/faultbox");
    assert.equal(chosen("", isTrusted, { path: ["", ".", "bin", "/usr/bin"] }), "faultbox = /usr/bin/faultbox");
    assert.equal(chosen("nowhere", isTrusted), "faultbox.path is nowhere, which is not a program");
  }
});
