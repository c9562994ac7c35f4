# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Checks of the SPF records of a domain and of its return path, by what they say. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils import _spf
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ALL_DOMAINS,
    ERROR,
    WARNING,
    Check,
    Domain,
    Look,
    Verdict,
    judged,
    record,
    seen,
)

_SIZE_LIMIT = 450
_WIDEST = {4: 16, 6: 32}


class Record(NamedTuple):
    name: str
    text: str

    @property
    def spf(self) -> _spf.Spf:
        return _spf.parse_spf(self.text)

    @property
    def shown(self) -> str:
        return record(self.name, "TXT", self.text)


def _names(domain: Domain) -> tuple[str, ...]:
    return tuple(dict.fromkeys((domain.return_path, domain.name)))


def _texts(look: Look, name: str) -> list[str]:
    return [value for value in look.values(name, "TXT") if _spf.is_spf(value)]


def records(look: Look, domain: Domain) -> list[Record]:
    """The records that can be read; the others have findings of their own."""
    found = []
    for name in _names(domain):
        texts = _texts(look, name)
        if len(texts) == 1 and not _fault(texts[0]):
            found.append(Record(name, texts[0]))
    return found


def _fault(text: str) -> str:
    try:
        _spf.parse_spf(text)
    except ValueError as error:
        return str(error)
    return ""


def _present(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name in _names(domain):
        texts = _texts(look, name)
        shown = [record(name, "TXT", text) for text in texts] or seen(look, name, "TXT")
        yield judged(bool(texts), f"{name} has no SPF record.", *shown, name=name)


def _one(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name in _names(domain):
        texts = _texts(look, name)
        if texts:
            shown = [record(name, "TXT", text) for text in texts]
            text = f"{name} has {len(texts)} SPF records, which is an error for every receiver (permerror)."
            yield judged(len(texts) == 1, text, *shown, name=name)


def _syntax(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name in _names(domain):
        for text in _texts(look, name):
            fault = _fault(text)
            yield judged(not fault, f"The SPF record of {name} cannot be read: {fault}.", record(name, "TXT", text))


def _ending(spf: _spf.Spf) -> str:
    """The qualifier of `all`; - where a redirect decides; ? where nothing does."""
    every = spf.first("all")
    return every.qualifier if every else "-" if spf.first("redirect") else "?"


def _open_end(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        says = {"+": "lets the whole Internet send", "?": "says nothing about other senders"}.get(_ending(one.spf), "")
        yield judged(not says, f"The SPF record of {one.name} {says}.", one.shown)


def _soft_end(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        if _ending(one.spf) in "-~":
            yield judged(_ending(one.spf) == "-", f"The SPF record of {one.name} ends with ~all.", one.shown)


def _wide(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        nets = [net for term in one.spf.terms if term.qualifier == "+" and (net := _spf.network(term)) is not None]
        wide = [str(net) for net in nets if net.prefixlen < _WIDEST[net.version]]
        yield judged(not wide, f"The SPF record of {one.name} passes the huge network {', '.join(wide)}.", one.shown)


def _pointer(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        yield judged(not one.spf.first("ptr"), f"The SPF record of {one.name} uses the mechanism ptr.", one.shown)


def _unused(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        spf = one.spf
        late = [term.text for term in spf.terms[spf.all_at + 1 :] if term.qualifier or term.name == "redirect"]
        early = [term.text for term in spf.terms[: spf.all_at] if term.name == "redirect"]
        unused = [*early, *late] if spf.first("all") else late
        text = f"The SPF record of {one.name} has terms that no receiver evaluates: {', '.join(unused)}."
        yield judged(not unused, text, one.shown)


def _size(look: Look, domain: Domain) -> Iterator[Verdict]:
    for one in records(look, domain):
        size = len(one.text.encode("utf-8", "surrogateescape"))
        text = f"The SPF record of {one.name} has {size} bytes; above {_SIZE_LIMIT} an answer may not fit a packet."
        yield judged(size <= _SIZE_LIMIT, text, one.shown)


CHECKS = (
    Check(
        "spf",
        ERROR,
        "There is an SPF record.",
        "Gmail 5.7.27, Yahoo, Outlook 5.7.515; RFC 7208",
        "Run site.yml, which publishes it; by hand, publish {name} TXT with the addresses of its pool and -all.",
        _present,
        ALL_DOMAINS,
    ),
    Check(
        "spf-one",
        ERROR,
        "There is one SPF record.",
        "RFC 7208 3.2 and 4.5",
        "Merge the records of {name} into one and delete the others.",
        _one,
        ALL_DOMAINS,
    ),
    Check(
        "spf-syntax",
        ERROR,
        "The SPF record can be read.",
        "RFC 7208 4.6",
        "Correct the term; until then receivers see no valid record.",
        _syntax,
        ALL_DOMAINS,
    ),
    Check(
        "spf-open-end",
        ERROR,
        "The SPF record says who may not send.",
        "Gmail 4.7.24; RFC 7208 5.1",
        "End the record with -all.",
        _open_end,
    ),
    Check(
        "spf-soft-end",
        WARNING,
        "The SPF record ends with -all.",
        "RFC 7208 8.5",
        "End the record with -all once all senders are in it; site.yml does so.",
        _soft_end,
    ),
    Check(
        "spf-wide",
        WARNING,
        "SPF passes no huge network.",
        "Gmail 4.7.24, suspicious entries",
        "Name the addresses that really send for {domain}.",
        _wide,
    ),
    Check(
        "spf-ptr",
        WARNING,
        "SPF does without the mechanism ptr.",
        "RFC 7208 5.5",
        "Replace ptr by ip4 and ip6.",
        _pointer,
    ),
    Check(
        "spf-unused-terms",
        WARNING,
        "Every term of the SPF record counts.",
        "RFC 7208 5.1 and 6.1",
        "Move the terms in front of all, or delete them.",
        _unused,
    ),
    Check(
        "spf-size",
        WARNING,
        "The SPF record fits into one packet.",
        "RFC 7208 3.4",
        "Shorten the record: join addresses to networks, take out what {domain} does not use.",
        _size,
    ),
)
