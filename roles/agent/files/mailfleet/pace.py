# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""How many messages a lane may be given: a rate that is never exceeded, and few at a time while it probes. Pure."""

from __future__ import annotations

from typing import NamedTuple

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}
# This part of what a unit of time allows may go out at once, the rest as time passes.
_AT_ONCE = 10
PROBE_SECONDS = 5.0
_ROUNDING = 1e-9


class Rate(NamedTuple):
    """So many messages in any stretch of so many seconds."""

    messages: int
    seconds: float

    @property
    def at_once(self) -> int:
        return max(1, self.messages // _AT_ONCE)

    @property
    def refill(self) -> float:
        """Messages a second; with those at once, no stretch of time sees more than the rate allows."""
        return (self.messages - self.at_once + 1) / self.seconds


def parse_rate(text: str) -> Rate | None:
    """Reads 10/s, 100/min, 5000/h; an empty text means no limit."""
    if not text:
        return None
    number, _slash, unit = text.partition("/")
    if unit not in _UNITS or not number.isdigit() or not int(number):
        raise ValueError(f"'{text}' is not a rate such as 10/s, 100/min or 5000/h")
    return Rate(int(number), _UNITS[unit])


class Allowance(NamedTuple):
    """What a lane may be given now: None means no limit."""

    connections: int | None
    rate: Rate | None


class _Bucket:
    __slots__ = ("time", "tokens")

    def __init__(self, time: float, tokens: float) -> None:
        self.time, self.tokens = time, tokens


class Pace:
    """Grants by lane. It begins with one message a lane, so that restarts add nothing to the rate."""

    def __init__(self) -> None:
        self._rates: dict[str, _Bucket] = {}
        self._probes: dict[str, list[float]] = {}

    def take(self, lane: str, allowance: Allowance, now: float) -> bool:
        """One message for this lane, if it may have one; ``now`` never runs backwards."""
        if allowance.connections is not None and not self._may_probe(lane, allowance.connections, now):
            return False
        if allowance.rate and not self._take_token(lane, allowance.rate, now):
            return False
        if allowance.connections is not None:
            self._probes.setdefault(lane, []).append(now)
        elif self._probes:
            self._probes.pop(lane, None)
        return True

    def spare(self, lane: str, rate: Rate, now: float) -> int:
        """How many messages the rate would allow this lane at once."""
        bucket = self._rates.get(lane)
        return int(min(rate.at_once, bucket.tokens + (now - bucket.time) * rate.refill)) if bucket else 1

    def _may_probe(self, lane: str, connections: int, now: float) -> bool:
        recent = [time for time in self._probes.get(lane, ()) if time > now - PROBE_SECONDS]
        self._probes[lane] = recent
        return len(recent) < connections

    def _take_token(self, lane: str, rate: Rate, now: float) -> bool:
        bucket = self._rates.get(lane)
        if bucket is None:
            bucket = self._rates[lane] = _Bucket(now, 1.0)
        bucket.tokens = min(rate.at_once, bucket.tokens + (now - bucket.time) * rate.refill)
        bucket.time = now
        if bucket.tokens < 1.0 - _ROUNDING:
            return False
        bucket.tokens -= 1.0
        return True
