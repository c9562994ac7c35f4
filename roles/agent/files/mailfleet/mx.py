# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Where domains take their mail, remembered: fresh while the DNS says so, last known when the DNS does not answer.

Pure but for the resolver and the clock, which are given. The queue manager of Postfix asks one recipient at a time, so
nobody waits long here: once a few questions ran out of time, the next ones wait hardly at all until one is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

# What a domain is: it has MX records, only addresses, a null MX (RFC 7505), or nothing.
MX, ADDRESS, NULL, NO_MAIL = "mx", "address", "null", "none"
_KINDS = frozenset({MX, ADDRESS, NULL, NO_MAIL})
# An answer that is still used is asked for again when this part of its life is over, so that nobody waits for it.
REFRESH_AT = 0.8
RETRY_SECONDS = 10.0
NEGATIVE_MOST = 3600.0
DULL_AFTER, DULL_WAIT = 3, 0.02
LOOKUPS_AT_ONCE = 400


class DnsFailureError(Exception):
    """The DNS did not answer."""


class Records(NamedTuple):
    kind: str
    hosts: tuple[str, ...]
    ttl: float


@dataclass
class Known:
    kind: str
    hosts: tuple[str, ...]
    refresh: float
    until: float


# Raises DnsFailureError when there is no answer.
Resolve = Callable[[str], Awaitable[Records]]


class MxCache:
    def __init__(
        self,
        resolve: Resolve,
        clock: Callable[[], float],
        *,
        ttl_least: float = 300,
        ttl_most: float = 86_400,
        wait: float = 0.9,
        size: int = 100_000,
    ) -> None:
        self._resolve, self._clock = resolve, clock
        self._least, self._most, self._wait, self._size = ttl_least, ttl_most, wait, size
        self._known: dict[str, Known] = {}
        self._failed: dict[str, float] = {}
        self._lookups: dict[str, asyncio.Task[None]] = {}
        self._hosts: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._unanswered = 0
        self.asked = self.failures = 0

    def limits(self, ttl_least: float, ttl_most: float, wait: float) -> None:
        """New settings, for what is asked from now on."""
        self._least, self._most, self._wait = ttl_least, ttl_most, wait

    def fresh(self, domain: str) -> Known | None:
        """The answer if there is one that holds; one near its end is renewed behind the scenes."""
        known = self._known.get(domain)
        if known is None:
            return None
        now = self._clock()
        if now >= known.until:
            return None
        if now >= known.refresh:
            self._look_up(domain)
        return known

    async def ask(self, domain: str) -> Known | None:
        """The answer, waiting for it within bounds; else the last one that was known; else None."""
        lookup = self._look_up(domain)
        if lookup:
            wait = self._wait if self._unanswered < DULL_AFTER else DULL_WAIT
            done, _running = await asyncio.wait({lookup}, timeout=wait)
            if not done:
                self._unanswered += 1
        return self._known.get(domain)

    def last_known(self, domain: str) -> Known | None:
        return self._known.get(domain)

    def is_fresh(self, known: Known) -> bool:
        return self._clock() < known.until

    def seconds_left(self, known: Known) -> float:
        return known.until - self._clock()

    @property
    def silent(self) -> bool:
        """The DNS does not answer just now."""
        return self._unanswered >= DULL_AFTER

    def __len__(self) -> int:
        return len(self._known)

    def _look_up(self, domain: str) -> asyncio.Task[None] | None:
        running = self._lookups.get(domain)
        if running:
            return running
        if self._failed.get(domain, 0) > self._clock() or len(self._lookups) >= LOOKUPS_AT_ONCE:
            return None
        lookup = asyncio.ensure_future(self._renew(domain))
        self._lookups[domain] = lookup
        return lookup

    async def _renew(self, domain: str) -> None:
        self.asked += 1
        try:
            records = await self._resolve(domain)
        except DnsFailureError:
            self.failures += 1
            if len(self._failed) >= self._size:
                self._failed.clear()
            self._failed[domain] = self._clock() + RETRY_SECONDS
        else:
            self._unanswered = 0
            self._failed.pop(domain, None)
            self._remember(domain, records)
        finally:
            del self._lookups[domain]

    def _remember(self, domain: str, records: Records) -> None:
        most = self._most if records.kind in (MX, ADDRESS) else NEGATIVE_MOST
        life = max(self._least, min(records.ttl, most))
        now = self._clock()
        # The oldest answer goes first; one that is renewed counts as new.
        self._known.pop(domain, None)
        while len(self._known) >= self._size:
            del self._known[next(iter(self._known))]
        self._known[domain] = Known(records.kind, self._shared(records.hosts), now + life * REFRESH_AT, now + life)

    def _shared(self, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """One copy of the hosts for all domains of a provider."""
        if len(self._hosts) >= self._size:
            self._hosts.clear()
        return self._hosts.setdefault(hosts, hosts)

    def dump(self) -> dict[str, list[Any]]:
        """For a file: domain -> [kind, hosts, seconds left, whole life]."""
        now = self._clock()
        return {
            domain: [known.kind, list(known.hosts), round(known.until - now), round(_life(known))]
            for domain, known in self._known.items()
        }

    def load(self, dumped: Mapping[str, Any], age: float) -> None:
        """What dump() said so many seconds ago. Answers that ended meanwhile serve as the last known ones."""
        now = self._clock()
        for domain, (kind, hosts, left, life) in dumped.items():
            if kind in _KINDS and domain not in self._known and len(self._known) < self._size:
                until = now + min(float(left) - age, self._most)
                refresh = until - float(life) * (1 - REFRESH_AT)
                self._known[domain] = Known(kind, self._shared(tuple(map(str, hosts))), refresh, until)


def _life(known: Known) -> float:
    return (known.until - known.refresh) / (1 - REFRESH_AT)
