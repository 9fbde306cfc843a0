"""Servers of one run, fresh and on loopback, and the relay before them."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_open(port, process):
    """Waits until `port` accepts; a server that ends instead, or takes a minute, is an error."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args[0]} does not listen on port {port}")


@contextlib.contextmanager
def running(port, argv, farewell=signal.SIGTERM, **options):
    """A server that listens on `port`; it is told to end by a signal, and after 10 s made to."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    process = subprocess.Popen([str(word) for word in argv], **pipes, **options)
    try:
        until_open(port, process)
        yield process
    finally:
        process.send_signal(farewell)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def relay_program():
    """The relay by itself: $RELAY, or what is built already, the release first."""
    given = os.environ.get("RELAY")
    built = [ROOT / "target" / profile / "examples" / "relay" for profile in ("release", "debug")]
    found = [given] if given else [path for path in built if path.exists()]
    if not found:
        build = ["cargo", "build", "--release", "--locked", "-p", "faultbox-engine", "--example", "relay"]
        subprocess.run(build, cwd=ROOT, check=True)
    return str(found[0] if found else built[0])


@contextlib.contextmanager
def relayed(port, protocol, complaints):
    """A relay with a rule that matches nothing; gives its port. What it has to complain about goes to a file."""
    own = free_port()
    argv = [relay_program(), "--listen", f"127.0.0.1:{own}", "--upstream", f"127.0.0.1:{port}", "--protocol", protocol]
    with open(complaints, "w") as stderr, running(own, argv, stderr=stderr):
        yield own


@contextlib.contextmanager
def redis(temporary):
    """A Redis with nothing in it; gives its port."""
    port = free_port()
    argv = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", temporary]
    with running(port, [*argv, "--enable-debug-command", "yes"]):
        yield port


def postgres_programs():
    """Where the newest installed PostgreSQL has its programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not found:
        raise RuntimeError("PostgreSQL is not installed")
    return found[-1]


def as_postgres():
    """PostgreSQL refuses to run as root: the words before a command that runs it as an ordinary user."""
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []


def give_to_postgres(path):
    """Lets PostgreSQL write there."""
    if os.getuid() == 0:
        entry = pwd.getpwnam("postgres")
        os.chown(path, entry.pw_uid, entry.pw_gid)


@contextlib.contextmanager
def postgres(temporary):
    """A new cluster without passwords and without durability; gives its port."""
    give_to_postgres(temporary)
    programs, data, port = postgres_programs(), Path(temporary, "data"), free_port()
    init = [programs / "initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync", "-D", data]
    subprocess.run([*as_postgres(), *init], check=True, stdout=subprocess.DEVNULL)
    settings = ["-c", "fsync=off", "-c", "max_connections=200", "-c", "max_prepared_transactions=10"]
    argv = [*as_postgres(), programs / "postgres", "-D", data, "-k", temporary, *settings, "-p", port]
    # On SIGTERM it would wait for its clients.
    with open(Path(temporary, "postgres.log"), "w") as log, running(port, argv, signal.SIGINT, stderr=log):
        until_ready(programs / "pg_isready", port)
        yield port


def until_ready(program, port):
    """PostgreSQL accepts connections, and refuses them, while it starts."""
    end = time.monotonic() + 60
    while subprocess.run([program, "-q", "-h", "127.0.0.1", "-p", str(port)], check=False).returncode != 0:
        if time.monotonic() > end:
            raise RuntimeError("PostgreSQL does not get ready")
        time.sleep(0.05)


SERVERS = {"redis": redis, "postgres": postgres}


@contextlib.contextmanager
def way(name, protocol, complaints):
    """A fresh server and the port to reach it at: `direct`, or `relayed`. Gives the port and a folder for scratch."""
    temporary = tempfile.mkdtemp(prefix="faultbox-suite-")
    os.chmod(temporary, 0o755)
    try:
        with SERVERS[protocol](temporary) as port, contextlib.ExitStack() as stack:
            if name == "relayed":
                port = stack.enter_context(relayed(port, protocol, complaints))
            yield port, Path(temporary)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
