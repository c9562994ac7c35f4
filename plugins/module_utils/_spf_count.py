# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What an SPF record costs a receiver in DNS lookups, with the evidence (RFC 7208 section 4.6.4). Pure.

Answers come through a port: a function from (name, type) to an Answer, or None for what was not asked yet. `follow`
asks in rounds, all records at once, until nothing is missing.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, Optional

from ansible_collections.mailfleet.mta.plugins.module_utils import _spf
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Key

VOID_LIMIT = 2
HOST_LIMIT = 10  # MX hosts of one mechanism
_FOLLOWED = 30  # beyond this many lookups nothing is followed: it is three times too much already


class Answer(NamedTuple):
    """What a resolver says; no values and no fault: there is nothing (NXDOMAIN, or no record of the type)."""

    values: tuple[str, ...] = ()
    fault: str = ""  # why there is no answer


Lookup = Callable[[Key], Optional[Answer]]
Ask = Callable[[Collection[Key]], Mapping[Key, Answer]]


class Cost(NamedTuple):
    """One mechanism with what it leads to, or a whole record."""

    term: str  # as it is written
    lookups: int = 0
    voids: int = 0
    broken: tuple[str, ...] = ()  # what makes receivers answer permerror
    unknown: tuple[str, ...] = ()  # what could not be looked up: the numbers are the least
    reached: tuple[str, ...] = ()  # names of the records that are included
    missing: frozenset[Key] = frozenset()  # what must be asked first

    def __str__(self) -> str:
        voids = f", {self.voids} void" if self.voids else ""
        return f"{self.term} ({self.lookups}{' or more' if self.unknown else ''}{voids})"


class Counted(NamedTuple):
    """The cost of a record, and of each mechanism that has one."""

    total: Cost
    parts: tuple[Cost, ...]

    @property
    def problem(self) -> str:
        """Why receivers would answer permerror; the end of a sentence."""
        total = self.total
        more = " or more" if total.unknown else ""
        if total.lookups > _spf.LOOKUP_LIMIT:
            return f"needs {total.lookups}{more} DNS lookups, and receivers stop at {_spf.LOOKUP_LIMIT}"
        if total.voids > VOID_LIMIT:
            return f"needs {total.voids} lookups that find nothing, and receivers stop at {VOID_LIMIT}"
        return total.broken[0] if total.broken else ""

    @property
    def evidence(self) -> list[str]:
        return [str(part) for part in self.parts]


def count(text: str, name: str, lookup: Lookup) -> Counted:
    """The most that the record of a name costs: no mechanism but the last one matches."""
    try:
        spf = _spf.parse_spf(text)
    except ValueError as error:
        return Counted(Cost(name, broken=(f"cannot be read: {error}",)), ())
    parts = _parts(spf, name, (name,), lookup)
    return Counted(_sum(name, parts), tuple(parts))


def follow(
    records: Iterable[tuple[str, str]], ask: Ask, known: dict[Key, Answer] | None = None
) -> dict[tuple[str, str], Counted]:
    """Counts all (name, text) with one question a round to whoever answers; `known` keeps the answers."""
    left, answers = set(records), {} if known is None else known
    done: dict[tuple[str, str], Counted] = {}
    while left:
        counted = {(name, text): count(text, name, answers.get) for name, text in left}
        missing: set[Key] = set()
        for record, result in counted.items():
            if result.total.missing:
                missing |= result.total.missing
            else:
                done[record] = result
                left.discard(record)
        if missing:
            found = ask(missing)
            answers.update({key: found.get(key, Answer(fault="was not answered")) for key in missing})
    return done


def target(term: _spf.Term, name: str) -> str:
    """The domain that a mechanism asks about; without one of its own that of its record."""
    own = term.value.partition("/")[0] if term.name in ("a", "mx") else term.value
    return own.rstrip(".").lower() or name


def evaluated(spf: _spf.Spf) -> list[_spf.Term]:
    """What a receiver looks at, in its order: up to `all`, else the redirect last."""
    mechanisms = [term for term in spf.terms[: spf.all_at] if term.qualifier]
    redirect = spf.first("redirect")
    return [*mechanisms, redirect] if redirect and spf.all_at == len(spf.terms) else mechanisms


def record_at(name: str, answer: Answer) -> tuple[str, str]:
    """(record, fault): the one SPF record among the TXT values of a name."""
    records = [value for value in answer.values if _spf.is_spf(value)]
    if len(records) != 1:
        return "", f"{name} has {len(records) or 'no'} SPF record{'s' if len(records) > 1 else ''}"
    return records[0], ""


def _sum(term: str, costs: Iterable[Cost], lookups: int = 0, reached: tuple[str, ...] = ()) -> Cost:
    every = list(costs)
    return Cost(
        term,
        lookups + sum(cost.lookups for cost in every),
        sum(cost.voids for cost in every),
        tuple(dict.fromkeys(text for cost in every for text in cost.broken)),
        tuple(dict.fromkeys(text for cost in every for text in cost.unknown)),
        tuple(dict.fromkeys((*reached, *(name for cost in every for name in cost.reached)))),
        frozenset().union(*(cost.missing for cost in every)),
    )


def _parts(spf: _spf.Spf, name: str, chain: tuple[str, ...], lookup: Lookup) -> list[Cost]:
    found: list[Cost] = []
    spent = 0
    for term in evaluated(spf):
        if term.name in _spf.COSTLY:
            found.append(_cost(term, name, chain, lookup if spent < _FOLLOWED else _unfollowed))
            spent += found[-1].lookups
    return found


def _unfollowed(key: Key) -> Answer:
    return Answer(fault="was not followed")


def _cost(term: _spf.Term, name: str, chain: tuple[str, ...], lookup: Lookup) -> Cost:
    about = target(term, name)
    if "%" in about:  # a macro: only the receiver of a message knows the name
        return Cost(term.text, 1, unknown=(f"{term.text} depends on the message",) if term.name == "include" else ())
    if term.name in ("include", "redirect"):
        return _included(term, about, chain, lookup)
    types = {"a": ("A", "AAAA"), "mx": ("MX",), "exists": ("A",)}.get(term.name, ())
    answers = {rdtype: lookup((about, rdtype)) for rdtype in types}
    missing = frozenset((about, rdtype) for rdtype, answer in answers.items() if answer is None)
    if missing or not types:
        return Cost(term.text, 1, missing=missing)
    known = [answer for answer in answers.values() if answer is not None]
    unknown = tuple(f"{about} {answer.fault}" for answer in known if answer.fault)
    if unknown:
        return Cost(term.text, 1, unknown=unknown[:1])
    values = [value for answer in known for value in answer.values]
    many = f"{about} has {len(values)} MX hosts, and receivers stop at {HOST_LIMIT}"
    return Cost(term.text, 1, 0 if values else 1, (many,) if term.name == "mx" and len(values) > HOST_LIMIT else ())


def _included(term: _spf.Term, about: str, chain: tuple[str, ...], lookup: Lookup) -> Cost:
    if about in chain:
        return Cost(term.text, 1, broken=(f"{about} includes itself",))
    if len(chain) > _spf.LOOKUP_LIMIT:
        return Cost(term.text, 1, unknown=(f"{about} was not followed",))
    answer = lookup((about, "TXT"))
    if answer is None:
        return Cost(term.text, 1, missing=frozenset({(about, "TXT")}))
    if answer.fault:
        return Cost(term.text, 1, unknown=(f"{about} {answer.fault}",))
    text, fault = record_at(about, answer)
    if fault:
        return Cost(term.text, 1, 0 if answer.values else 1, (f"{fault} to {term.name}",))
    try:
        spf = _spf.parse_spf(text)
    except ValueError as error:
        return Cost(term.text, 1, broken=(f"the SPF record of {about} cannot be read: {error}",))
    return _sum(term.text, _parts(spf, about, (*chain, about), lookup), 1, (about,))
