# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Checks of BIMI, which builds on DMARC. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_dmarc import in_force, policy_of
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ERROR,
    WARNING,
    Check,
    Domain,
    Look,
    Verdict,
    bad,
    good,
    judged,
    record,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._records_bimi import SELECTOR, is_bimi, parse_bimi


def _bimi(look: Look, domain: Domain) -> tuple[str, list[str]]:
    name = f"{SELECTOR}._bimi.{domain.name}"
    return name, [value for value in look.values(name, "TXT") if is_bimi(value)]


def _bimi_record(look: Look, domain: Domain) -> Iterator[Verdict]:
    name, texts = _bimi(look, domain)
    for text in texts:
        fault = "" if len(texts) == 1 else f"{name} has {len(texts)} BIMI records"
        try:
            parse_bimi(text)
        except ValueError as error:
            fault = fault or str(error)
        yield judged(not fault, f"The BIMI record is not valid: {fault}.", record(name, "TXT", text), name=name)


def _bimi_policy(look: Look, domain: Domain) -> Iterator[Verdict]:
    name, texts = _bimi(look, domain)
    if texts:
        policy = policy_of(look, domain)
        shown = [record(name, "TXT", texts[0]), *([policy.shown] if policy else [])]
        full = policy is not None and policy.tags.get("pct", "100") == "100"
        right = policy is not None and full and in_force(policy, domain) != "none"
        yield judged(right, "The logo is not shown while DMARC does not quarantine or reject.", *shown)


def _bimi_certificate(look: Look, domain: Domain) -> Iterator[Verdict]:
    name, texts = _bimi(look, domain)
    for text in texts:
        try:
            bimi = parse_bimi(text)
        except ValueError:
            continue
        if bimi.declined:
            yield good(record(name, "TXT", text))
        elif not bimi.certificate:
            yield bad("The BIMI record names no mark certificate (a=).", record(name, "TXT", text))
        else:
            svg = bimi.logo.lower().partition("?")[0].endswith(".svg") or not bimi.logo
            yield judged(svg, f"The logo {bimi.logo} is no SVG.", record(name, "TXT", text))


CHECKS = (
    Check(
        "bimi",
        ERROR,
        "The BIMI record is valid.",
        "draft-brand-indicators-for-message-identification 4",
        "Correct the record at {name}.",
        _bimi_record,
    ),
    Check(
        "bimi-policy",
        ERROR,
        "DMARC is strict enough for BIMI.",
        "draft-brand-indicators-for-message-identification 7.1; Gmail, Yahoo, Apple",
        "Bring dmarc.policy of {domain} to quarantine or reject without testing, or delete its BIMI record.",
        _bimi_policy,
    ),
    Check(
        "bimi-certificate",
        WARNING,
        "The BIMI record has an SVG and a certificate.",
        "Gmail and Apple ask for a mark certificate",
        "Get a mark certificate for the logo (SVG Tiny PS) and name it in a= of default._bimi.{domain}.",
        _bimi_certificate,
    ),
)
