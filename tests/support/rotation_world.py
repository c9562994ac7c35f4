# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A fleet in memory whose keys are rotated by the code under test, with faults: no host, no clock, no network.

Senders, name servers and receivers are dictionaries. After every single action the world looks whether some sender
signs with a key that it does not have or that some name server does not show, and whether a key went that mail needs.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_keys import Wanted as Domain
from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_keys import plan_keys
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Found, RRset, Wanted
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_plan import make_plan
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import (
    build_dkim,
    dkim_alias,
    dkim_key,
    parse_dkim,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import DAY, Policy, Shown, Sighting
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_records import shown_by, wanted_records
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_run import (
    Decision,
    Order,
    World,
    Zone,
    copies_by_host,
    decide,
    names_to_ask,
    shreds_by_host,
)

SERVERS = ("primary", "second", "third")
QUEUE = 5 * DAY
POLICY, STEP = Policy(), Order()


class KilledError(Exception):
    """The controller died after an action."""


class Sender:
    def __init__(self) -> None:
        self.keys: dict[str, dict[str, str]] = {}
        self.states: dict[str, str] = {}
        self.live: dict[str, list[str]] = {}

    def report(self) -> dict[str, Any]:
        return {
            "public": {domain: dict(keys) for domain, keys in self.keys.items()},
            "orphans": {},
            "exchange": "X",
            "pace": 1,
            "rotation": dict(self.states),
            "signing": dict(self.live),
            "proofs": self.keys,
            "queue_lifetime": QUEUE,
        }


class Fleet:
    def __init__(self, domains: int, hosts: int = 4, signers: int = 3, seed: int = 0, policy: Policy = POLICY) -> None:
        self.dice = random.Random(seed)
        self.policy = policy
        self.senders = {f"mx{number}": Sender() for number in range(1, hosts + 1)}
        names = list(self.senders)
        self.items: list[Domain] = [
            {
                "domain": f"d{number:03}.example",
                "pool": "p",
                "selector": "mf1",
                "signers": sorted(names[(number + turn) % hosts] for turn in range(signers)),
            }
            for number in range(domains)
        ]
        self.signers: dict[str, list[str]] = {item["domain"]: item["signers"] for item in self.items}
        self.zones: dict[str, dict[str, tuple[str, ...]]] = {server: {} for server in SERVERS}
        self.stuck: set[str] = set()
        self.silent: set[str] = set()
        self.dns_down = False
        self.signed: dict[tuple[str, str], int] = {}  # (domain, selector) -> when somebody last signed with it
        self.sightings: dict[str, tuple[Sighting, ...]] = {}
        self.faults: list[str] = []
        self.fuse = 0  # actions until the controller dies; 0 = it lives
        self.published: dict[tuple[str, str], str] = {}
        self.decisions: dict[str, Decision] = {}

    # What a run does

    def site(self, now: int, limit: Collection[str] = ()) -> None:
        """As site.yml: keys, records, signing; for all senders or those of --limit."""
        reports = self._reports(limit)
        if not limit and len(reports) < len(self.senders):
            return  # a sender that cannot be reached stops it
        self._converge(reports, now, staged=False)

    def rotate(self, now: int, order: Order = STEP) -> None:
        """As dkim_rotate.yml: look, decide, keep the states, then as site.yml."""
        reports = self._reports()
        world = World(reports, self._shown(reports), self._ttls(), self.sightings, "receivers")
        self.decisions = decide(self.items, world, self.policy, order, now)
        for host, pairs in shreds_by_host(self.decisions, reports).items():
            for pair in pairs:
                self.senders[host].keys[pair["domain"]].pop(pair["selector"], None)
                self._acted(pair["domain"], now)
        for host, texts in copies_by_host(self.decisions).items():
            for domain, text in texts.items():
                self.senders[host].states[domain] = text
                self._acted(domain, now)
        self._converge(self._reports(), now, staged=True, decisions=self.decisions)

    def _reports(self, limit: Collection[str] = ()) -> dict[str, dict[str, Any]]:
        return {
            host: sender.report()
            for host, sender in self.senders.items()
            if host not in self.silent and (not limit or host in limit)
        }

    def _converge(
        self, reports: Mapping[str, Any], now: int, staged: bool, decisions: Mapping[str, Decision] | None = None
    ) -> None:
        if not reports:
            return
        plan = plan_keys(self.items, reports, staged)
        for host, pairs in plan.make.items():
            for pair in pairs:
                key = self.dice.randbytes(24).hex().upper()
                self.senders[host].keys.setdefault(pair["domain"], {})[pair["selector"]] = key
                self._acted(pair["domain"], now)
        for host, owners in plan.store.items():
            for owner, pairs in owners.items():
                for pair in pairs:
                    key = self.senders[owner].keys[pair["domain"]][pair["selector"]]
                    self.senders[host].keys.setdefault(pair["domain"], {})[pair["selector"]] = key
                    self._acted(pair["domain"], now)
        seen = self._publish(plan_keys(self.items, self._reports(reports), staged).public_keys, decisions, now)
        for host, rows in plan.signing.items():
            if host in reports:
                self._sign(host, rows, seen, staged, now)

    def _publish(self, keys: Mapping[str, Any], decisions: Mapping[str, Decision] | None, now: int) -> bool:
        """Every domain is a zone of its own, so its changes go together."""
        if self.dns_down:
            return False
        primary = self.zones["primary"]
        for item in self.items:
            domain = item["domain"]
            own = keys.get(domain, {})
            if decisions and domain in decisions:
                wanted = wanted_records(decisions[domain].state, own, lambda name: 3600)
            else:
                wanted = _plain_records(domain, own)
            existing = {want.key: _found(primary.get(want.name, ())) for want in wanted}
            changes = make_plan(wanted, existing).changes
            for change in changes:
                primary[change.name] = change.after
            if changes:
                for want in wanted:
                    if want.rule == "dkim":
                        self.published[domain, want.name.partition(".")[0]] = want.values[0]
                self._acted(domain, now)
        self.transfer()
        return not self.stuck

    def transfer(self) -> None:
        for server in SERVERS[1:]:
            if server not in self.stuck and not self.dns_down:
                self.zones[server] = dict(self.zones["primary"])

    def _sign(self, host: str, rows: list[dict[str, str]], seen: bool, rotation: bool, now: int) -> None:
        """One generation for the host, all or nothing; site.yml stops before it when records are not seen."""
        live: dict[str, list[str]] = {}
        for row in rows:
            live.setdefault(row["domain"], []).append(row["selector"])
        if seen or rotation:
            changed = [domain for domain, selectors in live.items() if self.senders[host].live.get(domain) != selectors]
            self.senders[host].live = live
            for domain in changed:
                self._acted(domain, now, burn=False)
            self._acted("", now)

    # What is seen

    def _shown(self, reports: Mapping[str, Any]) -> dict[str, dict[str, Shown]]:
        return {
            item["domain"]: {selector: self.shown(item["domain"], selector) for selector in names_to_ask(item, reports)}
            for item in self.items
        }

    def shown(self, domain: str, selector: str) -> Shown:
        if self.dns_down:
            return shown_by(dict.fromkeys(SERVERS, "did not answer"))
        name = dkim_alias(domain, selector)
        return shown_by({server: _found(self.zones[server].get(name, ())) for server in SERVERS})

    def _ttls(self) -> dict[str, Zone]:
        return {item["domain"]: Zone(3600, 900) for item in self.items}

    def mail(self, now: int) -> None:
        """Every sender sends a message of every domain, and a receiver asks a name server for the key."""
        for item in self.items:
            for host in item["signers"]:
                for selector in self.senders[host].live.get(item["domain"], []):
                    self.signed[item["domain"], selector] = now
            rotating = self.decisions.get(item["domain"])
            if rotating and rotating.state.stage in ("canary", "switched"):
                own = tuple(
                    Sighting(host, selector, self._valid(item["domain"], host, selector), now)
                    for host in item["signers"]
                    for selector in self.senders[host].live.get(item["domain"], [])
                )
                self.sightings[item["domain"]] = (*self.sightings.get(item["domain"], ())[-20:], *own)

    def _valid(self, domain: str, host: str, selector: str) -> bool:
        shown = self.zones[self.dice.choice(SERVERS)].get(dkim_alias(domain, selector), ())
        key = self.senders[host].keys.get(domain, {}).get(selector)
        return bool(shown) and bool(key) and parse_dkim(shown[0]).public_key == key

    # What must never be

    def _acted(self, domain: str, now: int, burn: bool = True) -> None:
        if domain:
            self.check(domain, now)
        if burn and self.fuse:
            self.fuse -= 1
            if not self.fuse:
                raise KilledError

    def check(self, domain: str, now: int) -> None:
        for host in self.signers[domain]:
            selectors = self.senders[host].live.get(domain, [])
            if not selectors:
                self.faults.append(f"{now // DAY}: {domain} is unsigned on {host}")
            for selector in selectors:
                key = self.senders[host].keys.get(domain, {}).get(selector)
                if not key:
                    self.faults.append(f"{now // DAY}: {domain} has no key {selector} on {host}")
                self._check_published(domain, selector, key, f"{host} signs with", now)

    def _check_published(self, domain: str, selector: str, key: str | None, why: str, now: int) -> None:
        record = build_dkim(dkim_key(key)) if key else ""
        for server in SERVERS:
            if self.zones[server].get(dkim_alias(domain, selector)) != (record,):
                self.faults.append(f"{now // DAY}: {server} does not show {selector} of {domain}, which {why}")

    def check_queues(self, now: int) -> None:
        """Mail on its way was signed up to a queue's lifetime ago; its key must still be there."""
        for (domain, selector), at in self.signed.items():
            if now - at <= QUEUE:
                record = self.published.get((domain, selector))
                for server in SERVERS:
                    if record and self.zones[server].get(dkim_alias(domain, selector)) != (record,):
                        self.faults.append(f"{now // DAY}: {selector} of {domain} went at {server}, mail needs it")


def _plain_records(domain: str, keys: Mapping[str, Any]) -> list[Any]:
    """What site.yml publishes of these keys."""
    return [
        Wanted(dkim_alias(domain, selector), "TXT", 3600, (build_dkim(dkim_key(key)),), rule="dkim", domains=(domain,))
        for selector, key in keys.items()
        if key
    ]


def _found(values: tuple[str, ...]) -> Found:
    return Found(RRset(3600, values)) if values else Found()


def begin(fleet: Fleet, now: int) -> None:
    """The first site run, with nothing broken."""
    fleet.site(now)
    fleet.faults.clear()  # until its end nobody signed


def year(fleet: Fleet, days: int = 365, start: int = 1_800_000_000) -> int:
    """Daily runs with faults; how many rotations were completed."""
    begin(fleet, start)
    dice = fleet.dice
    for day in range(days):
        now = start + day * DAY + 3600
        trouble(fleet)
        for turn in range(2 if dice.random() < 0.1 else 1):
            clock = now + turn * 600 - (3 * DAY if dice.random() < 0.02 else 0)
            fleet.fuse = dice.randrange(1, 60) if dice.random() < 0.15 else 0
            with contextlib.suppress(KilledError):
                fleet.rotate(clock)
            fleet.fuse = 0
        if dice.random() < 0.2:
            fleet.site(now + 1800, dice.sample(list(fleet.senders), 2) if dice.random() < 0.5 else ())
        fleet.mail(now + 3000)
        for item in fleet.items:
            fleet.check(item["domain"], now)
        fleet.check_queues(now)
    return sum(len(decision.state.history) for decision in fleet.decisions.values())


def trouble(fleet: Fleet) -> None:
    """Faults begin and end by the dice."""
    dice, hosts = fleet.dice, list(fleet.senders)
    fleet.dns_down = dice.random() < (0.6 if fleet.dns_down else 0.03)
    fleet.stuck = ({dice.choice(SERVERS[1:])} if not fleet.stuck else fleet.stuck) if dice.random() < (
        0.8 if fleet.stuck else 0.05
    ) else set()  # fmt: skip
    fleet.silent = (set(dice.sample(hosts, len(hosts) // 2)) if not fleet.silent else fleet.silent) if dice.random() < (
        0.7 if fleet.silent else 0.04
    ) else set()  # fmt: skip
    fleet.transfer()
    if dice.random() < 0.1:
        lost = dice.sample(fleet.items, max(1, len(fleet.items) // 20))
        for host in hosts if dice.random() < 0.5 else dice.sample(hosts, 1):
            for item in lost:
                fleet.senders[host].states.pop(item["domain"], None)
