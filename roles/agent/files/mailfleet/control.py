# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Runs the backoff of all keys inside the ledger: events and time in, states and requests to Postfix out."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mailfleet import backoff, events, queue, state
from mailfleet.aside_keeper import AsideKeeper
from mailfleet.backoff import Backoff, Policies, Refusal, Step
from mailfleet.events import Event
from mailfleet.lanes import TRANSACTIONAL
from mailfleet.outage import Outage
from mailfleet.requests import Requests
from mailfleet.state import Key

LANES, DOMAINS = "lane_state", "domain_state"
# Receivers without a profile, and filters that count per customer, share a lane but not their opinion of us.
WIDE_SITES = 5
WIDE_SECONDS = 300.0
WIDE_LIMIT = 1000
# Waiting messages that Postfix looks at for a probe; steering lets through as many as there are connections.
TRIES = 10
# What an address was refused is handed over to the other ones of its pool: so many at a time, so often, so long.
HANDED = 100
HANDED_EVERY = 5.0
HANDED_SECONDS = 30.0
# So long after it was asked to reload an instance does what else it is asked.
RELOAD_SECONDS = 3.0
# Postfix keeps our last answer so long: the flush puts off the same recipient's mail once more, for minutes.
ANSWER_SECONDS = 31.0
# What was logged so much later than now before we began was logged before somebody set the clock back, as at a boot.
AHEAD_SECONDS = 60.0
# A domain whose first stop is so old began to go its own way before we began.
GATHERING_SECONDS = 60.0

Table = dict[Key, Backoff]


class Controller:
    """An observer of the ledger. ``tick`` is called between the ledger's steps, several times a second."""

    def __init__(
        self,
        view: Mapping[str, Any],
        policies: Policies,
        requests: Requests,
        say: Callable[[str], None] = print,
        on_hold: Callable[[str, str], bool] = queue.on_hold,
    ) -> None:
        self._policies = policies
        self._requests = requests
        self._say = say
        self._instances = {pool["name"]: str(pool["instance"]) for pool in view["pools"]}
        self._caps: dict[Key, int] = {
            (pool["name"], lane["bind4"], lane["isp"]): int(lane["connections"])
            for pool in view["pools"]
            for lane in pool["lanes"]
        }
        # What can be asked as a whole: the general endpoint, too, has a queue.
        self._queues = [*self._instances, *(["entry"] if view.get("entry") else [])]
        self._largest: dict[tuple[str, str], int] = {}
        for (pool, _ip, isp), cap in self._caps.items():
            self._largest[pool, isp] = max(cap, self._largest.get((pool, isp), 0))
        self._lanes: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for pool in view["pools"]:
            for lane in pool["lanes"]:
                self._lanes.setdefault((pool["name"], lane["isp"]), []).append((lane["bind4"], lane["name"]))
        self._wide = {isp["name"] for isp in view["isps"] if isp.get("rollup") == "site" or isp["name"] == "other"}
        # Strikes of keys that are normal live in memory only.
        self._strikes: dict[tuple[str, Key, bool], tuple[float, ...]] = {}
        self._sites: dict[Key, dict[str, float]] = {}
        transactional = {pool["name"]: pool["traffic"] == TRANSACTIONAL for pool in view["pools"]}
        self._aside = AsideKeeper(self._instances, self._lanes, transactional, on_hold)
        self._flush_at: dict[str, float] = {}
        self._again: dict[tuple[str, str], float] = {}
        self._controls: set[tuple[str, str]] = set()
        self._pauses: set[tuple[str, str]] = set()
        self._begun = False
        self._newest = float("-inf")
        self._set_by = 0.0
        self._gathering: set[Key] = set()
        self._cursors: dict[tuple[str, str], str] = {}
        self._handed: dict[Key, float] = {}
        self._outage = Outage()
        self._pending: list[tuple[str, str, list[str]]] = []
        self._sayings: list[str] = []
        self._changed: dict[str, Table] = {LANES: {}, DOMAINS: {}}
        self._held: dict[str, Table] = {LANES: {}, DOMAINS: {}}

    # ---- the ledger's observer ---------------------------------------------------------------------------------------

    def observe(self, db: sqlite3.Connection, new: Sequence[Event]) -> None:
        self._load(db)
        if not self._begun:
            self._newest = max([self._newest, *(event.time for event in new)])
        held, domains, strikes = self._held[LANES], self._held[DOMAINS], self._strikes
        for event in new:
            self._outage.observe(event)
            if event.result == events.DELIVERED:
                if held or domains or strikes:
                    self._delivered(event)
            elif event.result in events.REFUSALS and event.ip and event.action:
                self._refused(db, event)
        self._save(db)

    def committed(self) -> None:
        for kind, pool, queue_ids in self._pending:
            self._requests.ask(kind, pool, queue_ids)
        for sentence in self._sayings:
            self._say(sentence)
        if self._set_by:
            self._outage.clock_set(self._set_by)
        self._pending, self._sayings, self._set_by = [], [], 0.0
        self._requests.send(time.monotonic())

    def stopping(self) -> None:
        for pool in self._queues if self._outage.owes else self._flush_at:
            self._requests.ask(backoff.FLUSH, pool)
        self._requests.send(math.inf)

    def clock_set(self, db: sqlite3.Connection, seconds: float, now: float) -> None:
        """Inside a transaction, with committed() after it: the clock was set by so much, to now."""
        state.move(db, seconds)
        self._load(db)
        self._set_by = seconds
        if seconds < 0:
            self._set_back(now)

    def _set_back(self, now: float) -> None:
        """Postfix waits by the wall clock, for its next tries and between the messages of a slow lane: all of it would
        stand still until the clock is where it was."""
        self._pending += [(backoff.RELOAD, pool, []) for pool in self._queues]
        self._flush_at = dict.fromkeys(self._queues, now + RELOAD_SECONDS)

    def _begin(self, now: float) -> None:
        """What happened while nobody looked."""
        self._begun = True
        self._gathering = {
            key for key, held in self._held[DOMAINS].items() if 0 <= now - held.began < GATHERING_SECONDS
        }
        if self._newest > now + AHEAD_SECONDS:
            self._set_back(now)

    def tick(self, db: sqlite3.Connection, now: float) -> None:
        """Inside a transaction, with committed() after it, about once a second."""
        self._load(db)
        if not self._begun:
            self._begin(now)
        state.bound(db, now)
        self._go_on(db, now)
        self._try_again(db, now)
        for pool in [pool for pool, when in self._flush_at.items() if now >= when]:
            del self._flush_at[pool]
            self._pending.append((backoff.FLUSH, pool, []))
        for table in (LANES, DOMAINS):
            for key, held in list(self._held[table].items()):
                policy = self._policies.find(key[2], held.action, held.cls)
                cap = self._cap(table, key)
                if policy is None or not cap:
                    self._put(db, table, key, held, Step(Backoff()))  # a lane or a rule that is gone
                else:
                    self._put(db, table, key, held, backoff.tick(held, policy, cap, now))
        for key, held in self._held[LANES].items():
            if held.phase == backoff.STOPPED and now - held.since < HANDED_SECONDS:
                self._hand_over(db, key, now)
        gathering = {key for key, held in self._held[DOMAINS].items() if held.gathering(now)}
        for pool, _domain, isp in self._gathering - gathering:
            self._pending.append((backoff.FLUSH, pool, []))  # what waited meanwhile of the pool's other domains
            self._again[pool, isp] = now + ANSWER_SECONDS
        self._gathering = gathering
        self._pending += self._aside.tick(db, self._held[DOMAINS], now)
        self._names(now)
        self._save(db)

    def _go_on(self, db: sqlite3.Connection, now: float) -> None:
        """What a pause put off is tried when it ends, at which `mailfleet resume` asks for that by itself."""
        ended = set(state.ended(db, now))
        for kind, name in sorted(ended):
            self._pending += [(backoff.FLUSH, pool, []) for pool in self._paused(kind, name)]
        pauses = self._controls - ended
        for kind, name in (self._pauses | ended) - pauses:
            pools = self._paused(kind, name)
            concerned = (key for key in self._lanes if key[0] in pools and (kind != state.ISP or key[1] == name))
            self._again.update(dict.fromkeys(concerned, now + ANSWER_SECONDS))
        self._pauses = pauses

    def _try_again(self, db: sqlite3.Connection, now: float) -> None:
        """What Postfix put off by an answer that was not ours any more."""
        for pool, isp in [key for key, when in self._again.items() if now >= when]:
            del self._again[pool, isp]
            ids = queue.some(db, self._instances[pool], [isp], HANDED)
            if ids:
                self._pending.append((backoff.TRY, pool, ids))

    def _paused(self, kind: str, name: str) -> list[str]:
        """The pools in which such a pause has put mail off; that of a domain is put aside."""
        own = {state.POOL: 0, state.IP: 1, state.ISP: 2}.get(kind)
        return sorted({key[0] for key in self._caps if own is not None and key[own] == name})

    def _names(self, now: float) -> None:
        """What waited for the DNS leaves soon after its return. Nothing of it is in the database."""
        wish = self._outage.tick(now)
        if wish.sentence:
            self._say(wish.sentence)
        for pool, queue_id in wish.tries:
            self._requests.ask(backoff.TRY, pool, [queue_id])
        for pool in self._instances if wish.flush else ():
            self._requests.ask(backoff.FLUSH, pool)

    def _hand_over(self, db: sqlite3.Connection, key: Key, now: float) -> None:
        """Postfix would try again what was refused after minutes; by another address it can leave now."""
        pool, ip, isp = key
        if 0 <= now - self._handed.get(key, float("-inf")) < HANDED_EVERY or any(
            (pool, isp) == (domain_key[0], domain_key[2]) for domain_key in self._held[DOMAINS]
        ):
            return
        others = [other for other in self._lanes[pool, isp] if other[0] != ip]
        if all((pool, other, isp) in self._held[LANES] for other, _lane in others):
            return
        self._handed[key] = now
        lane = [name for own, name in self._lanes[pool, isp] if own == ip]
        ids = queue.some(db, self._instances[pool], lane, HANDED)
        if ids:
            self._pending.append((backoff.TRY, pool, ids))

    # ---- one event ---------------------------------------------------------------------------------------------------

    def _delivered(self, event: Event) -> None:
        for table, key in self._keys(event):
            held = self._held[table].get(key)
            if held:
                known = backoff.delivered(held, event.time)
                if known is not held:
                    self._held[table][key] = self._changed[table][key] = known
            else:
                self._strikes.pop((table, key, True), None)

    def _refused(self, db: sqlite3.Connection, event: Event) -> None:
        policy = self._policies.find(event.isp, event.action, event.cls)
        if policy is None or event.reply.startswith("local:"):
            return
        table, key = self._keys(event)[1 if event.action in backoff.DOMAIN_ACTIONS and self._ours(event.domain) else 0]
        cap = self._cap(table, key)
        if not cap:
            return
        held = self._held[table].get(key)
        if event.isp in self._wide and not held:
            if not self._elsewhere(key, event):
                return
            policy = policy._replace(strikes=max(policy.strikes, WIDE_SITES), within=WIDE_SECONDS)
        strikes = (table, key, policy.forgiving)
        before = held or Backoff(strikes=self._strikes.get(strikes, ()))
        what = Refusal(event.time, event.cls, event.rule, event.action, event.reply)
        step = backoff.refused(before, what, policy, cap)
        if step.state.phase == backoff.NORMAL:
            self._strikes[strikes] = step.state.strikes
        else:
            self._strikes.pop(strikes, None)
            self._put(db, table, key, before, step)

    def _keys(self, event: Event) -> tuple[tuple[str, Key], tuple[str, Key]]:
        return (
            (LANES, (event.pool, event.ip, event.isp)),
            (DOMAINS, (event.pool, event.domain, event.isp)),
        )

    def _elsewhere(self, key: Key, event: Event) -> bool:
        """Whether this receiver has not been counted for this key yet."""
        sites = self._sites.setdefault(key, {})
        site = event.recipient_domain or event.relay
        known = sites.get(site, float("-inf"))
        if len(sites) >= WIDE_LIMIT:
            sites.clear()
        sites[site] = event.time
        return not 0 <= event.time - known <= WIDE_SECONDS

    @staticmethod
    def _ours(domain: str) -> bool:
        return domain not in ("", "?")

    # ---- states ------------------------------------------------------------------------------------------------------

    def _cap(self, table: str, key: Key) -> int:
        if table == LANES:
            return self._caps.get(key, 0)
        return self._largest.get((key[0], key[2]), 0)

    def _load(self, db: sqlite3.Connection) -> None:
        """Each time anew: `mailfleet resume` may have ended a backoff, and a transaction may have been undone."""
        state.create(db)
        known = state.snapshot(db)
        self._held = {LANES: dict(known.lanes), DOMAINS: dict(known.domains)}
        self._controls = set(known.controls)
        self._changed = {LANES: {}, DOMAINS: {}}
        self._pending, self._sayings = [], []

    def _put(self, db: sqlite3.Connection, table: str, key: Key, before: Backoff, step: Step) -> None:
        after = step.state
        if after is not before:
            self._changed[table][key] = after
        if after.phase == backoff.NORMAL:
            self._held[table].pop(key, None)
        else:
            self._held[table][key] = after
        if (after.phase, after.connections) != (before.phase, before.connections):
            self._sayings.append(_sentence(key, before, after))
        # What a probed domain may send comes from what is aside.
        if step.effect and (table, step.effect) != (DOMAINS, backoff.TRY):
            pool, _who, isp = key
            ids = self._some(db, pool, isp) if step.effect == backoff.TRY else []
            if ids or step.effect != backoff.TRY:
                self._pending.append((step.effect, pool, ids))

    def _some(self, db: sqlite3.Connection, pool: str, isp: str) -> list[str]:
        """A few of the messages that wait; each time others, because some wait for reasons of their own."""
        names = [*(lane for _ip, lane in self._lanes.get((pool, isp), ())), isp]
        found = queue.some(db, self._instances[pool], names, TRIES, self._cursors.get((pool, isp), ""))
        if found:
            self._cursors[pool, isp] = found[-1]
        return found

    def _save(self, db: sqlite3.Connection) -> None:
        for table, changed in self._changed.items():
            if changed:
                state.save(db, table, changed)


def _sentence(key: Key, before: Backoff, after: Backoff) -> str:
    pool, who, isp = key
    words = {
        backoff.STOPPED: f"stopped for {after.until - after.since:.0f} s ({after.refused} refusals): {after.reason}",
        backoff.PROBING: "probing with one connection",
        backoff.RAMPING: f"{after.connections} connections" + (f": {after.reason}" if not before.connections else ""),
        backoff.NORMAL: "back to normal",
    }
    return f"{who} at {isp} (pool {pool}): {words[after.phase]}"
