# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The planner: wanted and existing RRsets in, changes out. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_gates import GATES
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import (
    LEFTOVER,
    Change,
    Existing,
    Found,
    Key,
    Outcome,
    Plan,
    Problem,
    Wanted,
    values_of,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rules import RULES
from ansible_collections.mailfleet.mta.plugins.module_utils._txt import printable

PHASES = ("add", "final")
Zone = TypeVar("Zone")  # however the caller tells zones apart


class Limits(NamedTuple):
    """A change is one RRset; a delete is a change that leaves fewer values."""

    changes: int = 20000
    deletes: int = 500
    zone_changes: int = 5000
    zone_deletes: int = 100


def make_plan(
    wanted: Iterable[Wanted],
    existing: Existing,
    phase: str = "final",
    release: Collection[str] = (),
    unread: Mapping[Key, str] = MappingProxyType({}),
) -> Plan:
    """Only what was read (is in `existing`) is planned; `unread` says why something could not be.

    phase add takes nothing away but reports what could go; phase final removes it, SPF addresses
    only for domains in `release`.
    """
    plan = Plan([], {}, [], [], {})
    changes: list[Change] = []
    for want in wanted:
        found = existing.get(want.key)
        if found is None:
            # Where nothing is wanted, nobody has to be able to look.
            _refuse(plan, want, unread.get(want.key, "") if want.rule != LEFTOVER else "")
            continue
        shut = GATES[want.gate](want, values_of(existing.get(want.beside))) if want.gate else None
        if shut is not None:
            _report(plan, want, Outcome(None, notes=(shut,) if shut else ()))
            continue
        outcome = _decide(want, found, phase, release)
        if outcome.problem:
            _refuse(plan, want, outcome.problem)
            continue
        _report(plan, want, outcome)
        change = _difference(want, found, outcome)
        if change is not None:
            changes.append(change)
    # A domain with a problem is left alone; a name it shares with sound domains is not.
    plan.changes.extend(c for c in changes if not c.domains or any(d not in plan.problems for d in c.domains))
    return plan


def _decide(want: Wanted, found: Found, phase: str, release: Collection[str]) -> Outcome:
    if found.cname:
        if want.absent:
            return Outcome(None)
        return Outcome(
            None,
            problem=f"is a CNAME to {found.cname}, and no {want.type} record can stand beside it. "
            "Remedy: delete the CNAME, or have its target carry the record.",
        )
    final = phase == "final" and (want.rule != "spf" or all(domain in release for domain in want.domains))
    return RULES[want.rule](want, values_of(found), final)


def _refuse(plan: Plan, want: Wanted, text: str) -> None:
    for domain in want.domains if text else ():
        plan.problems.setdefault(domain, []).append(Problem(want.name, text))


def _report(plan: Plan, want: Wanted, outcome: Outcome) -> None:
    for domain in want.domains:
        where = {"domain": domain, "name": want.name, "type": want.type}
        if outcome.pending_ips or outcome.pending_values:
            values = [printable(value) for value in outcome.pending_values]
            plan.pending_removals.append({**where, "ips": list(outcome.pending_ips), "others": values})
        if outcome.foreign:
            plan.foreign.append({**where, "values": list(outcome.foreign)})
        if outcome.notes:
            plan.notes.setdefault(domain, []).extend(outcome.notes)


def _difference(want: Wanted, found: Found, outcome: Outcome) -> Change | None:
    after = outcome.values
    if after is None:
        return None
    had, will = set(values_of(found)), set(after)
    ttl = _ttl(want, found, had, will)
    same_ttl = found.rrset is None or found.rrset.ttl == ttl
    if had == will and same_ttl:
        return None
    # A new TTL is written by writing the values again.
    add = tuple(value for value in after if value not in had or not same_ttl)
    delete = tuple(sorted(had - will))
    loses = outcome.shrinks or len(delete) > len(add)
    return Change(want.name, want.type, ttl, add, delete, after, found.rrset, want.domains, loses)


def _ttl(want: Wanted, found: Found, had: set[str], will: set[str]) -> int:
    """Only an RRset that is ours alone gets our TTL; one that is kept or shared keeps its own."""
    if found.rrset is None:
        return want.ttl
    shared = want.ownership == "value" or want.absent or will != set(want.values)
    return found.rrset.ttl if shared else want.ttl


def over_limit(changes: Iterable[Change], most_changes: int, most_deletes: int, which: str) -> str:
    """A sentence, or nothing. `which` is empty for the call and 'zone_' for one zone."""
    changes = list(changes)
    deletes = sum(change.loses for change in changes)
    for count, most, what in ((len(changes), most_changes, "changes"), (deletes, most_deletes, "deletes")):
        if count > most:
            return (
                f"{count} {what} are planned and limits.{which}{what} allows {most}, so nothing was written. "
                f"Remedy: check the plan with --check --diff; if it is right, set limits.{which}{what}: {count}."
            )
    return ""


def limit_problems(by_zone: Mapping[Zone, Collection[Change]], limits: Limits) -> tuple[str, dict[Zone, str]]:
    """(sentence for the whole call, {zone: sentence})."""
    zones = {
        zone: sentence
        for zone, changes in by_zone.items()
        if (sentence := over_limit(changes, limits.zone_changes, limits.zone_deletes, "zone_"))
    }
    every = [change for changes in by_zone.values() for change in changes]
    return over_limit(every, limits.changes, limits.deletes, ""), zones
