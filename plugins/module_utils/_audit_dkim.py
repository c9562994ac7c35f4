# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Checks of DKIM key records. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ERROR,
    WARNING,
    Check,
    Domain,
    Look,
    Verdict,
    bad,
    judged,
    record,
    seen,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_bits import key_bits
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import DkimKey, parse_dkim

LEAST_BITS, GOOD_BITS = 1024, 2048
_NO_SELECTOR = "mailfleet-audit-no-such-key"  # what answers to this answers to everything


class _Key(NamedTuple):
    selector: str
    name: str
    text: str
    key: DkimKey

    @property
    def tags(self) -> dict[str, str]:
        return dict(self.key.other)

    @property
    def shown(self) -> str:
        return record(self.name, "TXT", self.text)


def _name(selector: str, domain: Domain) -> str:
    return f"{selector}._domainkey.{domain.name}"


def _selectors(domain: Domain) -> tuple[str, ...]:
    """Those that sign, and those whose keys the senders hold beside them, before or after a rotation."""
    return tuple(dict.fromkeys((*domain.selectors, *domain.keys)))


def _keys(look: Look, domain: Domain) -> list[_Key]:
    """Records that can be read; the others have findings of their own."""
    found = []
    for selector in _selectors(domain):
        name = _name(selector, domain)
        for text in look.values(name, "TXT"):
            if not _fault(text):
                found.append(_Key(selector, name, text, parse_dkim(text)))
    return found


def _fault(text: str) -> str:
    try:
        parse_dkim(text)
    except ValueError as error:
        return str(error)
    return ""


def _published(look: Look, domain: Domain) -> Iterator[Verdict]:
    for selector in domain.selectors:
        name = _name(selector, domain)
        text = f"The key {selector} that signs is not published."
        yield judged(bool(look.values(name, "TXT")), text, *seen(look, name, "TXT"), name=name)


def _one(look: Look, domain: Domain) -> Iterator[Verdict]:
    for selector in _selectors(domain):
        name = _name(selector, domain)
        number = len(look.values(name, "TXT"))
        if number:
            text = f"{name} has {number} TXT records; receivers may take any of them."
            yield judged(number == 1, text, *seen(look, name, "TXT"), name=name)


def _syntax(look: Look, domain: Domain) -> Iterator[Verdict]:
    for selector in _selectors(domain):
        name = _name(selector, domain)
        for text in look.values(name, "TXT"):
            fault = _fault(text)
            yield judged(not fault, f"{name} holds no DKIM record: {fault}.", record(name, "TXT", text), name=name)


def _revoked(look: Look, domain: Domain) -> Iterator[Verdict]:
    for key in _keys(look, domain):
        if key.selector in domain.selectors:
            yield judged(not key.key.revoked, f"The key {key.selector} that signs is revoked (p= is empty).", key.shown)


def _valid(look: Look, domain: Domain) -> Iterator[Verdict]:
    for key in _keys(look, domain):
        if not key.key.revoked:
            fault = ""
            try:
                key_bits(key.key)
            except ValueError as error:
                fault = str(error)
            yield judged(not fault, f"The key {key.selector} cannot be used: {fault}.", key.shown, name=key.name)


def _sized(look: Look, domain: Domain) -> list[tuple[_Key, int]]:
    found = []
    for key in _keys(look, domain):
        try:
            found.append((key, key_bits(key.key)))
        except ValueError:
            continue
    return [(key, bits) for key, bits in found if key.key.key_type == "rsa" and bits]


def _too_short(look: Look, domain: Domain) -> Iterator[Verdict]:
    for key, bits in _sized(look, domain):
        text = f"The key {key.selector} has {bits} bits; receivers ignore what is shorter than {LEAST_BITS}."
        yield judged(bits >= LEAST_BITS, text, f"{bits} bits", key.shown)


def _short(look: Look, domain: Domain) -> Iterator[Verdict]:
    for key, bits in _sized(look, domain):
        if bits >= LEAST_BITS:
            text = f"The key {key.selector} has {bits} bits; a rotation to {GOOD_BITS} is due."
            yield judged(bits >= GOOD_BITS, text, f"{bits} bits", key.shown)


def _test_flag(look: Look, domain: Domain) -> Iterator[Verdict]:
    for key in _keys(look, domain):
        flags = [flag.strip() for flag in key.tags.get("t", "").split(":")]
        text = f"The key {key.selector} is in test mode (t=y), so its signatures count for nothing."
        yield judged("y" not in flags, text, key.shown, name=key.name)


def _usable(look: Look, domain: Domain) -> Iterator[Verdict]:
    for key in _keys(look, domain):
        hashes = [word.strip() for word in key.tags.get("h", "sha256").split(":")]
        services = [word.strip() for word in key.tags.get("s", "*").split(":")]
        why = "h= leaves out sha256" if "sha256" not in hashes else ""
        why = why or ("" if {"*", "email"} & set(services) else "s= leaves out email")
        yield judged(not why, f"The key {key.selector} is not for our mail: {why}.", key.shown, name=key.name)


def _same(look: Look, domain: Domain) -> Iterator[Verdict]:
    for key in _keys(look, domain):
        held = domain.keys.get(key.selector)
        if held and key.key.key_type == "rsa" and not key.key.revoked:
            text = f"The published key {key.selector} is not the one that the senders sign with."
            yield judged(key.key.public_key == held, text, key.shown, f"the senders hold p={held}")


def _wildcard(look: Look, domain: Domain) -> Iterator[Verdict]:
    name = f"{_NO_SELECTOR}._domainkey.{domain.name}"
    answer = look.sure(name, "TXT")
    if answer.values:
        yield bad("Every selector that nobody made has a TXT record too (a wildcard).", *seen(look, name, "TXT"))
    else:
        yield judged(True, "", *seen(look, name, "TXT"))


CHECKS = (
    Check(
        "dkim",
        ERROR,
        "The key that signs is published.",
        "Gmail 5.7.30, Yahoo, Outlook 5.7.515; RFC 6376 3.6",
        "Run site.yml, which publishes {name}.",
        _published,
    ),
    Check(
        "dkim-one",
        ERROR,
        "The selector has one record.",
        "RFC 6376 3.6.2.2",
        "Delete the records at {name} that are not ours.",
        _one,
    ),
    Check(
        "dkim-syntax",
        ERROR,
        "The DKIM record can be read.",
        "RFC 6376 3.6.1",
        "Delete the record at {name} and run site.yml.",
        _syntax,
    ),
    Check(
        "dkim-revoked",
        ERROR,
        "The key that signs is not revoked.",
        "RFC 6376 3.6.1",
        "Rotate the key of {domain} by dkim_rotate.yml.",
        _revoked,
    ),
    Check(
        "dkim-key",
        ERROR,
        "The record holds a key of its type.",
        "RFC 6376 3.6.1, RFC 8463",
        "Delete the record at {name} and run site.yml.",
        _valid,
    ),
    Check(
        "dkim-key-ignored",
        ERROR,
        "The key has 1024 bits or more.",
        "RFC 8301 3.2; Gmail, Yahoo",
        "Rotate the key of {domain} at once by dkim_rotate.yml.",
        _too_short,
    ),
    Check(
        "dkim-key-short",
        WARNING,
        "The key has 2048 bits or more.",
        "RFC 8301 3.2; Gmail, M3AAWG",
        "Rotate the key of {domain} by dkim_rotate.yml; new keys have 2048 bits.",
        _short,
    ),
    Check(
        "dkim-test-mode",
        ERROR,
        "The key is not in test mode.",
        "RFC 6376 3.6.1; Gmail, Yahoo",
        "Take t=y out of {name}.",
        _test_flag,
    ),
    Check(
        "dkim-scope",
        ERROR,
        "The key is for SHA-256 and for mail.",
        "RFC 6376 3.6.1, RFC 8301 3.1",
        "Take h= and s= out of {name}.",
        _usable,
    ),
    Check(
        "dkim-other-key",
        ERROR,
        "The published key is the one that signs.",
        "RFC 6376 6.1.2",
        "Rotate the key of {domain} by dkim_rotate.yml; mail signed with the published key stays valid.",
        _same,
    ),
    Check(
        "dkim-wildcard",
        WARNING,
        "Selectors that nobody made have no record.",
        "RFC 6376 6.1.2",
        "Delete the wildcard TXT record above _domainkey.{domain}.",
        _wildcard,
    ),
)
