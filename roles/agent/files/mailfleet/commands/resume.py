# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet resume"""

from __future__ import annotations

import argparse
import sqlite3

from mailfleet import console, state
from mailfleet.backoff import FLUSH, Backoff
from mailfleet.commands.pause import ask, concerned, tell, write
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
    pools = concerned(console.view(arguments.config), kind, name)
    ended: list[str] = []

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
    if ended:
        ask(FLUSH, pools)
    sentence = f"Ended {'; '.join(ended)}. Waiting mail is tried now." if ended else f"Nothing held {kind} {name} back."
    tell(arguments.json, {"ended": ended, "pools": pools if ended else []}, sentence)
    return 0


def _matches(key: Key, kind: str, name: str, who: str) -> bool:
    return name == {state.POOL: key[0], who: key[1], state.ISP: key[2]}.get(kind)
