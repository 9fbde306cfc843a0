import assert from "node:assert/strict";
import test from "node:test";
import { shellLine } from "../../src/model/shell";

test("the copied command runs from anywhere, with the program that ran, quoted only where a shell needs it", () => {
  const argv = ["faultbox", "test", "spec.star", "--test", "test_matrix_a × b"];
  assert.equal(shellLine(argv.slice(0, 3), "/work/api", "faultbox"), "cd /work/api && faultbox test spec.star");
  assert.equal(shellLine(argv, "/it's here", "/opt/my box/faultbox"), "cd '/it'\\''s here' && '/opt/my box/faultbox' test spec.star --test 'test_matrix_a × b'");
});
