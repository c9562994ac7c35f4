# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What this sender does now: pools, addresses and ISPs with their counts, queues and what holds them back."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from mailfleet import aside, backoff, powermta_queue, queue, state
from mailfleet.backoff import Backoff
from mailfleet.ledger_counts import Counts, counts
from mailfleet.ledger_query import Queries
from mailfleet.ledger_source import POWERMTA
from mailfleet.state import State

Row = dict[str, Any]
HOUR = 3600.0
_NONE = counts(())
_NORMAL = Backoff()


def overview(db: sqlite3.Connection, view: Mapping[str, Any], now: float) -> Row:
    """Plain data, the same for --json, for people and for the metrics."""
    queries = Queries(db)
    held = state.snapshot(db)
    waits = {pool["name"]: _waiting(db, view, pool) for pool in view["pools"]}
    today, hour = queries.all_today(now), queries.window(HOUR, now)
    return {
        "host": view.get("host", ""),
        "time": now,
        "pauses": [control._asdict() for control in held.controls.values() if control.active(now)],
        "pools": [_pool(db, queries, pool, waits[pool["name"]], now) for pool in view["pools"]],
        "lanes": [row for pool in view["pools"] for row in _lanes(pool, waits[pool["name"]], held, today, hour, now)],
        "domains": [
            {"pool": pool, "domain": domain, "isp": isp, **_backoff(found, now)}
            for (pool, domain, isp), found in sorted(held.domains.items())
        ],
    }


def _waiting(db: sqlite3.Connection, view: Mapping[str, Any], pool: Mapping[str, Any]) -> queue.Waiting:
    if view.get("backend") == POWERMTA:
        return powermta_queue.sizes(db, pool["name"])
    return queue.sizes(db, pool["instance"])


def _pool(db: sqlite3.Connection, queries: Queries, pool: Mapping[str, Any], waits: queue.Waiting, now: float) -> Row:
    took = queries.latency(pool["name"], now, HOUR)
    return {
        "pool": pool["name"],
        "traffic": pool["traffic"],
        "queue": waits.messages,
        "aside": aside.number(db, pool["instance"]),
        "oldest_seconds": round(max(0.0, now - waits.oldest)) if waits.oldest else None,
        **_counts(queries.pool_today(pool["name"], now)),
        "seconds_p50": took.quantile(0.5),
        "seconds_p99": took.quantile(0.99),
    }


def _lanes(
    pool: Mapping[str, Any],
    waits: queue.Waiting,
    held: State,
    today: Mapping[tuple[str, str, str], Counts],
    hour: Mapping[tuple[str, str, str], Counts],
    now: float,
) -> list[Row]:
    """The lanes of a pool that have something to tell."""
    rows = []
    for lane in pool["lanes"]:
        key = (pool["name"], lane["bind4"], lane["isp"])
        waiting = waits.recipients.get(lane["name"], 0)
        pause = held.paused(*key, pool["traffic"] == "transactional", now)
        allowed = held.allowed(*key, now)
        if not (key in today or waiting or allowed is not None):
            continue
        own = held.lanes.get(key, _NORMAL)
        if own is _NORMAL and allowed is not None:
            own = min((hold for _who, hold in held.holds(*key, now)), key=lambda hold: hold.limit(now) or 0)
        rows.append(
            {
                "pool": key[0],
                "ip": key[1],
                "isp": key[2],
                "lane": lane["name"],
                "connections": 0 if pause else lane["connections"] if allowed is None else allowed,
                "lane_connections": lane["connections"],
                **_backoff(own, now),
                "paused": f"{pause.kind} {pause.name}: {pause.reason}" if pause else "",
                **_counts(today.get(key, _NONE)),
                "delivered_hour": hour.get(key, _NONE).delivered,
                "waiting": waiting,
            }
        )
    return rows


def _counts(found: Counts) -> Row:
    return {
        "delivered": found.delivered,
        "deferred": found.deferred,
        "bounced": found.bounced,
        "expired": found.expired,
    }


def _backoff(found: Backoff, now: float) -> Row:
    ends: float | None = found.until if found.phase == backoff.STOPPED else None
    return {
        "state": found.phase,
        "since": found.since or None,
        "until": ends,
        "seconds_left": round(max(0.0, ends - now)) if ends else None,
        "refused": found.refused,
        "class": found.cls,
        "rule": found.rule,
        "reply": found.reason,
    }
