# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The queues as the ledger remembers them: how much is there, what waits for whom, how old. Asks no Postfix."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

# Postfix's long queue IDs begin with the time of arrival: six or more digits of base 52, then four of microseconds.
_DIGITS = {char: value for value, char in enumerate("0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz")}
_MICROSECOND_DIGITS = 4
_LAST = "~"  # after every queue ID


class Waiting(NamedTuple):
    """One instance: messages in its queue, recipients that were tried and wait, arrival of the oldest message."""

    messages: int
    recipients: Counter[str]  # by the lane of the last try, or by ISP where no lane was tried
    oldest: float | None


def arrival(queue_id: str) -> float | None:
    """When the message came in; None when this is no long queue ID."""
    stamp, separator, _inode = queue_id.partition("z")
    seconds = stamp[:-_MICROSECOND_DIGITS]
    if not separator or len(seconds) < 6:
        return None
    value = 0
    for char in seconds:
        digit = _DIGITS.get(char)
        if digit is None:
            return None
        value = value * len(_DIGITS) + digit
    return float(value)


def on_hold(instance: str, queue_id: str, spool: str = "/var/spool") -> bool:
    """Whether Postfix has it on hold; what cannot be seen may be."""
    try:
        os.stat(f"{spool}/{instance}/hold/{queue_id}")
    except FileNotFoundError:
        return not os.path.isdir(f"{spool}/{instance}/hold")
    except OSError:
        return True
    return True


def sizes(db: sqlite3.Connection, instance: str) -> Waiting:
    (messages, oldest) = db.execute(
        "SELECT count(*), min(queue_id) FROM messages WHERE instance = ?", (instance,)
    ).fetchone()
    recipients: Counter[str] = Counter()
    rows = db.execute(
        "SELECT value, count(*) FROM messages, json_each(waiting) WHERE instance = ? AND waiting <> '' GROUP BY value",
        (instance,),
    )
    recipients.update({lane: number for lane, number in rows if lane})
    return Waiting(messages, recipients, arrival(oldest) if oldest else None)


def some(db: sqlite3.Connection, instance: str, names: Sequence[str], number: int, before: str = "") -> list[str]:
    """Queue IDs of messages that wait for one of these lanes or ISPs: the newest before ``before``, then the newest.

    What somebody deleted from the queue by hand is still remembered, and is old more often than new.
    """
    found: list[str] = []
    likes = " OR ".join("waiting LIKE ?" for _name in names)
    patterns = [f'%"{name}"%' for name in names]
    for low, high in (("", before), (before, _LAST)):
        if len(found) < number and low < high:
            rows = db.execute(
                f"SELECT queue_id FROM messages WHERE instance = ? AND queue_id >= ? AND queue_id < ? AND ({likes})"
                " ORDER BY queue_id DESC LIMIT ?",
                (instance, low, high, *patterns, number - len(found)),
            )
            found += [queue_id for (queue_id,) in rows]
    return found
