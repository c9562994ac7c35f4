# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The ledger's SQLite file: counters, remembered messages and places in the logs, saved in one transaction."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mailfleet import aside
from mailfleet.ledger_counts import SLOT_SECONDS, Tally
from mailfleet.ledger_join import Message
from mailfleet.tail import Mark

VERSION = 2
BUSY_SECONDS = 5.0
CACHE_KIB = 4096
WAL_BYTES = 8 << 20

# Kept: days and slots that have data, not days by the calendar, so that a clock that jumps cannot empty the ledger; as
# many later than now, from before the clock was set back.
DAYS = 100
REPLY_DAYS = 14
SLOTS = 48
MARKS_PER_LOG = 64
MESSAGES = 1_000_000
REPLY_SHAPES = 100
FILE_BYTES = 512 << 20

_KEYS = {
    "ip_day": ("day TEXT", "ip TEXT", "isp TEXT", "pool TEXT", "result TEXT", "cls TEXT"),
    "domain_day": ("day TEXT", "domain TEXT", "isp TEXT", "pool TEXT", "result TEXT", "cls TEXT"),
    "latency_day": ("day TEXT", "pool TEXT", "bucket INTEGER"),
    "ip_slot": ("slot INTEGER", "ip TEXT", "isp TEXT", "pool TEXT", "result TEXT", "cls TEXT"),
    "domain_slot": ("slot INTEGER", "domain TEXT", "isp TEXT", "pool TEXT", "result TEXT", "cls TEXT"),
    "latency_slot": ("slot INTEGER", "pool TEXT", "bucket INTEGER"),
}
_OTHER_TABLES = """
CREATE TABLE IF NOT EXISTS marks (
    id INTEGER PRIMARY KEY, log TEXT, head TEXT, inode INTEGER, offset INTEGER, tail TEXT, UNIQUE (log, head, inode));
CREATE TABLE IF NOT EXISTS messages (
    instance TEXT, queue_id TEXT, domain TEXT, waiting TEXT, PRIMARY KEY (instance, queue_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusals (
    pool TEXT, ip TEXT, isp TEXT, cls TEXT, time REAL, rule TEXT, result TEXT, domain TEXT, dsn TEXT, relay TEXT,
    reply TEXT, PRIMARY KEY (ip, isp, cls, pool)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replies (
    day TEXT, isp TEXT, cls TEXT, rule TEXT, shape TEXT, n INTEGER, time REAL, reply TEXT,
    PRIMARY KEY (day, isp, cls, rule, shape)) WITHOUT ROWID;
"""


class WrongVersionError(Exception):
    """The file was written by a newer mailfleet."""


def connect(path: str, *, readonly: bool = False) -> sqlite3.Connection:
    """A connection without implicit transactions; for others than the ledger read-only."""
    if readonly:
        target = "file:" + path.replace("%", "%25").replace("?", "%3f").replace("#", "%23") + "?mode=ro"
        return sqlite3.connect(target, uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    # A commit that a power cut undoes takes its place in the log with it, so nothing needs to wait for the disk.
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")
    return db


def day_of(moment: float) -> str:
    """The day by this host's clock, as in its log."""
    return time.strftime("%Y-%m-%d", time.localtime(moment))


class Store:
    def __init__(self, path: str) -> None:
        self.db = connect(path)
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            self.db.close()
            raise WrongVersionError(f"{path} has version {version}, this mailfleet knows {VERSION}: upgrade it")
        if version < VERSION:
            with self.transaction():
                for table, keys in _KEYS.items():
                    names = ", ".join(key.partition(" ")[0] for key in keys)
                    self.db.execute(
                        f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(keys)}, n INTEGER, PRIMARY KEY ({names}))"
                        " WITHOUT ROWID"
                    )
                for statement in (*_OTHER_TABLES.split(";"), aside.SCHEMA):
                    self.db.execute(statement)
                self.db.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; taken at the start, so that two ledgers never read the same place."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def marks(self, log: str) -> list[Mark]:
        return [
            Mark(*row) for row in self.db.execute("SELECT head, inode, offset, tail FROM marks WHERE log = ?", (log,))
        ]

    def save_mark(self, log: str, mark: Mark) -> None:
        """As the log's newest mark."""
        self.db.execute(
            "INSERT OR REPLACE INTO marks (log, head, inode, offset, tail) VALUES (?, ?, ?, ?, ?)", (log, *mark)
        )

    def message(self, instance: str, queue_id: str) -> Message | None:
        row = self.db.execute(
            "SELECT domain, waiting FROM messages WHERE instance = ? AND queue_id = ?", (instance, queue_id)
        ).fetchone()
        return Message(row[0], json.loads(row[1]) if row[1] else {}) if row else None

    def save_messages(self, messages: Mapping[tuple[str, str], Message]) -> None:
        self.db.executemany(
            "DELETE FROM messages WHERE instance = ? AND queue_id = ?",
            [key for key, message in messages.items() if message.gone],
        )
        self.db.executemany(
            "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?)",
            [
                (*key, message.domain, json.dumps(message.waiting) if message.waiting else "")
                for key, message in messages.items()
                if not message.gone
            ],
        )

    def add(self, tally: Tally) -> None:
        for name, counter in (("ip", tally.ips), ("domain", tally.domains)):
            self._add(name, ((slot, who, isp, pool, *rest, n) for (slot, pool, who, isp, *rest), n in counter.items()))
        self._add("latency", ((*key, n) for key, n in tally.latency.items()))
        self.db.executemany(
            "INSERT INTO refusals (time, pool, ip, isp, cls, rule, result, domain, dsn, relay, reply)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET time = excluded.time,"
            " rule = excluded.rule, result = excluded.result, domain = excluded.domain, dsn = excluded.dsn,"
            " relay = excluded.relay, reply = excluded.reply WHERE excluded.time >= time",
            tally.refusals.values(),
        )
        self.db.executemany(
            "INSERT INTO replies VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET n = n + excluded.n, time = max(time, excluded.time),"
            " reply = iif(excluded.time >= time, excluded.reply, reply)",
            [
                (day_of(slot * SLOT_SECONDS), *rest, number, moment, reply)
                for (slot, *rest), number, moment, reply in tally.refused_by_shape()
            ],
        )

    def _add(self, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
        slots = list(rows)
        days: Counter[tuple[Any, ...]] = Counter()
        names = {row[0]: day_of(row[0] * SLOT_SECONDS) for row in slots}
        for slot, *key, number in slots:
            days[(names[slot], *key)] += number
        for table, values in ((f"{name}_slot", slots), (f"{name}_day", [(*key, n) for key, n in days.items()])):
            places = ", ".join("?" for _key in (*_KEYS[table], "n"))
            self.db.executemany(
                f"INSERT INTO {table} VALUES ({places}) ON CONFLICT DO UPDATE SET n = n + excluded.n", values
            )

    def prune(self, logs: Mapping[str, Iterable[str]], now: float, file_bytes: int = FILE_BYTES) -> None:
        """Forget what is old: slots, days, replies, marks of files that are gone (``logs``: the heads still there)."""
        slot, today = int(now) // SLOT_SECONDS, day_of(now)
        self._keep_newest("slot", slot, SLOTS, "ip_slot", "ip_slot", "domain_slot", "latency_slot")
        self._keep_newest("day", today, DAYS, "ip_day", "ip_day", "domain_day", "latency_day")
        self._keep_newest("day", today, REPLY_DAYS, "replies", "replies")
        # The latest refusal is told: one from before the clock was set back would stay the latest.
        for table in ("refusals", "replies"):
            self.db.execute(f"UPDATE {table} SET time = :now WHERE time > :now", {"now": now})
        self.db.execute(
            "DELETE FROM replies WHERE shape <> '' AND (day, isp, cls, rule, shape) IN"
            " (SELECT day, isp, cls, rule, shape FROM"
            " (SELECT *, row_number() OVER (PARTITION BY day, isp ORDER BY n DESC) AS place FROM replies)"
            " WHERE place > ?)",
            (REPLY_SHAPES,),
        )
        for log, heads in logs.items():
            there = list(heads)
            self.db.execute(
                "DELETE FROM marks WHERE log = ?"
                " AND id NOT IN (SELECT id FROM marks WHERE log = ? ORDER BY id DESC LIMIT ?)"
                f" AND head NOT IN ({', '.join('?' for _head in there)})",
                (log, log, MARKS_PER_LOG, *there),
            )
        (messages,) = self.db.execute("SELECT count(*) FROM messages").fetchone()
        if messages > MESSAGES:  # long queue IDs begin with the time of arrival
            self.db.execute(
                "DELETE FROM messages WHERE (instance, queue_id) IN"
                " (SELECT instance, queue_id FROM messages ORDER BY queue_id LIMIT ?)",
                (messages - MESSAGES,),
            )
        if self._bytes() > file_bytes:
            for table in ("domain_day", "replies"):
                self.db.execute(f"DELETE FROM {table} WHERE day = (SELECT min(day) FROM {table})")

    def _keep_newest(self, column: str, now: int | str, number: int, source: str, *tables: str) -> None:
        """Of those up to now, and of those later than now."""
        later = f"{column} > :now"
        # The oldest one kept is not later than now, and SQLite would walk through all up to now.
        for side, least in ((f"{column} <= :now", ""), (later, f"{later} AND ")):
            (oldest,) = self.db.execute(
                f"SELECT min({column}) FROM"
                f" (SELECT DISTINCT {column} FROM {source} WHERE {side} ORDER BY {column} DESC LIMIT :number)",
                {"now": now, "number": number},
            ).fetchone()
            for table in tables:
                self.db.execute(f"DELETE FROM {table} WHERE {least}{column} < :oldest", {"now": now, "oldest": oldest})

    def _bytes(self) -> int:
        pages, free, size = (
            self.db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)
