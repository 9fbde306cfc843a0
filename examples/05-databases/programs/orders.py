#!/usr/bin/python3 -B
"""Takes orders over HTTP, keeps them in PostgreSQL and remembers them in Redis.

Without the cache everything works, more slowly. Without the store nothing new is taken, and what the cache remembers is
still told. An order carries a reference of its client's choosing, so that a commit of unknown outcome can be looked up.
"""

import json
import sys
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg2
import psycopg2.errors
import redis

STORE = "host=localhost port=5432 dbname=postgres user=shop password=secret connect_timeout=3"
CACHE = redis.Redis(host="localhost", port=6379, socket_timeout=0.3, socket_connect_timeout=0.3)

# How long a store that is restarting may take to come back, in seconds, and how often it is asked.
PATIENCE = 3
PAUSE = 0.05

# The document is stored in the row, uncompressed: every order takes a page of the table's file.
SCHEMA = """
    CREATE TABLE orders (id serial PRIMARY KEY, reference text UNIQUE, item text, document character(5000));
    ALTER TABLE orders ALTER document SET STORAGE PLAIN;
    INSERT INTO orders (reference, item, document) VALUES ('first', 'lamp', ''), ('second', 'chair', '');
"""


def insert(order):
    """Stores an order in a transaction of its own and returns its id."""
    with closing(psycopg2.connect(STORE)) as connection:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO orders (reference, item, document) VALUES (%s, %s, %s) RETURNING id",
                (order["reference"], order["item"], json.dumps(order)),
            )
            number = cursor.fetchone()[0]
        connection.commit()
        return number


def select(condition, value):
    """Returns the order as a dict, None when there is none. `condition` is never a client's text."""
    with closing(psycopg2.connect(STORE)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT id, reference, item FROM orders WHERE {condition} = %s", (value,))
            row = cursor.fetchone()
            return row and dict(zip(("id", "reference", "item"), row))


def look_up(reference):
    """Whether an order of unknown outcome is there; waits for a store that is restarting."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return select("reference", reference)
        except psycopg2.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(PAUSE)


def store(order):
    """Stores an order: (id, how). Tries once more when another transaction was in the way."""
    try:
        try:
            return insert(order), "stored"
        except psycopg2.errors.SerializationFailure:
            return insert(order), "stored at the second try"
    except psycopg2.errors.UniqueViolation:
        return select("reference", order["reference"])["id"], "known already"
    except psycopg2.OperationalError as error:
        if error.pgcode or "FATAL" in str(error):
            raise
        # The connection broke. Was it before or after the commit?
        found = look_up(order["reference"])
        if found is None:
            raise
        return found["id"], "found after a lost connection"


def remember(order):
    """Puts an order into the cache; False when the cache would not have it."""
    try:
        CACHE.set(f"order:{order['id']}", json.dumps(order), ex=60)
        return True
    except redis.RedisError as error:
        print(f"cache: {error}", file=sys.stderr, flush=True)
        return False


def recall(number):
    """The order as the cache has it, None when it has not or cannot be asked."""
    try:
        text = CACHE.get(f"order:{number}")
        return text and json.loads(text)
    except redis.RedisError as error:
        print(f"cache: {error}", file=sys.stderr, flush=True)
        return None


def place(order):
    number, how = store(order)
    placed = {"id": number, "reference": order["reference"], "item": order["item"]}
    return 201, {**placed, "how": how, "cached": remember(placed)}


def read(number):
    found = recall(number)
    if found:
        return 200, {**found, "source": "cache"}
    found = select("id", number)
    if found is None:
        return 404, {"error": f"there is no order {number}"}
    return 200, {**found, "source": "store", "cached": remember(found)}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            return self.reply(200, {"status": "ok"})
        prefix, _, number = self.path.rpartition("/")
        if prefix != "/orders" or not number.isdigit():
            return self.reply(404, {"error": f"there is no {self.path}"})
        self.answer(read, int(number))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            order = json.loads(body)
            order = {"reference": str(order["reference"]), "item": str(order["item"])}
        except (ValueError, TypeError, KeyError) as error:
            return self.reply(400, {"error": f"an order has a reference and an item: {error}"})
        self.answer(place, order)

    def answer(self, act, argument):
        try:
            status, body = act(argument)
        except psycopg2.Error as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            status, body = 503, {"error": reason, "sqlstate": error.pgcode or ""}
        self.reply(status, body)

    def reply(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def main():
    with closing(psycopg2.connect(STORE)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(SCHEMA)
    remember(select("id", 2))
    ThreadingHTTPServer(("localhost", 8080), Handler).serve_forever()


main()
