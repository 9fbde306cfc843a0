#!/usr/bin/env python3
"""Runs client suites twice, direct and through the relay with a rule that matches nothing, and prints a table.

usage: run.py [quick] [SUITE...]

Without a suite all run; `quick` runs the part that takes minutes. Fails when a test's outcome differs, unless the
suite lists it as flaky. `transactions` compares errors of the server with injected ones and needs Go; see README.md.

Sources and logs are kept in $SUITES_CACHE (default /tmp/faultbox-suites). $RELAY names the relay to use.
"""

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from parity import servers, sources
from parity.suites import QUICK, SUITES
from parity.transactions import transactions

WAYS = ("direct", "relayed")

# More differences than these have one cause.
SHOWN = 30


def main(words):
    quick = "quick" in words
    names = [word for word in words if word != "quick"] or (QUICK if quick else [*SUITES, "transactions"])
    unknown = [name for name in names if name not in [*SUITES, "transactions"]]
    if unknown:
        sys.exit(f"no such suite: {', '.join(unknown)}; there are {', '.join(SUITES)}, transactions")
    if any(name in SUITES for name in names):
        print(f"{'suite':14} {'version':34} {'tests':>6} {'direct':>7} {'relayed':>8} {'differ':>7} {'seconds':>8}")
    # Each runs whatever became of those before.
    good = [compare(name, quick) for name in names if name in SUITES]
    if "transactions" in names:
        good.append(transactions())
    sys.exit(0 if all(good) else 1)


def compare(name, quick):
    """Runs one suite both ways and prints its row and what differs; true when nothing does that should not."""
    suite, started = SUITES[name], time.monotonic()
    logs = sources.CACHE / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    complaints = logs / f"{name}.relay"
    try:
        version = suite.prepare()

        def run(way):
            with servers.way(way, suite.protocol, complaints) as (port, scratch):
                return suite.run(port, scratch, logs / f"{name}.{way}.log", quick)

        # Most of the quick part is waiting, so both ways wait at once.
        with ThreadPoolExecutor(2 if quick and suite.side_by_side else 1) as pool:
            found = dict(zip(WAYS, pool.map(run, WAYS)))
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(f"{name:14} did not run: {error}")
        return False
    differing = list(differences(*(found[way] for way in WAYS), suite.flaky))
    passes = [sum(outcome == "passed" for outcome in found[way].values()) for way in WAYS]
    tests, seconds = len(found["direct"]), time.monotonic() - started
    print(f"{name:14} {version:34} {tests:6} {passes[0]:7} {passes[1]:8} {len(differing):7} {seconds:8.0f}", flush=True)
    for test, direct, relayed, reason in differing[:SHOWN]:
        print(f"    {test}: {direct} direct, {relayed} relayed{f' (flaky: {reason})' if reason else ''}")
    if len(differing) > SHOWN:
        print(f"    and {len(differing) - SHOWN} more; see {logs}")
    return passes[0] > 0 and all(reason for *_, reason in differing) and not fired(complaints)


def differences(direct, relayed, flaky):
    """The tests with two outcomes, with the reason for those known to be flaky."""
    import re

    for test in [*direct, *(test for test in relayed if test not in direct)]:
        outcomes = direct.get(test, "missing"), relayed.get(test, "missing")
        if outcomes[0] != outcomes[1]:
            reasons = [reason for pattern, reason in flaky.items() if re.search(pattern, test)]
            yield test, *outcomes, next(iter(reasons), None)


def fired(complaints):
    """Prints what the relay had to say; true when a rule fired, which none should."""
    counts = Counter(complaints.read_text().splitlines())
    for text, count in counts.most_common():
        print(f"    the relay, {count} times: {text}")
    return any(text.startswith("fired") for text in counts)


if __name__ == "__main__":
    # So that servers and folders go as they do after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main(sys.argv[1:])
