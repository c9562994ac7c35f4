# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What others ask the ledger: sent today, refused since, in which words, how late."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from mailfleet.ledger_counts import SLOT_SECONDS, Counts, Latency, Refusal, counts, latency
from mailfleet.ledger_store import day_of


class ReplyCount(NamedTuple):
    """How often an ISP refused in these words; ``reply`` is the latest one in full."""

    isp: str
    cls: str
    rule: str
    number: int
    time: float
    reply: str


class Queries:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def today(self, ip: str, isp: str, now: float) -> Counts:
        """One (IP, ISP) since midnight by this host's clock."""
        return counts(
            self._db.execute(
                "SELECT result, cls, n FROM ip_day WHERE day = ? AND ip = ? AND isp = ?", (day_of(now), ip, isp)
            )
        )

    def domain_today(self, domain: str, isp: str, now: float) -> Counts:
        return counts(
            self._db.execute(
                "SELECT result, cls, n FROM domain_day WHERE day = ? AND domain = ? AND isp = ?",
                (day_of(now), domain, isp),
            )
        )

    def pool_today(self, pool: str, now: float) -> Counts:
        return counts(
            self._db.execute("SELECT result, cls, n FROM ip_day WHERE day = ? AND pool = ?", (day_of(now), pool))
        )

    def all_today(self, now: float) -> dict[tuple[str, str, str], Counts]:
        """Every (pool, IP, ISP) that has counts today; what no lane tried is under IP ""."""
        return _grouped(
            self._db.execute("SELECT pool, ip, isp, result, cls, n FROM ip_day WHERE day = ?", (day_of(now),))
        )

    def all_domains_today(self, now: float) -> dict[tuple[str, str, str], Counts]:
        """Every (pool, domain, ISP) that has counts today; domain "" is the MTA's own reports."""
        return _grouped(
            self._db.execute("SELECT pool, domain, isp, result, cls, n FROM domain_day WHERE day = ?", (day_of(now),))
        )

    def days(self, ip: str, isp: str) -> dict[str, Counts]:
        """The history of one (IP, ISP), oldest day first; a day without mail is not there."""
        return _by_day(
            self._db.execute("SELECT day, result, cls, n FROM ip_day WHERE ip = ? AND isp = ? ORDER BY day", (ip, isp))
        )

    def domain_days(self, domain: str, isp: str) -> dict[str, Counts]:
        return _by_day(
            self._db.execute(
                "SELECT day, result, cls, n FROM domain_day WHERE domain = ? AND isp = ? ORDER BY day", (domain, isp)
            )
        )

    def window(self, seconds: float, now: float) -> dict[tuple[str, str, str], Counts]:
        """Every (pool, IP, ISP) over the last time, exact to the slot of five minutes that it begins in."""
        return _grouped(
            self._db.execute(
                "SELECT pool, ip, isp, result, cls, n FROM ip_slot WHERE slot BETWEEN ? AND ?", _slots(seconds, now)
            )
        )

    def domain_window(self, seconds: float, now: float) -> dict[tuple[str, str, str], Counts]:
        return _grouped(
            self._db.execute(
                "SELECT pool, domain, isp, result, cls, n FROM domain_slot WHERE slot BETWEEN ? AND ?",
                _slots(seconds, now),
            )
        )

    def latency(self, pool: str, now: float, seconds: float | None = None) -> Latency:
        """Of what was delivered today, or over the last time."""
        if seconds is None:
            return latency(
                self._db.execute("SELECT bucket, n FROM latency_day WHERE day = ? AND pool = ?", (day_of(now), pool))
            )
        return latency(
            self._db.execute(
                "SELECT bucket, n FROM latency_slot WHERE slot BETWEEN ? AND ? AND pool = ?",
                (*_slots(seconds, now), pool),
            )
        )

    def refusals_since(self, moment: float) -> list[Refusal]:
        """The latest refusal of each class at each (IP, ISP), newest first."""
        return self._refusals("WHERE time >= ?", (moment,))

    def last_refusal(self, ip: str, isp: str) -> Refusal | None:
        found = self._refusals("WHERE ip = ? AND isp = ?", (ip, isp))
        return found[0] if found else None

    def _refusals(self, where: str, values: tuple[object, ...]) -> list[Refusal]:
        columns = ", ".join(Refusal._fields)
        rows = self._db.execute(f"SELECT {columns} FROM refusals {where} ORDER BY time DESC", values)
        return [Refusal(*row) for row in rows]

    def top_replies(self, now: float, isp: str | None = None, limit: int = 20) -> list[ReplyCount]:
        """Today's refusals, the most frequent wording first."""
        rows = self._db.execute(
            "SELECT isp, cls, rule, n, time, reply FROM replies WHERE day = ? AND (? IS NULL OR isp = ?)"
            " ORDER BY n DESC LIMIT ?",
            (day_of(now), isp, isp, limit),
        )
        return [ReplyCount(*row) for row in rows]


def _slots(seconds: float, now: float) -> tuple[int, int]:
    return int(now - seconds) // SLOT_SECONDS, int(now) // SLOT_SECONDS


def _grouped(rows: Iterable[tuple[str, str, str, str, str, int]]) -> dict[tuple[str, str, str], Counts]:
    found: dict[tuple[str, str, str], list[tuple[str, str, int]]] = defaultdict(list)
    for pool, who, isp, result, cls, number in rows:
        found[pool, who, isp].append((result, cls, number))
    return {key: counts(values) for key, values in found.items()}


def _by_day(rows: Iterable[tuple[str, str, str, int]]) -> dict[str, Counts]:
    found: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for day, result, cls, number in rows:
        found[day].append((result, cls, number))
    return {day: counts(values) for day, values in found.items()}
