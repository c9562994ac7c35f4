# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Looks names up that are not ours, as receivers would: by the resolver of the settings.

Without a resolver the primary is asked, which knows the names of its own zones.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import Message
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Key
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rdata import rdata_text
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_read import Endpoint, NoReply, Reply, ask
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import Server, Settings
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_count import Answer

_NOERROR, _NXDOMAIN = 0, 3
_UNASKED = Answer(fault="was not looked up, because no resolver is set")


class Resolver:
    """What SPF records name, asked all at once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.elsewhere = settings.common or next((s for s in settings.zones.values() if s.resolver), None)

    def __call__(self, keys: Collection[Key]) -> dict[Key, Answer]:
        places: dict[Endpoint, list[Key]] = {}
        timeout = 1
        for key in keys:
            server = self.settings.server_for(key[0]) or self.elsewhere
            place = _place(server) if server else None
            if server and place:
                places.setdefault(place, []).append(key)
                timeout = max(timeout, server.timeout)
        replies = ask(places, timeout, recursion=True)
        found = {key: answer_in(replies[place, key], key[1]) for place, own in places.items() for key in own}
        return {key: found.get(key, _UNASKED) for key in keys}


def _place(server: Server) -> Endpoint | None:
    if server.resolver:
        return Endpoint(server.resolver, 53)
    return Endpoint(server.server, server.port) if server.server else None


def answer_in(reply: Reply, rdtype: str) -> Answer:
    """The values at the end of a chain of aliases."""
    if isinstance(reply, NoReply):
        return Answer(fault=f"was not answered: the resolver {reply.reason}")
    if reply.rcode not in (_NOERROR, _NXDOMAIN):
        return Answer(fault=f"was not answered: the resolver says rcode {reply.rcode}")
    records = [record for record in reply.answer if record.type == rdtype]
    if not records and _refers(reply):
        return Answer(fault="was not answered: the resolver knows its own zones only")
    try:
        return Answer(tuple(rdata_text(rdtype, record.rdata) for record in records))
    except ValueError as error:
        return Answer(fault=f"has a record that is broken: {error}")


def _refers(reply: Message) -> bool:
    """Nothing was found, but elsewhere there may be something: a referral, or an alias that leads out."""
    if any(record.type == "SOA" for record in reply.authority):
        return False
    return reply.rcode == _NOERROR
