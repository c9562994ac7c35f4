# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet status"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

from mailfleet import backoff, console
from mailfleet.overview import overview
from mailfleet.text import clock, shortened, span, table

HELP = "what differs from normal, then pools, addresses and ISPs: connections, counts of today, queue, state"

_REPLY_WIDTH = 90


def add_arguments(parser: argparse.ArgumentParser) -> None:
    console.arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    return console.tried("status", lambda: show(arguments))


def show(arguments: argparse.Namespace) -> int:
    view = console.view(arguments.config)
    found = overview(console.database(arguments.database), view, time.time())
    print(json.dumps(found) if arguments.json else "\n".join(lines(found)))
    return 0


def lines(found: dict[str, Any]) -> Iterator[str]:
    """What is not normal comes first, and only where there is any."""
    now = found["time"]
    held = [row for row in found["lanes"] if row["state"] != backoff.NORMAL]
    yield f"{found['host']} at {clock(now, now)}: " + _verdict(found, held)
    if found["pauses"]:
        yield ""
        yield from table(("paused", "name", "since", "until", "reason"), [_pause(row, now) for row in found["pauses"]])
    if held or found["domains"]:
        yield ""
        yield from table(
            ("held back", "ISP", "pool", "connections", "state", "because of"),
            [_held(row, row["ip"], now) for row in held] + [_held(row, row["domain"], now) for row in found["domains"]],
        )
    yield ""
    numbers = ("queue", "put aside", "oldest", "delivered today", "deferred", "bounced", "expired", "p50", "p99")
    yield from table(("pool", "traffic", *numbers), [_pool(row) for row in found["pools"]], numbers)
    busy = sorted(found["lanes"], key=lambda row: (row["pool"], row["ip"], -row["delivered"], row["isp"]))
    if busy:
        yield ""
        yield from table(
            ("pool", "address", "ISP", "connections", "delivered today", "last hour", "deferred", "bounced", "waiting"),
            [_lane(row) for row in busy],
            ("connections", "delivered today", "last hour", "deferred", "bounced", "waiting"),
        )


def _verdict(found: dict[str, Any], held: list[dict[str, Any]]) -> str:
    parts = []
    if found["pauses"]:
        parts.append(f"{len(found['pauses'])} paused by an operator")
    if held or found["domains"]:
        parts.append(f"{len(held) + len(found['domains'])} held back by receivers")
    return ", ".join(parts) or "all normal"


def _pause(row: dict[str, Any], now: float) -> tuple[str, ...]:
    until = clock(row["until"], now) if row["until"] else "resumed"
    also = " (also transactional)" if row["transactional"] else ""
    return row["kind"], row["name"], clock(row["since"], now), until, row["reason"] + also


def _held(row: dict[str, Any], who: str, now: float) -> tuple[str, ...]:
    ends = f", probed in {span(row['seconds_left'])}" if row["seconds_left"] is not None else ""
    since = f"{row['state']} since {clock(row['since'], now)}{ends}"
    connections = f"{row['connections']} of {row['lane_connections']}" if "lane_connections" in row else "-"
    return who, row["isp"], row["pool"], connections, since, shortened(row["reply"], _REPLY_WIDTH)


def _pool(row: dict[str, Any]) -> tuple[object, ...]:
    oldest = "-" if row["oldest_seconds"] is None else span(row["oldest_seconds"])
    took = ["-" if row[name] is None else f"{row[name]:.2g} s" for name in ("seconds_p50", "seconds_p99")]
    counted = [row[name] for name in ("delivered", "deferred", "bounced", "expired")]
    return row["pool"], row["traffic"], row["queue"], row["aside"], oldest, *counted, *took


def _lane(row: dict[str, Any]) -> tuple[object, ...]:
    connections = row["lane_connections"]
    if row["connections"] != connections:
        connections = f"{row['connections']} of {connections}"
    counted = [row[name] for name in ("delivered", "delivered_hour", "deferred", "bounced", "waiting")]
    return row["pool"], row["ip"], row["isp"], connections, *counted
