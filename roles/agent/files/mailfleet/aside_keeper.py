# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Puts aside what waits of a sender domain that may not send now, and takes it back when the domain may."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence

from mailfleet import aside, backoff, state
from mailfleet.backoff import Backoff
from mailfleet.state import Key

# Deferred mail is put aside so long after the stop, so much and so often.
GATHERED_SECONDS = 60.0
GATHERED_EVERY = 2.0
GATHERED = 1000
# No client takes so long to hand over a message that is put aside, which is on hold from then on.
LOST_SECONDS = 86_400.0

# Kind, pool and queue IDs.
Request = tuple[str, str, list[str]]


class AsideKeeper:
    """``instances`` is by pool, ``lanes`` has (address, name) by (pool, ISP), ``transactional`` is by pool; ``on_hold``
    says of an instance and a queue ID whether Postfix has it on hold."""

    def __init__(
        self,
        instances: Mapping[str, str],
        lanes: Mapping[tuple[str, str], Sequence[tuple[str, str]]],
        transactional: Mapping[str, bool],
        on_hold: Callable[[str, str], bool],
    ) -> None:
        self._instances, self._lanes, self._transactional, self._on_hold = instances, lanes, transactional, on_hold
        self._gathered = float("-inf")

    def tick(self, db: sqlite3.Connection, domains: Mapping[Key, Backoff], now: float) -> list[Request]:
        """``domains`` are those that receivers hold back. What is to be asked of Postfix once it is committed."""
        found: list[Request] = []
        if not 0 <= now - self._gathered < GATHERED_EVERY:
            self._gathered = now
            found += self._gather(db, domains, now)
        return found + self._release(db, domains, now)

    def _gather(self, db: sqlite3.Connection, domains: Mapping[Key, Backoff], now: float) -> list[Request]:
        known = state.snapshot(db)
        found: list[Request] = []
        for (pool, domain, isp), held in domains.items():
            if held.phase == backoff.STOPPED and now - held.since < GATHERED_SECONDS:
                found += self._put_aside(db, pool, domain, isp, now)
        for pool, transactional in self._transactional.items():
            for kind, domain in known.controls:
                pause = known.paused_domain(domain, transactional, now) if kind == state.DOMAIN else None
                if pause and now - pause.since < GATHERED_SECONDS:
                    found += self._put_aside(db, pool, domain, aside.ANY, now)
        return found

    def _put_aside(self, db: sqlite3.Connection, pool: str, domain: str, isp: str, now: float) -> list[Request]:
        instance = self._instances[pool]
        isps = [isp] if isp != aside.ANY else sorted({name for own, name in self._lanes if own == pool})
        found: list[Request] = []
        for name in isps:
            waits_for = [name, *(lane for _ip, lane in self._lanes.get((pool, name), ()))]
            ids = aside.waiting(db, instance, domain, waits_for, GATHERED)
            if ids:
                aside.save(db, {(instance, one): aside.Put(domain, name, now) for one in ids})
                found.append((backoff.HOLD, pool, ids))
        return found

    def _release(self, db: sqlite3.Connection, domains: Mapping[Key, Backoff], now: float) -> list[Request]:
        """All of what is aside goes back into the queue, or while the domain is probed a few a second."""
        known = state.snapshot(db)
        pools = {instance: pool for pool, instance in self._instances.items()}
        allowed: dict[tuple[str, str], dict[str, int]] = {}
        for (name, domain, isp), held in domains.items():
            allowed.setdefault((name, domain), {})[isp] = held.limit(now) or 0
        found: list[Request] = []
        for group in aside.groups(db):
            instance, domain, isp = group
            pool = pools.get(instance)
            if pool is None or known.paused_domain(domain, self._transactional[pool], now):
                continue
            limits = [n for name, n in allowed.get((pool, domain), {}).items() if isp in (aside.ANY, name)]
            most = min(limits, default=GATHERED)
            due = aside.oldest(db, group, most, now) if most else []
            lost = {one.queue_id for one in due if self._lost(instance, one, now)}
            aside.save(db, {(instance, queue_id): None for queue_id in lost})
            ids = [one.queue_id for one in due if one.queue_id not in lost]
            if ids:
                # Postfix would look at them minutes later, when they were deferred before.
                few = limits or all(one.again for one in due)
                found += [(backoff.RELEASE, pool, ids), (backoff.TRY, pool, ids) if few else (backoff.FLUSH, pool, [])]
        return found

    def _lost(self, instance: str, one: aside.Due, now: float) -> bool:
        """Of a message that its client broke off after smtpd put it aside the log says no more."""
        return one.again and now - one.since > LOST_SECONDS and not self._on_hold(instance, one.queue_id)
