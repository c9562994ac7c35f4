# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Messages that we put aside (Postfix's hold queue), in the ledger's database. What a person put on hold is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Optional

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS aside (instance TEXT, queue_id TEXT, domain TEXT, isp TEXT, since REAL,"
    " asked REAL DEFAULT 0, PRIMARY KEY (instance, queue_id)) WITHOUT ROWID"
)
# Stands for every ISP.
ANY = "*"
# Its release is asked for again when Postfix has not said that it did so.
ASK_SECONDS = 10.0


class Put(NamedTuple):
    domain: str
    isp: str  # ANY when all ISPs, or several, are concerned
    since: float


class Due(NamedTuple):
    """A message whose release may be asked for."""

    queue_id: str
    since: float
    again: bool  # it was asked for before, and Postfix has not said that it did so


# By (instance, queue ID); None for what is aside no more.
Changes = Mapping[tuple[str, str], Optional[Put]]


def save(db: sqlite3.Connection, changes: Changes) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO aside (instance, queue_id, domain, isp, since) VALUES (?, ?, ?, ?, ?)",
        [(*key, *put) for key, put in changes.items() if put],
    )
    db.executemany(
        "DELETE FROM aside WHERE instance = ? AND queue_id = ?", [key for key, put in changes.items() if put is None]
    )


def groups(db: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """(instance, domain, ISP) of all that is aside."""
    return list(db.execute("SELECT DISTINCT instance, domain, isp FROM aside"))


def number(db: sqlite3.Connection, instance: str) -> int:
    return int(db.execute("SELECT count(*) FROM aside WHERE instance = ?", (instance,)).fetchone()[0])


def oldest(db: sqlite3.Connection, group: Sequence[str], most: int, now: float) -> list[Due]:
    """Whose release may be asked for; they count as asked from now on."""
    rows = db.execute(
        "SELECT queue_id, since, asked FROM aside WHERE instance = ? AND domain = ? AND isp = ?"
        " AND NOT abs(? - asked) < ? ORDER BY since LIMIT ?",
        (*group, now, ASK_SECONDS, most),
    ).fetchall()
    found = [Due(queue_id, since, bool(asked)) for queue_id, since, asked in rows]
    db.executemany(
        "UPDATE aside SET asked = ? WHERE instance = ? AND queue_id = ?",
        [(now, group[0], one.queue_id) for one in found],
    )
    return found


def waiting(db: sqlite3.Connection, instance: str, domain: str, names: Iterable[str], most: int) -> list[str]:
    """Queue IDs of a sender domain's deferred messages that wait for one of these lanes or ISPs, and are not aside."""
    patterns = [f'%"{name}"%' for name in names]
    likes = " OR ".join("waiting LIKE ?" for _pattern in patterns)
    rows = db.execute(
        f"SELECT queue_id FROM messages WHERE instance = ? AND domain = ? AND ({likes}) AND NOT EXISTS"
        " (SELECT 1 FROM aside WHERE aside.instance = messages.instance AND aside.queue_id = messages.queue_id)"
        " LIMIT ?",
        (instance, domain, *patterns, most),
    )
    return [queue_id for (queue_id,) in rows]
