# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What Prometheus is told: exact gauges over a window that the ledger itself counted, and the state of now.

Rates made by PromQL extrapolate and miss first increments; these do not, and each ratio comes with the number of
messages it is made of, so that a rule can ask for a least volume. Labels are names of the inventory, never recipients.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mailfleet import backoff
from mailfleet.ledger_query import Queries
from mailfleet.overview import HOUR, overview

WINDOW = "1h"
# Sender domains with labels of their own; those with the least mail and unknown ones count as "other".
DOMAINS = 1000
OTHER = "other"


class Family(NamedTuple):
    name: str
    help: str
    labels: Sequence[str]
    samples: Sequence[tuple[tuple[str, ...], float]]


def families(db: sqlite3.Connection, view: Mapping[str, Any], now: float) -> Iterator[Family]:
    found = overview(db, view, now)
    queries = Queries(db)
    lanes = found["lanes"]
    pools = found["pools"]
    lane = ("pool", "address", "isp")
    yield Family(
        "mailfleet_recipients",
        "Recipients by what became of them; the windows are exact to the ledger's slots of five minutes.",
        (*lane, "result", "window"),
        [
            ((*key, result, WINDOW), number)
            for key, counts in sorted(queries.window(HOUR, now).items())
            for result, number in sorted(counts.results.items())
        ],
    )
    yield Family(
        "mailfleet_lane_connections",
        "Connections that a lane may use now; 0 is stopped or paused.",
        lane,
        [((row["pool"], row["ip"], row["isp"]), row["connections"]) for row in lanes],
    )
    yield Family(
        "mailfleet_lane_held",
        "1 for lanes that a receiver's refusals hold back.",
        (*lane, "state", "class"),
        [
            ((row["pool"], row["ip"], row["isp"], row["state"], row["class"]), 1)
            for row in lanes
            if row["state"] != backoff.NORMAL
        ],
    )
    yield Family(
        "mailfleet_domain_held",
        "1 for sender domains that a receiver's refusals hold back.",
        ("pool", "domain", "isp", "state"),
        [((row["pool"], row["domain"], row["isp"], row["state"]), 1) for row in found["domains"]],
    )
    yield Family(
        "mailfleet_paused",
        "1 for what an operator paused.",
        ("kind", "name"),
        [((row["kind"], row["name"]), 1) for row in found["pauses"]],
    )
    yield Family(
        "mailfleet_queue_messages",
        "Messages in the queue.",
        ("pool",),
        [((row["pool"],), row["queue"]) for row in pools],
    )
    yield Family(
        "mailfleet_aside_messages",
        "Accepted messages that wait for their sender domain, outside the queue.",
        ("pool",),
        [((row["pool"],), row["aside"]) for row in pools],
    )
    yield Family(
        "mailfleet_queue_oldest_seconds",
        "Age of the oldest message in the queue; 0 when it is empty.",
        ("pool",),
        [((row["pool"],), row["oldest_seconds"] or 0) for row in pools],
    )
    yield Family(
        "mailfleet_delivery_seconds",
        "Time from a message's arrival to its delivery.",
        ("pool", "quantile", "window"),
        [
            ((row["pool"], quantile, WINDOW), row[name])
            for row in pools
            for quantile, name in (("0.5", "seconds_p50"), ("0.99", "seconds_p99"))
            if row[name] is not None
        ],
    )
    yield from _bounces(queries, view, now)


def _bounces(queries: Queries, view: Mapping[str, Any], now: float) -> Iterator[Family]:
    known = {row["domain"] for row in view["elsewhere"]}
    bounced: dict[tuple[str, str], int] = defaultdict(int)
    finished: dict[tuple[str, str], int] = defaultdict(int)
    for (pool, domain, _isp), counts in queries.domain_window(HOUR, now).items():
        if not domain:
            continue  # the MTA's own reports are nobody's bounce rate
        key = (pool, domain if domain in known else OTHER)
        bounced[key] += counts.bounced
        finished[key] += counts.delivered + counts.bounced
    kept = set(sorted(finished, key=lambda key: (-finished[key], key))[:DOMAINS])
    for key in [key for key in finished if key not in kept]:
        rest = (key[0], OTHER)
        bounced[rest] += bounced.pop(key)
        finished[rest] += finished.pop(key)
    labels = ("pool", "domain", "window")
    yield Family(
        "mailfleet_bounce_ratio",
        "Bounced by delivered and bounced, for each sender domain.",
        labels,
        [((*key, WINDOW), bounced[key] / number) for key, number in sorted(finished.items()) if number],
    )
    yield Family(
        "mailfleet_bounce_messages",
        "How many delivered and bounced recipients the ratio is made of.",
        labels,
        [((*key, WINDOW), number) for key, number in sorted(finished.items())],
    )
