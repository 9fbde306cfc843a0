"""The suites: what each needs, how it runs against a port, and what became of each of its tests."""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as xml
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from . import servers, sources

TIMEOUT = 1800


@dataclass
class Suite:
    """Somebody's tests. `run` gives an outcome per test: `passed`, or anything else."""

    protocol: str
    prepare: Callable[[], str]
    """Fetches what is needed and says which version it is."""
    run: Callable[[int, Path, Path, bool], dict[str, str]]
    """Of a port, a folder for scratch, a file for what the suite prints, and whether to run the quick part only."""
    flaky: dict[str, str]
    """Tests (regular expressions) whose outcome changes from run to run without a relay, and why."""
    side_by_side: bool = True
    """Whether it can run twice at once."""


def call(argv, log, env=None, **options):
    """Runs a suite; what it prints goes to a file. Its exit status says nothing: failing tests are expected."""
    with open(log, "w") as out:
        subprocess.run(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | (env or {}),
            timeout=TIMEOUT,
            check=False,
            **options,
        )


def numbered(found):
    """Outcomes by name; a name that occurs again gets a number."""
    seen, outcomes = Counter(), {}
    for name, outcome in found:
        seen[name] += 1
        outcomes[name if seen[name] == 1 else f"{name} #{seen[name]}"] = outcome
    return outcomes


def pytest(arguments, scratch, log, env=None, **options):
    """Runs pytest and reads its report."""
    report = scratch / "report.xml"
    fixed = ["-q", "-p", "no:cacheprovider", "--timeout=120", f"--junitxml={report}"]
    call([sources.PYTHON, "-m", "pytest", *fixed, *arguments], log, env, **options)
    if not report.exists():
        raise RuntimeError(f"pytest wrote no report: see {log}")
    cases = xml.parse(report).iter("testcase")
    return numbered((f"{case.get('classname')}.{case.get('name')}", outcome_of(case)) for case in cases)


def outcome_of(case):
    kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
    return kinds[0] if kinds else "passed"


# Redis


def prepare_runtest():
    tree = sources.debian("redis")
    # Some tests call the programs of a build.
    for program in ("redis-cli", "redis-benchmark", "redis-server"):
        link = tree / "src" / program
        link.unlink(missing_ok=True)
        link.symlink_to(shutil.which(program))
    return tree.name.removeprefix("redis-")


QUICK_UNITS = ["protocol", "type/list", "multi", "pubsub", "pubsubshard", "querybuf", "tracking", "info-command"]


def runtest(port, _scratch, log, quick):
    chosen = [word for unit in QUICK_UNITS for word in ("--single", f"unit/{unit}")] if quick else []
    at = ["--host", "127.0.0.1", "--port", port]
    tree = sources.debian("redis")
    call(["./runtest", *at, "--tags", "-slow", "--ignore-encoding", *chosen], log, {"TERM": "dumb"}, cwd=tree)
    lines = re.findall(r"^\[(ok|err|exception)\]: (.*?)(?: \(\d+ ms\)| in tests/.*)?$", log.read_text(), re.MULTILINE)
    return numbered((name, "passed" if word == "ok" else word) for word, name in lines)


def prepare_redis_py():
    sources.install("redis", "pytest", "pytest-asyncio", "pytest-timeout")
    sources.sdist("redis")
    return sources.version("redis")


REDIS_PY = "commands pipeline pubsub lock connection_pool connection encoding monitor scripting cache".split()
REDIS_PY_QUICK = "pipeline pubsub encoding connection_pool monitor".split()


def redis_py(port, scratch, log, quick):
    files = [f"tests/test_{name}.py" for name in (REDIS_PY_QUICK if quick else REDIS_PY)]
    url = f"--redis-url=redis://127.0.0.1:{port}/9"
    return pytest([url, *files], scratch, log, cwd=sources.sdist("redis"))


# PostgreSQL


def sql(port, text, database="postgres"):
    psql = servers.postgres_programs() / "psql"
    at = ["-h", "127.0.0.1", "-p", port, "-U", "postgres", "-d", database]
    sources.run([psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", *at, "-c", text])


def server_version():
    said = sources.run([servers.postgres_programs() / "postgres", "--version"])
    return re.search(r"\d+(\.\d+)*", said).group()


def pgbench(port, _scratch, log, quick):
    """The transactions of each mode that went through without a failure."""
    program = servers.postgres_programs() / "pgbench"
    at = ["-h", "127.0.0.1", "-p", port, "-U", "postgres", "postgres"]
    call([program, "-i", "-q", "-s", "2", *at], log)
    outcomes, count = {}, 500 if quick else 5000
    for mode in ("simple", "extended", "prepared"):
        for script in ("select-only", "tpcb-like"):
            part = log.with_suffix(f".{mode}.{script}")
            call([program, "-n", "-M", mode, "-b", script, "-c", "4", "-t", count, *at], part)
            said = part.read_text()
            done = re.search(r"actually processed: (\d+)/", said)
            failed = re.search(r"failed transactions: (\d+)", said)
            whole = done and int(done.group(1)) == 4 * count and (not failed or failed.group(1) == "0")
            outcomes[f"{mode} {script}"] = "passed" if whole else "failed"
    return outcomes


def prepare_regress():
    """Builds the driver and the library of C functions; the server is the installed one."""
    major = server_version().split(".")[0]
    tree = sources.debian(f"postgresql-{major}")
    if not (tree / "src/test/regress/regress.so").exists():
        sources.run(["./configure", "--without-readline", "--without-zlib", "--without-icu"], cwd=tree)
        sources.run(["make", "-s", "-C", "src/backend", "generated-headers"], cwd=tree)
        sources.run(["make", "-s", "-C", "src/test/regress"], cwd=tree)
    return server_version()


# Big results, large objects of text, cursors, errors, COPY both ways, prepared statements, notices.
REGRESS_QUICK = """
    test_setup create_index create_misc copy copyselect copydml copy2 errors select portals transactions
    prepare plancache plpgsql guc prepared_xacts psql_crosstab async largeobject strings
"""


def regress(port, scratch, log, quick):
    tree = sources.debian(f"postgresql-{server_version().split('.')[0]}") / "src/test/regress"
    # Tests write files that the server reads, so they run as the server's user, in a folder of its own.
    scratch = scratch / "regress"
    for name in ("sql", "expected", "data", "results", "input", "output", "testtablespace"):
        (scratch / name).mkdir(parents=True)
        servers.give_to_postgres(scratch / name)
        if (tree / name).is_dir():
            shutil.copytree(tree / name, scratch / name, dirs_exist_ok=True)
    servers.give_to_postgres(scratch)
    for library in tree.glob("*.so"):
        shutil.copy(library, scratch)
    shutil.copy(tree / "pg_regress", scratch)
    shutil.copy(tree / "parallel_schedule", scratch)
    paths = [f"--{name}={scratch}" for name in ("dlpath", "inputdir", "outputdir")]
    paths.append(f"--bindir={servers.postgres_programs()}")
    at = ["--host=127.0.0.1", f"--port={port}", "--max-concurrent-tests=20"]
    which = REGRESS_QUICK.split() if quick else [f"--schedule={scratch}/parallel_schedule"]
    env = {"PGUSER": "postgres", "HOME": str(scratch)}
    call([*servers.as_postgres(), scratch / "pg_regress", *paths, *at, *which], log, env, cwd=scratch)
    keep_differences(scratch, log)
    lines = re.findall(r"^(?:test|    )\s*([\w.]+)\s+\.\.\. (ok|FAILED|failed)", log.read_text(), re.MULTILINE)
    return numbered((name, "passed" if word == "ok" else "failed") for name, word in lines)


def keep_differences(scratch, log):
    differences = scratch / "regression.diffs"
    if differences.exists():
        shutil.copy(differences, log.with_suffix(".diffs"))


def prepare_pg8000():
    sources.install("pg8000", "pytest", "pytest-timeout", "pytest-mock", "pytz")
    sources.sdist("pg8000")
    return sources.version("pg8000")


def pg8000(port, scratch, log, quick):
    # One test sends 65,535 parameters, which takes pg8000 most of a minute.
    chosen = ["test/native", "--deselect=test/native/test_query.py::test_max_parameters"] if quick else ["test"]
    env = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "PGPASSWORD": "pw"}
    return pytest(chosen, scratch, log, env, cwd=sources.sdist("pg8000"))


def prepare_asyncpg():
    sources.install("asyncpg", "pytest", "pytest-timeout", "distro")
    sources.sdist("asyncpg")
    return sources.version("asyncpg")


def asyncpg(port, scratch, log, _quick):
    # Beside its sources the tests would find those instead of what is installed.
    shutil.copytree(sources.sdist("asyncpg") / "tests", scratch / "tests")
    env = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres"}
    # These start servers of their own, or look at asyncpg's sources.
    left_out = [f"--ignore=tests/test_{name}.py" for name in ("connect", "_sourcecode", "_environment")]
    return pytest(["tests", *left_out], scratch, log, env, cwd=scratch)


def prepare_psycopg2():
    sources.install("psycopg2-binary", "pytest", "pytest-timeout")
    sources.sdist("psycopg2", sources.version("psycopg2-binary"))
    return sources.version("psycopg2-binary")


def psycopg2(port, scratch, log, _quick):
    tree = sources.sdist("psycopg2", sources.version("psycopg2-binary"))
    shutil.copytree(tree / "tests", scratch / "tests")
    names = {"": "postgres", "_HOST": "127.0.0.1", "_PORT": str(port), "_USER": "postgres"}
    env = {f"PSYCOPG2_TESTDB{name}": value for name, value in names.items()}
    return pytest(["tests"], scratch, log, env, cwd=scratch)


def prepare_psycopg():
    """psycopg publishes its own tests nowhere we can reach; SQLAlchemy's run over it."""
    sources.install("psycopg[binary]", "sqlalchemy", "pytest", "pytest-timeout", "greenlet")
    sources.sdist("sqlalchemy")
    return f"{sources.version('psycopg')} (SQLAlchemy {sources.version('sqlalchemy')})"


def psycopg(port, scratch, log, quick):
    sql(port, "CREATE DATABASE test")
    sql(port, "CREATE SCHEMA test_schema; CREATE SCHEMA test_schema_2", "test")
    sql(port, "CREATE EXTENSION hstore; CREATE EXTENSION citext", "test")
    uri = f"postgresql+psycopg://postgres@127.0.0.1:{port}/test"
    files = ["test/dialect/postgresql"] if quick else ["test/dialect", "test/engine"]
    return pytest(["--dburi", uri, *files], scratch, log, cwd=sources.sdist("sqlalchemy"))


# Each of these was seen to fail without a relay.
ASYNCPG_FLAKY = {
    r"test_executemany_server_failure_during_writes$": "wants the error to come before 4 MiB are written",
    r"test_pool_config_persistence$": "is blamed for a connection that test_adversity lost, when it is collected late",
}
PG8000_FLAKY = {
    r"test_broken_pipe_read$": "ends its own backend and asks at once: which error comes depends on what is faster"
}

SUITES = {
    # It keeps its files in its own tree.
    "redis-runtest": Suite("redis", prepare_runtest, runtest, {}, side_by_side=False),
    "redis-py": Suite("redis", prepare_redis_py, redis_py, {}),
    "pgbench": Suite("postgres", server_version, pgbench, {}),
    "pg_regress": Suite("postgres", prepare_regress, regress, {}),
    "asyncpg": Suite("postgres", prepare_asyncpg, asyncpg, ASYNCPG_FLAKY),
    "psycopg": Suite("postgres", prepare_psycopg, psycopg, {}),
    "psycopg2": Suite("postgres", prepare_psycopg2, psycopg2, {}),
    "pg8000": Suite("postgres", prepare_pg8000, pg8000, PG8000_FLAKY),
}

QUICK = ["redis-runtest", "redis-py", "pgbench", "pg_regress", "pg8000"]
