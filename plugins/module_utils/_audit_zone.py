# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Checks of the zone of a domain: it exists, its name servers agree, aliases and TTLs are sane. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ALL_DOMAINS,
    ERROR,
    INFO,
    WARNING,
    Answer,
    Check,
    Domain,
    Look,
    Verdict,
    judged,
    record,
    seen,
)

_LONG, _SHORT, _LONG_NEGATIVE = 86400, 300, 86400
_MINIMUM = -1  # field of the SOA


class _Server(NamedTuple):
    name: str
    address: str

    def __str__(self) -> str:
        return f"{self.name} ({self.address})"


def _zone(look: Look, name: str) -> str:
    """The zone of a name; an alias is in the zone above it."""
    while name:
        answer = look.sure(name, "SOA")
        if answer.zone and not answer.aliases:
            return answer.zone
        name = name.partition(".")[2]
    return ""


def _servers(look: Look, domain: Domain) -> list[_Server]:
    names = sorted(value.rstrip(".") for value in look.values(_zone(look, domain.name), "NS"))
    return [_Server(name, address) for name in names for address in look.addresses(name)]


def _reached(look: Look, domain: Domain) -> Iterator[tuple[_Server, Answer]]:
    """Servers with what they say about the zone; without those the controller has no route to (no IPv6)."""
    zone = _zone(look, domain.name)
    for server in _servers(look, domain):
        answer = look.answer(zone, "SOA", server.address)
        if not answer.unreachable:
            yield server, answer


def _kept(domain: Domain) -> list[tuple[str, str]]:
    """The records of ours that every server must show."""
    found = [
        (domain.name, "MX"),
        (domain.name, "TXT"),
        (f"_dmarc.{domain.name}", "TXT"),
        *((f"{selector}._domainkey.{domain.name}", "TXT") for selector in domain.selectors),
    ]
    if domain.return_path.endswith(f".{domain.name}"):
        found += [(domain.return_path, "MX"), (domain.return_path, "TXT")]
    return found


def _exists(look: Look, domain: Domain) -> Iterator[Verdict]:
    there = bool(look.values(domain.name, "MX") or look.addresses(domain.name))
    text = "The domain has neither MX nor address, so it does not exist for receivers."
    yield judged(there, text, *seen(look, domain.name, "MX", "A", "AAAA"))


def _two_servers(look: Look, domain: Domain) -> Iterator[Verdict]:
    servers = _servers(look, domain)
    networks = {server.address.rpartition("." if "." in server.address else ":")[0] for server in servers}
    zone = _zone(look, domain.name)
    shown = seen(look, zone, "NS") if zone else ()
    text = f"The zone {zone} has a single name server, or all of them are in one network."
    yield judged(len(networks) > 1, text, *shown, *map(str, servers))


def _answering(look: Look, domain: Domain) -> Iterator[Verdict]:
    for server, answer in _reached(look, domain):
        text = f"The name server {server} {answer.fault}."
        yield judged(not answer.fault, text, str(server), *answer.values, zone=_zone(look, domain.name))


def _agreeing(look: Look, domain: Domain) -> Iterator[Verdict]:
    alive = [server for server, answer in _reached(look, domain) if not answer.fault]
    different, lines = [], []
    for name, rdtype in _kept(domain):
        answers = {server: look.answer(name, rdtype, server.address) for server in alive}
        groups: dict[tuple[str, ...], list[str]] = {}
        for server, answer in answers.items():
            groups.setdefault((answer.fault,) if answer.fault else answer.shown, []).append(str(server))
        if len(groups) > 1:
            different.append(f"{rdtype} of {name}")
            for shown, servers in groups.items():
                says = " | ".join(shown) or "nothing there"
                lines.append(f"{', '.join(servers)}: {record(name, rdtype, says)}")
    if len(alive) > 1:
        text = f"The name servers show different answers to {', '.join(different)}."
        yield judged(not different, text, *(lines or map(str, alive)))


def _server_alias(look: Look, domain: Domain) -> Iterator[Verdict]:
    zone = _zone(look, domain.name)
    for value in look.values(zone, "NS") if zone else ():
        name = value.rstrip(".")
        text = f"The name server {name} of {zone} is an alias (CNAME)."
        yield judged(not look.sure(name, "A").aliases, text, *seen(look, name, "A"), server=name)


def _alias(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name in dict.fromkeys((domain.name, domain.return_path)):
        text = f"{name} is an alias (CNAME), so it can have no records of its own."
        yield judged(not look.sure(name, "TXT").aliases, text, *seen(look, name, "TXT"), name=name)


def _ttls(look: Look, domain: Domain) -> list[tuple[str, int]]:
    """As a name server gives them; a resolver's count down."""
    for server, answer in _reached(look, domain):
        if not answer.fault:
            answers = {key: look.answer(*key, server.address) for key in _kept(domain)}
            return [(f"{name} {rdtype}", one.ttl) for (name, rdtype), one in answers.items() if one.values]
    return []


def _long_ttl(look: Look, domain: Domain) -> Iterator[Verdict]:
    ttls = _ttls(look, domain)
    long = [name for name, ttl in ttls if ttl > _LONG]
    if ttls:
        text = f"The old record stays for more than a day after a change: {', '.join(long)}."
        yield judged(not long, text, *(f"{name}: {ttl} s" for name, ttl in ttls))


def _short_ttl(look: Look, domain: Domain) -> Iterator[Verdict]:
    ttls = _ttls(look, domain)
    short = [name for name, ttl in ttls if ttl < _SHORT]
    if ttls:
        text = f"Receivers ask again every few minutes, and fail while DNS does: {', '.join(short)}."
        yield judged(not short, text, *(f"{name}: {ttl} s" for name, ttl in ttls))


def _negative_ttl(look: Look, domain: Domain) -> Iterator[Verdict]:
    for _server, answer in _reached(look, domain):
        if answer.values:
            seconds = int(answer.values[0].split()[_MINIMUM])
            text = f"A name that was asked before it existed stays missing for {seconds} s."
            yield judged(seconds <= _LONG_NEGATIVE, text, f"SOA {answer.values[0]}", zone=_zone(look, domain.name))
            return


CHECKS = (
    Check(
        "domain",
        ERROR,
        "The domain has an MX or an address.",
        "Yahoo: unresolvable From; Orange; RFC 5321 5.1",
        "Set mx of {domain} and run site.yml, or publish its MX records.",
        _exists,
    ),
    Check(
        "alias",
        ERROR,
        "The domain and its return path are no aliases.",
        "RFC 1034 3.6.2, RFC 2181 10.1",
        "Replace the CNAME at {name} by the records it stands for.",
        _alias,
        ALL_DOMAINS,
    ),
    Check(
        "name-servers",
        WARNING,
        "The zone has name servers in two networks.",
        "RFC 2182 3.1",
        "Add a secondary elsewhere.",
        _two_servers,
        ALL_DOMAINS,
    ),
    Check(
        "name-servers-answer",
        ERROR,
        "Every name server answers for the zone.",
        "RFC 1912 2.8",
        "Let the server serve {zone}, or take it out of the NS records there and at the registrar.",
        _answering,
        ALL_DOMAINS,
    ),
    Check(
        "name-servers-agree",
        ERROR,
        "All name servers show the same records.",
        "RFC 1034 4.3.5",
        "See that the secondaries get NOTIFY and zone transfers; receivers now get one answer or the other.",
        _agreeing,
        ALL_DOMAINS,
    ),
    Check(
        "name-server-alias",
        ERROR,
        "No name server is an alias.",
        "RFC 2181 10.3",
        "Name the host behind {server} in the NS records.",
        _server_alias,
        ALL_DOMAINS,
    ),
    Check(
        "ttl-long",
        WARNING,
        "No record is kept for more than a day.",
        "RFC 1912 2.2",
        "Set fleet_dns.ttl to 3600, and lower the TTL of shared record sets.",
        _long_ttl,
        ALL_DOMAINS,
    ),
    Check(
        "ttl-short",
        INFO,
        "No record expires within minutes.",
        "RFC 1912 2.2",
        "Set fleet_dns.ttl to 3600 once a migration is over.",
        _short_ttl,
        ALL_DOMAINS,
    ),
    Check(
        "ttl-negative",
        WARNING,
        "New names are seen within a day.",
        "RFC 2308 5",
        "Lower the last field of the SOA of {zone} to 3600.",
        _negative_ttl,
        ALL_DOMAINS,
    ),
)
