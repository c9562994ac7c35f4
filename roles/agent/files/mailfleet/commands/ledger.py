# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet ledger run | catch-up"""

from __future__ import annotations

import argparse
import json
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

from mailfleet import backoff, replies, replies_rules
from mailfleet.clock import Watch
from mailfleet.control import Controller
from mailfleet.ledger import Ledger, LedgerError
from mailfleet.ledger_names import Names
from mailfleet.ledger_source import DIRECTORIES, POSTFIX, POWERMTA, SOURCES
from mailfleet.notify import Notifier
from mailfleet.powermta_keeper import Keeper
from mailfleet.requests import Requests

HELP = "read what the mail server logs into the ledger: as a service (run), or what there is now (catch-up)"

CONFIG = "/etc/mailfleet/agent/live/agent.json"
DATABASE = "/var/lib/mailfleet/agent/ledger.db"
POLL_SECONDS = 0.05
TICK_SECONDS = 1.0
RETRY_SECONDS = (1.0, 2.0, 5.0, 10.0, 30.0)


class Keeping(Protocol):
    """What is done between the ledger's steps."""

    def clock_set(self, db: sqlite3.Connection, seconds: float, now: float) -> None:
        """Inside a transaction, after somebody set the clock by so much, and before what was logged since is read."""

    def tick(self, db: sqlite3.Connection, now: float) -> None:
        """Inside a transaction, about once a second."""

    def committed(self) -> None:
        """Outside of it."""

    def stopping(self) -> None:
        """The last chance to ask for what waits to be asked for; nobody knows of it afterwards."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("mode", choices=["run", "catch-up"])
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=Path(CONFIG), help="the host's view, %(default)s"
    )
    parser.add_argument("--database", metavar="FILE", default=DATABASE, help="%(default)s")
    parser.add_argument("--logs", metavar="DIRECTORY", help=f"where the mail server logs, {_or(DIRECTORIES)}")
    parser.add_argument("--rules", metavar="FILE", type=Path, help="your reply rules, laid over the shipped ones")
    parser.add_argument("--json", action="store_true", help="catch-up: a summary for programs")


def _or(names: Mapping[str, str]) -> str:
    return " or ".join(names.values())


def run(arguments: argparse.Namespace) -> int:
    try:
        ledger, controller = _ledger(arguments)
    except (OSError, replies_rules.RulesError) as error:
        _say(f"mailfleet ledger: {error}")
        return 2
    except (ValueError, LookupError, TypeError) as error:
        _say(f"mailfleet ledger: {arguments.config} is no view of a host ({error!r}): the role agent writes one.")
        return 2
    if arguments.mode == "catch-up":
        return catch_up(ledger, arguments.json)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: stop.set())
    serve(ledger, Notifier(), stop, controller=controller)
    return 0


def _ledger(arguments: argparse.Namespace) -> tuple[Ledger, Keeping | None]:
    view = json.loads(arguments.config.read_text())
    backend = view.get("backend", POSTFIX)
    classify = replies.Classifier(replies_rules.load(arguments.rules))
    source = SOURCES[backend](Names(view), classify, arguments.logs or DIRECTORIES[backend])
    if arguments.mode == "catch-up":  # counts only; what to do about it is the service's
        return Ledger(arguments.database, source, say=_say), None
    if backend == POWERMTA:  # which slows down by itself
        return Ledger(arguments.database, source, say=_say), Keeper(view, _say)
    controller = Controller(view, backoff.policies(view), Requests(say=_say), _say)
    return Ledger(arguments.database, source, [controller], say=_say), controller


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def catch_up(ledger: Ledger, as_json: bool) -> int:
    """Read what there is now; a summary on standard output."""
    started = time.monotonic()
    lines = events = 0
    more = True
    try:
        while more:
            progress = ledger.step(time.time())
            lines, events, more = lines + progress.lines, events + progress.events, progress.more
    except LedgerError as error:
        _say(str(error))
        return 1
    finally:
        ledger.close()
    seconds = time.monotonic() - started
    if as_json:
        summary = {"lines": lines, "events": events, "seconds": round(seconds, 3), "problems": ledger.problems}
        print(json.dumps(summary))
    else:
        print(f"{lines} lines read, {events} events counted in {seconds:.1f} s.")
    return 1 if ledger.problems else 0


def serve(
    ledger: Ledger,
    notifier: Notifier,
    stop: threading.Event,
    clock: Callable[[], float] = time.time,
    controller: Keeping | None = None,
    monotonic: Callable[[], float] = time.monotonic,
) -> None:
    """Follow the logs until told to stop; a ledger that cannot write is tried again, later each time."""
    notifier.ready()
    failures = 0
    ticked = float("-inf")
    watch, set_by = Watch(), 0.0
    while not stop.is_set():
        notifier.alive()
        try:
            now = clock()
            set_by += watch.set_by(now, monotonic())
            if set_by and controller:
                ledger.write(partial(controller.clock_set, seconds=set_by, now=now))
                controller.committed()
                _say(f"The clock was set {'back' if set_by < 0 else 'forward'} by {abs(set_by):.0f} s.")
            set_by = 0.0
            progress = ledger.step(now)
            if controller and not 0 <= now - ticked < TICK_SECONDS:
                ledger.write(partial(controller.tick, now=now))
                ticked = now
            if controller:
                controller.committed()
        except LedgerError as error:
            if not failures:
                _say(str(error))
                notifier.status(str(error))
            stop.wait(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
            failures += 1
            continue
        if failures:
            _say("The ledger can be written again.")
            notifier.status("")
            failures = 0
        if not progress.more:
            stop.wait(POLL_SECONDS)
    notifier.stopping()
    if controller:
        controller.stopping()
    ledger.close()
