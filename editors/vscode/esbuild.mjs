// Bundles the extension, its webviews and (with --tests) the unit tests into dist/.
import { build, context } from "esbuild";
import { readdirSync, rmSync } from "node:fs";

const production = process.argv.includes("--production");
const common = { bundle: true, sourcemap: !production, minify: production, logLevel: "warning", target: "es2022" };

const extension = {
  ...common,
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  platform: "node",
  format: "cjs",
  external: ["vscode"],
};
const webviews = {
  ...common,
  entryPoints: ["webview/matrix.ts", "webview/timeline.ts", "webview/panel.css"],
  outdir: "dist/webview",
  platform: "browser",
  format: "iife",
};
const tests = {
  ...common,
  entryPoints: readdirSync("test/unit").filter((name) => name.endsWith(".test.ts")).map((name) => `test/unit/${name}`),
  outdir: "dist/test",
  outExtension: { ".js": ".mjs" },
  platform: "node",
  format: "esm",
};

if (process.argv.includes("--tests")) {
  rmSync("dist/test", { recursive: true, force: true });
  await build(tests);
} else if (process.argv.includes("--watch")) {
  for (const options of [extension, webviews]) await (await context(options)).watch();
} else {
  rmSync("dist", { recursive: true, force: true });
  await Promise.all([build(extension), build(webviews)]);
}
