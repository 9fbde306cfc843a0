#!/bin/sh
# PostgreSQL on its usual port, with a cluster made anew. PostgreSQL refuses to run as root: started by root it runs as
# the user postgres of Debian's package, otherwise as whoever started it.
set -eu
bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
home=/tmp/shop-postgres
as_owner=""

umask 077
mkdir "$home"
printf '%s' "$POSTGRES_PASSWORD" >"$home/password"
if [ "$(id -u)" = 0 ]; then
    chown -R postgres: "$home"
    as_owner="setpriv --reuid=postgres --regid=postgres --init-groups"
fi

# initdb and postgres want a working directory they may read.
cd "$home"
$as_owner "$bin/initdb" --pgdata="$home/data" --username="$POSTGRES_USER" --pwfile="$home/password" \
    --auth=scram-sha-256 --encoding=UTF8 --no-locale --no-sync >/dev/null

# The new cluster is not flushed, which saves time, but commits are: fsync stays on, so that a flush can fail. The
# background writer of the log is told to keep out of it: flushes happen on commits, not at moments of its choosing.
exec $as_owner "$bin/postgres" -D "$home/data" -k "$home" -c listen_addresses=localhost -c port=5432 \
    -c wal_level=minimal -c max_wal_senders=0 -c wal_writer_delay=10s -c shared_buffers=16MB -c autovacuum=off
