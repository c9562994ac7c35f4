# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet metrics"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from contextlib import closing
from typing import Any

from mailfleet import console
from mailfleet.metrics import families
from mailfleet.notify import Notifier

HELP = "what Prometheus is told: once as text, or as a page on a port"

_ALIVE_SECONDS = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--listen", metavar="ADDRESS:PORT", help="serve a page there, instead of one text")
    console.arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    return console.tried("metrics", lambda: serve(arguments) if arguments.listen else show(arguments))


class Page:
    """Asks the ledger at each scrape."""

    def __init__(self, view: Mapping[str, Any], database: str) -> None:
        self._view = view
        self._database = database

    def collect(self) -> Iterable[Any]:
        from prometheus_client.core import GaugeMetricFamily

        with closing(console.database(self._database)) as db:
            for family in families(db, self._view, time.time()):
                made = GaugeMetricFamily(family.name, family.help, labels=family.labels)
                for labels, value in family.samples:
                    made.add_metric(labels, value)
                yield made


def _registry(arguments: argparse.Namespace) -> Any:
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Page(console.view(arguments.config), arguments.database))
    return registry


def show(arguments: argparse.Namespace) -> int:
    from prometheus_client import generate_latest

    sys.stdout.write(generate_latest(_registry(arguments)).decode())
    return 0


def serve(arguments: argparse.Namespace) -> int:
    from prometheus_client import start_http_server

    address, _colon, port = arguments.listen.rpartition(":")
    try:
        start_http_server(int(port), addr=address, registry=_registry(arguments))
    except (OSError, ValueError) as error:
        raise console.CommandError(f"cannot listen on {arguments.listen}: {error}. Choose another port.") from error
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _number, _frame: stop.set())
    notifier = Notifier()
    notifier.ready()
    while not stop.wait(_ALIVE_SECONDS):
        notifier.alive()
    notifier.stopping()
    return 0
