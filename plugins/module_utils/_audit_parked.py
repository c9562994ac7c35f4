# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Checks of a domain that sends and takes no mail: that nobody can pretend otherwise. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_dmarc import in_force, policy_of
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ERROR,
    INFO,
    PARKED,
    WARNING,
    Check,
    Domain,
    Look,
    Verdict,
    judged,
    seen,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_spf import records
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import NULL_MX
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import parse_dkim

_NO_SELECTOR = "mailfleet-audit-no-such-key"


def _silent(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        passing = [term.text for term in one.spf.terms if term.qualifier in ("+", "?") or term.name == "redirect"]
        text = f"The SPF record of {one.name} lets mail pass ({', '.join(passing) or 'it has no end'})."
        yield judged(not passing and one.spf.first("all") is not None, text, one.shown)


def _rejected(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = policy_of(look, domain)
    if policy:
        force = in_force(policy, domain)
        yield judged(force == "reject", f"The policy in force is {force}: forged mail may get through.", policy.shown)


def _null_mx(look: Look, domain: Domain) -> Iterator[Verdict]:
    shown = seen(look, domain.name, "MX")
    yield judged(look.values(domain.name, "MX") == (NULL_MX,), "The domain does not say that it takes no mail.", *shown)


def _no_key(look: Look, domain: Domain) -> Iterator[Verdict]:
    """What a selector that nobody made gets, every selector gets."""
    name = f"{_NO_SELECTOR}._domainkey.{domain.name}"
    revoked = [text for text in look.values(name, "TXT") if _is_revoked(text)]
    yield judged(bool(revoked), "The domain does not say that it has no DKIM key.", *seen(look, name, "TXT"))


def _is_revoked(text: str) -> bool:
    try:
        return parse_dkim(text).revoked
    except ValueError:
        return False


CHECKS = (
    Check(
        "parked-spf",
        ERROR,
        "SPF lets no mail pass.",
        "M3AAWG Protecting Parked Domains; RFC 7208",
        'Publish {domain} TXT "v=spf1 -all".',
        _silent,
        (PARKED,),
    ),
    Check(
        "parked-dmarc",
        ERROR,
        "DMARC rejects all mail.",
        "M3AAWG Protecting Parked Domains; RFC 9989",
        "Set dmarc.policy of {domain} to reject, without testing.",
        _rejected,
        (PARKED,),
    ),
    Check(
        "parked-mx",
        WARNING,
        "The domain says that it takes no mail.",
        "RFC 7505",
        'Publish "{domain} MX 0 ." alone.',
        _null_mx,
        (PARKED,),
    ),
    Check(
        "parked-dkim",
        INFO,
        "Every DKIM key is revoked.",
        "M3AAWG Protecting Parked Domains; RFC 6376 3.6.1",
        'Publish *._domainkey.{domain} TXT "v=DKIM1; p=".',
        _no_key,
        (PARKED,),
    ),
)
