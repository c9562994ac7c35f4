# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""SPF records: parse, build, merge, release addresses, count lookups. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple, Union

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

LOOKUP_LIMIT = 10
ENDING = "-all"
ROOM = 450  # bytes of a record that leave room for its neighbours in one answer
PIECES = 32  # most that a network is cut into, to take something out of it
MOST = 1024  # addresses of a network that are looked at one by one; a power of two
COSTLY = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_MODIFIER = re.compile(r"^([a-z][a-z0-9._-]*)=(.*)$", re.IGNORECASE)
_MECHANISM = re.compile(
    r"^([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:(:)([^\s]+))?((?:/[0-9/]+)?)$", re.IGNORECASE
)
_NEEDS_VALUE = frozenset({"include", "ip4", "ip6", "exists"})


class Term(NamedTuple):
    """One mechanism or modifier. `text` is what was written and what is written back."""

    text: str
    name: str
    value: str
    qualifier: str  # + - ~ ? for a mechanism, empty for a modifier

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two terms the same: 192.0.2.1 and 192.0.2.1/32, + and no qualifier."""
        net = network(self)
        return self.qualifier, self.name, str(net) if net else self.value.lower()


class Spf(NamedTuple):
    terms: tuple[Term, ...]

    @property
    def all_at(self) -> int:
        """Index of the first `all`; the number of terms when there is none."""
        return next((i for i, term in enumerate(self.terms) if term.name == "all"), len(self.terms))

    def first(self, name: str) -> Term | None:
        return next((term for term in self.terms if term.name == name), None)


def is_spf(text: str) -> bool:
    return text[:6].lower() == "v=spf1" and text[6:7] in ("", " ")


@lru_cache(maxsize=4096)
def parse_term(text: str) -> Term:
    found = _MECHANISM.match(text)
    if not found:
        modifier = _MODIFIER.match(text)
        if not modifier:
            raise ValueError(f"'{text}' is no SPF mechanism or modifier")
        if modifier[1].lower() in ("redirect", "exp") and not modifier[2]:
            raise ValueError(f"'{text}' names no domain")
        return Term(text, modifier[1].lower(), modifier[2], "")
    qualifier, name, separator, value, prefix = found.groups()
    name = name.lower()
    if (name in _NEEDS_VALUE and not separator) or (name == "all" and (separator or prefix)):
        raise ValueError(f"'{text}' is no valid SPF mechanism")
    term = Term(text, name, (value or "") + prefix, qualifier or "+")
    if name in ("ip4", "ip6"):
        network(term)
    return term


@lru_cache(maxsize=4096)
def network(term: Term) -> Network | None:
    """The addresses of an ip4 or ip6 mechanism; None for any other term."""
    try:
        if term.name == "ip4":
            return ipaddress.IPv4Network(term.value, strict=False)
        if term.name == "ip6":
            return ipaddress.IPv6Network(term.value, strict=False)
    except ValueError as error:
        raise ValueError(f"'{term.text}' is no valid address or network") from error
    return None


@lru_cache(maxsize=4096)
def parse_spf(text: str) -> Spf:
    """Cached, because the domains of a pool share their records."""
    if not is_spf(text):
        raise ValueError("the record does not start with 'v=spf1'")
    spf = Spf(tuple(parse_term(word) for word in text[6:].split(" ") if word))
    for name in ("redirect", "exp"):
        if sum(term.name == name for term in spf.terms) > 1:
            raise ValueError(f"'{name}=' is there more than once")
    return spf


def build_spf(spf: Spf) -> str:
    return " ".join(["v=spf1", *(term.text for term in spf.terms)])


def ip_term(address: str) -> Term:
    """The mechanism that passes one address or network."""
    net = ipaddress.ip_network(address, strict=False)
    text = str(net.network_address) if net.prefixlen == net.max_prefixlen else str(net)
    return parse_term(f"ip{net.version}:{text}")


def wanted_spf(addresses: Iterable[str], extra: Iterable[str] = ()) -> Spf:
    """The record of a domain: its addresses, the operator's mechanisms, -all.

    Where that is too long, addresses that fill a network are named by it, so that not one more is passed.
    """
    own = list(addresses)
    more = [term for term in map(parse_term, extra) if term.name != "all"]
    spf = Spf((*dict.fromkeys([*map(ip_term, own), *more]), parse_term(ENDING)))
    if len(build_spf(spf)) <= ROOM:
        return spf
    return Spf((*dict.fromkeys([*map(ip_term, collapsed(own)), *more]), parse_term(ENDING)))


def collapsed(addresses: Iterable[str]) -> list[str]:
    """The fewest networks of at most MOST addresses that hold exactly these."""
    own = [ipaddress.ip_address(address) for address in addresses]
    networks: list[Network] = [
        *ipaddress.collapse_addresses(ipaddress.IPv4Network(ip) for ip in own if ip.version == 4),
        *ipaddress.collapse_addresses(ipaddress.IPv6Network(ip) for ip in own if ip.version == 6),
    ]
    wide = MOST.bit_length() - 1
    return [
        str(part) for net in networks for part in net.subnets(new_prefix=max(net.prefixlen, net.max_prefixlen - wide))
    ]


def covered(term: Term, others: Iterable[Term]) -> bool:
    """Is this address or network passed by a wider network of the others?"""
    net = network(term)
    return net is not None and any(_wider(other, net) for other in others)


def _wider(term: Term, net: Network) -> bool:
    own = network(term)
    if own is None or term.qualifier != "+" or own.version != net.version or own.prefixlen >= net.prefixlen:
        return False
    return net.network_address in own


def merge(have: Spf, want: Spf) -> Spf:
    """Everything that is there and everything that is wanted, once, ending in -all.

    Terms after `all` are never evaluated, so they do not count as being there. An address that a network beside it
    passes is not added.
    """
    at = have.all_at
    known = {term.key: term for term in reversed(have.terms[:at])}
    there = list(reversed(known.values()))
    wide = [term for term in (*there, *want.terms) if term.name in ("ip4", "ip6") and "/" in term.value]
    missing = [t for t in want.terms if t.name != "all" and t.key not in known and not covered(t, wide)]
    return Spf((*there, *missing, parse_term(ENDING), *have.terms[at + 1 :]))


def _passes(term: Term) -> list[str]:
    """The addresses of a mechanism, unless they are too many to be a fleet's."""
    net = network(term)
    return [str(ip) for ip in net] if net and term.qualifier == "+" and net.num_addresses <= MOST else []


@lru_cache(maxsize=512)
def addresses(spf: Spf) -> Mapping[str, Term]:
    """What is passed one by one or as part of a network of a fleet's size."""
    return {address: term for term in reversed(spf.terms) for address in _passes(term)}


def leaving(spf: Spf, want: Spf, removable: Collection[str]) -> dict[Term, list[str]]:
    """Terms that pass removable addresses, with these."""
    kept, gone = addresses(want), frozenset(removable)
    found: dict[Term, list[str]] = {}
    for term in unwanted(spf, want):
        own = [address for address in _passes(term) if address not in kept]
        going = [address for address in own if address in gone]
        if going and len(collapsed(address for address in own if address not in gone)) <= PIECES:
            found[term] = going
    return found


def released(spf: Spf, want: Spf, going: Mapping[Term, Collection[str]]) -> Spf:
    """Without these addresses. What is wanted of their networks, and what nobody knows, stays where it is."""
    keys = {term.key for term in going}
    kept, gone = addresses(want), {address for own in going.values() for address in own}

    def left(term: Term) -> list[Term]:
        if term.key not in keys:
            return [term]
        unknown = (address for address in _passes(term) if address not in kept and address not in gone)
        return [*(own for own in want.terms if covered(own, [term])), *map(ip_term, collapsed(unknown))]

    return Spf(tuple(own for term in spf.terms for own in left(term)))


def unwanted(spf: Spf, want: Spf) -> list[Term]:
    """Terms that pass something beside what is wanted."""
    kept, keys = addresses(want), {term.key for term in want.terms}
    return [term for term in spf.terms if term.key not in keys and not _within(term, kept)]


def _within(term: Term, kept: Collection[str]) -> bool:
    own = _passes(term)
    return bool(own) and all(address in kept for address in own)


def without(spf: Spf, terms: Iterable[Term]) -> Spf:
    gone = {term.key for term in terms}
    return Spf(tuple(term for term in spf.terms if term.key not in gone))


def lookups(spf: Spf) -> list[Term]:
    """Terms that cost a DNS lookup; an include costs at least one. `redirect` is unused beside `all`."""
    has_all = spf.all_at < len(spf.terms)
    return [t for t in spf.terms if t.name in COSTLY and not (t.name == "redirect" and has_all)]


def refusing_term(spf: Spf, address: str) -> Term | None:
    """The term that makes an address fail before a later one could pass it."""
    ip = ipaddress.ip_address(address)
    for term in spf.terms[: spf.all_at]:
        net = network(term)
        if net is not None and net.version == ip.version and ip in net:
            return None if term.qualifier == "+" else term
    return None
