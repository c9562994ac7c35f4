# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the calendar allows an address that warms up. Private to the collection, pure.

A ceiling without gates: it looks at the day only, not at what was sent or how it was received. Whoever knows more may
lower it, never raise it.
"""

from __future__ import annotations

import datetime
import typing as t

# Messages a day to one receiver, one number for each day. Braze's conservative plan: three days at each level, each
# twice the one before; carried on as it says until 42 days are over.
_LEVELS = (50, 100, 500, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 128000, 256000, 512000, 1024000)
PLANS: dict[str, tuple[int, ...]] = {"six-weeks": tuple(number for number in _LEVELS for _day in range(3))}
# Microsoft takes new addresses more slowly than others.
_HALF = frozenset({"outlook", "microsoft365"})


def ceiling(warmup: t.Mapping[str, str], today: str, isp: str) -> int | None:
    """Messages of this day to this receiver, by {plan, start}: none before the start, no limit after the plan."""
    plan = PLANS[warmup["plan"]]
    day = (datetime.date.fromisoformat(today) - datetime.date.fromisoformat(warmup["start"])).days
    if day >= len(plan):
        return None
    number = plan[day] if day >= 0 else 0
    return number // 2 if isp in _HALF else number


def ceilings(warmups: t.Sequence[t.Mapping[str, str]], today: str, isps: t.Iterable[str]) -> dict[str, int]:
    """The least of each receiver, for addresses that go together; nothing when none of them warms up any more."""
    found = {}
    for isp in isps if warmups else ():
        numbers = [number for warmup in warmups if (number := ceiling(warmup, today, isp)) is not None]
        if numbers:
            found[isp] = min(numbers)
    return found


def starts(plan: str, today: str) -> t.Iterator[str]:
    """First days for which the plan goes on today, the latest first: tomorrow, then those with other ceilings."""
    last = datetime.date.fromisoformat(today)
    numbers = (0, *PLANS[plan])
    for day, number in enumerate(numbers):
        if day == 0 or number != numbers[day - 1]:
            yield (last - datetime.timedelta(days=day - 1)).isoformat()
