# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What a run would take away from a sender, and how much mail is still queued for it. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_SHOWN = 20
POSTQUEUE = "postqueue -c /etc/postfix-{pool} -p"
MTAS = {"postfix": "Postfix", "powermta": "PowerMTA"}
# What a pool has: {"addresses": [...], "domains": [...]}; domains include the return-path names.
Holdings = Mapping[str, Mapping[str, Any]]


@dataclass
class Queue:
    """How much mail an instance holds."""

    total: int = 0
    # Mail in these queues keeps its lane; deferred mail chooses one again at its next try.
    moving: int = 0
    senders: Counter[str] = field(default_factory=Counter)
    # Where mail stays with the address that it got when it came in, as on PowerMTA.
    addresses: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Leaving:
    pool: str
    kind: str
    name: str


def holdings_of(view: Mapping[str, Any]) -> dict[str, Any]:
    """What each pool of a host shall have, and all domains of the fleet wherever they are sent.

    The general endpoint is a pool that has nothing but its queue.
    """
    pools = {
        pool["name"]: {
            "addresses": [ip["address"] for ip in pool["ips"]],
            "domains": [name for domain in pool["domains"] for name in (domain["name"], domain["return_path"])],
        }
        for pool in view["pools"]
    }
    if view["entry"]:
        pools["entry"] = {"addresses": [], "domains": []}
    return {
        "backend": view["backend"],
        "pools": pools,
        "fleet": [name for domain in view["elsewhere"] for name in (domain["domain"], domain["return_path"])],
    }


def parse(lines: Iterable[str]) -> Queue:
    """Read the output of ``postqueue -j``: one JSON object per message."""
    queue = Queue()
    for line in lines:
        if not line.strip():
            continue
        message = json.loads(line)
        queue.total += 1
        if message["queue_name"] in ("active", "incoming"):
            queue.moving += 1
        queue.senders[message.get("sender", "").rpartition("@")[2].lower()] += 1
    return queue


def arrivals(lines: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Sender domain and time of arrival of each queued message, from ``postqueue -j``."""
    for line in lines:
        if line.strip():
            message = json.loads(line)
            yield message.get("sender", "").rpartition("@")[2].lower(), int(message.get("arrival_time", 0))


def leaving(live: Holdings, wanted: Holdings, fleet: Iterable[str]) -> list[Leaving]:
    """Pools, addresses and domains that the host has and that are wanted no more.

    A domain that moves to another pool is not leaving: its queued mail goes out by the old addresses, which its SPF
    record keeps until no old queue has any of it.
    """
    found = []
    known = set(fleet)
    for pool in sorted(live):
        if pool not in wanted:
            found.append(Leaving(pool, "pool", pool))
            continue
        addresses, domains = (set(live[pool].get(key, ())) for key in ("addresses", "domains"))
        found += [Leaving(pool, "address", name) for name in sorted(addresses - set(wanted[pool]["addresses"]))]
        found += [Leaving(pool, "domain", name) for name in sorted(domains - set(wanted[pool]["domains"]) - known)]
    return found


def mail_changes(live: Holdings, wanted: Holdings) -> list[str]:
    """What a run changes on a host in mail terms, one line a pool."""
    lines = []
    for pool in sorted({*live, *wanted}):
        before, after = live.get(pool, {}), wanted.get(pool, {})
        signs = [
            f"{sign} {name}"
            for key in ("addresses", "domains")
            for sign, one, other in (("+", after, before), ("-", before, after))
            for name in sorted(set(one.get(key, ())) - set(other.get(key, ())))
        ]
        verb = "new pool" if pool not in live else "pool goes" if pool not in wanted else "pool"
        shown = signs if len(signs) <= _SHOWN else [*signs[:_SHOWN], f"and {len(signs) - _SHOWN} more"]
        if signs:
            lines.append(f"{verb} {pool}: {', '.join(shown)}")
    return lines


def queued(item: Leaving, queue: Queue) -> int:
    """How many messages still need what leaves."""
    if item.kind == "pool":
        return queue.total
    return queue.moving + queue.addresses[item.name] if item.kind == "address" else queue.senders[item.name.lower()]


def refusals(host: str, items: Iterable[Mapping[str, Any]], command: str = POSTQUEUE) -> list[str]:
    """One sentence for each thing that mail is still waiting for; the command shows the queue of a {pool}."""
    return [_refusal(host, item, f"`{command.format(pool=item['pool'])}`") for item in items if item["queued"]]


def _refusal(host: str, item: Mapping[str, Any], show: str) -> str:
    number, pool, name = item["queued"], item["pool"], item["name"]
    messages = "1 message is" if number == 1 else f"{number} messages are"
    if item["kind"] == "pool":
        what, back = ("the general endpoint", "fleet_entry back")
        if pool != "entry":
            what, back = (f"pool {pool}", "the pool's addresses back into fleet_ips")
        return (
            f"{host}: {messages} queued in {what}, which this run would remove. "
            f"Wait until {show} is empty, or put {back}; nothing was changed."
        )
    if item["kind"] == "address":
        return (
            f"{host}: {messages} on the way in pool {pool}, whose address {name} this run would remove. Wait until "
            f"{show} marks none with an asterisk, or put the line back into fleet_ips; nothing was changed."
        )
    return (
        f"{host}: {messages} queued in pool {pool} from {name}, which is no longer in the fleet. "
        f"Wait until {show} lists none of them, or put the domain back into fleet_domains; nothing was changed."
    )


def move(old: str, new: str) -> str:
    return f"moves from {MTAS[old]} to {MTAS[new]}"


def move_refusals(host: str, old: str, new: str, closed: bool, waiting: Mapping[str, int], command: str) -> list[str]:
    """Why a host cannot move to the other MTA yet: the old one still takes mail, or has some."""
    mta, left = MTAS[old], {pool: number for pool, number in sorted(waiting.items()) if number}
    has = f"{sum(left.values())} queued ({', '.join(f'{pool} {number}' for pool, number in left.items())})"
    if not closed:
        return [
            f"{host} {move(old, new)}, but its {mta} still takes mail{f' and has {has}' if left else ''}. "
            f"Put it back into the group {old} with fleet_draining: true and run, so that it only delivers; "
            "move it when nothing is queued. Nothing was changed."
        ]
    if left:
        return [
            f"{host} {move(old, new)}, but its {mta} still has {has} and goes on delivering. "
            f"Run again when `{command}` shows nothing, or put it back into the group {old}; nothing was changed."
        ]
    return []
