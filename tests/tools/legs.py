# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Runs legs of the test run side by side and ends with a line that counts what passed: legs.py check|test [LEG ...].

A leg is one command. Two workers share the legs: one begins with those that need a lab, the other in order. Each
worker has a lab of its own, because a leg has the hosts of its lab to itself.
A leg that fails hides no other leg's result.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
LOGS = Path(os.environ["MAILFLEET_CACHE"]) / "logs"
ENVIRONMENT = {**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
# Not the lab that somebody works with.
LABS = ("test", "test-2")
TAIL_LINES = 60
HEARTBEAT = 60

# The closing line of a pytest run, with or without its frame of equals signs.
PYTEST_SUMMARY = re.compile(r"^=* ?((?:\d+ [a-z]+,? ?)+) in [\d.]+s", re.MULTILINE)
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)")


@dataclass(frozen=True)
class Leg:
    name: str
    command: str
    lab: bool = False
    minutes: float = 15


# The fleets of Postfix and PowerMTA senders, and of PowerMTA senders only.
MIXED = "MAILFLEET_LAB_INVENTORY=inventories/lab_mixed"
POWERMTA = "MAILFLEET_LAB_INVENTORY=inventories/lab_powermta"
E2E = "pytest -q --durations 12"
CHECK = [
    Leg("unit", "pytest -q --timeout 60 tests/unit"),
    Leg("ansible-lint", "ansible-lint --offline --profile production"),
    Leg("mypy-strict", "mypy --strict -p ansible_collections.mailfleet.mta.plugins.module_utils"),
    Leg(
        "mypy-agent",
        "MYPYPATH=roles/agent/files mypy --strict -p mailfleet"
        " && mypy --strict --ignore-missing-imports roles/dmarc_reports/files/sorter",
    ),
    Leg("mypy", "mypy -p ansible_collections.mailfleet.mta.plugins"),
    Leg("mypy-tests", "MYPYPATH=roles/agent/files mypy tests/support tests/e2e tests/bench tests/lab/mailfleet_lab"),
    Leg("ruff", "ruff check . && ruff format --check ."),
    Leg("yamllint", "yamllint --strict ."),
    Leg("changelog", "antsibull-changelog lint"),
]
# What is quick to know, then the long ones, then what fills the gaps.
TEST = [
    *CHECK,
    Leg("e2e", f"{E2E} tests/e2e/test_[013-7]_*.py", lab=True, minutes=35),
    Leg("molecule", "tests/tools/molecule", lab=True, minutes=35),
    Leg("e2e-powermta", f"{POWERMTA} {E2E} -m 'not alike' tests/e2e/test_[1345]_*.py", lab=True, minutes=30),
    # Edits and rotations are tried on the mixed fleet only: it has both backends.
    Leg("e2e-mixed", f"{MIXED} {E2E} tests/e2e/test_[128]_*.py", lab=True, minutes=25),
    Leg("dns", "pytest -q --timeout 120 tests/dns"),
    Leg("sanity-oldest", "tests/tools/sanity dev"),
    Leg("sanity-newest", "tests/tools/sanity newest"),
    Leg("unit-newest", "tests/tools/in-venv newest pytest -q --timeout 60 tests/unit"),
    Leg("build-and-install", "tests/tools/build-and-install"),
    Leg("galaxy-importer", "tests/tools/importer"),
    Leg("docs", "tests/tools/docs"),
]
LAB_UP = Leg("lab-up", "tests/lab/lab up", minutes=20)
LAB_DOWN = Leg("lab-down", "tests/lab/lab down")


@dataclass
class Result:
    leg: Leg
    state: str = "not run"
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)
    reason: str = ""


def count_tests(output: str) -> dict[str, int]:
    """What the pytest runs in this output say of themselves."""
    counts: dict[str, int] = {}
    for summary in PYTEST_SUMMARY.findall(output):
        for number, word in PYTEST_COUNT.findall(summary):
            key = {"error": "failed", "errors": "failed", "xpassed": "passed", "xfailed": "skipped"}.get(word, word)
            counts[key] = counts.get(key, 0) + int(number)
    return counts


def tally(results: list[Result]) -> dict[str, int]:
    """Tests counted by pytest count as many; any other leg counts as one."""
    total = {"passed": 0, "failed": 0, "skipped": 0}
    for result in results:
        for word, number in result.counts.items():
            if word in total:
                total[word] += number
        if (result.state == "failed" and not result.counts.get("failed")) or result.state == "not run":
            total["failed"] += 1
        elif result.state == "skipped":
            total["skipped"] += 1
        elif result.state == "passed" and not result.counts:
            total["passed"] += 1
    return total


class Runner:
    def __init__(self, legs: list[Leg]) -> None:
        self.waiting = list(legs)
        self.results = {leg.name: Result(leg) for leg in legs}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.lock = threading.Lock()
        self.started = time.monotonic()
        self.stopping = False

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:5.0f} s] {text}", flush=True)

    def take(self, lab_first: bool) -> Leg | None:
        with self.lock:
            leg = next((leg for leg in self.waiting if leg.lab or not lab_first), next(iter(self.waiting), None))
            if leg:
                self.waiting.remove(leg)
            return leg

    def work(self, lab: str, lab_first: bool) -> None:
        up = ""
        while not self.stopping and (leg := self.take(lab_first)):
            result = self.results[leg.name]
            if leg.lab and os.geteuid() != 0:
                result.state, result.reason = "skipped", "needs root"
                self.say(f"{leg.name}: skipped, needs root")
                continue
            if leg.lab and not up:
                up = self.beside(LAB_UP, lab).state
            if leg.lab and up != "passed":
                result.reason = f"{lab} is not up"
                self.say(f"{leg.name}: not run, {result.reason}")
                continue
            self.run(leg, result, lab)
        if up:
            self.beside(LAB_DOWN, lab)

    def beside(self, leg: Leg, lab: str) -> Result:
        """A leg that belongs to a lab."""
        leg = replace(leg, name=f"{leg.name} {lab}")
        result = self.results[leg.name] = Result(leg)
        self.run(leg, result, lab)
        return result

    def run(self, leg: Leg, result: Result, lab: str) -> None:
        self.say(f"{leg.name} ...")
        started = time.monotonic()
        log = LOGS / (re.sub(r"\W+", "-", leg.name) + ".log")
        with log.open("wb") as stream:
            process = subprocess.Popen(
                ["bash", "-c", leg.command],
                cwd=CHECKOUT,
                env={**ENVIRONMENT, "MAILFLEET_LAB_NAME": lab},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.running[leg.name] = process
            try:
                code = process.wait(timeout=leg.minutes * 60)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGTERM)
                code = process.wait()
                result.reason = f"stopped after {leg.minutes} minutes"
            del self.running[leg.name]
        self.finish(result, code, time.monotonic() - started, log)

    def finish(self, result: Result, code: int, seconds: float, log: Path) -> None:
        output = log.read_text(errors="replace")
        result.seconds = seconds
        result.counts = count_tests(output)
        # A command that cannot run on this machine says so with 75 (EX_TEMPFAIL), and why in its last line.
        result.state = {0: "passed", 75: "skipped"}.get(code, "failed")
        if result.state == "skipped":
            result.reason = output.strip().rpartition("\n")[2]
        elif code < 0 or code > 128:
            result.reason = result.reason or f"killed by signal {-code if code < 0 else code - 128}"
        counted = ", ".join(f"{number} {word}" for word, number in result.counts.items())
        note = "; ".join(part for part in (counted, result.reason) if part)
        with self.lock:
            self.say(f"{result.leg.name}: {result.state} in {seconds:.0f} s{' (' + note + ')' if note else ''}")
            if result.state == "failed":
                print("\n".join(f"    {line}" for line in output.splitlines()[-TAIL_LINES:]), flush=True)
                print(f"    (all of it: {log})", flush=True)

    def heartbeat(self, done: threading.Event) -> None:
        while not done.wait(HEARTBEAT):
            self.say("still running: " + ", ".join(self.running))

    def stop(self, signum: int, _frame: object) -> None:
        self.stopping = True
        for process in list(self.running.values()):
            os.killpg(process.pid, signal.SIGTERM)

    def all(self) -> list[Result]:
        LOGS.mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGINT, self.stop)
        signal.signal(signal.SIGTERM, self.stop)
        done = threading.Event()
        threading.Thread(target=self.heartbeat, args=(done,), daemon=True).start()
        workers = [threading.Thread(target=self.work, args=words) for words in zip(LABS, (True, False))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        done.set()
        return list(self.results.values())


def report(results: list[Result], seconds: float) -> int:
    width = max(len(result.leg.name) for result in results)
    print(f"\n{'leg':<{width}}  result   seconds  tests")
    for result in results:
        counted = ", ".join(f"{number} {word}" for word, number in result.counts.items())
        note = "; ".join(part for part in (counted, result.reason) if part)
        print(f"{result.leg.name:<{width}}  {result.state:<8} {result.seconds:7.0f}  {note}".rstrip())
    total = tally(results)
    print("\n" + ", ".join(f"{number} {word}" for word, number in total.items()) + f" in {seconds:.0f}s", flush=True)
    return 1 if total["failed"] or not total["passed"] else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Run legs of the test run.")
    parser.add_argument("set", choices=["check", "test"])
    parser.add_argument("legs", nargs="*", help="only these legs, by name")
    options = parser.parse_args()
    legs = CHECK if options.set == "check" else TEST
    unknown = set(options.legs) - {leg.name for leg in legs}
    if unknown:
        names = ", ".join(leg.name for leg in legs)
        print(f"No leg is called {' or '.join(sorted(unknown))}; there are: {names}", file=sys.stderr)
        return 2
    chosen = [leg for leg in legs if not options.legs or leg.name in options.legs]
    runner = Runner(chosen)
    return report(runner.all(), time.monotonic() - runner.started)


if __name__ == "__main__":
    sys.exit(main())
