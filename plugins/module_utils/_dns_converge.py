# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Reads, plans, writes, reads back and waits: the way of a set of records into DNS.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._dns import Backend, Reading, Zone
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import (
    LEFTOVER,
    Change,
    Found,
    Key,
    Plan,
    Problem,
    Wanted,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_plan import Limits, limit_problems, make_plan
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import Applied
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_visible import Seen, Watch
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_gate import SpfGate

ATTEMPTS = 3


class Options(NamedTuple):
    phase: str = "final"
    release: Collection[str] = ()
    check: bool = False
    limits: Limits = Limits()


class ZoneResult(NamedTuple):
    zone: Zone
    changes: list[Change]
    atomic: bool
    attempts: int


class Converged(NamedTuple):
    """`plan` is what was found to do; `zones` what was done (in check mode: what would be)."""

    plan: Plan
    problems: dict[str, list[Problem]]
    zones: dict[Zone, ZoneResult]
    manual: list[Wanted]
    serials: dict[Zone, int]
    warnings: list[str]


Wait = Callable[[Sequence[Watch]], Seen]
ByZone = dict[Zone, list[Change]]


class Convergence:
    def __init__(
        self,
        wanted: Iterable[Wanted],
        backend: Backend,
        options: Options,
        wait: Wait | None = None,
        spf: SpfGate | None = None,
    ) -> None:
        self.wanted = {want.key: want for want in wanted}
        self.backend, self.options, self.wait, self.spf = backend, options, wait, spf
        self.found: dict[Key, Found] = {}
        self.zone_of: dict[str, Zone] = {}
        self.problems: dict[str, list[Problem]] = {}
        self.done: dict[Zone, ZoneResult] = {}
        self.failed: set[Zone] = set()

    def run(self) -> Converged:
        reading = self._read(self.wanted)
        plan = self._plan(self.wanted.values(), reading)
        changes = self._allowed(self._by_zone(plan.changes))
        if self.options.check:
            self.done = {zone: ZoneResult(zone, own, True, 0) for zone, own in changes.items()}
        else:
            self._write(changes)
        manual = [w for w in self.wanted.values() if w.name in reading.unmanaged and w.rule != LEFTOVER]
        seen = self._await(self.wait) if self.wait and not self.options.check else Seen({}, {}, [])
        return Converged(plan, self.problems, self.done, manual, seen.serials, seen.warnings)

    def _read(self, keys: Iterable[Key]) -> Reading:
        reading = self.backend.read(keys)
        self.found.update(reading.found)
        self.zone_of.update(reading.zones)
        return reading

    def _plan(self, wanted: Iterable[Wanted], reading: Reading) -> Plan:
        keys = [want.key for want in wanted]
        options = self.options
        refused: dict[Key, str] = {}

        def again() -> Plan:
            found = {key: own for key, own in reading.found.items() if key not in refused}
            unread = {**reading.problems, **refused}
            return make_plan([self.wanted[key] for key in keys], found, options.phase, options.release, unread)

        plan = again()
        while synthesized := self._synthesized(plan, reading):
            reading.found.update((key, Found()) for key in synthesized)
            plan = again()
        if self.spf is not None:
            judged = self.spf.judge((self.wanted[key] for key in keys), reading.found, plan.changes)
            while judged.leaner:
                self.wanted.update(judged.leaner)
                plan = again()
                judged = self.spf.judge((self.wanted[key] for key in keys), reading.found, plan.changes)
            if judged.refused:
                refused.update(judged.refused)
                plan = again()
            for item, notes in judged.notes.items():
                plan.notes.setdefault(item, []).extend(notes)
        for item, problems in plan.problems.items():
            self.problems.setdefault(item, []).extend(problems)
        return plan

    def _synthesized(self, plan: Plan, reading: Reading) -> list[Key]:
        """Names that exist only by a wildcard: nothing is there to guard or delete, and adding is right."""
        refused = {problem.subject for problems in plan.problems.values() for problem in problems}
        touched = {change.name for change in plan.changes if change.before is not None} | refused
        left = {key for key in reading.found if key in self.wanted and self.wanted[key].rule == LEFTOVER}
        stars: dict[Key, list[Key]] = {}
        for key, found in reading.found.items():
            zone = reading.zones.get(key[0])
            if (key[0] in touched or key in left) and (found.rrset or found.cname) and zone and key[0] != zone.name:
                labels = key[0][: -len(zone.name) - 1].split(".") if zone.name else key[0].split(".")
                parents = [".".join([*labels[i:], zone.name]) for i in range(1, len(labels) + 1)]
                stars[key] = [(f"*.{parent}", key[1]) for parent in parents if f"*.{parent}" != key[0]]
        if not stars:
            return []
        wild = self.backend.read({star for own in stars.values() for star in own}).found
        return [key for key, own in stars.items() if reading.found[key] in [wild.get(star) for star in own]]

    def _by_zone(self, changes: Iterable[Change]) -> ByZone:
        grouped: ByZone = {}
        for change in changes:
            grouped.setdefault(self.zone_of[change.name], []).append(change)
        return grouped

    def _allowed(self, changes: ByZone) -> ByZone:
        whole, zones = limit_problems(changes, self.options.limits)
        allowed: ByZone = {}
        for zone, own in changes.items():
            text = whole or zones.get(zone, "")
            if text:
                self._fail(zone, own, text)
            else:
                allowed[zone] = own
        return allowed

    def _fail(self, zone: Zone, changes: Iterable[Change], text: str) -> None:
        self.failed.add(zone)
        problem = Problem(f"zone {zone.name}", text)
        for item in dict.fromkeys(item for change in changes for item in change.domains):
            self.problems.setdefault(item, []).append(problem)

    def _write(self, changes: ByZone) -> None:
        """A zone that moved since it was read is read, planned and written again."""
        for attempt in range(1, ATTEMPTS + 1):
            if not changes:
                return
            applied = self.backend.apply(changes)
            # Whole zones: what others changed meanwhile would be waited for in vain.
            reading = self._read([key for key in self.wanted if self.zone_of.get(key[0]) in changes])
            again: ByZone = {}
            for zone, own in changes.items():
                if applied[zone].conflict and attempt < ATTEMPTS:
                    wanted = [self.wanted[change.key] for change in own]
                    again.update(self._by_zone(self._plan(wanted, reading).changes))
                else:
                    self._judge(zone, own, applied[zone], attempt, reading.problems)
            changes = again

    def _judge(
        self, zone: Zone, changes: list[Change], applied: Applied, attempt: int, unread: Mapping[Key, str]
    ) -> None:
        """NOERROR is no proof: what counts is what the server shows."""
        missing = [change for change in changes if change.key in unread or not self._landed(change)]
        blind = [unread[change.key] for change in changes if change.key in unread]
        if applied.conflict:
            text = (
                f"{zone.server} refused the update {ATTEMPTS} times, because somebody else changes the same records "
                f"({', '.join(sorted({change.name for change in changes}))}). Remedy: run again when they are done; "
                "if nobody is, look for records that hide behind a CNAME or a wildcard, or stand where one shall be."
            )
            self._fail(zone, changes, text)
        elif applied.problem and (missing or not applied.unknown):
            self._fail(zone, changes, applied.problem)
        elif blind:
            text = f"the change was accepted, but could not be read back: {blind[0]} A re-run tells what is there."
            self._fail(zone, missing, text)
        elif missing:
            names = ", ".join(f"{change.name} {change.type}" for change in missing)
            text = (
                f"{zone.server} accepted the update, but does not show {names}. "
                "Remedy: look for a CNAME at the name, and for another tool that writes the zone."
            )
            self._fail(zone, missing, text)
        landed = [change for change in changes if change not in missing] if not applied.conflict else []
        for change in landed:
            text = self._other_ttl(change)
            if text:
                self._fail(zone, [change], text)
        if landed:
            self.done[zone] = ZoneResult(zone, landed, applied.atomic, attempt)

    def _landed(self, change: Change) -> bool:
        found = self.found.get(change.key)
        values = found.rrset.values if found and found.rrset else ()
        return set(change.after) <= set(values) and not set(change.delete) & set(values)

    def _other_ttl(self, change: Change) -> str:
        """Providers have a least TTL; a wish below it would be a change in every run."""
        found = self.found[change.key].rrset
        if not found or not change.after or found.ttl == change.ttl:
            return ""
        return (
            f"{change.name} {change.type} has the TTL {found.ttl} now, and {change.ttl} was asked for. "
            f"Remedy: set ttl: {found.ttl} for the zone in dns.zones."
        )

    def _await(self, wait: Wait) -> Seen:
        watches: dict[Zone, Watch] = {}
        changed = {change.key for result in self.done.values() for change in result.changes}
        for key, found in self.found.items():
            zone = self.zone_of.get(key[0])
            want = self.wanted.get(key)
            if zone is None or want is None or zone in self.failed:
                continue
            if all(item in self.problems for item in want.domains):
                continue
            if want.rule == LEFTOVER and key not in changed:
                continue
            watches.setdefault(zone, Watch(zone, {}, zone in self.done)).truth[key] = found
        seen = wait(list(watches.values()))
        for zone, texts in seen.problems.items():
            items = {item for key in watches[zone].truth for item in self.wanted[key].domains}
            for item in sorted(items):
                self.problems.setdefault(item, []).extend(Problem(f"zone {zone.name}", text) for text in texts)
        return seen


def converge(
    wanted: Iterable[Wanted],
    backend: Backend,
    options: Options,
    wait: Wait | None = None,
    spf: SpfGate | None = None,
) -> Converged:
    return Convergence(wanted, backend, options, wait, spf).run()
