"""A transaction hit by an error of the server, and by one of a rule, compared in five drivers."""

import os
import re
import subprocess

from . import servers, sources

HERE = servers.ROOT / "engine" / "tests" / "suites"
HEADINGS = "driver|accident|kind|the error|then|the next statement|then|after ROLLBACK|its work|a new try|then"


def transactions():
    """Prints the table; true when no driver can tell the difference."""
    sources.install("psycopg2-binary", "psycopg[binary]", "asyncpg", "pg8000")
    driver = sources.CACHE / "bin" / "pgx-driver"
    sources.run(["go", "build", "-o", driver, "."], cwd=HERE / "pgx")
    program = os.environ.get("FAULTBOX_BIN", servers.ROOT / "target" / "release" / "faultbox")
    path = f"{driver.parent}:{sources.PYTHON.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [program, "test", HERE / "transactions.star"],
        env=os.environ | {"PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    rows = re.findall(r"^\s*\S*transactions\.star:[0-9:]*\s(.*\|.*)$", done.stdout, re.MULTILINE)
    cells = [row.split("|") for row in [HEADINGS, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    print(done.stdout.splitlines()[-1] if done.stdout else "faultbox printed nothing")
    return done.returncode == 0
