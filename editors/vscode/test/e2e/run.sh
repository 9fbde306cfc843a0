#!/usr/bin/env bash
# The extension in a real VS Code: clicks the lens in the seed chapter, looks at outcome, diagnostic, panels, cancel.
#
#   FAULTBOX_BIN=/abs/faultbox run.sh     against the real program (build the examples first: examples/build)
#   run.sh                                against editors/test/stub_server.py: the extension alone
#
# Heavy (about 700 MB installed once, see setup.sh); .ci/editors calls it. Exit 3: something is not installed.
# MODES="trusted" (or "untrusted") tells one of the two stories only.
# With SCREENSHOTS=1 the pictures of editors/vscode/docs are made anew.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
vscode="$(cd "$here/../.." && pwd)"
repository="$(cd "$vscode/../.." && pwd)"
export FAULTBOX_BIN="${FAULTBOX_BIN:-$repository/editors/test/stub_server.py}"
[ -x "$FAULTBOX_BIN" ] || { echo "run.sh: $FAULTBOX_BIN is not a program" >&2; exit 3; }
export CACHE
CACHE="$("$here/setup.sh")"
[ -d "$CACHE/node-bin" ] && PATH="$CACHE/node-bin:$PATH"

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
node "$here/pages.mjs"

# Makes a window's folder: a copy of the example, because the test edits it; settings; both extensions.
prepare() {
  local mode="$1" home="$work/$1" trust
  [ "$mode" = untrusted ] && trust=true || trust=false
  mkdir -p "$home/examples/01-http-faults" "$home/out" "$home/data/User" "$home/shots"
  cp "$repository"/examples/01-http-faults/* "$home/examples/01-http-faults/"
  ln -s "$repository/examples/bin" "$home/examples/bin"
  cat >"$home/data/User/settings.json" <<JSON
{ "workbench.startupEditor": "none", "telemetry.telemetryLevel": "off", "extensions.ignoreRecommendations": true,
  "security.workspace.trust.enabled": $trust, "security.workspace.trust.startupPrompt": "never",
  "security.workspace.trust.banner": "never", "faultbox.path": "$FAULTBOX_BIN" }
JSON
  code_server=(node "$CACHE/node_modules/code-server/out/node/entry.js" --extensions-dir "$home/extensions" --user-data-dir "$home/data")
  cp -r "$here/probe" "$home/probe"
  printf '{"SPEC":"%s","OUT":"%s","MODE":"%s"}' "$home/examples/01-http-faults/protocol-test.star" "$home/out" "$mode" >"$home/probe/config.json"
  node scripts/package.mjs "$home/probe.vsix" "$home/probe" >/dev/null
  for vsix in "$work/faultbox.vsix" "$home/probe.vsix"; do
    "${code_server[@]}" --install-extension "$vsix" >"$home/install.log" 2>&1 || { cat "$home/install.log" >&2; exit 1; }
  done
}

# Opens the window and has the probe tell its story in it.
run_window() {
  local mode="$1" home="$work/$1" status=0 port
  port="$(node -e 's=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})')"
  local trust=(--disable-workspace-trust)
  [ "$mode" = untrusted ] && trust=()
  env "$mark" "${code_server[@]}" --auth none --bind-addr "127.0.0.1:$port" "${trust[@]}" --disable-telemetry \
    --disable-update-check "$home/examples/01-http-faults" >"$home/server.log" 2>&1 &
  server=$!
  env OUT="$home/out" URL="http://127.0.0.1:$port" WORKSPACE="$home/examples/01-http-faults" SHOTS="$home/shots" \
    MARK="$mark" node "$here/run.mjs" || status=$?
  [ "$status" -eq 0 ] && return
  local keep="${TMPDIR:-/tmp}/faultbox-e2e-failed"
  rm -rf "$keep" && mkdir -p "$keep" && cp -r "$home/out" "$home/server.log" "$home/shots" "$home/data/logs" "$keep/" 2>/dev/null || true
  echo "run.sh: failed; what there is to see is in $keep" >&2
  exit "$status"
}

# Closing the editor leaves nothing.
close_window() {
  kill "$server"
  wait "$server" 2>/dev/null || true
  server=""
  local left pid
  for _ in $(seq 400); do
    left="$(marked)"
    [ -z "$left" ] && return
    sleep 0.05
  done
  echo "run.sh: left behind:" >&2
  for pid in $left; do tr '\0' ' ' <"/proc/$pid/cmdline" >&2; echo >&2; done
  exit 1
}

for mode in ${MODES:-trusted untrusted}; do
  prepare "$mode"
  run_window "$mode"
  close_window
done
if [ "${SCREENSHOTS:-0}" = 1 ]; then
  mkdir -p "$vscode/docs"
  cp "$work"/trusted/shots/*.png "$vscode/docs/"
fi
echo "run.sh: passed with $FAULTBOX_BIN"
