# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Mail through every lane of the lab's inventory, and what the inventory promises about each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.support.backends import groups
from tests.support.inject import Message
from tests.support.lab import INVENTORY, Delivery, deliveries, submit, wait_for

PORTS = {"transactional": 2587, "marketing": 2588, "cold": 2589, "internal": 2590}
# One recipient domain of each persona, by persona.
RECIPIENTS = {
    "gmail": "gmail.com",
    "outlook": "outlook.com",
    "yahoo": "yahoo.com",
    "gmx": "gmx.net",
    "webde": "web.de",
    "orange": "orange.fr",
    "generic": "generic.example",
}
# A receiver without a profile keeps to one address of a pool for some hours; at a provider each recipient does.
WITHOUT_PROFILE = ("generic", "golden")
ROUNDS = 12


@dataclasses.dataclass(frozen=True)
class Source:
    """A name towards receivers, as the inventory has it: one HELO, its addresses, its pool and host."""

    host: str
    submission: str
    pool: str
    port: int
    helo: str
    addresses: tuple[str, ...]
    domains: tuple[str, ...]


def sources(inventory: Path = INVENTORY) -> list[Source]:
    """Read the inventory with nothing but YAML, so that no code under test has a say in what is expected."""
    model: dict[str, Any] = {}
    for path in sorted((inventory / "group_vars/all").glob("*.yml")):
        model.update(yaml.safe_load(path.read_text()) or {})
    hosts = [pair for group in groups(inventory).values() for pair in group.items()]
    found = []
    for host, connection in sorted(hosts, key=lambda pair: pair[0]):
        own = yaml.safe_load((inventory / f"host_vars/{host}.yml").read_text())
        names: dict[tuple[str, str], list[str]] = {}
        for address, entry in own["fleet_ips"].items():
            names.setdefault((entry["pool"], entry["helo"]), []).append(address)
        for (pool, helo), addresses in sorted(names.items()):
            domains = tuple(sorted(name for name, entry in model["fleet_domains"].items() if entry["pool"] == pool))
            settings = model["fleet_pools"][pool]
            port = settings.get("port", PORTS[settings["traffic"]])
            found.append(Source(host, connection["ansible_host"], pool, port, helo, tuple(sorted(addresses)), domains))
    return found


def through_every_lane(
    inventory: Path = INVENTORY, recipients: Mapping[str, str] | None = None
) -> tuple[list[Message], list[Delivery]]:
    """Send until every (source, persona) was used; a pool chooses an address for each recipient, so that takes some."""
    recipients = recipients or RECIPIENTS
    everything = sources(inventory)
    endpoints = {(source.submission, source.port): source.domains for source in everything}
    sent: list[Message] = []
    got: list[Delivery] = []
    for number in range(ROUNDS):
        batch = {
            endpoint: [
                Message(f"bounces@bounce.{domain}", f"lane{number}@{recipient}", f"news@{domain}")
                for domain in domains
                for recipient in recipients.values()
            ]
            for endpoint, domains in endpoints.items()
        }
        for (address, port), messages in batch.items():
            sent += submit(address, port, messages, connections=4)
        got = arrived(sent)
        if not missing(everything, got, recipients):
            break
    return sent, got


def arrived(sent: Iterable[Message], seconds: float = 60) -> list[Delivery]:
    """Wait until every accepted message was delivered; all their deliveries, doubles included."""
    wanted = {message.identity for message in sent if message.accepted}

    def all_there() -> list[Delivery] | None:
        own = [delivery for delivery in deliveries() if delivery.identity in wanted]
        return own if {delivery.identity for delivery in own} == wanted else None

    return list(wait_for(f"{len(wanted)} messages at the personas", all_there, seconds))


def missing(everything: list[Source], got: list[Delivery], recipients: Mapping[str, str]) -> set[tuple[str, str]]:
    """The (HELO, persona) pairs that no message has used yet, though some message should."""
    used = {(delivery.helo, delivery.persona) for delivery in got}
    kept = {
        (source.helo, persona)
        for source in everything
        for other in everything
        for persona in WITHOUT_PROFILE
        if (source.host, source.pool) == (other.host, other.pool) and (other.helo, persona) in used
    }
    return {(source.helo, persona) for source in everything for persona in recipients} - used - kept
