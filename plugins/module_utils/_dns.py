# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The RFC 2136 backend: reads names, finds their zones, writes changes.

A backend is anything with `read` and `apply` (see Backend); the planner decides, a backend only carries out.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import Message, Record, soa_serial
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Change, Found, Key, RRset
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rdata import rdata_text
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_read import Endpoint, NoReply, Replies, Reply, ask
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import Server, Settings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import MESSAGE_LIMIT, Applied, apply_zone

WRITERS = 8  # zones written at the same time
LOST_MESSAGES = 3  # after so many unanswered changes the others to this server are not tried
NOERROR, NXDOMAIN = 0, 3
_RCODES = {1: "FORMERR", 2: "SERVFAIL", 4: "NOTIMP", 5: "REFUSED", 9: "NOTAUTH"}


class Zone(NamedTuple):
    name: str
    server: Server


class Reading(NamedTuple):
    found: dict[Key, Found]
    zones: dict[str, Zone]  # of names that were found
    problems: dict[Key, str]
    unmanaged: set[str]  # names without a server


class Backend(Protocol):
    def read(self, keys: Iterable[Key]) -> Reading: ...

    def apply(self, zones: Mapping[Zone, Sequence[Change]]) -> dict[Zone, Applied]: ...


def found_in(message: Message) -> Found:
    """Values sorted, because servers rotate them."""
    name, rdtype = message.question
    own = [record for record in message.answer if record.name == name]
    records = [record for record in own if record.type == rdtype]
    if records:
        pairs = sorted({(rdata_text(rdtype, record.rdata), record.rdata) for record in records})
        return Found(RRset(records[0].ttl, tuple(text for text, _w in pairs), tuple(wire for _t, wire in pairs)))
    alias = next((record for record in own if record.type == "CNAME"), None)
    return Found(cname=rdata_text("CNAME", alias.rdata).rstrip(".")) if alias else Found()


def zone_in(message: Message) -> str:
    """The zone as far as the answer tells: by its SOA, or by the NS records beside an answer."""
    for record in (*message.answer, *message.authority):
        if record.type == "SOA":
            return record.name
    aliased = any(record.type == "CNAME" for record in message.answer)
    if message.answer and not aliased:
        return next((record.name for record in message.authority if record.type == "NS"), "")
    return ""


def _above(name: str) -> str:
    return name.partition(".")[2]


def _is_alias(key: Key, found: Found) -> bool:
    return bool(found.cname) or (key[1] == "CNAME" and found.rrset is not None)


def reply_problem(server: Server, reply: Reply) -> str:
    """A sentence when the answer is no ground for a plan."""
    if isinstance(reply, NoReply):
        return (
            f"{server} {reply.reason}. "
            "Remedy: check dns.server and that UDP and TCP port 53 are open from the controller."
        )
    rcode = _RCODES.get(reply.rcode, f"rcode {reply.rcode}")
    elsewhere = "serve the zone there, or name its primary in dns.zones"
    if reply.rcode not in (NOERROR, NXDOMAIN):
        remedy = elsewhere if rcode in ("REFUSED", "NOTAUTH") else "look into the server's log"
        hint = " and allow the controller to query it" if rcode == "REFUSED" else ""
        return f"{server} answers {rcode}. Remedy: {remedy}{hint}."
    if reply.authoritative:
        return ""
    servers = [record for record in reply.authority if record.type == "NS"]
    if servers and not reply.answer and servers[0].name:
        names = ", ".join(sorted(rdata_text("NS", record.rdata).rstrip(".") for record in servers))
        return f"{server} delegates {servers[0].name} to {names}. Remedy: name its primary in dns.zones."
    return f"{server} is not authoritative for it. Remedy: {elsewhere}."


def serial_of(reply: Reply | None) -> int | None:
    if not isinstance(reply, Message):
        return None
    soa: Record | None = next((record for record in reply.answer if record.type == "SOA"), None)
    return soa_serial(soa) if soa else None


def write_all(
    zones: Mapping[Zone, Sequence[Change]], write: Callable[[Zone, Sequence[Change]], Applied], writers: int
) -> dict[Zone, Applied]:
    """Side by side, until nobody answers any more."""
    away: dict[Server, list[Applied]] = {}

    def one(item: tuple[Zone, Sequence[Change]]) -> Applied:
        zone, changes = item
        lost = away.setdefault(zone.server, [])
        if len(lost) >= LOST_MESSAGES:
            return lost[0]
        applied = write(zone, changes)
        if applied.away:
            lost.append(applied)
        return applied

    with ThreadPoolExecutor(writers) as pool:
        return dict(zip(zones, pool.map(one, zones.items())))


class Rfc2136:
    """Several primaries may be in play; each question goes to the one that dns.zones names."""

    def __init__(self, settings: Settings, message_limit: int = MESSAGE_LIMIT) -> None:
        self.settings, self.message_limit = settings, message_limit

    def read(self, keys: Iterable[Key]) -> Reading:
        reading = Reading({}, {}, {}, set())
        servers: dict[Key, Server] = {}
        for key in keys:
            server = self.settings.server_for(key[0])
            if server is None:
                reading.unmanaged.add(key[0])
            else:
                servers[key] = server
        replies = self._ask(servers)
        for key, server in servers.items():
            self._take(reading, key, server, replies[Endpoint(server.server, server.port), key])
        self._find_zones(reading, servers)
        return reading

    def _take(self, reading: Reading, key: Key, server: Server, reply: Reply) -> None:
        problem = reply_problem(server, reply)
        if problem or not isinstance(reply, Message):
            reading.problems[key] = problem
            return
        try:
            reading.found[key] = found_in(reply)
        except ValueError as error:
            reading.problems[key] = f"{server} holds a record that is broken: {error}. Remedy: delete it."
            return
        zone = zone_in(reply)
        if zone:
            reading.zones[key[0]] = Zone(zone, server)

    def _ask(self, servers: Mapping[Key, Server]) -> Replies:
        questions: dict[Endpoint, list[Key]] = {}
        for key, server in servers.items():
            questions.setdefault(Endpoint(server.server, server.port), []).append(key)
        return ask(questions, max((server.timeout for server in servers.values()), default=1))

    def _find_zones(self, reading: Reading, servers: Mapping[Key, Server]) -> None:
        """Where the answer did not tell, the SOA is asked for; above an alias, because an alias is no zone."""
        probes = {
            key[0]: (_above(key[0]) if _is_alias(key, found) else key[0], servers[key])
            for key, found in reading.found.items()
            if key[0] not in reading.zones
        }
        while probes:
            replies = self._ask({(probe, "SOA"): server for probe, server in probes.values()})
            again = {}
            for name, (probe, server) in probes.items():
                reply = replies[Endpoint(server.server, server.port), (probe, "SOA")]
                zone = zone_in(reply) if isinstance(reply, Message) and reply.authoritative else ""
                if zone:
                    reading.zones[name] = Zone(zone, server)
                elif isinstance(reply, Message) and found_in(reply).cname and _above(probe):
                    again[name] = (_above(probe), server)
                else:
                    for key in [key for key in reading.found if key[0] == name]:
                        del reading.found[key]
                        reading.problems[key] = f"{server} does not say which zone it is in. Remedy: check its SOA."
            probes = again

    def apply(self, zones: Mapping[Zone, Sequence[Change]]) -> dict[Zone, Applied]:
        def write(zone: Zone, changes: Sequence[Change]) -> Applied:
            return apply_zone(zone.name, changes, zone.server, self.message_limit)

        return write_all(zones, write, WRITERS)
