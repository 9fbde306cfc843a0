"""Where the suites come from: Debian's source packages and PyPI's source distributions, kept in a cache."""

import os
import subprocess
import tarfile
from pathlib import Path

CACHE = Path(os.environ.get("SUITES_CACHE", "/tmp/faultbox-suites"))
PYTHON = CACHE / "venv" / "bin" / "python"

# A new version may bring tests that fail for other reasons, so versions change by hand.
PINNED = {
    "asyncpg": "0.32.0",
    "pg8000": "1.31.6",
    "psycopg": "3.3.9",
    "psycopg2-binary": "2.9.13",
    "pytest": "9.2.0",
    "redis": "8.1.0",
    "sqlalchemy": "2.1.9",
}

# Not the security archive, whose sources come and go: a suite one fix behind its server serves as well.
MIRRORS = {
    "debian": "deb-src http://deb.debian.org/debian {} main\n",
    "ubuntu": "deb-src http://archive.ubuntu.com/ubuntu {} main universe\n",
}


def run(argv, **options):
    """Runs a command quietly; when it fails, the last of what it said is the error."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run([str(word) for word in argv], check=False, **pipes, **options)
    if done.returncode != 0:
        said = done.stdout.decode(errors="replace").splitlines()[-5:]
        raise RuntimeError("\n".join([f"{argv[0]} failed:", *said]))
    return done.stdout.decode(errors="replace")


def debian(package):
    """The folder of a source package, fetched with lists of our own: the machine's stay as they are."""
    CACHE.mkdir(parents=True, exist_ok=True)
    found = sorted(path for path in CACHE.glob(f"{package}-[0-9]*") if path.is_dir())
    if found:
        return found[-1]
    release = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release") if "=" in line)
    mirror = MIRRORS.get(release["ID"].strip('"'), MIRRORS["debian"])
    (CACHE / "sources.list").write_text(mirror.format(release["VERSION_CODENAME"].strip('"')))
    (CACHE / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    own = [f"Dir::Etc::sourcelist={CACHE}/sources.list", "Dir::Etc::sourceparts=-", f"Dir::State::lists={CACHE}/lists"]
    options = [word for option in [*own, "APT::Sandbox::User=root"] for word in ("-o", option)]
    run(["apt-get", "-qq", *options, "update"])
    run(["apt-get", "-qq", *options, "source", package], cwd=CACHE)
    return debian(package)


def install(*packages):
    """Puts packages, `name` or `name[extra]`, into the cache's own Python."""
    if not PYTHON.exists():
        run(["python3", "-m", "venv", CACHE / "venv"])
    missing = []
    for package in packages:
        name = package.split("[")[0]
        wanted, found = PINNED.get(name), version(name)
        if not found or wanted not in (None, found):
            missing.append(f"{package}=={wanted}" if wanted else package)
    if missing:
        run([PYTHON, "-m", "pip", "-q", "install", *missing])


def version(package):
    """The installed version of a Python package; empty when there is none."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([PYTHON, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip()


def sdist(package, of_version=None):
    """The folder of the source distribution of the version installed: only it has the suite."""
    wanted = of_version or version(package)
    folder = CACHE / "sdist" / f"{package}-{wanted}"
    if not folder.is_dir():
        pip = [PYTHON, "-m", "pip", "-q", "download", "--no-deps", "--no-binary", package]
        run([*pip, "-d", CACHE / "sdist", f"{package}=={wanted}"])
        with tarfile.open(next((CACHE / "sdist").glob(f"{package}-{wanted}.tar.*"))) as archive:
            archive.extractall(CACHE / "sdist", filter="data")
    return folder
