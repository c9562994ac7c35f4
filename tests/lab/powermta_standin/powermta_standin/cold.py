# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""How much of the day's first mail goes to cold virtual MTAs. Pure; the state is a plain mapping."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any


def limit(text: str, first: str, today: str) -> int:
    """max-cold-virtual-mta-msg for this day: 50/day,100/day counts from the first day, and the last number goes on."""
    days = (datetime.date.fromisoformat(today) - datetime.date.fromisoformat(first)).days
    numbers = [int(part.partition("/")[0]) for part in text.split(",")]
    return numbers[min(days, len(numbers) - 1)]


def choose(state: dict[str, Any], queue: str, others: Sequence[str], text: str, today: str) -> str | None:
    """The cold virtual MTA that takes this message: they take turns, each up to the day's number."""
    turns = sorted(others, key=lambda other: _count(state, f"{queue}/{other}", today))
    return next((other for other in turns if take(state, f"{queue}/{other}", text, today)), None)


def _count(state: dict[str, Any], queue: str, today: str) -> int:
    entry = state.get(queue, {"day": today, "count": 0})
    return int(entry["count"]) if entry["day"] == today else 0


def take(state: dict[str, Any], queue: str, text: str, today: str) -> bool:
    """True when one more message of this queue may go cold today; then it counts."""
    entry = state.setdefault(queue, {"first": today, "day": today, "count": 0})
    if entry["day"] != today:
        entry.update(day=today, count=0)
    if entry["count"] >= limit(text, entry["first"], today):
        return False
    entry["count"] += 1
    return True
