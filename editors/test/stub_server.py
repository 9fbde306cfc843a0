#!/usr/bin/env python3
"""A language server with canned answers, for tests of the editor plugins alone.

It speaks what ../PROTOCOL.md describes for specs shaped like examples/01-http-faults: it finds tests with regular
expressions, and "runs" one by telling the story a real run would tell. The number in the `expect` of a fault scenario
decides: 503 passes, anything else fails at that line. A test with `slow` in its name, run alone, goes on until it is
cancelled, holding a child process, so that a leftover can be noticed. Called as `stub_server.py lsp`, like the real program.
"""

import json
import re
import subprocess
import sys
import threading

WRITE = threading.Lock()


def send(message):
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    with WRITE:
        sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        sys.stdout.buffer.flush()


def notify(method, params):
    send({"method": method, "params": params})


def receive():
    length = None
    while True:
        line = sys.stdin.buffer.readline()
        if not line:
            return None
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
        if line == b"\r\n":
            return json.loads(sys.stdin.buffer.read(length))


def span(line, start=0, end=0):
    return {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}


class Spec:
    """What the regular expressions find in one text."""

    def __init__(self, text):
        self.lines = text.split("\n")
        self.tests = []  # (name, kind, line, parent)
        for number, line in enumerate(self.lines):
            if found := re.match(r"def (test_\w+)", line):
                self.add(found[1], "test", number)
            elif found := re.match(r"scenario\((\w+)", line):
                self.add("test_" + found[1], "scenario", number)
            elif found := re.match(r'fault_scenario\("(\w+)"', line):
                self.add("test_" + found[1], "faultScenario", number)
            elif line.startswith("fault_matrix("):
                self.matrix(number)

    def add(self, name, kind, line, parent=None, label=None):
        label = label or name.removeprefix("test_")
        self.tests.append({"name": name, "kind": kind, "line": line, "parent": parent, "label": label})

    def matrix(self, line):
        body = "\n".join(self.lines[line:])
        names = {key: re.search(key + r"\s*=\s*\[([^]]*)\]", body) for key in ("scenarios", "faults")}
        self.scenarios, self.faults = ([n.strip() for n in names[k][1].split(",")] for k in ("scenarios", "faults"))
        self.matrix_line = line
        self.add("matrix", "matrix", line, label=f"matrix {len(self.scenarios)} × {len(self.faults)}")
        for scenario in self.scenarios:
            for fault in self.faults:
                self.add(f"test_matrix_{scenario}_{fault}", "cell", line, "matrix", f"{scenario} × {fault}")

    def runnable(self):
        return [test for test in self.tests if test["kind"] != "matrix"]

    def cells(self):
        return [test["name"] for test in self.tests if test["kind"] == "cell"]

    def line_of(self, pattern, after=0):
        return next((n for n in range(after, len(self.lines)) if re.search(pattern, self.lines[n])), after)


class Server:
    def __init__(self):
        self.texts, self.results, self.failed, self.runs, self.children = {}, {}, {}, {}, {}
        self.options, self.next_run, self.run_ids = {}, 0, {}

    # --- documents ---

    def changed(self, uri, text):
        self.texts[uri] = text
        notify("faultbox/testsChanged", self.file_tests(uri))

    def spec(self, uri):
        return Spec(self.texts.get(uri, ""))

    def file_tests(self, uri):
        def item(test):
            run = self.spec(uri).cells() if test["kind"] == "matrix" else [test["name"]]
            where = span(test["line"], 0, 200)
            return {"id": test["name"], "label": test["label"], "kind": test["kind"], "parent": test["parent"], "run": run,
                    "range": where, "selectionRange": where}
        return {"uri": uri, "version": None, "tests": [item(test) for test in self.spec(uri).tests]}

    def lenses(self, uri):
        spec = self.spec(uri)
        if not spec.tests:
            return []
        lenses = [(0, f"▶ Run all ({len(spec.runnable())})", {"uri": uri, "all": True})]
        for test in spec.tests:
            if test["kind"] == "cell":
                continue
            names = spec.cells() if test["kind"] == "matrix" else [test["name"]]
            title = self.results.get((uri, test["name"]), "▶ Run" if len(names) == 1 else f"▶ Run {len(names)} cells")
            lenses.append((test["line"], title, {"uri": uri, "tests": names}))
        timelines = [(test["line"], {"uri": uri, "runId": self.run_ids[uri, test["name"]], "test": test["name"]})
                     for test in spec.tests if (uri, test["name"]) in self.run_ids and test["kind"] != "cell"
                     and "faultbox.editor.showTimeline" in self.options.get("commands", [])]
        commands = [(line, title, "faultbox.run", argument) for line, title, argument in lenses]
        commands += [(line, "Timeline", "faultbox.editor.showTimeline", argument) for line, argument in timelines]
        return [{"range": span(line), "command": {"title": title, "command": command, "arguments": [argument]}}
                for line, title, command, argument in commands]

    def matrices(self, uri):
        spec = self.spec(uri)
        if not spec.cells():
            return []
        here = {"uri": uri, "range": span(spec.matrix_line)}
        cells = [{"row": row, "column": column, "test": f"test_matrix_{scenario}_{fault}", "result": None}
                 for row, scenario in enumerate(spec.scenarios) for column, fault in enumerate(spec.faults)]
        rules = [{"uri": uri, "range": span(spec.line_of(rf'fault_assumption\("{fault}"'))} for fault in spec.faults]
        return [{"range": span(spec.matrix_line), "scenarios": spec.scenarios, "faults": spec.faults, "cells": cells,
                 "scenarioRanges": [here] * len(spec.scenarios), "faultRanges": rules}]

    # --- runs ---

    def run(self, what):
        uri, spec = what["uri"], self.spec(what["uri"])
        names = what.get("tests") or [test["name"] for test in spec.runnable()]
        if what.get("failed"):
            names = sorted(self.failed.get(uri, []))
        if not self.options.get("trusted", True):
            raise ValueError("the workspace is not trusted")
        self.next_run += 1
        run = {"id": f"r{self.next_run}", "uri": uri, "seq": 0, "cancel": threading.Event(), "spec": spec}
        self.runs[run["id"]] = run
        leaves = [test for test in spec.runnable() if test["name"] in names]
        run["alone"] = len(leaves) == 1
        threading.Thread(target=self.story, args=(run, leaves), daemon=True).start()
        return {"runId": run["id"], "tests": names if what.get("tests") else None}

    def event(self, run, event, leaf=None, at=0.0, **keys):
        if self.options.get("testEvents"):
            about = {} if leaf is None else {"leaf": leaf}
            wire = {"v": 1, "event": event, "atMs": at, **about, **keys}
            notify("faultbox/testEvent", {"runId": run["id"], "seq": run["seq"], "uri": run["uri"], "event": wire})
        run["seq"] += 1

    def place(self, run, line, start=0, end=200):
        path = run["uri"].removeprefix("file://")
        return {"path": path, "line": line, "column": start, "endLine": line, "endColumn": end}

    def story(self, run, tests):
        leaves = [self.leaf(run, test) for test in tests]
        self.event(run, "queued", tests=[test["name"] for test in tests], argv=["faultbox", "test", "stub.star"])
        self.event(run, "run_started", spec="stub.star", jobs=1, runs=1, leaves=leaves, matrices=[])
        totals = dict.fromkeys(["passed", "failed", "errors", "timeouts", "bypassed", "inconclusive", "skipped", "notRun"], 0)
        failures = []
        for number, leaf in enumerate(leaves):
            if run["cancel"].is_set():
                totals["notRun"] += 1
                continue
            failure = self.one(run, number, leaf, tests[number], totals)
            failures += [failure] if failure else []
        notify("textDocument/publishDiagnostics", {"uri": run["uri"], "diagnostics": failures})
        cancelled = run["cancel"].is_set()
        self.event(run, "run_finished", totals=totals, durationMs=60.0, testsDurationMs=60.0, interrupted=cancelled)
        self.event(run, "ended", exitCode=0, cancelled=cancelled, message=None)
        send({"id": f"refresh {run['id']}", "method": "workspace/codeLens/refresh"})

    def leaf(self, run, test):
        spec, cell = run["spec"], None
        if test["kind"] == "cell":
            number = spec.cells().index(test["name"])
            cell = {"matrix": 0, "row": number // len(spec.faults), "column": number % len(spec.faults)}
        return {"test": test["name"], "seed": 0, "repeat": 0, "place": self.place(run, test["line"]), "cell": cell}

    def one(self, run, number, leaf, test, totals):
        spec, name = run["spec"], leaf["test"]
        def tell(event, at, **keys):
            self.event(run, event, number, at, **keys)
        step = self.place(run, spec.line_of(r"api\.post"), 4, 40)
        rule = self.place(run, spec.line_of(r"rules = \["), 12, 60)
        tell("leaf_started", 0.0, **leaf)
        tell("phase", 0.1, phase="starting", service="db")
        tell("service_started", 1.0, service="db", pid=4242)
        tell("service_ready", 9.0, service="db", afterMs=8.0)
        tell("phase", 10.0, phase="scenario")
        if "slow" in name and run["alone"]:
            self.hold(run)
        if run["cancel"].is_set():
            tell("leaf_finished", 20.0, **leaf, outcome="not_run", durationMs=20.0, failure=None, evidence=[], returned=None,
                 assertions=0, replay=None)
            totals["notRun"] += 1
            return None
        tell("step_sent", 12.0, step=1, target="api.public", method="post", summary="POST /data/testkey", place=step)
        tell("rule_fired", 13.0, rule="api_503[0]", target="api.public", word="respond", action="response 503",
             operation="POST /data/testkey", label=None, place=rule)
        tell("step_received", 14.0, step=1, status=503, ok=True, error="", body="no", durationMs=2.0)
        tell("rule_fired", 15.0, rule="db_slow.write", target="db", word="delay", action="write delay 200ms",
             operation="write(1, 12)", label=None, place=rule)
        wanted_line = spec.line_of(r"expect = .*\.status, \d+", test["line"])
        wanted = re.search(r"status, (\d+)", spec.lines[wanted_line])
        bad = test["kind"] == "faultScenario" and wanted and wanted[1] != "503"
        failure = self.failure(run, wanted_line, wanted[1]) if bad else None
        evidence = [{"rule": "api_503[0]", "assumption": "api_503", "target": "api.public", "action": "response 503",
                     "matcher": "POST /data/*", "label": None, "seen": 2, "matched": 1, "fired": 1, "nearMiss": None,
                     "hits": [], "summary": "fired 1x", "place": rule}]
        tell("leaf_finished", 57.0, **leaf, outcome="fail" if bad else "pass", durationMs=57.0, failure=failure,
             evidence=evidence, returned="503", assertions=1, replay=f"faultbox test stub.star --test {name} --seed 0")
        totals["failed" if bad else "passed"] += 1
        failing = self.failed.setdefault(run["uri"], set())
        (failing.add if bad else failing.discard)(name)
        self.run_ids[run["uri"], name] = run["id"]
        self.results[run["uri"], name] = f"✗ 503 != {wanted[1]} · Run" if bad else "✓ 57 ms · Run"
        at = {"start": {"line": wanted_line, "character": 23}, "end": {"line": wanted_line, "character": 60}}
        return {"range": at, "severity": 1, "source": "faultbox run", "code": name, "message": failure["message"]} if bad else None

    def failure(self, run, line, wanted):
        return {"kind": "expectation", "message": f"assert_eq failed: 503 != {wanted} (expected {wanted} from proxy)",
                "place": self.place(run, line, 23, 60), "label": "r.write.status is 503", "actual": "503", "expected": wanted,
                "notes": [{"text": "rule api_503[0] answered step 1:   POST /data/testkey -> 503", "place": None}],
                "help": ["expect 503"]}

    def hold(self, run):
        child = self.children[run["id"]] = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL)
        run["cancel"].wait()
        child.kill()
        child.wait()

    def cancel(self, what):
        ended = [run for run in self.runs.values() if what.get("runId") in (None, run["id"]) and not run["cancel"].is_set()]
        for run in ended:
            run["cancel"].set()
        return {"cancelled": [run["id"] for run in ended]}

    # --- messages ---

    def command(self, params):
        name, what = params["command"], (params.get("arguments") or [{}])[0]
        if name == "faultbox.run":
            return self.run(what)
        if name == "faultbox.rerunFailed":
            return self.run({"failed": True, **what})
        if name == "faultbox.cancel":
            return self.cancel(what)
        if name == "faultbox.showCommand":
            tests = [word for test in what.get("tests") or [] for word in ("--test", test)]
            return {"argv": ["faultbox", "test", what["uri"].removeprefix("file://"), *tests], "cwd": "/"}
        raise ValueError(f"no command {name}")

    def initialize(self, params):
        self.options = params.get("initializationOptions") or {}
        return {"serverInfo": {"name": "faultbox stub"}, "capabilities": {
            "textDocumentSync": 1, "codeLensProvider": {}, "experimental": {"faultbox": {"version": 1}},
            "executeCommandProvider": {"commands": [f"faultbox.{name}" for name in ("run", "rerunFailed", "cancel", "showCommand")]}}}

    def request(self, method, params):
        uri = ((params or {}).get("textDocument") or {}).get("uri")
        answers = {
            "initialize": lambda: self.initialize(params),
            "shutdown": lambda: None,
            "textDocument/codeLens": lambda: self.lenses(uri),
            "workspace/executeCommand": lambda: self.command(params),
            "faultbox/discoverTests": lambda: {"files": [self.file_tests(each) for each in ([uri] if uri else self.texts)]},
            "faultbox/matrix": lambda: {"matrices": self.matrices(uri)},
        }
        return answers[method]()

    def stop(self):
        for run in self.runs.values():
            run["cancel"].set()
        for child in self.children.values():
            child.kill()

    def serve(self):
        while (message := receive()) is not None:
            method, params = message.get("method"), message.get("params")
            if method == "exit":
                break
            if method == "textDocument/didOpen":
                self.changed(params["textDocument"]["uri"], params["textDocument"]["text"])
            elif method == "textDocument/didChange":
                self.changed(params["textDocument"]["uri"], params["contentChanges"][-1]["text"])
            elif method == "workspace/didChangeConfiguration":
                self.options.update(((params or {}).get("settings") or {}).get("faultbox") or {})
            elif method and "id" in message:
                try:
                    send({"id": message["id"], "result": self.request(method, params)})
                except (KeyError, ValueError) as error:
                    send({"id": message["id"], "error": {"code": -32602, "message": str(error)}})
        self.stop()


if __name__ == "__main__":
    Server().serve()
