#!/usr/bin/env bash
# Installs a real VS Code (code-server's build of it) and playwright-core into a cache outside the repository.
#
#   setup.sh            installs what is missing; a second call returns at once
#
# Only npm and Debian's own packages are used. code-server's postinstall scripts fetch from GitHub, so they are
# skipped and the few native modules the workbench needs are built here, against the Node headers in /usr.
# CACHE is about 320 MB, 120 MB more where npm has to bring Node, too (then in CACHE/node-bin). Chromium and ripgrep come
# from Debian: `apt-get install chromium ripgrep`.
set -euo pipefail

cache="${FAULTBOX_E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/faultbox-e2e}"
version=4.100.3 # VS Code 1.100.3, the last one for Node 20
stamp="$cache/installed-$version"

for program in chromium rg node npm; do
  command -v "$program" >/dev/null || {
    echo "setup: $program is missing; apt-get install -y --no-install-recommends chromium ripgrep nodejs npm g++ make" >&2
    exit 3
  }
done
[ -e "$stamp" ] && { echo "$cache"; exit 0; }

mkdir -p "$cache"
cd "$cache"
[ -e package.json ] || echo '{"name":"faultbox-e2e-cache","private":true}' >package.json

# The modules are built for, and against the headers of, this Node.
has_node_20() {
  local home
  home="$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")"
  [[ "$(node --version)" == v20.* && -e "$home/include/node/node.h" ]] && export npm_config_nodedir="$home"
}
fetch_node() {
  local package="node-linux-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')"
  npm install --prefix "$cache/node" "$package@20" --ignore-scripts
  export npm_config_nodedir="$cache/node/node_modules/$package"
  ln -sfn "$npm_config_nodedir/bin" "$cache/node-bin"
  export PATH="$cache/node-bin:$PATH"
}
export npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false
# From here on everything goes to a log; only the answer, or what went wrong, is told.
log="$cache/install.log"
exec 3>&1 4>&2 >"$log" 2>&1
trap '[ $? -eq 0 ] || { echo "setup: failed, see $log" && tail -5 "$log"; } >&4' EXIT

has_node_20 || fetch_node
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
touch "$stamp"
echo "$cache" >&3
