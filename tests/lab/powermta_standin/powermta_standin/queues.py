# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""One queue: what waits for one domain or rollup on one virtual MTA, and how fast it may go. Pure; time is given."""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from dataclasses import dataclass, field

from . import values
from .domains import Settings

NORMAL, BACKOFF = "normal", "backoff"
FOREVER = float("inf")
_order = itertools.count()


@dataclass(frozen=True)
class Route:
    """Where mail goes: (preference, host, port), or why there is no way."""

    hosts: tuple[tuple[int, str, int], ...]


@dataclass
class Item:
    """One recipient of one message."""

    message: str
    number: int
    mail_from: str
    rcpt: str
    vmta: str
    pool: str
    queued: float
    facts: dict[str, str] = field(default_factory=dict)
    route: Route = Route(())
    attempts: int = 0

    @property
    def domain(self) -> str:
        return self.rcpt.rpartition("@")[2].lower()


class Window:
    """At most so many events in any interval of this length."""

    def __init__(self, limit: tuple[int, float] | None, before: Window | None = None) -> None:
        """A new limit counts what happened under the one before."""
        self.limit = limit
        self._times: deque[float] = deque(before._times if before else (), maxlen=limit[0] if limit else 1)

    def ready_at(self) -> float:
        """When the next event may happen."""
        if not self.limit or len(self._times) < self.limit[0]:
            return 0.0
        return self._times[0] + self.limit[1]

    def count(self, now: float) -> None:
        if self.limit:
            self._times.append(now)


class Queue:
    def __init__(self, name: str, vmta: str, pool: str) -> None:
        self.name, self.vmta, self.pool = name, vmta, pool
        self.mode, self.mode_until = NORMAL, FOREVER
        self.paused = False
        self.retry_at = 0.0
        self.failures = 0
        self.sessions = 0
        self.disabled: dict[str, float] = {}
        self.errors: deque[str] = deque(maxlen=8)
        self._ready: dict[Route, deque[Item]] = {}
        self._later: list[tuple[float, int, Item]] = []
        self.windows = {NORMAL: Window(None), BACKOFF: Window(None)}
        self.connects = Window(None)
        self.configure({})

    @property
    def title(self) -> str:
        return f"{self.name}/{self.vmta}"

    def configure(self, settings: Settings) -> None:
        self.settings = settings
        normal = self.one("max-msg-rate", "unlimited")
        # Its default is the normal rate of the same queue.
        rates = {NORMAL: normal, BACKOFF: self.one("backoff-max-msg-rate", normal)}
        self.windows = {mode: Window(values.rate(rate), self.windows[mode]) for mode, rate in rates.items()}
        self.connects = Window(values.rate(self.one("max-connect-rate", "unlimited")), self.connects)

    def one(self, name: str, default: str) -> str:
        return self.settings.get(name, [default])[-1]

    def yes(self, name: str, default: str = "no") -> bool:
        return values.yes(self.one(name, default))

    # What waits.

    def add(self, item: Item, due: float, now: float) -> None:
        if due <= now:
            self._ready.setdefault(item.route, deque()).append(item)
        else:
            heapq.heappush(self._later, (due, next(_order), item))

    def tick(self, now: float) -> None:
        """What is due becomes ready; modes and disabled sources end when their time is over."""
        while self._later and self._later[0][0] <= now:
            item = heapq.heappop(self._later)[2]
            self._ready.setdefault(item.route, deque()).append(item)
        if self.mode == BACKOFF and self.mode_until <= now:
            self.set_mode(NORMAL)
        self.disabled = {source: until for source, until in self.disabled.items() if until > now}

    def hurry(self) -> None:
        """Everything is due now: pmta schedule --retry-recipients."""
        self.retry_at, self._later = 0.0, [(0.0, order, item) for _due, order, item in self._later]

    def routes(self) -> list[tuple[Route, int]]:
        """Routes with mail that is ready, and how much."""
        return [(route, len(items)) for route, items in self._ready.items() if items]

    def take(self, route: Route) -> Item | None:
        items = self._ready.get(route)
        item = items.popleft() if items else None
        if item is not None and not items:
            del self._ready[route]
        return item

    def unrouted(self) -> list[Item]:
        """What is ready and knows no way, taken out: the DNS did not answer for it."""
        return list(self._ready.pop(Route(()), ()))

    def expiry(self, item: Item) -> float:
        return item.queued + values.seconds(self.one("bounce-after", "4d12h"))

    def expired(self, now: float) -> list[Item]:
        """What has waited for too long in a queue that cannot be served; the oldest stands first."""
        found = []
        for items in self._ready.values() if self.retry_at > now else ():
            while items and self.expiry(items[0]) <= now:
                found.append(items.popleft())
        self._ready = {route: items for route, items in self._ready.items() if items}
        return found

    def drain(self) -> list[Item]:
        """All that waits, taken out."""
        found = [item for items in self._ready.values() for item in items]
        found += [item for _due, _order, item in sorted(self._later)]
        self._ready, self._later = {}, []
        return found

    def waiting(self) -> list[Item]:
        return [item for items in self._ready.values() for item in items] + [entry[2] for entry in self._later]

    def __len__(self) -> int:
        return sum(map(len, self._ready.values())) + len(self._later)

    # How fast it goes.

    def connections(self) -> int:
        normal = int(self.one("max-smtp-out", "20"))
        return int(self.one("backoff-max-smtp-out", str(normal))) if self.mode == BACKOFF else normal

    def per_connection(self) -> int | None:
        return values.count(self.one("max-msg-per-connection", "0"))

    def blocked(self, now: float) -> bool:
        return self.paused or self.retry_at > now

    def wake_at(self, now: float) -> float:
        """When something can happen again that nobody reports: a retry, a rate that allows more, a mode that ends."""
        if self.paused:
            return FOREVER
        times = [entry[0] for entry in self._later[:1]]
        if self._ready:
            slow = max(self.retry_at, self.windows[self.mode].ready_at(), self.connects.ready_at())
            times.append(min(slow, *(self.expiry(items[0]) for items in self._ready.values())))
        if self.mode == BACKOFF:
            times.append(self.mode_until)
        return max(now, min(times, default=FOREVER))

    def set_mode(self, mode: str, until: float = FOREVER) -> None:
        self.mode, self.mode_until = mode, until

    def enter_backoff(self, now: float, after: str = "") -> bool:
        """True when the queue was not in backoff; the interval of a reply's rule counts before the domain's."""
        fresh = self.mode != BACKOFF
        until = now + values.seconds(after or self.one("backoff-to-normal-after", "never"))
        self.set_mode(BACKOFF, until if fresh else max(self.mode_until, until))
        return fresh

    def retry_after(self, attempts: int) -> float:
        """Seconds until the attempt after this many; the last interval repeats."""
        name, default = ("backoff-retry-after", "1h") if self.mode == BACKOFF else ("retry-after", "10m")
        intervals = self.one(name, default).split(",")
        return values.seconds(intervals[min(attempts, len(intervals)) - 1])

    def failed(self, now: float, error: str) -> None:
        """The queue itself could not be served. While another session works, that is only this session's trouble."""
        self.errors.append(error)
        if self.sessions <= 1:
            self.failures += 1
            self.retry_at = now + self.retry_after(self.failures)

    def delivered(self) -> None:
        self.failures, self.retry_at = 0, 0.0
        if self.mode == BACKOFF and self.yes("backoff-to-normal-after-delivery"):
            self.set_mode(NORMAL)

    def sources(self, all_sources: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
        return [source for source in all_sources if source[0] not in self.disabled]
