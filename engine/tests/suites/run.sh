#!/bin/bash
# Runs client suites twice, direct and through the relay with a rule that matches nothing, and prints both results.
# usage: run.sh [suite...]     suites: redis-runtest redis-py pgbench pg8000 asyncpg pg_regress transactions (default: all)
# transactions compares errors of the server with injected ones, through the faultbox of a release build or $FAULTBOX_BIN;
# it needs Go as well.
# Needs redis-server and postgresql from Debian, tcl, python3 with venv, and the network for the suites' sources,
# which are kept in $SUITES_CACHE (default /tmp/faultbox-suites). Everything else is temporary.
set -u
here=$(cd "$(dirname "$0")/../../.." && pwd)
cache=${SUITES_CACHE:-/tmp/faultbox-suites}
relay=${RELAY:-$here/target/release/examples/relay}
pgbin=$(ls -d /usr/lib/postgresql/*/bin | tail -1)
work=$(mktemp -d)
pids=()
mkdir -p "$cache"
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
until_open() { for _ in $(seq 200); do (exec 3<>/dev/tcp/127.0.0.1/"$1") 2>/dev/null && return; sleep 0.05; done; return 1; }
relayed() {
    [ -x "$relay" ] || (cd "$here" && cargo build --release -p faultbox-engine --example relay) || return 1
    "$relay" --listen "127.0.0.1:$2" --upstream "127.0.0.1:$1" --protocol "$3" 2>>"$work/relay.log" & pids+=($!); until_open "$2"
}

redis() {
    [ -n "${redis_direct:-}" ] && return
    redis_direct=$(port); redis_relayed=$(port); mkdir -p "$work/redis"
    redis-server --port "$redis_direct" --bind 127.0.0.1 --save '' --dir "$work/redis" --enable-debug-command yes >/dev/null & pids+=($!)
    until_open "$redis_direct" && relayed "$redis_direct" "$redis_relayed" redis
}

postgres() {
    [ -n "${pg_direct:-}" ] && return
    pg_direct=$(port); pg_relayed=$(port); mkdir -p "$work/pg"
    as=(); if [ "$(id -u)" = 0 ]; then chown postgres "$work" "$work/pg"; as=(setpriv --reuid=postgres --regid=postgres --clear-groups); fi
    "${as[@]}" "$pgbin/initdb" -A trust -U postgres -E UTF8 --no-locale --no-sync -D "$work/pg/data" >/dev/null || return 1
    "${as[@]}" "$pgbin/postgres" -D "$work/pg/data" -k "$work/pg" -c fsync=off -c max_connections=200 -p "$pg_direct" >/dev/null 2>&1 & pids+=($!)
    until_open "$pg_direct" && relayed "$pg_direct" "$pg_relayed" postgres
}

# Debian's source package, fetched without touching the system's lists of sources.
source_package() {
    [ -n "$(ls -d "$cache/$1"-[0-9]*/ 2>/dev/null)" ] && return
    echo 'deb-src http://deb.debian.org/debian bookworm main' > "$cache/sources.list"
    local own=(-o Dir::Etc::sourcelist="$cache/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$cache/lists" -o APT::Sandbox::User=root)
    mkdir -p "$cache/lists/partial"
    (cd "$cache" && apt-get -qq "${own[@]}" update && apt-get -qq "${own[@]}" source "$1") >"$work/apt.log" 2>&1 || { tail -3 "$work/apt.log"; return 1; }
}

# The suite's own tests come with the sdist only.
python_source() {
    [ -d "$cache/venv" ] || python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" -q install "$@" >"$work/pip.log" 2>&1 || { tail -3 "$work/pip.log"; return 1; }
    [ -d "$cache/$1-src" ] && return
    "$cache/venv/bin/pip" -q download --no-deps --no-binary "$1" -d "$cache/sdist" "$1" >"$work/pip.log" 2>&1 || { tail -3 "$work/pip.log"; return 1; }
    mkdir -p "$cache/$1-src" && tar xzf "$(ls "$cache/sdist/$1"-*.tar.gz | tail -1)" --strip-components=1 -C "$cache/$1-src"
}

both() { # suite, port direct, port relayed, function of a port that prints one line
    for way in direct relayed; do
        local at=$2; [ $way = relayed ] && at=$3
        printf '%-15s %-8s %s\n' "$1" $way "$($4 "$at" 2>&1 | tail -1)"
    done
}

suite_redis-runtest() {
    redis && source_package redis || return
    # Some tests call the programs of a build.
    for program in redis-cli redis-benchmark redis-server; do ln -sf "$(command -v $program)" "$cache"/redis-[0-9]*/src/; done
    one() { (cd "$cache"/redis-[0-9]*/ && TERM=dumb timeout 900 ./runtest --host 127.0.0.1 --port "$1" --tags -slow --ignore-encoding 2>&1) > "$cache/redis-runtest.$1.log"
        echo "$(grep -c '\[ok\]' "$cache/redis-runtest.$1.log") ok, $(grep -c '\[err\]\|\[exception\]' "$cache/redis-runtest.$1.log") err"; }
    both redis-runtest "$redis_direct" "$redis_relayed" one
}
suite_redis-py() {
    redis && python_source redis pytest pytest-asyncio pytest-timeout || return
    one() { (cd "$cache/redis-src" && timeout 900 "$cache/venv/bin/python" -m pytest -q -x --maxfail=500 --timeout=60 -p no:cacheprovider --redis-url="redis://127.0.0.1:$1/9" \
        tests/test_commands.py tests/test_pipeline.py tests/test_pubsub.py tests/test_lock.py tests/test_connection_pool.py tests/test_encoding.py tests/test_monitor.py 2>&1) | tail -1; }
    both redis-py "$redis_direct" "$redis_relayed" one
}
suite_pgbench() {
    postgres || return
    "$pgbin/pgbench" -h 127.0.0.1 -p "$pg_direct" -U postgres -i -q -s 2 postgres >/dev/null 2>&1
    for mode in simple extended prepared; do
        one() { "$pgbin/pgbench" -h 127.0.0.1 -p "$1" -U postgres -n -S -M $mode -c 2 -T 5 postgres 2>&1 | grep -E 'tps|failed' | tr '\n' ' '; }
        both "pgbench $mode" "$pg_direct" "$pg_relayed" one
    done
}
suite_pg8000() {
    postgres && python_source pg8000 pytest pytest-mock pytz || return
    one() { (cd "$cache/pg8000-src" && PGHOST=127.0.0.1 PGPORT=$1 PGUSER=postgres PGPASSWORD=pw timeout 900 "$cache/venv/bin/python" -m pytest -q -rf -p no:cacheprovider test 2>&1) > "$cache/pg8000.$1.log"; tail -1 "$cache/pg8000.$1.log"; }
    both pg8000 "$pg_direct" "$pg_relayed" one
}
suite_asyncpg() {
    postgres && python_source asyncpg pytest distro || return
    one() { (cd "$cache/asyncpg-src" && rm -rf "$work/at" && cp -r tests "$work/at" && cd "$work" && PGHOST=127.0.0.1 PGPORT=$1 PGUSER=postgres timeout 900 "$cache/venv/bin/python" -m pytest -q -p no:cacheprovider at --ignore at/test_connect.py --ignore at/test__sourcecode.py 2>&1) | tail -1; }
    both asyncpg "$pg_direct" "$pg_relayed" one
}
suite_pg_regress() {
    postgres && source_package postgresql-15 || return
    local tree; tree=$(ls -d "$cache"/postgresql-15-[0-9]*/)
    [ -x "$tree/src/test/regress/pg_regress" ] || (cd "$tree" && ./configure --without-readline --without-zlib --without-icu >/dev/null && make -C src/backend generated-headers >/dev/null && make -C src/test/regress >/dev/null) 2>"$work/build.log" || { tail -3 "$work/build.log"; return; }
    one() { (cd "$tree/src/test/regress" && PGUSER=postgres timeout 900 ./pg_regress --bindir="$pgbin" --dlpath="$PWD" --inputdir=. --outputdir="$work" --host=127.0.0.1 --port="$1" --schedule=parallel_schedule --max-concurrent-tests=20 2>&1) | grep -E 'tests (passed|failed)' | tr -d '='; }
    both pg_regress "$pg_direct" "$pg_relayed" one
}
suite_transactions() {
    [ -d "$cache/venv" ] || python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" -q install psycopg2-binary 'psycopg[binary]' asyncpg pg8000 >"$work/pip.log" 2>&1 || { tail -3 "$work/pip.log"; return 1; }
    (cd "$here/engine/tests/suites/pgx" && go build -o "$cache/bin/pgx-driver" .) 2>"$work/go.log" || { tail -3 "$work/go.log"; return 1; }
    local faultbox=${FAULTBOX_BIN:-$here/target/release/faultbox}
    PATH="$cache/bin:$cache/venv/bin:$PATH" "$faultbox" test "$here/engine/tests/suites/transactions.star" >"$cache/transactions.log" 2>&1
    echo 'driver|accident|kind|the error|then|the next statement|then|after ROLLBACK|its work|a new try|then' |
        cat - <(sed -n 's/^ *[^ ]*transactions.star:[0-9:]* \(.*|.*\)/\1/p' "$cache/transactions.log") | column -t -s '|'
    tail -1 "$cache/transactions.log"
}

for suite in "${@:-redis-runtest redis-py pgbench pg8000 asyncpg pg_regress transactions}"; do
    for name in $suite; do "suite_$name"; done
done
[ -s "$work/relay.log" ] && { echo "the relay says:"; sort "$work/relay.log" | uniq -c; }
exit 0
