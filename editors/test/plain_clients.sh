#!/usr/bin/env bash
# Editors without a plugin of ours, set up by the very snippets of ../README.md: Helix and Emacs with eglot.
#
#   FAULTBOX_BIN=/abs/faultbox plain_clients.sh      (build the examples first: examples/build)
#
# Needs the real program: the stub has no code actions. EMACS and HELIX name the editors; without them they are those of
# $PATH, or else of /opt/trixie (see CONTRIBUTING.md). One that is missing is skipped and named. Exit 3: none is there.
set -euo pipefail

editors="$(cd "$(dirname "$0")/.." && pwd)"
repository="$(cd "$editors/.." && pwd)"
: "${FAULTBOX_BIN:?names the faultbox program}"
work="$(mktemp -d)"
trap 'tmux -S "$work/tmux" kill-server 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir -p "$work/bin"
ln -s "$FAULTBOX_BIN" "$work/bin/faultbox"
export PATH="$work/bin:$PATH"

# An editor of another Debian, started through that system's own loader: its glibc is newer than ours, and our paths stay
# visible. Arguments: the name here, the program there, its environment and further arguments as words of a shell.
from_trixie() {
  local root=/opt/trixie
  command -v "$1" >/dev/null && return
  [ -x "$root/usr/bin/$2" ] || return 0
  printf '#!/bin/bash\n%s exec %s --library-path %s %s %s "$@"\n' "$3" "$root/lib64/ld-linux-x86-64.so.2" \
    "$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu" "$root/usr/bin/$2" "$4" >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}
lisp=(/opt/trixie/usr/share/emacs/[0-9]*)
from_trixie emacs emacs-nox \
  "EMACSLOADPATH=$(find "${lisp[0]}/lisp" -type d -printf '%p:' 2>/dev/null || true) EMACSDATA=${lisp[0]}/etc EMACSDOC=${lisp[0]}/etc" \
  "--dump-file=$(find /opt/trixie/usr/libexec/emacs -name 'emacs*.pdmp' 2>/dev/null | head -1)"
runtime="$(find /opt/trixie/usr/lib /opt/trixie/usr/share -maxdepth 3 -path '*h*x/runtime' 2>/dev/null | head -1 || true)"
from_trixie hx hx "HELIX_RUNTIME=$runtime" ""
emacs="${EMACS:-emacs}" helix="${HELIX:-hx}"

# The first block of that language in the README.
snippet() { awk -v fence="\`\`\`$1" '$0 == fence { on = 1; next } on && /^```/ { exit } on' "$editors/README.md"; }

fresh_example() {
  rm -rf "$work/examples" && mkdir -p "$work/examples/01-http-faults"
  cp "$repository"/examples/01-http-faults/*.star "$work/examples/01-http-faults/"
  ln -s "$repository/examples/bin" "$work/examples/bin"
  export SPEC="$work/examples/01-http-faults/protocol-test.star"
}

run_emacs() {
  fresh_example
  snippet elisp | grep -v eglot-ensure >"$work/snippet.el" # in batch the test connects by itself
  HOME="$work" timeout 120 "$emacs" --batch -Q -l "$work/snippet.el" -l "$editors/test/eglot.el" 2>"$work/emacs.log" || { cat "$work/emacs.log" >&2; return 1; }
}

screen() { tmux -S "$work/tmux" capture-pane -p; }
keys() { tmux -S "$work/tmux" send-keys "$@"; }
# Waits for a text on Helix's screen.
see() {
  for _ in $(seq 600); do
    screen | grep -qF -- "$1" && return
    sleep 0.05
  done
  echo "Helix never showed: $1" >&2
  screen >&2
  return 1
}

# Back to normal mode, popups closed. An escape and a key right behind it would be read as one Alt key.
normal() {
  for _ in $(seq 40); do
    keys Escape
    sleep 0.1
    screen | grep -q '^ NOR ' && return
  done
  echo "Helix stays out of normal mode" >&2
  return 1
}

run_helix() {
  fresh_example
  mkdir -p "$work/config/helix"
  snippet toml >"$work/config/helix/languages.toml"
  XDG_CONFIG_HOME="$work/config" tmux -S "$work/tmux" new-session -d -x 150 -y 45 "LC_ALL=C.UTF-8 TERM=screen-256color '$helix' '$SPEC'"
  see 'HTTP protocol faults'
  keys '/' 'fault_scenario."write_gets_503' Enter
  see 'write_gets_503'
  # The server may still be starting: ask until there is the action.
  for _ in $(seq 60); do
    normal
    keys Space a
    sleep 0.3
    screen | grep -qE 'Run .*write_gets_503' && break
  done
  see 'Run '
  normal
  # 503 becomes 500 without saving; then the action.
  keys '/' 'status, 503' Enter
  keys s 503 Enter c 500
  see 'status, 500'
  normal
  keys '?' 'fault_scenario."write_gets_503' Enter
  keys Space a
  see 'Run '
  keys Enter
  see '1 failed'
  local line
  line="$(grep -nE 'expect = .*r.write.status, 503, ' "$SPEC" | cut -d: -f1)"
  screen | grep -qE "●.* $line " || { echo "Helix shows no failure at line $line" >&2; screen >&2; return 1; }
  keys ']' d
  see '503 != 500'
  echo "  failure at line $line: $(screen | grep -m1 -oE '503 != 500[^│]{0,40}')"
  normal
  keys ':q!' Enter
}

found=0
for client in emacs helix; do
  program="${!client}"
  if ! command -v "$program" >/dev/null; then
    echo "== $client: skipped, there is no $program"
    continue
  fi
  found=1
  echo "== $client"
  "run_$client"
done
[ "$found" = 1 ] || exit 3
echo "plain_clients.sh: passed with $FAULTBOX_BIN"
