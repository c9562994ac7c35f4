# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Lets Postfix try mail that waits for a rate, as fast as the rate allows: by itself it would try it minutes later."""

from __future__ import annotations

import contextlib
import sqlite3

from mailfleet import queue
from mailfleet.backoff import TRY
from mailfleet.lanes import Pool
from mailfleet.requests import Requests

# Each of them costs a process of Postfix.
MOST = 50
_READ_SECONDS = 0.1


class Waker:
    """Reads the ledger's memory of the queues. Used by one thread at a time."""

    def __init__(self, database: str, requests: Requests) -> None:
        self._database, self._requests = database, requests
        self._cursors: dict[tuple[str, str], str] = {}

    def wake(self, pool: Pool, isp: str, number: int, now: float) -> bool:
        """Whether anything waits there."""
        key = (pool.name, isp)
        names = [*(lane.name for lane in pool.lanes.get(isp, ())), isp]
        try:
            with contextlib.closing(
                sqlite3.connect(f"file:{self._database}?mode=ro", uri=True, timeout=_READ_SECONDS)
            ) as db:
                found = queue.some(db, pool.instance, names, min(number, MOST), self._cursors.get(key, ""))
        except sqlite3.Error:
            return False  # the reader of the state says it
        if found:
            self._cursors[key] = found[-1]
            self._requests.ask(TRY, pool.name, found)
        self._requests.send(now)
        return bool(found)
