# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The extra SPF mechanisms of a domain (RFC 7208): syntax and cost. Private to the collection, pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _addresses_text as addresses
from ansible_collections.mailfleet.mta.plugins.module_utils import _names as names

MAX_LOOKUPS = 10
# Terms that cost the receiver a DNS query; "include" and its kin also cost what they lead to, which is not counted.
_COSTLY = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_MECHANISMS = ("include", "a", "mx", "ptr", "exists", "ip4", "ip6", "all")
_TERM = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9._-]*)(([:=/]).*)?\Z", re.DOTALL)
_DOMAIN_SPEC = re.compile(r"[A-Za-z0-9._%{}+=,/-]{1,253}\Z")
_CIDR = re.compile(r"(/[0-9]{1,2})?(//[0-9]{1,3})?\Z")


class Term(t.NamedTuple):
    name: str
    argument: str


def parse_term(text: str) -> Term:
    """One extra term. Raises ValueError with the fault and, after a newline, the remedy."""
    match = _TERM.match(text)
    if not match:
        raise ValueError("is not an SPF mechanism.\nWrite a term such as include:_spf.example.net.")
    qualifier, name, rest = match.group(1), match.group(2).lower(), match.group(3) or ""
    if rest.startswith("="):
        return _modifier(name, rest[1:])
    if name == "all":
        raise ValueError(_all_fault(qualifier))
    if name not in _MECHANISMS:
        near = names.did_you_mean(name, _MECHANISMS[:-1])
        raise ValueError(
            f"has the unknown mechanism '{name}'.\n"
            + (f"Did you mean '{near}'?" if near else f"Known: {', '.join(_MECHANISMS[:-1])}.")
        )
    if qualifier in ("-", "~", "?"):
        raise ValueError(f"starts with '{qualifier}', so it authorises nothing.\nWrite it without '{qualifier}'.")
    argument = rest[1:] if rest.startswith(":") else ""
    fault = _argument_fault(name, argument, rest)
    if fault:
        raise ValueError(fault)
    return Term(name, argument)


def _all_fault(qualifier: str) -> str:
    if qualifier in ("", "+"):
        return "lets the whole Internet send as this domain.\nRemove it; the record gets its own ending."
    return "ends the record, and the record gets its own ending.\nRemove it."


def _modifier(name: str, value: str) -> Term:
    if name in _MECHANISMS:
        raise ValueError(f"joins '{name}' and its value by '='.\nWrite {name}:{value[:80]}.")
    if name == "redirect":
        raise ValueError(
            f"has no effect, because the record ends with its own 'all'.\nWrite include:{value[:80] or 'NAME'} instead."
        )
    raise ValueError(f"is the modifier '{name}', which is not published.\nWrite mechanisms only.")


def _argument_fault(name: str, argument: str, rest: str) -> str:
    if name in ("ip4", "ip6"):
        return _network_fault(name, argument)
    if name in ("include", "exists") and not argument:
        return f"names no domain.\nWrite {name}:NAME."
    target, slash, _length = argument.partition("/")
    cidr = rest[len(target) + 1 :] if rest.startswith(":") else rest
    if name in ("a", "mx"):
        if not _CIDR.match(cidr if slash or not rest.startswith(":") else ""):
            return "has a prefix length that cannot be read.\nWrite it as /24 or //64."
    elif slash and name != "exists":
        return "has a prefix length, which only a, mx, ip4 and ip6 have.\nRemove it."
    if target and not (_DOMAIN_SPEC.match(target) and "." in target):
        return f"names '{target[:60]}', which is no domain.\nWrite a name such as _spf.example.net."
    return ""


def _network_fault(name: str, argument: str) -> str:
    remedy = "Write an address or network such as " + ("192.0.2.0/24." if name == "ip4" else "2001:db8::/48.")
    if not argument:
        return f"names no address.\n{remedy}"
    try:
        network = addresses.parse_network(argument)
    except ValueError as fault:
        return f"names {argument[:60]}, which {fault}.\n{remedy}"
    if (":" in network) != (name == "ip6"):
        return f"names an address of the other family.\nWrite {'ip6' if ':' in network else 'ip4'}:{argument[:60]}."
    return ""


def costs(terms: t.Iterable[str]) -> list[str]:
    """The terms that each cost one of the ten DNS lookups."""
    costly = []
    for text in terms:
        match = _TERM.match(text)
        if match and match.group(2).lower() in _COSTLY:
            costly.append(text)
    return costly
