# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The name servers of zones and their addresses: as a zone's primary tells, or, where a backend changes it, as the
world finds them.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._dns import Zone, reply_problem, serial_of
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import Message
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Key
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rdata import rdata_text
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_read import Endpoint, NoReply, Replies, Reply, ask

try:
    import dns.exception
    import dns.resolver
except ImportError:  # reported by _dns_update.require_dnspython
    pass

RESOLVER_PORT = 53


class Authority(NamedTuple):
    name: str
    endpoint: Endpoint
    alone: bool  # the name server has no other address

    def __str__(self) -> str:
        return f"name server {self.name} ({self.endpoint})"


class Authorities(NamedTuple):
    of: dict[Zone, list[Authority]]  # without the primary itself; zones that nobody can be asked about are missing
    serials: dict[Zone, int]  # at the primary
    problems: dict[Zone, list[str]]


def find_authorities(zones: Sequence[Zone], port: int, skip: Collection[str]) -> Authorities:
    """`port` is where name servers answer; `skip` are addresses that are not asked."""
    found = Authorities({}, {}, {})
    names = _names(zones, found)
    addresses = _addresses(names)
    for zone, own in names.items():
        found.of[zone] = _of_zone(zone, own, addresses, port, skip, found.problems)
    return found


def _names(zones: Sequence[Zone], found: Authorities) -> dict[Zone, list[str]]:
    replies: Replies = {}
    for by_resolver in (True, False):
        asked: dict[Endpoint, list[Key]] = {}
        own_zones = [zone for zone in zones if bool(zone.server.backend) is by_resolver]
        for zone in own_zones:
            asked.setdefault(_teller(zone), []).extend([(zone.name, "SOA"), (zone.name, "NS")])
        timeout = max((zone.server.timeout for zone in own_zones), default=1)
        replies.update(ask(asked, timeout, recursion=by_resolver) if asked else {})
    names: dict[Zone, list[str]] = {}
    for zone in zones:
        soa, reply = (replies[_teller(zone), (zone.name, kind)] for kind in ("SOA", "NS"))
        records = reply.answer if isinstance(reply, Message) else []
        own = sorted({rdata_text("NS", record.rdata).rstrip(".") for record in records if record.type == "NS"})
        problem = _problem(zone, soa, reply, own)
        if problem:
            found.problems.setdefault(zone, []).append(problem)
            continue
        names[zone] = own
        serial = serial_of(soa)
        if serial is not None and not zone.server.backend:
            found.serials[zone] = serial
    return names


def _problem(zone: Zone, soa: Reply, reply: Reply, names: Sequence[str]) -> str:
    if not zone.server.backend:
        if serial_of(soa) is not None and isinstance(reply, Message):
            return ""
        return reply_problem(zone.server, reply) or f"{zone.server} shows no SOA. Remedy: check the zone."
    if names:
        return ""
    resolver = f"the resolver {_teller(zone).address}"
    if isinstance(reply, NoReply):
        return f"{resolver} {reply.reason}. Remedy: set dns.resolver to one that the controller may ask."
    return f"{resolver} finds no name servers of it. Remedy: delegate the zone to those of its DNS provider."


def _teller(zone: Zone) -> Endpoint:
    """Who knows the zone's name servers."""
    return Endpoint(_resolver(zone), RESOLVER_PORT) if zone.server.backend else _primary(zone)


def _primary(zone: Zone) -> Endpoint:
    return Endpoint(zone.server.server, zone.server.port)


def _resolver(zone: Zone) -> str:
    """The controller's own where none is set and no primary can tell."""
    if zone.server.resolver or not zone.server.backend:
        return zone.server.resolver
    try:
        return str(dns.resolver.get_default_resolver().nameservers[0])
    except (dns.exception.DNSException, OSError, IndexError):
        return "127.0.0.1"


def _of_zone(
    zone: Zone,
    names: list[str],
    addresses: Mapping[tuple[Zone, str], list[str]],
    port: int,
    skip: Collection[str],
    problems: dict[Zone, list[str]],
) -> list[Authority]:
    found = []
    for name in names:
        own = addresses.get((zone, name), [])
        if not own:
            problems.setdefault(zone, []).append(
                f"no address of its name server {name} was found, so it cannot be asked. "
                "Remedy: set dns.resolver to a resolver that knows it."
            )
        for address in own:
            at_primary = address == zone.server.server
            endpoint = Endpoint(address, zone.server.port if at_primary else port)
            if endpoint != _primary(zone) and address not in skip:
                found.append(Authority(name, endpoint, len(own) == 1))
    return found


def _addresses(names: Mapping[Zone, list[str]]) -> dict[tuple[Zone, str], list[str]]:
    """Asked of the resolver where there is one, else of the primary, which knows names in its own zones."""
    found: dict[tuple[Zone, str], list[str]] = {}
    for by_resolver in (True, False):
        asked: dict[Endpoint, list[Key]] = {}
        places: list[tuple[Zone, str, Endpoint]] = []
        for zone, hosts in names.items():
            resolver = _resolver(zone)
            if not (resolver if by_resolver else zone.server.server):
                continue
            place = Endpoint(resolver, RESOLVER_PORT) if by_resolver else _primary(zone)
            for host in hosts:
                if (zone, host) not in found:
                    places.append((zone, host, place))
                    asked.setdefault(place, []).extend([(host, "A"), (host, "AAAA")])
        timeout = max((zone.server.timeout for zone in names), default=1)
        replies = ask(asked, timeout, recursion=by_resolver) if asked else {}
        for zone, host, place in places:
            own = [
                rdata_text(kind, record.rdata)
                for kind in ("A", "AAAA")
                if isinstance(reply := replies[place, (host, kind)], Message)
                for record in reply.answer
                if record.type == kind
            ]
            if own:
                found[zone, host] = own
    return found
