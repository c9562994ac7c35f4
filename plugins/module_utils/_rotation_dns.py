# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Asks every authoritative address of every zone for the selectors, and how long answers may be kept. IO.

Recursive resolvers are never asked: they would remember that a selector is not there yet.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping
from typing import Union

from ansible_collections.mailfleet.mta.plugins.module_utils._dns import Backend, Zone, found_in, reply_problem
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_authorities import Authority, find_authorities
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import Message
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Found, Key
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_read import Endpoint, Reply, ask
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import Shown
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_records import shown_by
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_run import Zone as Keeping

ALIASES = 4  # CNAMEs followed from a selector to its key
Answers = dict[str, Union[Found, str]]
Everyone = dict[str, Endpoint]


class Looked:
    """What the name servers show of these names."""

    def __init__(self, backend: Backend, port: int = 53, skip: Collection[str] = ()) -> None:
        self.backend, self.port, self.skip = backend, port, skip
        self.shown: dict[str, Shown] = {}
        self.keeping: dict[str, Keeping] = {}

    def look(self, names: Iterable[str]) -> None:
        """A name that is an alias is followed: verifiers do so, too."""
        places = {name: name for name in names}
        for _hop in range(ALIASES):
            aliases = self._round(places)
            places = {name: target for name, target in aliases.items() if target}
            if not places:
                return
        self.shown.update((name, Shown("unknown", why="leads from alias to alias without end")) for name in places)

    def _round(self, places: Mapping[str, str]) -> dict[str, str]:
        """Asks for each name at its place; the names whose place is an alias, with its target."""
        keys: dict[str, Key] = {name: (place, "TXT") for name, place in places.items()}
        reading = self.backend.read(dict.fromkeys(keys.values()))
        problems = dict(reading.problems)
        zones = {name: reading.zones[key[0]] for name, key in keys.items() if key[0] in reading.zones}
        authorities = find_authorities(list(dict.fromkeys(zones.values())), self.port, self.skip)
        everyone = {zone: places_of for zone, own in authorities.of.items() if (places_of := _everyone(zone, own))}
        answers = self._answers(
            {name: (keys[name], zone) for name, zone in zones.items() if zone in everyone}, everyone
        )
        self._keep({name: zone for name, zone in zones.items() if zone in everyone}, everyone)
        aliases = {}
        for name, key in keys.items():
            zone = zones.get(name)
            if zone is None or key in problems or zone in authorities.problems or zone not in everyone:
                told = authorities.problems.get(zone, []) if zone else []
                why = problems.get(key) or " ".join(told[:1]) or "fleet_dns names no server for it; publish it by hand"
                self.shown[name] = Shown("unknown", why=f"cannot be looked up: {why}")
                continue
            found = {answer.cname for answer in answers[name].values() if isinstance(answer, Found)}
            alias = found.pop() if len(found) == 1 else ""
            if alias:
                aliases[name] = alias
            else:
                self.shown[name] = shown_by(answers[name])
        return aliases

    def _answers(self, asked: Mapping[str, tuple[Key, Zone]], everyone: Mapping[Zone, Everyone]) -> dict[str, Answers]:
        questions: dict[Endpoint, list[Key]] = {}
        for key, zone in asked.values():
            for endpoint in everyone[zone].values():
                questions.setdefault(endpoint, []).append(key)
        timeout = max((zone.server.timeout for _key, zone in asked.values()), default=1)
        replies = ask(questions, timeout)
        return {
            name: {who: _answer(zone, replies[endpoint, key]) for who, endpoint in everyone[zone].items()}
            for name, (key, zone) in asked.items()
        }

    def _keep(self, zones: Mapping[str, Zone], everyone: Mapping[Zone, Everyone]) -> None:
        """The longest that anybody may keep an older answer: TTL, and until a secondary has asked again."""
        questions: dict[Endpoint, list[Key]] = {}
        for zone in dict.fromkeys(zones.values()):
            questions.setdefault(next(iter(everyone[zone].values())), []).append((zone.name, "SOA"))
        replies = ask(questions, max((zone.server.timeout for zone in zones.values()), default=1)) if questions else {}
        for name, zone in zones.items():
            reply = replies[next(iter(everyone[zone].values())), (zone.name, "SOA")]
            before = self.keeping.get(name, Keeping())
            refresh, retry, minimum = _times(reply)
            self.keeping[name] = Keeping(
                max(before.ttl, refresh + retry, zone.server.ttl), max(before.negative_ttl, minimum)
            )


def _everyone(zone: Zone, authorities: Iterable[Authority]) -> Everyone:
    """Every address that answers for the zone; a provider's zone has no primary that we may ask."""
    own = {str(authority): authority.endpoint for authority in authorities}
    primary = {} if zone.server.backend else {str(zone.server): Endpoint(zone.server.server, zone.server.port)}
    return {**primary, **own}


def _answer(zone: Zone, reply: Reply) -> Found | str:
    problem = reply_problem(zone.server, reply) if isinstance(reply, Message) else reply.reason
    if problem or not isinstance(reply, Message):
        return problem if not isinstance(reply, Message) else "does not serve the zone"
    try:
        return found_in(reply)
    except ValueError as error:
        return f"holds a broken record ({error})"


def _times(reply: Reply) -> tuple[int, int, int]:
    """Refresh, retry and minimum of a SOA; nothing known is no time."""
    if isinstance(reply, Message):
        for record in reply.answer:
            if record.type == "SOA":
                _serial, refresh, retry, _expire, minimum = struct.unpack(">5I", record.rdata[-20:])
                return refresh, retry, minimum
    return 0, 0, 0
