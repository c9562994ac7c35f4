# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet pause"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from mailfleet import backoff, console, state
from mailfleet.backoff import RELOAD
from mailfleet.ledger_source import POWERMTA
from mailfleet.powermta_keeper import Keeper
from mailfleet.requests import Requests

HELP = "hold back a pool, an address, a sender domain or an ISP until it is resumed; the mail waits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", choices=state.KINDS)
    parser.add_argument("name", metavar="NAME")
    parser.add_argument("--reason", required=True, help="a sentence for those who see the status and the queue")
    parser.add_argument("--for", dest="span", metavar="TIME", help="such as 30m or 2h; else until it is resumed")
    parser.add_argument(
        "--transactional", action="store_true", help="hold back transactional pools, too; else they go on"
    )
    console.arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    return console.tried("pause", lambda: pause(arguments))


def pause(arguments: argparse.Namespace) -> int:
    view = console.view(arguments.config)
    pools = concerned(view, arguments.kind, arguments.name)
    if arguments.kind == state.DOMAIN and view.get("backend") == POWERMTA:
        # A queue is chosen by recipient, whoever sends.
        raise console.CommandError(
            "PowerMTA cannot hold back mail of one domain by itself."
            f" Pause its pool: mailfleet pause pool {pools[0]} ..."
        )
    held = [pool for pool in pools if arguments.transactional or traffic(view, pool) != "transactional"]
    if not held:
        raise console.CommandError(
            f"{arguments.kind} {arguments.name} sends transactional mail only, which goes on."
            " Say --transactional to hold it back."
        )
    now = time.time()
    until = now + _seconds(arguments.span) if arguments.span else 0.0
    made = state.Control(arguments.kind, arguments.name, arguments.reason, now, until, arguments.transactional)
    write(arguments.database, lambda db: state.pause(db, made))
    if view.get("backend") == POWERMTA:
        keep(Keeper(view, tell_trouble), arguments.database, now)
    elif arguments.kind != state.DOMAIN:  # its mail is put aside by the ledger
        ask(RELOAD, held)
    tell(arguments.json, {"paused": made._asdict(), "pools": held}, f"Paused {made.kind} {made.name} in {_list(held)}.")
    return 0


def _seconds(text: str) -> float:
    try:
        return backoff.seconds(text)
    except (KeyError, ValueError) as error:
        raise console.CommandError(f"--for {text} is no time. Write it as 30m or 2h.") from error


def _list(pools: list[str]) -> str:
    return ("pool " if len(pools) == 1 else "pools ") + ", ".join(pools)


# ---- shared with resume ----------------------------------------------------------------------------------------------


def traffic(view: Mapping[str, Any], name: str) -> str:
    return next(str(pool["traffic"]) for pool in view["pools"] if pool["name"] == name)


def concerned(view: Mapping[str, Any], kind: str, name: str) -> list[str]:
    """The pools on this host that it is about."""
    known: dict[str, list[str]] = {}
    for pool in view["pools"]:
        names = {
            state.POOL: [pool["name"]],
            state.IP: [lane["bind4"] for lane in pool["lanes"]],
            state.DOMAIN: [domain["name"] for domain in pool["domains"]],
            state.ISP: [lane["isp"] for lane in pool["lanes"]],
        }[kind]
        for own in set(names):
            known.setdefault(own, []).append(pool["name"])
    if name not in known:
        raise console.CommandError(f"this host has no {kind} {name}. There are: {', '.join(sorted(known))}.")
    return known[name]


def write(path: str, work: Any) -> None:
    db = console.database(path, readonly=False)
    try:
        db.execute("BEGIN IMMEDIATE")
        state.create(db)
        work(db)
        db.execute("COMMIT")
    finally:
        db.close()


def keep(keeper: Keeper, path: str, now: float) -> None:
    """PowerMTA's queues are made to agree with the pauses at once; the ledger sees to those that begin later."""
    keeper.look()
    write(path, lambda db: keeper.tick(db, now))
    keeper.act()


def tell_trouble(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def ask(kind: str, pools: list[str]) -> None:
    requests = Requests()
    for pool in pools:
        requests.ask(kind, pool)
    requests.send(time.monotonic())


def tell(as_json: bool, data: dict[str, Any], sentence: str) -> None:
    print(json.dumps(data) if as_json else sentence)
