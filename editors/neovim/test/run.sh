#!/usr/bin/env bash
# The plugin in real Neovims, headless.
#
#   run.sh                                against editors/test/stub_server.py: the plugin alone
#   FAULTBOX_BIN=/abs/faultbox run.sh     against the real program (build the examples first: examples/build, or name
#                                         the folder of the demo services in SERVICES)
#
# Runs in the `nvim` of $PATH and in those of /opt/trixie and /opt/forky (debootstrap's, see CONTRIBUTING.md) where they
# are. Cargo's tests tell it, too: server/tests/cli/neovim.rs. Exit 3: there is no Neovim at all.
set -euo pipefail

plugin="$(cd "$(dirname "$0")/.." && pwd)"
export REPOSITORY
REPOSITORY="$(cd "$plugin/../.." && pwd)"
program="${FAULTBOX_BIN:-$REPOSITORY/editors/test/stub_server.py}"
work="$(mktemp -d)"
mark="FAULTBOX_NVIM_RUN=$work"
left_over() { { grep -lzxF "$mark" /proc/[0-9]*/environ 2>/dev/null || true; } | cut -d/ -f3 | grep -vx -e "$$" -e "$BASHPID" || true; }
finish() {
  for pid in $(left_over); do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT

# Prints the command that starts each Neovim, one per line.
neovims() {
  command -v nvim || true
  for root in /opt/trixie /opt/forky; do
    [ -x "$root/usr/bin/nvim" ] || continue
    # Through the chroot's own loader: its glibc is newer than ours, and our paths stay visible.
    echo "env VIMRUNTIME=$root/usr/share/nvim/runtime $root/lib64/ld-linux-x86-64.so.2 --library-path $root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu $root/usr/bin/nvim"
  done
}

# Two copies, outside any repository: two roots.
copy_example() {
  for copy in examples other; do
    rm -rf "${work:?}/$copy" && mkdir -p "$work/$copy/01-http-faults"
    cp "$REPOSITORY"/examples/01-http-faults/*.star "$work/$copy/01-http-faults/"
    ln -s "${SERVICES:-$REPOSITORY/examples/bin}" "$work/$copy/bin"
  done
  printf 'load("//tools:rules.bzl", "library")\n\nlibrary(name = "x")\n' >"$work/examples/01-http-faults/BUILD.star"
}

found=0
while read -r nvim; do
  [ -n "$nvim" ] || continue
  found=1
  echo "== $($nvim --version | head -1)"
  copy_example
  cp -r "$plugin/doc" "$work/" && $nvim --headless --clean -c "helptags $work/doc" -c q </dev/null
  cmp "$work/doc/tags" "$plugin/doc/tags" || { echo "run.sh: nvim -c 'helptags editors/neovim/doc' makes other tags" >&2; exit 1; }
  export SPEC="$work/examples/01-http-faults/protocol-test.star" OTHER="$work/other/01-http-faults/protocol-test.star"
  export SERVER="$program" XDG_STATE_HOME="$work/state" XDG_DATA_HOME="$work/data" XDG_CONFIG_HOME="$work/config" XDG_CACHE_HOME="$work/cache"
  start=($nvim --headless --clean -n --cmd "set runtimepath^=$plugin" --cmd "filetype plugin on")
  timeout 120 "${start[@]}" -c "luafile $plugin/test/unit.lua" </dev/null
  env "$mark" timeout 300 "${start[@]}" -c "luafile $plugin/test/e2e.lua" </dev/null
  # A busy machine may take its time to end processes; normally they are gone at once.
  for _ in $(seq 200); do
    left="$(left_over)"
    [ -z "$left" ] && break
    sleep 0.05
  done
  if [ -n "$left" ]; then
    echo "left behind:" >&2
    for pid in $left; do tr '\0' ' ' <"/proc/$pid/cmdline" >&2; echo >&2; done
    exit 1
  fi
done < <(neovims)
[ "$found" = 1 ] || { echo "run.sh: no nvim; apt-get install neovim" >&2; exit 3; }
echo "run.sh: passed with $program"
