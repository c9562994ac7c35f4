# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Checks of a source address: PTR, forward confirmation, HELO. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from ansible_collections.mailfleet.mta.plugins.module_utils import _spf
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ADDRESS,
    ERROR,
    INFO,
    WARNING,
    Check,
    Look,
    Source,
    Verdict,
    bad,
    good,
    judged,
    record,
    seen,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_check import PASS, check_host

_GENERIC = re.compile(
    r"(^|[^a-z])(static|dyn|dynamic|dhcp|pool|dsl|adsl|cable|dialup|ppp|broadband|customer)([^a-z]|$)"
)
_PTR_REMEDY = "Have the owner of the network publish exactly one record: {address} PTR {helo}."


def _reverse(source: Source) -> str:
    return ipaddress.ip_address(source.name).reverse_pointer


def _pointers(look: Look, source: Source) -> tuple[str, ...]:
    return tuple(value.rstrip(".") for value in look.values(_reverse(source), "PTR"))


def _family(source: Source) -> str:
    return "AAAA" if ":" in source.name else "A"


def _ptr(look: Look, source: Source) -> Iterator[Verdict]:
    shown = seen(look, _reverse(source), "PTR")
    yield judged(bool(_pointers(look, source)), "The address has no PTR record.", *shown)


def _forward(look: Look, source: Source) -> Iterator[Verdict]:
    names = _pointers(look, source)
    if names:
        shown = [line for name in names for line in seen(look, name, _family(source))]
        confirmed = any(source.name in look.values(name, _family(source)) for name in names)
        yield judged(confirmed, f"The name that PTR gives ({names[0]}) does not lead back to the address.", *shown)


def _one_ptr(look: Look, source: Source) -> Iterator[Verdict]:
    names = _pointers(look, source)
    if names:
        shown = seen(look, _reverse(source), "PTR")
        yield judged(
            len(names) == 1, f"The address has {len(names)} PTR records; receivers look at any of them.", *shown
        )


def _generic(look: Look, source: Source) -> Iterator[Verdict]:
    for name in _pointers(look, source):
        why = _generic_part(name, source.name)
        text = f"The PTR name {name} looks like an access line ({why}), and receivers refuse those."
        yield judged(not why, text, record(_reverse(source), "PTR", name))


def _generic_part(name: str, address: str) -> str:
    word = _GENERIC.search(name)
    if word:
        return f"the word {word[2]}"
    numbers = address.split(".")
    if ":" in address:
        digits = ipaddress.ip_address(address).exploded.replace(":", "")
        return "the digits of the address" if digits in re.sub(r"[^0-9a-f]", "", name) else ""
    for order in (numbers, numbers[::-1]):
        three = [r"[.-]?".join(rf"0*{number}" for number in part) for part in (order[:3], order[1:])]
        if any(re.search(rf"(?<!\d){pattern}(?!\d)", name) for pattern in three):
            return "the digits of the address"
    return ""


def _helo_address(look: Look, source: Source) -> Iterator[Verdict]:
    found = look.values(source.helo, _family(source))
    shown = seen(look, source.helo, _family(source))
    yield judged(source.name in found, f"The HELO name {source.helo} does not resolve to the address.", *shown)


def _helo_ptr(look: Look, source: Source) -> Iterator[Verdict]:
    names = _pointers(look, source)
    if names:
        shown = seen(look, _reverse(source), "PTR")
        yield judged(source.helo in names, f"The HELO name {source.helo} is not the PTR name.", *shown)


def _helo_alias(look: Look, source: Source) -> Iterator[Verdict]:
    aliases = look.sure(source.helo, _family(source)).aliases
    if aliases or look.values(source.helo, _family(source)):
        shown = seen(look, source.helo, _family(source))
        yield judged(not aliases, f"The HELO name {source.helo} is an alias (CNAME).", *shown)


def _helo_others(look: Look, source: Source) -> Iterator[Verdict]:
    """A name with a foreign AAAA is a name whose IPv6 mail nobody configured."""
    strangers = [address for address in look.addresses(source.helo) if address not in source.fleet]
    shown = seen(look, source.helo, "A", "AAAA")
    text = f"The HELO name {source.helo} also has {', '.join(strangers)}, which is no source address of the fleet."
    yield judged(not strangers, text, *shown)


def _helo_spf(look: Look, source: Source) -> Iterator[Verdict]:
    texts = [text for text in look.texts(source.helo, "v=spf1") if _spf.is_spf(text)]
    if not texts:
        yield bad(f"The HELO name {source.helo} has no SPF record.", *seen(look, source.helo, "TXT"))
    elif len(texts) == 1:
        yield good(record(source.helo, "TXT", texts[0]))


def _helo_spf_pass(look: Look, source: Source) -> Iterator[Verdict]:
    texts = [text for text in look.texts(source.helo, "v=spf1") if _spf.is_spf(text)]
    if texts:
        verdict = check_host(source.name, source.helo, look.for_spf)
        shown = [record(source.helo, "TXT", text) for text in texts]
        yield judged(verdict.result == PASS, f"The HELO name's SPF says {verdict.result}: {verdict.why}.", *shown)


CHECKS = (
    Check(
        "ptr",
        ERROR,
        "The address has a PTR record.",
        "Gmail 4.7.23 and 5.7.25, Yahoo, Orange 107, GMX; IPv6 above all",
        _PTR_REMEDY,
        _ptr,
        (ADDRESS,),
    ),
    Check(
        "ptr-forward",
        ERROR,
        "The PTR name resolves back to the address.",
        "Gmail 5.7.25; RFC 1912 2.1",
        "Publish {helo} with the address {address}, and {address} PTR {helo}.",
        _forward,
        (ADDRESS,),
    ),
    Check(
        "ptr-one",
        WARNING,
        "The address has exactly one PTR record.",
        "Yahoo, T-Online",
        _PTR_REMEDY,
        _one_ptr,
        (ADDRESS,),
    ),
    Check(
        "ptr-generic",
        WARNING,
        "The PTR name does not look like an access line.",
        "Yahoo, T-Online",
        _PTR_REMEDY,
        _generic,
        (ADDRESS,),
    ),
    Check(
        "helo-address",
        ERROR,
        "The HELO name resolves to the address.",
        "Orange, GMX, T-Online; RFC 5321 4.1.1.1",
        "Publish {helo} with the address {address}.",
        _helo_address,
        (ADDRESS,),
    ),
    Check(
        "helo-ptr",
        ERROR,
        "The HELO name is the PTR name.",
        "Orange 201, GMX, T-Online",
        "Publish {address} PTR {helo}, or set helo of {address} in fleet_ips to the PTR name.",
        _helo_ptr,
        (ADDRESS,),
    ),
    Check(
        "helo-alias",
        WARNING,
        "The HELO name is no alias.",
        "RFC 5321 2.3.5 and 4.1.1.1",
        "Replace the CNAME of {helo} by address records.",
        _helo_alias,
        (ADDRESS,),
    ),
    Check(
        "helo-other-addresses",
        WARNING,
        "All addresses of the HELO name are source addresses of the fleet.",
        "RFC 1912 2.1; Gmail's IPv6 guidelines",
        "Remove the other A and AAAA records of {helo}, or add the addresses to fleet_ips.",
        _helo_others,
        (ADDRESS,),
    ),
    Check(
        "helo-spf",
        INFO,
        "The HELO name has an SPF record.",
        "RFC 7208 2.3; bounces without a sender are checked by it",
        'Publish {helo} TXT "v=spf1 a -all".',
        _helo_spf,
        (ADDRESS,),
    ),
    Check(
        "helo-spf-pass",
        ERROR,
        "The SPF record of the HELO name passes the address.",
        "RFC 7208 2.3",
        'Publish {helo} TXT "v=spf1 a -all".',
        _helo_spf_pass,
        (ADDRESS,),
    ),
)
