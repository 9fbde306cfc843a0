#!/usr/bin/env bash
# Installs a real VS Code (code-server's build of it) and playwright-core into a cache outside the repository.
#
#   setup.sh            installs what is missing; a second call returns at once
#
# Only npm and Debian's own packages are used. code-server's postinstall scripts fetch from GitHub, so they are
# skipped and the few native modules the workbench needs are built here, against the Node headers in /usr.
# CACHE is about 320 MB. Chromium and ripgrep come from Debian: `apt-get install chromium ripgrep`.
set -euo pipefail

cache="${FAULTBOX_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/faultbox-e2e}"
version=4.100.3 # VS Code 1.100.3, the last one for Node 20
stamp="$cache/installed-$version"

for program in chromium rg node npm; do
  command -v "$program" >/dev/null || {
    echo "setup: $program is missing; apt-get install -y --no-install-recommends chromium ripgrep nodejs npm" >&2
    exit 3
  }
done
[ -e "$stamp" ] && { echo "$cache"; exit 0; }

mkdir -p "$cache"
cd "$cache"
[ -e package.json ] || echo '{"name":"faultbox-e2e-cache","private":true}' >package.json
export npm_config_nodedir="${npm_config_nodedir:-/usr}"
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false
{
  npm install "code-server@$version" playwright-core@1.65.1 --ignore-scripts --omit=dev
  vscode="$cache/node_modules/code-server/lib/vscode"
  (cd "$vscode" && npm install --ignore-scripts --omit=dev)
  (cd "$vscode/extensions" && npm install --ignore-scripts --omit=dev)
  npm rebuild --foreground-scripts argon2
  # node-pty's last step fails after the module is built, which does not matter to us.
  (cd "$vscode" && for module in @vscode/spdlog native-watchdog node-pty; do
    npm rebuild --foreground-scripts "$module" || true
  done)
  mkdir -p "$vscode/node_modules/@vscode/ripgrep/bin"
  ln -sf "$(command -v rg)" "$vscode/node_modules/@vscode/ripgrep/bin/rg"
  ln -sfn node_modules "$vscode/node_modules.asar"
  ln -sf code-linux.sh "$vscode/bin/remote-cli/code-server"
  ln -sf browser-linux.sh "$vscode/bin/helpers/browser.sh"
} >"$cache/install.log" 2>&1 || { echo "setup: failed, see $cache/install.log" >&2; tail -5 "$cache/install.log" >&2; exit 1; }
touch "$stamp"
echo "$cache"
