#!/usr/bin/env python3
"""A service which lets a driver run into an error within a transaction and reports what the driver saw, step by step.

GET /<driver>/<accident>/real provokes the accident with a second connection, over PostgreSQL's Unix socket, where no
relay can be; .../injected expects a rule on its TCP port to do it.
Started by transactions.star. Needs psycopg2, psycopg, asyncpg and pg8000, and `pgx-driver` (the folder pgx) in PATH.
"""

import asyncio
import json
import subprocess
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import asyncpg
import pg8000.dbapi
import psycopg
import psycopg2

LOGIN = {"port": 5432, "user": "shop", "password": "secret"}
# A host that is a folder means the socket in it; postgres.sh puts it there.
DIRECT = "/tmp/shop-postgres"
HOSTS = {"real": DIRECT, "injected": "localhost"}
LEVEL = "REPEATABLE READ"
STATES = {0: "idle", 2: "open", 3: "failed", "I": "idle", "T": "open", "E": "failed"}


class Failed(Exception):
    """What a driver raised: the name of its class and the SQLSTATE."""

    def __init__(self, error, sqlstate):
        super().__init__(f"{type(error).__name__} {sqlstate}")


class Psycopg2:
    def __init__(self, host):
        self.connection = psycopg2.connect(dbname="postgres", host=host, **LOGIN)
        self.connection.set_session(isolation_level=LEVEL)

    def begin(self):
        """psycopg2 begins with the first statement."""

    def run(self, sql):
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(sql.format("%s"), (1,))
                return cursor.fetchone()[0] if cursor.description else None
        except psycopg2.Error as error:
            raise Failed(error, error.pgcode) from error

    def state(self):
        return STATES[self.connection.info.transaction_status]

    def rollback(self):
        self.connection.rollback()

    def close(self):
        self.connection.close()


class Psycopg(Psycopg2):
    def __init__(self, host):
        self.connection = psycopg.connect(dbname="postgres", host=host, **LOGIN)
        self.connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

    def run(self, sql):
        try:
            cursor = self.connection.execute(sql.format("%s"), (1,))
            return cursor.fetchone()[0] if cursor.description else None
        except psycopg.Error as error:
            raise Failed(error, error.sqlstate) from error


class Asyncpg:
    def __init__(self, host):
        self.loop = asyncio.new_event_loop()
        self.connection = self.wait(asyncpg.connect(database="postgres", host=host, **LOGIN))

    def wait(self, action):
        return self.loop.run_until_complete(action)

    def begin(self):
        self.transaction = self.connection.transaction(isolation="repeatable_read")
        self.wait(self.transaction.start())

    def run(self, sql):
        try:
            return self.wait(self.connection.fetchval(sql.format("$1"), 1))
        except asyncpg.PostgresError as error:
            raise Failed(error, error.sqlstate) from error

    def state(self):
        return "in a transaction" if self.connection.is_in_transaction() else "idle"

    def rollback(self):
        self.wait(self.transaction.rollback())

    def close(self):
        self.wait(self.connection.close())
        self.loop.close()


class Pg8000:
    def __init__(self, host):
        to = {"unix_sock": f"{host}/.s.PGSQL.5432"} if host == DIRECT else {"host": host}
        self.connection = pg8000.dbapi.connect(database="postgres", **to, **LOGIN)
        self.cursor = self.connection.cursor()

    def begin(self):
        self.cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {LEVEL}")

    def run(self, sql):
        try:
            self.cursor.execute(sql.format("%s"), (1,))
            return self.cursor.fetchone()[0] if self.cursor.description else None
        except pg8000.dbapi.DatabaseError as error:
            raise Failed(error, error.args[0]["C"]) from error

    def state(self):
        return STATES[self.connection._transaction_status.decode()]

    def rollback(self):
        self.connection.rollback()

    def close(self):
        self.connection.close()


class Pgx:
    """Talks to the Go program: a line with a command, a line with [error, sqlstate, result]."""

    def __init__(self, host):
        pipe = subprocess.PIPE
        url = f"postgres://shop:secret@/postgres?host={host}&port=5432"
        self.program = subprocess.Popen(["pgx-driver", url], stdin=pipe, stdout=pipe, text=True)

    def ask(self, line):
        self.program.stdin.write(line + "\n")
        self.program.stdin.flush()
        error, sqlstate, result = json.loads(self.program.stdout.readline())
        if error:
            raise Failed(type(error, (Exception,), {})(), sqlstate)
        return result

    def begin(self):
        self.ask("begin")

    def run(self, sql):
        return self.ask("run " + sql.format("$1"))

    def state(self):
        return STATES[self.ask("state")]

    def rollback(self):
        self.ask("rollback")

    def close(self):
        self.program.stdin.close()
        self.program.wait()


DRIVERS = {"psycopg2": Psycopg2, "psycopg": Psycopg, "asyncpg": Asyncpg, "pg8000": Pg8000, "pgx": Pgx}


class Rival:
    """A second connection, which is in the driver's way."""

    def __init__(self):
        self.connection = psycopg2.connect(dbname="postgres", host=DIRECT, **LOGIN)
        self.waiting = None

    def execute(self, sql):
        with self.connection.cursor() as cursor:
            cursor.execute(sql)

    def serialization_failure(self):
        """Changes and commits the row after the driver's snapshot was taken."""
        self.execute("UPDATE shelf SET n = n + 1 WHERE id = 1")
        self.connection.commit()

    def deadlock(self):
        """Holds the row the driver will want, and wants the row the driver holds. It never looks for deadlocks itself,
        so the driver is the one who finds it and is its victim."""
        self.execute("SET deadlock_timeout = '10min'")
        self.execute("UPDATE shelf SET n = n + 1 WHERE id = 1")
        self.waiting = threading.Thread(target=self.execute, args=["UPDATE stock SET n = n + 1 WHERE id = 1"])
        self.waiting.start()
        with psycopg2.connect(dbname="postgres", host=DIRECT, **LOGIN) as observer, observer.cursor() as cursor:
            blocked = [0]
            while blocked[0] == 0:
                time.sleep(0.01)
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                blocked = cursor.fetchone()
        observer.close()

    def close(self):
        if self.waiting:
            self.waiting.join()
        self.connection.rollback()
        self.connection.close()


def attempt(act):
    try:
        act()
        return "works"
    except Failed as failure:
        return str(failure)


def report(driver, accident, kind):
    """What the driver sees: the error, its state, the next statement, its state after ROLLBACK, the work, a new try."""
    stock, shelf = ("UPDATE %s SET n = n + 1 WHERE id = {}" % table for table in ("stock", "shelf"))
    own = DRIVERS[driver](HOSTS[kind])
    own.begin()
    before = own.run("SELECT n FROM stock WHERE id = {}")
    own.run(stock)
    rival = Rival() if kind == "real" else None
    if rival:
        getattr(rival, accident)()
    seen = [attempt(lambda: own.run(shelf)), own.state()]
    seen += [attempt(lambda: own.run("SELECT n FROM stock WHERE id = {}")), own.state()]
    own.rollback()
    if rival:
        rival.close()
    seen.append(own.state())
    own.begin()
    seen.append("undone" if own.run("SELECT n FROM stock WHERE id = {}") == before else "kept")
    seen += [attempt(lambda: own.run(shelf)), own.state()]
    own.rollback()
    own.close()
    return seen


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            status, body = 200, "ok" if self.path == "/health" else report(*self.path[1:].split("/"))
        except Exception:  # Whatever it is, the test shall see it.
            status, body = 500, traceback.format_exc()
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def main():
    with psycopg2.connect(dbname="postgres", host=DIRECT, **LOGIN) as connection, connection.cursor() as cursor:
        for table in ("stock", "shelf"):
            cursor.execute(f"CREATE TABLE {table} (id int, n int); INSERT INTO {table} VALUES (1, 0)")
    ThreadingHTTPServer(("localhost", 8080), Handler).serve_forever()


if __name__ == "__main__":
    sys.exit(main())
