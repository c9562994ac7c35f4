# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Checks of where the SPF records of a domain and of its return path lead, and whom they pass. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from ansible_collections.mailfleet.mta.plugins.module_utils import _spf
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ERROR,
    INFO,
    Check,
    Domain,
    Look,
    Verdict,
    judged,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_spf import Record, records
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_check import PASS, check_host
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_count import VOID_LIMIT, Counted, count

_SHOWN = 10


def _counted(look: Look, one: Record) -> Counted:
    return count(one.text, one.name, look.for_spf)


def _lookups(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        counted = _counted(look, one)
        number = counted.total.lookups
        text = f"The SPF record of {one.name} needs {number} DNS lookups; receivers stop at {_spf.LOOKUP_LIMIT}."
        yield judged(number <= _spf.LOOKUP_LIMIT, text, one.shown, *counted.evidence)


def _voids(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        counted = _counted(look, one)
        number = counted.total.voids
        text = f"{number} lookups of the SPF record of {one.name} find nothing; receivers stop at {VOID_LIMIT}."
        yield judged(number <= VOID_LIMIT, text, one.shown, *counted.evidence)


def _includes(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        total = _counted(look, one).total
        if total.reached or total.broken:
            text = f"The SPF record of {one.name} leads to an error (permerror): {'; '.join(total.broken)}."
            yield judged(not total.broken, text, one.shown, *total.broken)


@lru_cache(maxsize=4096)
def _not_passed_directly(text: str, addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses that the networks at its beginning do not pass; cached, because a pool shares its record."""
    spf = _spf.parse_spf(text)
    first = next((i for i, term in enumerate(spf.terms) if term.qualifier and _spf.network(term) is None), None)
    networks = _spf.Spf(spf.terms[:first])
    passed = _spf.addresses(networks)
    refused = any(term.qualifier != "+" for term in networks.terms if term.qualifier)
    return tuple(address for address in addresses if refused or address not in passed)


def _covers(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        left = _not_passed_directly(one.text, domain.ips)
        verdicts = {address: check_host(address, one.name, look.for_spf) for address in left}
        wrong = {address: verdict for address, verdict in verdicts.items() if verdict.result != PASS}
        lines = [f"{address}: {verdict.result} ({verdict.why})" for address, verdict in list(wrong.items())[:_SHOWN]]
        text = f"The SPF record of {one.name} does not pass {len(wrong)} of {len(domain.ips)} addresses of its pool."
        yield judged(not wrong, text, one.shown, *lines, addresses=", ".join(wrong))


def _others(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        known = _spf.addresses(one.spf)
        passed = [address for address in domain.other_ips if address in known]
        text = f"The SPF record of {one.name} passes {', '.join(passed[:_SHOWN])}, which other pools send from."
        yield judged(not passed, text, one.shown)


CHECKS = (
    Check(
        "spf-lookups",
        ERROR,
        "The SPF record needs at most 10 DNS lookups.",
        "RFC 7208 4.6.4",
        "Take out includes that {domain} does not use, or replace the dearest by their ip4 and ip6.",
        _lookups,
    ),
    Check(
        "spf-voids",
        ERROR,
        "At most 2 lookups of the SPF record find nothing.",
        "RFC 7208 4.6.4",
        "Take out the terms whose names do not exist.",
        _voids,
    ),
    Check(
        "spf-includes",
        ERROR,
        "What the SPF record leads to is valid.",
        "RFC 7208 5.2",
        "Take out the include, or have its owner repair the record.",
        _includes,
    ),
    Check(
        "spf-covers",
        ERROR,
        "SPF passes every address of the pool.",
        "Gmail 5.7.27, Outlook 5.7.515; RFC 7208",
        "Run site.yml before mail leaves from {addresses}.",
        _covers,
    ),
    Check(
        "spf-other-pools",
        INFO,
        "SPF passes no address of another pool.",
        "separate streams: Gmail, Yahoo, Apple",
        "Nothing, while mail of a former pool may still leave; the next site.yml takes it out after that.",
        _others,
    ),
)
