# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Counts events: by (IP, ISP), by (domain, ISP), latency by pool, and what was refused in which words. Pure.

Everything is counted by slots of five minutes first; days and windows are sums of slots.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mailfleet import events
from mailfleet.events import Event

SLOT_SECONDS = 300
# Counts by IP have this result for whatever became of the MTA's own bounces and delay notices.
REPORT = "report"
# Upper ends of the latency buckets in seconds; the last bucket has none. A minute and two are ends, for the alerts.
LATENCY_BOUNDS: tuple[float, ...] = tuple(
    round(step * 10.0**power, 3) for power in range(-2, 6) for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
)
# A receiver that answers every message in other words must not fill the disk.
SHAPES_PER_ISP = 50
SHAPE_LENGTH = 240
REPLY_LENGTH = 1000


class Refusal(NamedTuple):
    """The latest reply of one class to one (IP, ISP)."""

    time: float
    pool: str
    ip: str
    isp: str
    cls: str
    rule: str
    result: str
    domain: str
    dsn: str
    relay: str
    reply: str


class Tally:
    """Counters of one transaction. Keys: (slot, pool, ip or domain, isp, result, class); (slot, pool, bucket)."""

    def __init__(self) -> None:
        self.ips: Counter[tuple[int, str, str, str, str, str]] = Counter()
        self.domains: Counter[tuple[int, str, str, str, str, str]] = Counter()
        self.latency: Counter[tuple[int, str, int]] = Counter()
        self.refusals: dict[tuple[str, str, str, str], Refusal] = {}
        # (slot, isp, class, rule, shape) -> number, and the latest wording
        self.replies: Counter[tuple[int, str, str, str, str]] = Counter()
        self.wordings: dict[tuple[int, str, str, str, str], tuple[float, str]] = {}

    def add(self, event: Event) -> None:
        slot = int(event.time) // SLOT_SECONDS
        result, pool, isp = event.result, event.pool, event.isp
        self.domains[slot, pool, event.domain, isp, result, event.cls] += 1
        if not event.domain:
            # The MTA's own reports say nothing about an address's mail: they must not spoil its bounce rate.
            self.ips[slot, pool, event.ip, isp, REPORT, ""] += 1
            return
        self.ips[slot, pool, event.ip, isp, result, event.cls] += 1
        if result == events.DELIVERED:
            self.latency[slot, pool, bisect.bisect_left(LATENCY_BOUNDS, event.delay)] += 1
        elif result in events.REFUSALS:
            self._refused(slot, event)

    def _refused(self, slot: int, event: Event) -> None:
        text = event.reply[:REPLY_LENGTH]
        known = self.refusals.get((event.pool, event.ip, event.isp, event.cls))
        if known is None or event.time >= known.time:
            self.refusals[event.pool, event.ip, event.isp, event.cls] = Refusal(
                event.time, event.pool, event.ip, event.isp, event.cls, event.rule, event.result,
                event.domain, event.dsn, event.relay, text,
            )  # fmt: skip
        key = (slot, event.isp, event.cls, event.rule, shape(text))
        self.replies[key] += 1
        if key not in self.wordings or event.time >= self.wordings[key][0]:
            self.wordings[key] = (event.time, text)

    def refused_by_shape(self) -> list[tuple[tuple[int, str, str, str, str], int, float, str]]:
        """The most frequent shapes of each ISP; the rest counts under the shape ""."""
        kept: list[tuple[tuple[int, str, str, str, str], int, float, str]] = []
        seen: Counter[tuple[int, str]] = Counter()
        rest: Counter[tuple[int, str, str, str, str]] = Counter()
        for key, number in self.replies.most_common():
            slot, isp, cls, rule, _shape = key
            seen[slot, isp] += 1
            if seen[slot, isp] <= SHAPES_PER_ISP:
                kept.append((key, number, *self.wordings[key]))
            else:
                rest[slot, isp, cls, rule, ""] += number
        return kept + [(key, number, 0.0, "") for key, number in rest.items()]


_ADDRESS = re.compile(r"\S*@\S*")
# Words with digits are session IDs, addresses and times, except the codes in front.
_IDENTIFIER = re.compile(r"(?<!\S)(?=\S*\d)(?![245]\d\d[ -]|[245]\.\d{1,3}\.\d{1,3}\b)\S{6,}")
_LINK = re.compile(r"(https?://[^\s?#]*)\S*")


def shape(text: str) -> str:
    """A reply without what differs from message to message, so that equal refusals are counted together."""
    if "://" in text:
        text = _LINK.sub(r"\1", text)
    if "@" in text:
        text = _ADDRESS.sub("@", text)
    return _IDENTIFIER.sub("#", text)[:SHAPE_LENGTH]


class Counts(NamedTuple):
    """One (IP, ISP), (domain, ISP) or pool over some time: numbers by result, and refusals by class."""

    results: Mapping[str, int]
    deferred_by_class: Mapping[str, int]
    bounced_by_class: Mapping[str, int]

    @property
    def attempts(self) -> int:
        return sum(self.results.get(result, 0) for result in events.ATTEMPTS)

    @property
    def delivered(self) -> int:
        return self.results.get(events.DELIVERED, 0)

    @property
    def deferred(self) -> int:
        return self.results.get(events.DEFERRED, 0)

    @property
    def bounced(self) -> int:
        return self.results.get(events.BOUNCED, 0)

    @property
    def expired(self) -> int:
        return self.results.get(events.EXPIRED, 0)

    @property
    def finished(self) -> int:
        """Recipients that are done with, one way or the other."""
        return sum(self.results.get(result, 0) for result in events.FINAL)


def counts(rows: Iterable[tuple[str, str, int]]) -> Counts:
    """From (result, class, number) rows."""
    results: Counter[str] = Counter()
    classes: dict[str, Counter[str]] = {events.DEFERRED: Counter(), events.BOUNCED: Counter()}
    for result, cls, number in rows:
        results[result] += number
        if result in classes:
            classes[result][cls] += number
    return Counts(dict(results), dict(classes[events.DEFERRED]), dict(classes[events.BOUNCED]))


class Latency(NamedTuple):
    """Seconds from a message's arrival to its delivery, as numbers by bucket."""

    buckets: Sequence[int]

    @property
    def number(self) -> int:
        return sum(self.buckets)

    def quantile(self, share: float) -> float | None:
        """The time that this share of messages took at most, spread evenly within a bucket; None without messages."""
        wanted = self.number * share
        if not self.number:
            return None
        passed = 0
        for bucket, number in enumerate(self.buckets):
            if number and passed + number >= wanted:
                if bucket == len(LATENCY_BOUNDS):
                    break
                low = LATENCY_BOUNDS[bucket - 1] if bucket else 0.0
                return low + (LATENCY_BOUNDS[bucket] - low) * max(0.0, wanted - passed) / number
            passed += number
        return LATENCY_BOUNDS[-1]


def latency(rows: Iterable[tuple[int, int]]) -> Latency:
    """From (bucket, number) rows."""
    buckets = [0] * (len(LATENCY_BOUNDS) + 1)
    for bucket, number in rows:
        if 0 <= bucket < len(buckets):
            buckets[bucket] += number
    return Latency(buckets)
