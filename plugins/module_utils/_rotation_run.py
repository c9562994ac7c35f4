# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""One run over all domains: whose state is what, whose turn it is, and what each of them does. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._rotation import Step, due_at, may_begin, step
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import (
    DAY,
    Evidence,
    Policy,
    Shown,
    Sighting,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_lineup import (
    copies_of,
    live_selectors,
    standing,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_orders import copies_missing, ordered, rebuilt
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import State, dump

Reports = Mapping[str, Mapping[str, Any]]  # by host
Item = Mapping[str, Any]  # domain, selector, signers, as Wanted of _dkim_keys


class Zone(NamedTuple):
    """How long answers of a zone may be kept by resolvers."""

    ttl: int = 0
    negative_ttl: int = 0


class World(NamedTuple):
    """What this run has seen."""

    reports: Reports
    shown: Mapping[str, Mapping[str, Shown]] = {}  # domain -> selector
    zones: Mapping[str, Zone] = {}  # by domain
    sightings: Mapping[str, tuple[Sighting, ...]] = {}  # by domain
    source: str = ""


class Order(NamedTuple):
    name: str = "step"
    domains: Collection[str] = ()  # empty: all
    reason: str = ""


class Decision(NamedTuple):
    before: State  # as it was, or as it was rebuilt
    step: Step
    copies: frozenset[str]  # reached hosts that get this state

    @property
    def state(self) -> State:
        return self.step.state


def names_to_ask(item: Item, reports: Reports) -> list[str]:
    """The selectors whose records matter, also those of keys that no state knows."""
    domain, signers = item["domain"], item["signers"]
    state = standing(domain, item["selector"], signers, reports)
    if state is None:
        held = {name for host in signers for name in reports.get(host, {}).get("public", {}).get(domain, {})}
        return sorted(held | {item["selector"]})
    sets = [state.active, *([state.next] if state.next else []), *(old.selector for old in state.retiring)]
    return sorted({member for selector in sets for member in state.members(selector)})


def evidence_of(
    item: Item, world: World, copies: Mapping[str, State | None], state: State | None, now: int
) -> Evidence:
    domain, signers = item["domain"], tuple(sorted(item["signers"]))
    reports = {host: world.reports[host] for host in signers if host in world.reports}
    zone = world.zones.get(domain, Zone())
    lifetimes = [report["queue_lifetime"] for report in reports.values() if report.get("queue_lifetime")]
    queues = {host: report.get("mail_age", {}) for host, report in reports.items()}
    made: dict[str, int] = {}
    for report in reports.values():
        for selector, at in report.get("made", {}).get(domain, {}).items():
            made[selector] = min(at, made.get(selector, at))
    return Evidence(
        signers=signers,
        reached=frozenset(reports),
        stale=copies_missing(copies, state, sorted(reports)) if state else frozenset(),
        keys={host: report["public"].get(domain, {}) for host, report in reports.items()},
        proofs={host: report.get("proofs", {}).get(domain, {}) for host, report in reports.items()},
        live=live_selectors(domain, signers, reports),
        made=made,
        oldest_mail={host: now - ages[domain] for host, ages in queues.items() if domain in ages},
        dns=world.shown.get(domain, {}),
        ttl=zone.ttl,
        negative_ttl=zone.negative_ttl,
        queue_lifetime=max(lifetimes, default=5 * DAY),
        sightings=world.sightings.get(domain, ()),
        source=world.source,
    )


def decide(items: Iterable[Item], world: World, policy: Policy, order: Order, now: int) -> dict[str, Decision]:
    """What every domain does in this run; those without any reached signer are not this run's business."""
    stands: dict[str, tuple[State, Evidence]] = {}
    for item in items:
        copies = copies_of(item["domain"], item["signers"], world.reports)
        if copies:
            stands[item["domain"]] = _standing(item, copies, world, order, now)
    turn = _turns(stands, policy, now)
    decisions = {}
    for domain, (state, evidence) in stands.items():
        if order.name == "status":
            taken = Step(state)
        else:
            taken = step(state, evidence._replace(turn=domain in turn), policy, now)
        copies = copies_of(domain, evidence.signers, world.reports)
        missing = copies_missing(copies, taken.state, sorted(evidence.reached))
        decisions[domain] = Decision(state, taken, frozenset() if order.name == "status" else missing)
    return decisions


def _standing(
    item: Item, copies: Mapping[str, State | None], world: World, order: Order, now: int
) -> tuple[State, Evidence]:
    state = standing(item["domain"], item["selector"], item["signers"], world.reports)
    evidence = evidence_of(item, world, copies, state, now)
    if state is None:
        state = rebuilt(item["domain"], item["selector"], evidence, now)
        evidence = evidence._replace(stale=frozenset(copies))
    if not order.domains or item["domain"] in order.domains:
        state = ordered(state, order.name, order.reason, now)
    return state, evidence


def _turns(stands: Mapping[str, tuple[State, Evidence]], policy: Policy, now: int) -> set[str]:
    """The first in line, so that the keys of a large fleet do not all change on one day."""
    waiting = [state for state, _evidence in stands.values() if may_begin(state, policy, now)]
    waiting.sort(key=lambda state: (due_at(state, policy), state.since, state.domain))
    return {state.domain for state in waiting[: policy.starts]}


def copies_by_host(decisions: Mapping[str, Decision]) -> dict[str, dict[str, str]]:
    """What each host is to keep: {host: {domain: text}}."""
    found: dict[str, dict[str, str]] = {}
    for domain, decision in decisions.items():
        if decision.copies:
            text = dump(decision.state)
            for host in sorted(decision.copies):
                found.setdefault(host, {})[domain] = text
    return found


def shreds_by_host(decisions: Mapping[str, Decision], reports: Reports) -> dict[str, list[dict[str, str]]]:
    """Keys that are removed, on the hosts that still have them."""
    found: dict[str, list[dict[str, str]]] = {}
    for domain, decision in decisions.items():
        state = decision.state
        gone = [name for old in state.retiring if old.removed_at for name in state.members(old.selector)]
        for host, report in reports.items():
            pairs = [{"domain": domain, "selector": n} for n in gone if n in report["public"].get(domain, {})]
            if pairs:
                found.setdefault(host, []).extend(pairs)
    return found
