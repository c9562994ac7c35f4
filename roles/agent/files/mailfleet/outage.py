# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Notices that no name resolves any more, and the moment when names do again. Pure; time is given.

Postfix retries by the age of a message, so what waited for the DNS would leave long after the DNS is back. Domains with
broken name servers are everyday: an outage is when domains fail that answered before, several of them, and many more
than answer meanwhile. Then a message of a few of them is tried now and then, and when the first one gets through to a
host, everything that waits is tried once. When others answer and none of these does, it was not the DNS.
"""

from __future__ import annotations

from typing import NamedTuple

from mailfleet import events
from mailfleet.events import Event

# What Postfix calls a name that could not be looked up just now (RFC 3463: directory server failure).
_NOT_LOOKED_UP = "4.4.3"
DOMAINS = 3
WITHIN_SECONDS = 60.0
TRIES = 3
# So long it is looked at who answers meanwhile, and so many times more domains have to fail than answer.
NOTICE_SECONDS = 5.0
MORE = 2
# When others answer, those that wait have so long to do so, too.
DOUBT_SECONDS = 30.0
# Names are tried more rarely the longer the outage lasts.
TRY_LEAST, TRY_MOST, TRY_SHARE = 5.0, 30.0, 0.05
# Lookups that began before the return may still fail (a resolver waits 5 s for an answer by default).
SETTLE_SECONDS = 10.0
# A resolver that comes and goes costs no storm of flushes.
FLUSH_EVERY = 120.0
# A domain of which nothing is heard so long waits no more: its mail has expired or was removed.
FORGOTTEN_SECONDS = 3600.0
REMEMBERED, WAITING = 20_000, 1000
_SLEWED = 2.0


class Wait(NamedTuple):
    """The newest message of a domain that waits for the DNS."""

    time: float
    pool: str
    queue_id: str


class Wish(NamedTuple):
    """What Postfix is to try: everything, or some messages by pool; and a sentence for the journal."""

    flush: bool = False
    tries: tuple[tuple[str, str], ...] = ()
    sentence: str = ""


class Outage:
    def __init__(self) -> None:
        # Domains that resolved, and those of them that do not now; the one heard of last is the last one.
        self._resolved: dict[str, float] = {}
        self._waits: dict[str, Wait] = {}
        self._suspected: float | None = None  # since when
        self._since: float | None = None
        self._doubted: float | None = None  # since when
        self._tried = self._flushed = float("-inf")
        self._back = False
        self._owed: float | None = None  # since when

    @property
    def dead(self) -> bool:
        return self._since is not None

    @property
    def owes(self) -> bool:
        """The DNS is back, and what waited for it is not tried yet."""
        return self._back or self._owed is not None

    def observe(self, event: Event) -> None:
        domain = event.recipient_domain
        if not domain:
            return
        if event.relay:
            # An open connection needs no name.
            if not event.reused:
                self._resolves(domain, event.time - event.session)
        # A ledger that starts in an outage knows no domain yet.
        elif (
            event.dsn == _NOT_LOOKED_UP
            and event.result == events.DEFERRED
            and (domain in self._resolved or not self._resolved)
        ):
            self._waits.pop(domain, None)
            if len(self._waits) < WAITING:
                self._waits[domain] = Wait(event.time, event.pool, event.queue_id)

    def _resolves(self, domain: str, time: float) -> None:
        """Its name was looked up after that time."""
        if not self._resolved and not self.dead:
            self._waits.clear()
        if self._resolved.pop(domain, None) is None and len(self._resolved) >= REMEMBERED:
            del self._resolved[next(iter(self._resolved))]
        self._resolved[domain] = time
        wait = self._waits.get(domain)
        if wait and time > wait.time:
            del self._waits[domain]
            self._back = True

    def clock_set(self, seconds: float) -> None:
        """The clock was set by so much: what was a minute ago still was."""
        self._resolved = {domain: time + seconds for domain, time in self._resolved.items()}
        self._waits = {domain: wait._replace(time=wait.time + seconds) for domain, wait in self._waits.items()}
        self._suspected, self._since, self._doubted, self._owed = (
            None if since is None else since + seconds
            for since in (self._suspected, self._since, self._doubted, self._owed)
        )
        self._tried += seconds
        self._flushed += seconds

    def tick(self, now: float) -> Wish:
        kept = FORGOTTEN_SECONDS if self.dead else WITHIN_SECONDS
        self._waits = {domain: wait for domain, wait in self._waits.items() if -_SLEWED <= now - wait.time <= kept}
        if self._since is None:
            return self._well(now)
        if self._back or not self._waits:
            seconds = max(0.0, now - self._since)
            words = f"The DNS answers again after {seconds:.0f} s: all mail that waits is tried." if self._back else ""
            self._owed = now if self._back else self._owed
            return self._ended(now, words)
        every = min(TRY_MOST, max(TRY_LEAST, (now - self._since) * TRY_SHARE))
        if self._answering(self._since) > sum(domain in self._resolved for domain in self._waits):
            if self._doubted is None:
                self._doubted = now
            elif now - self._doubted >= DOUBT_SECONDS:
                words = f"The DNS answers, but not for {len(self._waits)} domains: their mail waits for its next try."
                for domain in self._waits:
                    self._resolved.pop(domain, None)
                return self._ended(now, words)
            every = TRY_LEAST
        else:
            self._doubted = None
        if 0 <= now - self._tried < every:
            return Wish()
        self._tried = now
        some = list(self._waits.items())[:TRIES]
        for domain, _wait in some:
            self._waits[domain] = self._waits.pop(domain)
        return Wish(tries=tuple((wait.pool, wait.queue_id) for _domain, wait in some))

    def _ended(self, now: float, words: str) -> Wish:
        self._since = self._doubted = None
        self._waits.clear()
        return self._well(now)._replace(sentence=words)

    def _answering(self, since: float) -> int:
        return sum(time > since and domain not in self._waits for domain, time in self._resolved.items())

    def _well(self, now: float) -> Wish:
        self._back = False
        if len(self._waits) < DOMAINS:
            self._suspected = None
        else:
            if self._suspected is None:
                self._suspected = min(wait.time for wait in self._waits.values())
            since = max(self._suspected, now - WITHIN_SECONDS)
            if now - self._suspected >= NOTICE_SECONDS and len(self._waits) > MORE * self._answering(since):
                self._since, self._tried, self._suspected = self._suspected, now, None
                return Wish(sentence=f"The DNS does not answer: mail for {len(self._waits)} domains waits for it.")
        if self._owed is None or 0 <= now - self._owed < SETTLE_SECONDS or 0 <= now - self._flushed < FLUSH_EVERY:
            return Wish()
        self._owed, self._flushed = None, now
        return Wish(flush=True)
