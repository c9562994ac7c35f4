# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""PowerMTA's queues, as the command pmta shows them and as the ledger's database remembers them."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mailfleet.ledger_names import Names
from mailfleet.powermta_join import isp_of
from mailfleet.queue import Waiting

NORMAL, BACKOFF = "normal", "backoff"
_LEAF = re.compile(r'queue\[(\d+)\]\.([A-Za-z]+)(?:\[\d+\])?="(.*)"\s*\Z')
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS powermta_queues (name TEXT PRIMARY KEY, pool TEXT, ip TEXT, isp TEXT,"
    " recipients INTEGER, paused INTEGER, mode TEXT, ours INTEGER) WITHOUT ROWID"
)


class Queue(NamedTuple):
    """One domain or rollup by one virtual MTA."""

    name: str  # domain/vmta
    pool: str  # "" when the virtual MTA is none of the fleet's
    ip: str
    isp: str
    recipients: int
    paused: bool
    mode: str
    ours: bool = False  # paused by the agent, which may resume it


def parse(dom: str, names: Names) -> Iterator[Queue]:
    """`pmta --dom show queues`: lines such as queue[0].name="gmail.rollup/ip-192-0-2-10"."""
    rows: dict[str, dict[str, str]] = {}
    for line in dom.splitlines():
        match = _LEAF.match(line.strip())
        if match:
            rows.setdefault(match[1], {})[match[2]] = match[3]
    for row in rows.values():
        target, slash, vmta = row.get("name", "").partition("/")
        if slash:
            pool, ip = names.source("", vmta)
            waiting = int(row["rcp"]) if row.get("rcp", "").isdecimal() else 0
            paused = row.get("paused", "").lower() in ("yes", "true", "1")
            # A source address that a receiver's reply disabled holds its queue back, whatever its mode.
            mode = BACKOFF if row.get("disabled") else row.get("mode", NORMAL).lower()
            yield Queue(row["name"], pool, ip, isp_of(names, target), waiting, paused, mode)


def save(db: sqlite3.Connection, queues: Iterable[Queue]) -> None:
    db.execute(SCHEMA)
    db.execute("DELETE FROM powermta_queues")
    db.executemany("INSERT OR REPLACE INTO powermta_queues VALUES (?, ?, ?, ?, ?, ?, ?, ?)", list(queues))


def load(db: sqlite3.Connection) -> list[Queue]:
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'powermta_queues'").fetchone():
        return []
    rows = db.execute("SELECT name, pool, ip, isp, recipients, paused, mode, ours FROM powermta_queues ORDER BY name")
    return [Queue._make((*start, bool(paused), mode, bool(ours))) for *start, paused, mode, ours in rows]


def sizes(db: sqlite3.Connection, pool: str) -> Waiting:
    """Recipients that wait, by (address, ISP); PowerMTA says nothing of their age."""
    recipients: Counter[str] = Counter()
    for queue in load(db):
        if queue.pool == pool:
            recipients[key(queue.ip, queue.isp)] += queue.recipients
    return Waiting(sum(recipients.values()), recipients, None)


def key(ip: str, isp: str) -> str:
    """As the lanes of Postfix are named."""
    return f"{isp}-{ip.replace('.', '-')}"
