# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses that warm up, in PowerMTA's terms: cold virtual-MTAs of warm ones. Private to the collection, pure.

How the guides count is open: max-cold-virtual-mta-msg may be a number for each warm virtual-MTA or for each cold one.
So each cold one belongs to one warm one, which has the number itself; then either reading keeps to the ceiling.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_model import DEFAULT_ISP

Plain = dict[str, t.Any]
COLD, WAITING, LIMITED = "cold", "waiting", "limited"
_HOURLY = {"s": 3600, "min": 60, "h": 1}
# Mail that must not wait: it comes spread over the day anyway.
_AT_ONCE = "transactional"


class Part(t.NamedTuple):
    """What one address of the pool is today. ceilings are those of the warm-up that it goes by, or hands out."""

    state: str  # empty: a member without limits of its own
    ceilings: dict[str, int]
    cold: list[str]


def parts(pool: Plain) -> dict[str, Part]:
    """The addresses (IPv4) of a pool in their order."""
    ceilings: dict[str, dict[str, int]] = pool["ceilings"]
    addresses = list(dict.fromkeys(lane["bind4"] for lane in pool["lanes"]))
    warm = [address for address in addresses if address not in ceilings]
    if not warm:
        return {address: Part(LIMITED, ceilings[address], []) for address in addresses}
    started = [address for address in addresses if any(ceilings.get(address, {}).values())]
    found = {address: Part(WAITING, ceilings[address], []) for address in ceilings}
    for place, address in enumerate(warm):
        own = started[place :: len(warm)]
        least = {isp: min(ceilings[cold][isp] for cold in own) for isp in (ceilings[own[0]] if own else ())}
        found[address] = Part("", least, own)
        found.update((cold, Part(COLD, least, [])) for cold in own)
    return {address: found[address] for address in addresses}


def per_hour(rate: str) -> int:
    number, _slash, unit = rate.partition("/")
    return int(number) * _HOURLY[unit]


def handed_out(ceilings: t.Mapping[str, int], queues: t.Mapping[str, list[str]]) -> list[Plain]:
    """What a warm virtual-MTA hands to its cold ones. Receivers without a profile would count domain by domain, so that
    a list with many small ones had no ceiling: their mail stays with the warm one."""
    return [
        {"queue": queues[isp][0], "settings": {"max-cold-virtual-mta-msg": f"{number}/d"}}
        for isp, number in sorted(ceilings.items())
        if isp != DEFAULT_ISP and queues[isp]
    ]


def rates(part: Part, traffic: str, isp: Plain, backoff_rate: str) -> Plain:
    """What spreads the messages of a day, in backoff mode too."""
    if traffic == _AT_ONCE:
        return {}
    number = part.ceilings[isp["name"]]
    # A cold one gets the first mail of the day and sends it in twelve hours. One that is alone has only its rate, which
    # keeps to the number in any 24 hours; no rate can be nothing, so before the start it is one an hour.
    spread = f"{-(-number // 12) if part.state == COLD else max(1, number // 24)}/h"
    own = min((spread, isp["message_rate"] or spread), key=per_hour)
    return {"max-msg-rate": own, "backoff-max-msg-rate": min((own, backoff_rate), key=per_hour)}
