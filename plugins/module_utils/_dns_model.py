# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What is wanted in DNS, what is there, and what to change: the words all DNS files share. Pure.

Names are lower case without a final dot. TXT values are joined strings (see _txt.py); values of
other types are presentation format, host names in them lower case with a final dot.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._txt import printable

Key = tuple[str, str]  # (name, type)
Values = tuple[str, ...]
NULL_MX = "0 ."  # RFC 7505: the name receives no mail
LEFTOVER = "leftover"  # the rule of what the inventory does not want any more


class RRset(NamedTuple):
    """What a server holds. `wire[i]` is the stored form of `values[i]`: deletes and guards need the exact bytes."""

    ttl: int
    values: tuple[str, ...]
    wire: tuple[bytes, ...] = ()


class Found(NamedTuple):
    """The answer to one question. Both empty: nothing there."""

    rrset: RRset | None = None
    cname: str = ""  # the name is an alias for this one


def values_of(found: Found | None) -> Values:
    return found.rrset.values if found and found.rrset else ()


class Wanted(NamedTuple):
    """One RRset, or our values in a shared one.

    ownership rrset: the values are the whole RRset. ownership value: other values and the TTL stay.
    match: in a shared RRset, existing values that start with this are ours and are replaced; for the rules tagged and
    present the version (`v=`) of the record.
    rule: name of the rule in _dns_rules.py that merges the values with what is there.
    """

    name: str
    type: str
    ttl: int
    values: tuple[str, ...]
    ownership: str = "rrset"
    match: str = ""
    rule: str = "plain"
    domains: tuple[str, ...] = ()  # on whose behalf; problems are reported there
    removable: tuple[str, ...] = ()  # spf: fleet addresses that are not of the domain's pool
    declared: bool = True  # dmarc: the inventory says a policy, otherwise a published one wins; leftover: it may go
    absent: bool = False  # remove the values, or the RRset
    gate: str = ""  # in _dns_gates.py: what has to be true of the record at `beside` before this one is touched
    beside: Key = ("", "")

    @property
    def key(self) -> Key:
        return self.name, self.type


class Outcome(NamedTuple):
    """A rule's decision. `values` is the RRset to reach; None: leave it as it is."""

    values: tuple[str, ...] | None
    problem: str = ""
    pending_ips: tuple[str, ...] = ()
    pending_values: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    shrinks: bool = False  # the new value says less than the old one


def refuse(what: str, remedy: str, evidence: Sequence[str] = ()) -> Outcome:
    """The planner puts the name in front."""
    shown = "".join(f" [{printable(item)}]" for item in evidence)
    return Outcome(None, problem=f"{what}{shown}. Remedy: {remedy}.")


class Problem(NamedTuple):
    """`subject: text` is the sentence; equal texts are reported once for all their subjects."""

    subject: str  # a name, or `zone example.com`
    text: str


class Change(NamedTuple):
    name: str
    type: str
    ttl: int
    add: tuple[str, ...]
    delete: tuple[str, ...]
    after: tuple[str, ...]
    before: RRset | None  # the guard: the server must still hold exactly this
    domains: tuple[str, ...] = ()
    loses: bool = False  # counts as a delete: something goes and nothing takes its place

    @property
    def key(self) -> Key:
        return self.name, self.type


class Plan(NamedTuple):
    changes: list[Change]
    problems: dict[str, list[Problem]]  # by domain
    pending_removals: list[dict[str, object]]
    foreign: list[dict[str, object]]
    notes: dict[str, list[str]]


Existing = Mapping[Key, Found]


def fqdn(host: str) -> str:
    return host.rstrip(".").lower() + "."


def plain_name(name: str) -> str:
    return name.rstrip(".").lower()
