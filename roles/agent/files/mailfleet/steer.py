# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Answers Postfix: by which lane does this recipient leave now? Pure but for the MX cache and the clocks it is given.

Maps: "<pool>" is asked by the queue manager and counts what it hands out; "<pool>/rcpt" is asked by smtpd before it
accepts a recipient, counts nothing, and only refuses domains that take no mail; "<pool>/isp" tells the policy service
the recipient's ISP profile; "<pool>/explain" tells people.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mailfleet import lanes, mx
from mailfleet.lanes import Lane, Pool, Snapshot
from mailfleet.pace import Allowance, Pace, Rate
from mailfleet.rollup import Rollup, domain_of, is_literal

NOT_FOUND = "NOTFOUND "
# smtpd uses no lane; it only looks whether mail is refused, with 4xx too where "retry" says so.
ACCEPTED = "OK steered:"
RCPT, EXPLAIN, ISP = "rcpt", "explain", "isp"
# A queue without mail for a rate is not looked at any more after this time.
PACED_SECONDS = 3600.0
# Mail of a time before we began may wait for a rate: so long it is looked for.
LOOKED_SECONDS = 60.0
_TEXT = 300
_DEFAULTS: Mapping[str, float] = {
    # Longer than receivers greylist: until then a recipient's mail comes from the same address.
    "sticky_seconds": 4 * 3600,
    "mx_ttl_least": 300,
    "mx_ttl_most": 86_400,
    "dns_wait": 0.9,
}


@dataclass(frozen=True)
class Config:
    pools: Mapping[str, Pool]
    rollup: Rollup
    rates: Mapping[str, Rate]
    message_rates: Mapping[str, str]  # in words, also those that Postfix keeps
    sticky_seconds: float
    mx_ttl_least: float
    mx_ttl_most: float
    dns_wait: float

    @classmethod
    def read(cls, view: Mapping[str, Any]) -> Config:
        """From agent.json: the host's view, and settings under "steer"."""
        own = view.get("steer", {})
        settings = {name: float(own.get(name, value)) for name, value in _DEFAULTS.items()}
        words = {isp["name"]: isp["message_rate"] for isp in view["isps"] if isp.get("message_rate")}
        return cls(lanes.pools(view), Rollup(view["isps"]), lanes.rates(view), words, **settings)


@dataclass(frozen=True)
class Route:
    """What is known of a recipient's domain."""

    domain: str
    isp: str
    source: str  # how the profile was found
    hosts: tuple[str, ...] = ()
    refusal: str = ""  # why no mail can ever go there


class Steer:
    def __init__(
        self,
        config: Config,
        cache: mx.MxCache,
        state: Callable[[], Snapshot],
        wall: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._cache, self._state, self._wall, self._monotonic = cache, state, wall, monotonic
        self._pace = Pace()
        # Where a rate put mail off, and when it did so last.
        began = monotonic() - PACED_SECONDS + LOOKED_SECONDS
        self._paced = {
            (name, isp): began for name, pool in config.pools.items() for isp in config.rates if isp in pool.lanes
        }
        self.answers = self.put_off = 0
        self.configure(config)

    def configure(self, config: Config) -> None:
        self._config = config
        self._cache.limits(config.mx_ttl_least, config.mx_ttl_most, config.dns_wait)

    def answer(self, name: str, key: str) -> str | Awaitable[str]:
        pool_name, _slash, purpose = name.partition("/")
        pool = self._config.pools.get(pool_name)
        if pool is None:
            # The pool is new to Postfix and not yet to us: soon it is.
            return f"TEMP this host has no pool {_clean(pool_name)}"
        domain = domain_of(key)
        if not domain:
            # Postfix also asks for "*".
            return NOT_FOUND
        known = None if is_literal(domain) else self._cache.fresh(domain)
        if known is None and not is_literal(domain):
            return self._later(pool, purpose, key, domain)
        return self._answer(pool, purpose, key, self._route(domain, known))

    async def _later(self, pool: Pool, purpose: str, key: str, domain: str) -> str:
        return self._answer(pool, purpose, key, self._route(domain, await self._cache.ask(domain)))

    def _route(self, domain: str, known: mx.Known | None) -> Route:
        rollup = self._config.rollup
        if known is None:
            words = "its own name" if is_literal(domain) else "its name, because the DNS did not answer"
            return Route(domain, rollup.of_domain(domain), words)
        current = self._cache.is_fresh(known)
        age = "" if current else ", the last known, because the DNS did not answer"
        if known.kind in (mx.MX, mx.ADDRESS):
            source = ("its MX hosts" if known.kind == mx.MX else "its own host, without MX") + age
            return Route(domain, rollup.of_hosts(known.hosts), source, known.hosts)
        if known.kind == mx.NULL and current:
            return Route(domain, "", "its null MX", (), f"5.1.10 {domain} accepts no mail (null MX)")
        # Postfix asks the DNS itself before it gives up.
        return Route(domain, rollup.of_domain(domain), f"nothing, because it has neither MX nor address{age}")

    def _answer(self, pool: Pool, purpose: str, key: str, route: Route) -> str:
        if purpose == EXPLAIN:
            return "OK " + json.dumps(self._explain(pool, key, route))
        if purpose == ISP:
            return f"OK {route.isp}"
        self.answers += 1
        if route.refusal:
            return f"OK error:{_clean(route.refusal)}"
        if purpose == RCPT:
            return ACCEPTED
        choice = self._choose(pool, key, route, self._take)
        if choice.lane:
            return f"OK {choice.lane.name}:"
        self.put_off += 1
        if route.isp in self._config.rates:
            self._paced[pool.name, route.isp] = self._monotonic()
        return f"OK retry:{_put_off(pool, route, choice)}"

    def _choose(self, pool: Pool, key: str, route: Route, take: Callable[[Lane, Allowance], bool]) -> lanes.Choice:
        state, now = self._state(), self._wall()
        subject = self._subject(key, route)
        number, _end = lanes.window(subject, now, self._config.sticky_seconds)
        rate = self._config.rates.get(route.isp)
        return lanes.choose(
            self._lanes(pool, route),
            f"{subject}|{number}|",
            lambda lane: lanes.standing(pool, lane, rate, state, now),
            take,
        )

    def _take(self, lane: Lane, allowance: Allowance) -> bool:
        return self._pace.take(lane.name, allowance, self._monotonic())

    def spare(self) -> list[tuple[Pool, str, int]]:
        """Where mail was put off for its rate, and how many messages the rate would allow now."""
        now, found = self._monotonic(), []
        for (name, isp), last in list(self._paced.items()):
            pool, rate = self._config.pools.get(name), self._config.rates.get(isp)
            if pool is None or rate is None or now > last + PACED_SECONDS:
                del self._paced[name, isp]
                continue
            number = sum(self._pace.spare(lane.name, rate, now) for lane in pool.lanes.get(isp, ()) if lane.weight)
            if number:
                found.append((pool, isp, number))
        return found

    def waits(self, pool: Pool, isp: str) -> None:
        """Some of the mail that was put off still waits."""
        self._paced[pool.name, isp] = self._monotonic()

    def _lanes(self, pool: Pool, route: Route) -> tuple[Lane, ...]:
        return tuple(pool.lanes.get(route.isp) or pool.lanes.get("other", ()))

    def _subject(self, key: str, route: Route) -> str:
        """What keeps its address: a whole domain where the receiver is one of many, so that it learns to know the
        address; at a large provider each recipient, or all mail for it would leave from one address of the pool."""
        return route.domain if self._config.rollup.by_site(route.isp) else key.lower()

    def _explain(self, pool: Pool, key: str, route: Route) -> dict[str, Any]:
        state, now = self._state(), self._wall()
        choice = self._choose(pool, key, route, lambda lane, allowance: True)
        subject = self._subject(key, route)
        rate = self._config.rates.get(route.isp)
        addresses = []
        for lane in self._lanes(pool, route):
            stands = lanes.standing(pool, lane, rate, state, now)
            words = "takes nothing new" if not lane.weight else stands.words or "free"
            addresses.append({"ip": lane.ip, "lane": lane.name, "weight": lane.weight, "state": words})
        known = self._cache.last_known(route.domain)
        return {
            "recipient": key,
            "pool": pool.name,
            "domain": route.domain,
            "mx": list(route.hosts),
            "mx_seconds_left": round(self._cache.seconds_left(known)) if known else None,
            "isp": route.isp or None,
            "isp_from": route.source,
            "message_rate": self._config.message_rates.get(route.isp),
            "sticky": subject,
            "sticky_until": round(lanes.window(subject, now, self._config.sticky_seconds)[1]),
            "addresses": [] if route.refusal else addresses,
            "lane": choice.lane.name if choice.lane and not route.refusal else None,
            "answer": (
                f"error:{route.refusal}"
                if route.refusal
                else f"{choice.lane.name}:"
                if choice.lane
                else f"retry:{_put_off(pool, route, choice)}"
            ),
        }


def _put_off(pool: Pool, route: Route, choice: lanes.Choice) -> str:
    if not choice.refused:
        return _clean(f"4.7.1 pool {pool.name} has no address for {route.isp}")
    lane, words = choice.refused[0]
    others = len(choice.refused) - 1
    also = "" if not others else f" (and {others} more address{'es' if others > 1 else ''} of pool {pool.name})"
    return _clean(f"4.7.1 {lane.ip} at {lane.isp}{also}: {words}")


def _clean(text: str) -> str:
    """One line of printable ASCII, as it goes into a log and a bounce."""
    printable = "".join(char if " " <= char <= "~" else " " for char in text)
    return " ".join(printable.split())[:_TEXT]
