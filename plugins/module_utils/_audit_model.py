# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The words of the audit: what is looked at, what the world answers, what a check says. Pure.

A check is a function that asks a `Look` by name and yields verdicts. Where an answer is not there yet the question is
noted, and the check runs again once it is (see _audit_run.py); so a check reads as if DNS were a dictionary.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Union

from ansible_collections.mailfleet.mta.plugins.module_utils import _spf_count as spf_count
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Key
from ansible_collections.mailfleet.mta.plugins.module_utils._records_sts import StsPolicy
from ansible_collections.mailfleet.mta.plugins.module_utils._txt import printable

ERROR, WARNING, INFO, OK = "error", "warning", "info", "ok"
LEVELS = (ERROR, WARNING, INFO, OK)
ADDRESS, DOMAIN, PARKED = "address", "domain", "parked"
ALL_DOMAINS = (DOMAIN, PARKED)
POLICY = "POLICY"  # beside the types of DNS: the MTA-STS policy file of a host, fetched from the address in `at`
_LABEL = re.compile(r"[a-z0-9_*-]{1,63}\Z")


class Question(NamedTuple):
    name: str
    type: str
    at: str = ""  # address of the name server that is asked; empty: the resolver


class Answer(NamedTuple):
    """What was said to a question. Without values and fault: there is nothing."""

    values: tuple[str, ...] = ()
    ttl: int = 0
    aliases: tuple[str, ...] = ()  # the names that led to the values, in order
    exists: bool = True  # False: NXDOMAIN
    fault: str = ""  # why there is no answer, as the end of a sentence
    zone: str = ""  # as far as the answer tells
    secure: bool = False  # confirmed by DNSSEC
    unreachable: bool = False  # the fault is here: no route from the controller

    @property
    def shown(self) -> tuple[str, ...]:
        """What the server itself holds: the alias, not what is behind it, which servers follow or not."""
        return self.aliases[:1] or self.values


class UnansweredError(Exception):
    """A check cannot be made, because a question has no answer."""


class Look:
    """One check's view of the world."""

    def __init__(self, known: Mapping[Question, Answer]) -> None:
        self._known = known
        self.missing: list[Question] = []
        self.faults: list[str] = []

    def answer(self, name: str, rdtype: str, at: str = "") -> Answer:
        """Also an answer with a fault."""
        if len(name) > 253 or not all(_LABEL.match(label) for label in name.split(".")):
            return Answer(exists=False)
        question = Question(name, rdtype, at)
        found = self._known.get(question)
        if found is None:
            self.missing.append(question)
            return Answer()
        return found

    def sure(self, name: str, rdtype: str, at: str = "") -> Answer:
        """Only an answer without a fault."""
        found = self.answer(name, rdtype, at)
        if found.fault:
            self.faults.append(f"{name} {rdtype}: {found.fault}")
            raise UnansweredError
        return found

    def values(self, name: str, rdtype: str) -> tuple[str, ...]:
        return self.sure(name, rdtype).values

    def for_spf(self, key: Key) -> spf_count.Answer:
        """The port of _spf_count.py and _spf_check.py."""
        return spf_count.Answer(self.values(*key))

    def addresses(self, name: str) -> tuple[str, ...]:
        return (*self.values(name, "A"), *self.values(name, "AAAA"))

    def texts(self, name: str, start: str) -> list[str]:
        """TXT values that start with these words, whatever their case."""
        return [value for value in self.values(name, "TXT") if value.lower().startswith(start)]


class Domain(NamedTuple):
    """A sending domain, from the compiled fleet."""

    name: str
    pool: str
    return_path: str
    ips: tuple[str, ...]
    other_ips: tuple[str, ...]  # of the fleet's other pools
    selectors: tuple[str, ...]  # that sign now
    keys: Mapping[str, str]  # selector -> public key that the senders hold, base64
    policy: StsPolicy | None = None  # that the inventory says
    kind: str = DOMAIN  # or PARKED: a name that sends nothing

    @property
    def words(self) -> dict[str, str]:
        return {"domain": self.name, "pool": self.pool, "return_path": self.return_path}


class Source(NamedTuple):
    """A source address."""

    name: str  # the address
    helo: str
    fleet: frozenset[str]  # all source addresses
    kind: str = ADDRESS

    @property
    def words(self) -> dict[str, str]:
        return {"address": self.name, "helo": self.helo}


Subject = Union[Domain, Source]


class Verdict(NamedTuple):
    good: bool
    evidence: tuple[str, ...]
    text: str = ""  # what is wrong, in a sentence
    words: Mapping[str, str] = {}  # for the remedy


class Check(NamedTuple):
    """`title` says what is right; `remedy` has the subject's words, and those of the verdict, in braces."""

    id: str
    level: str  # of a finding when the check fails
    title: str
    source: str
    remedy: str
    examine: Callable[[Look, Any], Iterator[Verdict]]
    kinds: tuple[str, ...] = (DOMAIN,)  # of subjects that it is made for


class Finding(NamedTuple):
    check: str
    level: str
    kind: str
    subject: str
    text: str
    evidence: tuple[str, ...]
    remedy: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        return {**self._asdict(), "evidence": [printable(line) for line in self.evidence]}


def good(*evidence: str) -> Verdict:
    return Verdict(True, evidence)


def bad(text: str, *evidence: str, **words: str) -> Verdict:
    return Verdict(False, evidence, text, words)


def judged(right: bool, text: str, *evidence: str, **words: str) -> Verdict:
    return good(*evidence) if right else bad(text, *evidence, **words)


def record(name: str, rdtype: str, value: str) -> str:
    return f'{name} {rdtype} "{value}"' if rdtype == "TXT" else f"{name} {rdtype} {value}"


def seen(look: Look, name: str, *rdtypes: str) -> tuple[str, ...]:
    """The records of a name as lines; a line also when there is nothing."""
    lines = []
    for rdtype in rdtypes:
        answer = look.sure(name, rdtype)
        start = " CNAME ".join((name, *answer.aliases))
        lines += [record(start, rdtype, value) for value in answer.values]
        if not answer.values:
            lines.append(f"{start} {rdtype}: {'nothing there' if answer.exists else 'no such name (NXDOMAIN)'}")
    return tuple(lines)
