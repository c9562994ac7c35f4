# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Lets only SPF records through that receivers can evaluate and that pass the domain's addresses. Pure but for `ask`.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils import _spf
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Change, Existing, Key, Wanted
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_check import PASS, TEMPERROR, Verdict, check_host
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_count import (
    Answer,
    Ask,
    Cost,
    Counted,
    evaluated,
    follow,
    target,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._txt import printable

Trial = tuple[Wanted, str, str]  # a record as it would be, and an address


class Judged(NamedTuple):
    refused: dict[Key, str]  # sentences
    leaner: dict[Key, Wanted]  # what fits when includes are left out that another include brings
    notes: dict[str, list[str]]  # by domain


class _Known:
    """Answers that are there, and what was asked for in vain."""

    def __init__(self, answers: Mapping[Key, Answer]) -> None:
        self.answers = answers
        self.missing: set[Key] = set()

    def __call__(self, key: Key) -> Answer | None:
        if key not in self.answers:
            self.missing.add(key)
        return self.answers.get(key)


class SpfGate:
    """Keeps what was asked: a second plan of the same run asks nothing again."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.answers: dict[Key, Answer] = {}

    def judge(self, wanted: Iterable[Wanted], existing: Existing, changes: Iterable[Change]) -> Judged:
        after = {change.key: change.after for change in changes}
        texts: dict[Key, str] = {}
        wants = {want.key: want for want in wanted if want.rule == "spf"}
        for key in wants:
            found = existing.get(key)
            values = after.get(key) or (found.rrset.values if found and found.rrset else ())
            text = next((value for value in values if _spf.is_spf(value)), "")
            if _costs(text):
                texts[key] = text
        counted = follow(((key[0], text) for key, text in texts.items()), self.ask, self.answers)
        judged = Judged({}, {}, {})
        sound: list[tuple[Wanted, str]] = []
        for key, text in texts.items():
            if _judge(judged, wants[key], text, counted[key[0], text], key in after):
                sound.append((wants[key], text))
        for (want, _text, address), verdict in self._verdicts(sound).items():
            if verdict.result not in (PASS, TEMPERROR):
                judged.refused.setdefault(want.key, _stands_in_the_way(address, verdict))
        return judged

    def _verdicts(self, records: Iterable[tuple[Wanted, str]]) -> dict[Trial, Verdict]:
        """What receivers will say, asking for all records at once what is not known yet."""
        left = [(want, text, address) for want, text in records for address in _tried(want, text)]
        done: dict[Trial, Verdict] = {}
        while left:
            known = _Known(self.answers)
            again: list[Trial] = []
            for trial in left:
                want, text, address = trial
                done[trial] = check_host(address, want.name, known, text)
                if done[trial].result == TEMPERROR:
                    again.append(trial)
            if not known.missing:
                break
            self.answers.update(self.ask(known.missing))
            left = again
        return done


def _judge(judged: Judged, want: Wanted, text: str, counted: Counted, changed: bool) -> bool:
    """Is this a change without a problem so far?"""
    problem = counted.problem
    if problem and changed:
        leaner = _leaner(want, counted)
        if leaner is None:
            judged.refused[want.key] = _sentence("would have an SPF record that does not work", problem, counted)
        else:
            judged.leaner[want.key] = leaner
    elif problem:
        _note(judged, want, _sentence("its SPF record does not work", problem, counted))
    elif changed and counted.total.unknown:
        least = f"its SPF record needs {counted.total.lookups} or more DNS lookups, because "
        _note(judged, want, f"{least}{counted.total.unknown[0]}. Remedy: set dns.resolver to one that knows all names.")
    return changed and not problem


def _tried(want: Wanted, text: str) -> list[str]:
    """All addresses when a mechanism that does not pass could stand in their way, else the last of each family."""
    addresses = list(_spf.addresses(_spf.parse_spf(want.values[0])))
    costly = [term for term in evaluated(_spf.parse_spf(text)) if term.name in _spf.COSTLY]
    if any(term.qualifier in ("-", "~", "?") for term in costly):
        return addresses
    return list({":" in address: address for address in addresses}.values())


def _stands_in_the_way(address: str, verdict: Verdict) -> str:
    why = printable(verdict.why)
    return (
        f"would have an SPF record that answers {verdict.result} for {address} ({why}). "
        "Remedy: remove the mechanism, or let it pass."
    )


def _costs(text: str) -> bool:
    try:
        return bool(text and _spf.lookups(_spf.parse_spf(text)))
    except ValueError:
        return False  # the planner has refused it


def _note(judged: Judged, want: Wanted, text: str) -> None:
    for domain in want.domains:
        judged.notes.setdefault(domain, []).append(text)


def _sentence(what: str, problem: str, counted: Counted) -> str:
    costs = "".join(f" [{printable(item)}]" for item in counted.evidence)
    remedy = "remove some of these, or list their addresses as ip4 and ip6"
    if counted.total.broken and problem == counted.total.broken[0]:
        remedy = "remove the mechanism that leads there, or correct what it names"
    return f"{what}: {problem}{costs}. Remedy: {remedy}."


def _leaner(want: Wanted, counted: Counted) -> Wanted | None:
    """The wanted record without includes of the inventory that another include brings, if the rest then fits."""
    if counted.total.broken or counted.total.voids > 2:
        return None
    parts: Mapping[str, Cost] = {part.term: part for part in counted.parts}
    spf = _spf.parse_spf(want.values[0])
    left = counted.total.lookups
    gone: list[_spf.Term] = []
    for term in spf.terms:
        others = [part for name, part in parts.items() if name != term.text and name not in [g.text for g in gone]]
        name = target(term, want.name)
        if term.name == "include" and term.text in parts and any(name in part.reached for part in others):
            gone.append(term)
            left -= parts[term.text].lookups
    if not gone or left > _spf.LOOKUP_LIMIT:
        return None
    kept = tuple(term for term in spf.terms if term not in gone)
    return want._replace(values=(_spf.build_spf(_spf.Spf(kept)),))
