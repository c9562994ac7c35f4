# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What a run would take away from a sender, and how much mail is still queued for it. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# What a pool has: {"addresses": [...], "domains": [...]}; domains include the return-path names.
Holdings = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass
class Queue:
    """How much mail an instance holds."""

    total: int = 0
    # Mail in these queues keeps its lane; deferred mail chooses one again at its next try.
    moving: int = 0
    senders: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Leaving:
    pool: str
    kind: str
    name: str


def holdings_of(view: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """What may stay in each pool of a host: its addresses, and mail of every domain that the fleet still has.

    A domain that moves leaves its queued mail where it is: that mail goes out by the old addresses, which the domain's
    SPF record keeps until the old queue has none of it.
    """
    domains = sorted({name for domain in view["elsewhere"] for name in (domain["domain"], domain["return_path"])})
    return {
        pool["name"]: {"addresses": [ip["address"] for ip in pool["ips"]], "domains": domains} for pool in view["pools"]
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


def leaving(live: Holdings, wanted: Holdings) -> list[Leaving]:
    """Pools, addresses and domains that the host has and that are wanted no more."""
    found = []
    for pool in sorted(live):
        if pool not in wanted:
            found.append(Leaving(pool, "pool", pool))
            continue
        for kind, key in (("address", "addresses"), ("domain", "domains")):
            gone = set(live[pool].get(key, ())) - set(wanted[pool].get(key, ()))
            found += [Leaving(pool, kind, name) for name in sorted(gone)]
    return found


def queued(item: Leaving, queue: Queue) -> int:
    """How many messages still need what leaves."""
    if item.kind == "pool":
        return queue.total
    return queue.moving if item.kind == "address" else queue.senders[item.name.lower()]


def refusals(host: str, items: Iterable[Mapping[str, Any]]) -> list[str]:
    """One sentence for each thing that mail is still waiting for."""
    return [_refusal(host, item) for item in items if item["queued"]]


def _refusal(host: str, item: Mapping[str, Any]) -> str:
    number, pool, name = item["queued"], item["pool"], item["name"]
    messages = "1 message is" if number == 1 else f"{number} messages are"
    show = f"`postqueue -c /etc/postfix-{pool} -p`"
    if item["kind"] == "pool":
        return (
            f"{host}: {messages} queued in pool {pool}, which this run would remove. "
            f"Wait until {show} is empty, or put the pool's addresses back into fleet_ips; nothing was changed."
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
