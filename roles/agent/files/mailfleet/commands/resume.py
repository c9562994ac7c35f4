# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet resume"""

from __future__ import annotations

import argparse
import sqlite3
import time
from contextlib import closing

from mailfleet import console, powermta_command, powermta_queue, state
from mailfleet.backoff import FLUSH, Backoff
from mailfleet.commands.pause import ask, concerned, keep, tell, tell_trouble, write
from mailfleet.ledger_source import POWERMTA
from mailfleet.powermta_keeper import Keeper
from mailfleet.state import Key

HELP = "end a pause, and whatever receivers' refusals hold back of a pool, address, sender domain or ISP"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=state.KINDS)
    parser.add_argument("name", metavar="NAME")
    console.arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    return console.tried("resume", lambda: resume(arguments))


def resume(arguments: argparse.Namespace) -> int:
    kind, name = arguments.kind, arguments.name
    view = console.view(arguments.config)
    pools = concerned(view, kind, name)
    ended: list[str] = []
    keeper = Keeper(view, tell_trouble) if view.get("backend") == POWERMTA else None
    if keeper:  # what it holds back now; the ledger looks every few seconds
        keep(keeper, arguments.database, time.time())

    def work(db: sqlite3.Connection) -> None:
        found = state.snapshot(db)
        if (kind, name) in found.controls:
            ended.append(f"the pause of {kind} {name}")
        state.resume(db, [(kind, name)])
        lanes = {key: Backoff() for key in found.lanes if _matches(key, kind, name, state.IP)}
        domains = {key: Backoff() for key in found.domains if _matches(key, kind, name, state.DOMAIN)}
        state.save(db, "lane_state", lanes)
        state.save(db, "domain_state", domains)
        ended.extend(f"the backoff of {who} at {isp} (pool {pool})" for pool, who, isp in (*lanes, *domains))

    write(arguments.database, work)
    if keeper:
        normal(arguments.database, kind, name)
        keep(keeper, arguments.database, time.time())
    elif ended:
        ask(FLUSH, pools)
    sentence = f"Ended {'; '.join(ended)}. Waiting mail is tried now." if ended else f"Nothing held {kind} {name} back."
    tell(arguments.json, {"ended": ended, "pools": pools if ended else []}, sentence)
    return 0


def normal(path: str, kind: str, name: str) -> None:
    """Ends what PowerMTA itself holds back of the queues that it is about: their backoff, and disabled addresses."""
    with closing(console.database(path)) as db:
        queues = [queue for queue in powermta_queue.load(db) if queue.mode == powermta_queue.BACKOFF]
    for queue in queues:
        if _matches((queue.pool, queue.ip, queue.isp), kind, name, state.IP):
            try:
                powermta_command.run(["set", "queue", f"--mode={powermta_queue.NORMAL}", queue.name])
                powermta_command.run(["enable", "source", queue.ip, queue.name])
                powermta_command.run(["schedule", "--retry-recipients", queue.name])
            except powermta_command.PowermtaError as error:
                raise console.CommandError(f"{error}.") from error


def _matches(key: Key, kind: str, name: str, who: str) -> bool:
    return name == {state.POOL: key[0], who: key[1], state.ISP: key[2]}.get(kind)
