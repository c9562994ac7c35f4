# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Which DNS records of a former pool no mail needs any more. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Of one host: how many messages each pool has queued from each name.
Queued = Mapping[str, Mapping[str, int]]


def retirement(
    pending: Iterable[Mapping[str, Any]], compiled: Mapping[str, Any], queued: Mapping[str, Queued]
) -> dict[str, list[str]]:
    """Domains whose old addresses may leave SPF, and a sentence for each that has to wait.

    Mail in the queue of the domain's own pool needs its own addresses only; mail in any other still leaves by those
    of that pool, by which receivers know it. A host that is not in ``queued`` may have such mail.
    """
    names: dict[str, set[str]] = {}
    for item in (item for item in pending if item["ips"]):
        names.setdefault(item["domain"], set()).add(item["name"])
    pool_of = {item["domain"]: item["pool"] for item in compiled["domains"] if item["domain"] in names}
    unknown = sorted(set(compiled["views"]) - set(queued))
    waiting = {}
    for domain in sorted(names):
        left = _left(names[domain], pool_of[domain], queued)
        if left:
            waiting[domain] = f"{domain}: {left}; its old DNS records stay until a run finds none."
        elif unknown:
            hosts = " and ".join(unknown)
            waiting[domain] = f"{domain}: its old DNS records stay, because {hosts} was not asked for mail."
    return {"release": sorted(set(names) - set(waiting)), "waiting": list(waiting.values())}


def _left(names: set[str], own: str, queued: Mapping[str, Queued]) -> str:
    found = []
    for host, pools in sorted(queued.items()):
        for pool, counts in sorted(pools.items()):
            number = sum(counts.get(name, 0) for name in names)
            if number and pool != own:
                found.append(f"{host} has {number} message{'s' if number > 1 else ''} of it in pool {pool}")
    return ", ".join(found)
