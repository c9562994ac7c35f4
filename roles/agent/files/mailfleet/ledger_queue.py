# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What one instance has in its queue, out of the lines of `postqueue -j`. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Listing(NamedTuple):
    messages: Mapping[str, int]  # by queue: active, deferred, hold, incoming, maildrop
    recipients: int
    oldest: float | None  # arrival of the oldest message that is not on hold, seconds since 1970
    queue_ids: frozenset[str]

    def age(self, now: float) -> float:
        """Of the oldest message; 0 when none waits, or when the clock was set back since it came."""
        return 0.0 if self.oldest is None else max(0.0, now - self.oldest)


def read(lines: Iterable[str]) -> Listing:
    """Torn lines do not count; on hold is no sign of trouble, so it has no age."""
    messages: Counter[str] = Counter()
    recipients, oldest = 0, None
    queue_ids = set()
    for line in lines:
        try:
            entry = json.loads(line)
            queue, queue_id, arrival = entry["queue_name"], entry["queue_id"], float(entry["arrival_time"])
            waiting = len(entry.get("recipients", ()))
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
        messages[queue] += 1
        recipients += waiting
        queue_ids.add(queue_id)
        if queue != "hold" and (oldest is None or arrival < oldest):
            oldest = arrival
    return Listing(dict(messages), recipients, oldest, frozenset(queue_ids))
