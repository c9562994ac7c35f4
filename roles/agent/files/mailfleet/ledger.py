# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Reads the logs of all pools into the ledger: parse, join, count and commit, a piece of the logs at a time.

Counters and the place in the log are one transaction, so a line counts once whatever happens in between. A ledger that
cannot write stays where it is and says so; mail does not wait for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from mailfleet import aside, tail
from mailfleet.events import Event
from mailfleet.ledger_counts import Tally
from mailfleet.ledger_source import Source
from mailfleet.ledger_store import Store, WrongVersionError
from mailfleet.tail import Log, Table

CHUNK_BYTES = 1 << 20
PRUNE_SECONDS = 60
PRUNE_STEPS = 200


class Observer(Protocol):
    """Listens to events, for example to slow a lane down."""

    def observe(self, db: sqlite3.Connection, events: Sequence[Event]) -> None:
        """Inside the transaction: what is written to ``db`` here is saved, or undone, together with the events."""

    def committed(self) -> None:
        """After the transaction: the place for what cannot be undone."""


class Progress(NamedTuple):
    lines: int
    events: int
    more: bool


class LedgerError(Exception):
    """Nothing was counted this time, and nothing is lost: one sentence says why."""


class Ledger:
    """``say`` gets sentences for the journal."""

    def __init__(
        self, path: str, source: Source, observers: Sequence[Observer] = (), say: Callable[[str], None] = print
    ) -> None:
        self._path = path
        self._source = source
        self._observers = observers
        self._say = say
        self._store: Store | None = None
        self._problems: dict[str, str] = {}
        self._pruned = float("-inf")
        self._steps = 0

    @property
    def problems(self) -> list[str]:
        """What stands between the ledger and some of the logs now."""
        return sorted(self._problems.values())

    def step(self, now: float) -> Progress:
        """Count one piece of each log that has something new."""
        try:
            store = self._store = self._store or Store(self._path)
            pending = [log for log in self._source.logs if self._has_news(store, log)]
            progress = self._count(store, pending, now) if pending else Progress(0, 0, False)
            self._steps += 1
            if self._steps >= PRUNE_STEPS or not 0 <= now - self._pruned < PRUNE_SECONDS:
                self._prune(store, now)
        except (sqlite3.Error, WrongVersionError) as error:
            self.close()
            raise LedgerError(self._sentence(error)) from error
        return progress

    def write(self, work: Callable[[sqlite3.Connection], None]) -> None:
        """Something else to write, in a transaction of its own."""
        try:
            store = self._store = self._store or Store(self._path)
            with store.transaction():
                work(store.db)
        except (sqlite3.Error, WrongVersionError) as error:
            self.close()
            raise LedgerError(self._sentence(error)) from error

    def close(self) -> None:
        if self._store:
            self._store.close()
            self._store = None

    def _has_news(self, store: Store, log: Log | Table) -> bool:
        """Whether there is something to read, asked without holding the database."""
        try:
            news = next(tail.chunks(log, store.marks(log.name), CHUNK_BYTES), None) is not None
        except OSError as error:
            self._problem(log.name, f"{log.name} cannot be read ({error.strerror}): mail goes on, but is not counted.")
            return False
        self._problem(log.name, "")
        return news

    def _count(self, store: Store, logs: Sequence[Log | Table], now: float) -> Progress:
        lines, more, seen = 0, False, 0
        with store.transaction():
            reading = self._source.reading(store.message, now)
            tally = Tally()
            events: list[Event] = []
            for log in logs:
                for chunk in self._chunks(store, log):
                    lines += chunk.data.count(b"\n")
                    for event in reading.events(chunk):
                        tally.add(event)
                        seen += 1
                        if self._observers:
                            events.append(event)
                    store.save_mark(log.name, chunk.mark)
                    more = more or chunk.more
            store.add(tally)
            store.save_messages(reading.messages)
            aside.save(store.db, reading.aside)
            told = [observer for observer in self._observers if self._tell(store, observer, events)]
        for observer in told:
            observer.committed()
        return Progress(lines, seen, more)

    def _chunks(self, store: Store, log: Log | Table) -> Sequence[tail.Chunk]:
        try:
            return list(tail.chunks(log, store.marks(log.name), CHUNK_BYTES))
        except OSError:
            return ()  # between two looks; the next step says what is wrong

    def _tell(self, store: Store, observer: Observer, events: Sequence[Event]) -> bool:
        """An observer that fails loses its own writes only."""
        store.db.execute("SAVEPOINT observer")
        try:
            observer.observe(store.db, events)
        except sqlite3.Error:
            raise
        except Exception as error:
            store.db.execute("ROLLBACK TO observer")
            self._say(f"{type(observer).__name__} failed on {len(events)} events ({error!r}): the counting goes on.")
            return False
        finally:
            if store.db.in_transaction:
                store.db.execute("RELEASE observer")
        return True

    def _prune(self, store: Store, now: float) -> None:
        with store.transaction():
            store.prune({log.name: tail.heads(log) for log in self._source.logs}, now)
        self._pruned = now
        self._steps = 0

    def _problem(self, log: str, sentence: str) -> None:
        if sentence and self._problems.get(log) != sentence:
            self._say(sentence)
            self._problems[log] = sentence
        elif not sentence:
            self._problems.pop(log, None)

    def _sentence(self, error: Exception) -> str:
        text = str(error)
        if "locked" in text:
            cause = "another program keeps it locked"
        elif "full" in text or "disk I/O" in text:
            cause = f"its disk is full or broken ({text})"
        else:
            cause = text
        return f"The ledger {self._path} cannot be written: {cause}. Mail goes on, and is counted later."
