#!/usr/bin/env bash
# The extension in a real VS Code: clicks the lens in the seed chapter, looks at outcome, diagnostic, panels, cancel.
#
#   FAULTBOX_BIN=/abs/faultbox run.sh     against the real program (build the examples first: examples/build)
#   run.sh                                against editors/test/stub_server.py: the extension alone
#
# Heavy (about 700 MB installed once, see setup.sh); .ci/run calls it behind a switch. Exit 3: something is not installed.
# With SCREENSHOTS=1 the pictures of editors/vscode/docs are made anew.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
vscode="$(cd "$here/../.." && pwd)"
repository="$(cd "$vscode/../.." && pwd)"
export FAULTBOX_BIN="${FAULTBOX_BIN:-$repository/editors/test/stub_server.py}"
[ -x "$FAULTBOX_BIN" ] || { echo "run.sh: $FAULTBOX_BIN is not a program" >&2; exit 3; }
export CACHE
CACHE="$("$here/setup.sh")"

work="$(mktemp -d)"
mark="FAULTBOX_E2E_RUN=$work"
server=""
# Everything this script starts carries the mark in its environment, so what is left is found whoever its parent is.
marked() { { grep -lzxF "$mark" /proc/[0-9]*/environ 2>/dev/null || true; } | cut -d/ -f3 | grep -vx -e "$$" -e "$BASHPID" || true; }
finish() {
  [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
  for pid in $(marked); do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

# --- the extension, as a user gets it ---
cd "$vscode"
[ -d node_modules ] || npm ci --no-audit --no-fund
npm run --silent package -- "$work/faultbox.vsix"

# --- a copy of the example, because the test edits it ---
mkdir -p "$work/examples/01-http-faults" "$work/out" "$work/data/User" "$work/shots"
cp "$repository"/examples/01-http-faults/*.star "$work/examples/01-http-faults/"
ln -s "$repository/examples/bin" "$work/examples/bin"
printf 'load("//tools:rules.bzl", "library")\n\nlibrary(name = "x", srcs = glob(["*.c"]))\n' >"$work/examples/01-http-faults/BUILD.star"
cat >"$work/data/User/settings.json" <<JSON
{ "workbench.startupEditor": "none", "security.workspace.trust.enabled": false, "telemetry.telemetryLevel": "off",
  "extensions.ignoreRecommendations": true, "workbench.secondarySideBar.defaultVisibility": "hidden",
  "chat.commandCenter.enabled": false, "faultbox.path": "$FAULTBOX_BIN" }
JSON

# --- the probe: a second extension, unpacked and told where things are ---
extensions="$work/extensions"
code_server=(node "$CACHE/node_modules/code-server/out/node/entry.js" --extensions-dir "$extensions" --user-data-dir "$work/data")
cp -r "$here/probe" "$work/probe"
printf '{"SPEC":"%s","OUT":"%s"}' "$work/examples/01-http-faults/protocol-test.star" "$work/out" >"$work/probe/config.json"
node scripts/package.mjs "$work/probe.vsix" "$work/probe"
for vsix in faultbox probe; do
  "${code_server[@]}" --install-extension "$work/$vsix.vsix" >"$work/install.log" 2>&1 || { cat "$work/install.log" >&2; exit 1; }
done

# --- the run ---
port="$(node -e 's=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')"
env "$mark" "${code_server[@]}" --auth none --bind-addr "127.0.0.1:$port" --disable-workspace-trust --disable-telemetry \
  --disable-update-check "$work/examples/01-http-faults" >"$work/server.log" 2>&1 &
server=$!

status=0
env OUT="$work/out" URL="http://127.0.0.1:$port" WORKSPACE="$work/examples/01-http-faults" SHOTS="$work/shots" \
  node "$here/run.mjs" || status=$?
if [ "$status" -ne 0 ]; then
  keep="${TMPDIR:-/tmp}/faultbox-e2e-failed"
  rm -rf "$keep" && mkdir -p "$keep" && cp -r "$work/out" "$work/server.log" "$work/shots" "$keep/"
  cp -r "$work/data/logs" "$keep/" 2>/dev/null || true
  echo "run.sh: failed; what there is to see is in $keep" >&2
  exit "$status"
fi
[ "${SCREENSHOTS:-0}" = 1 ] && mkdir -p "$vscode/docs" && cp "$work"/shots/*.png "$vscode/docs/"

# --- closing the editor leaves nothing ---
kill "$server"
wait "$server" 2>/dev/null || true
server=""
for _ in $(seq 100); do
  left="$(marked)"
  [ -z "$left" ] && break
  sleep 0.05
done
if [ -n "$left" ]; then
  echo "run.sh: left behind:" >&2
  for pid in $left; do tr '\0' ' ' <"/proc/$pid/cmdline" >&2; echo >&2; done
  exit 1
fi
echo "run.sh: passed with $FAULTBOX_BIN"
