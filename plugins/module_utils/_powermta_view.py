# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host's view in PowerMTA's terms: virtual-MTAs, queues, sources. Private to the collection, pure.

Two readings of the guides are open, so nothing that is printed depends on them. Which of a specific global <domain>
and a general one in a virtual-MTA wins: connections stand in pools and warming virtual-MTAs only, there for every
queue, and everything else about a receiver at the global level only, but for what a warm-up sets there for every queue.
How one list of MX hosts matches domains that have some of them only: a profile with several single hosts is written
with their parents.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_warmup as warmup
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_model import DEFAULT_ISP
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_warmup import per_hour

Plain = dict[str, t.Any]
# Takes mail whose sender belongs to no pool of the host, and returns it.
NO_POOL = "no-pool"
LOCAL = ("127.0.0.0/8", "::1/128")


def powermta_view(view: Plain, backoff: Plain, leaving: t.Iterable[Plain] = ()) -> Plain:
    """backoff has the message_rate of a queue in backoff mode; leaving is what queue_info says that still has mail."""
    going = _going(view, leaving)
    lists: dict[str, list[Plain]] = {}
    networks = _networks(view)
    for pools in (*networks.values(), *((pool["name"],) for pool in view["pools"] if pool["applications"])):
        lists[_list_name(pools)] = [pool for pool in view["pools"] if pool["name"] in pools]
    return {
        "macros": [{"name": _macro(isp), "domains": isp["domains"]} for isp in view["isps"] if isp["domains"]],
        "rollups": [line for isp in view["isps"] for line in _rollups(isp)],
        "isps": [_isp(isp, backoff["message_rate"]) for isp in view["isps"]],
        "virtual_mtas": [
            vmta for pool in view["pools"] for vmta in _virtual_mtas(pool, view["isps"], backoff["message_rate"])
        ],
        "pools": [_pool(pool, view["isps"]) for pool in view["pools"]],
        "going": going,
        "holdings": _holdings(view, going),
        "signing": [{**item, "file": key_file(item["domain"], item["selector"])} for item in _nearest_first(view)],
        "senders": [
            {"name": name, "routes": [_route(domain, pool) for pool in pools for domain in pool["domains"]]}
            for name, pools in sorted(lists.items())
        ],
        "networks": [{"network": network, "senders": _list_name(pools)} for network, pools in networks.items()],
        "users": [
            {**application, "pool": pool["name"]} for pool in view["pools"] for application in pool["applications"]
        ],
        "ports": [pool["port"] for pool in view["pools"]] + ([view["entry"]["port"]] if view["entry"] else []),
        # Where nobody submits by IPv6, nothing listens for it.
        "everywhere": ["0/0"] + ["[::]/0"] * any(":" in text for pool in view["pools"] for text in pool["networks"]),
    }


def _going(view: Plain, leaving: t.Iterable[Plain]) -> list[Plain]:
    """Virtual-MTAs without new mail; the heir, if there is one, is the pool that takes what they have."""
    pools = {pool["name"] for pool in view["pools"]}
    return [
        {"pool": item["pool"], "heir": item["pool"] if item["pool"] in pools else None, "address": address, **vmta}
        for item in leaving
        for address, vmta in sorted(item["virtual_mtas"].items())
    ]


def _holdings(view: Plain, going: list[Plain]) -> Plain:
    """What the host has, for the run that takes some of it away; see _queue.py."""
    domains = {
        pool["name"]: [name for domain in pool["domains"] for name in (domain["name"], domain["return_path"])]
        for pool in view["pools"]
    }
    held: Plain = {
        name: {"addresses": [], "domains": domains.get(name, []), "virtual_mtas": {}}
        for name in [*domains, *(vmta["pool"] for vmta in going)]
    }
    for pool in view["pools"]:
        held[pool["name"]]["addresses"] += [ip["address"] for ip in pool["ips"]]
        for lane in pool["lanes"]:
            own = {"name": vmta_name(lane["bind4"]), "helo": lane["helo"]}
            held[pool["name"]]["virtual_mtas"][lane["bind4"]] = own
    for vmta in going:
        held[vmta["pool"]]["addresses"].append(vmta["address"])
        held[vmta["pool"]]["virtual_mtas"][vmta["address"]] = {"name": vmta["name"], "helo": vmta["helo"]}
    return held


def vmta_name(bind4: str) -> str:
    return "ip-" + bind4.replace(".", "-")


def key_file(domain: str, selector: str) -> str:
    """Where the role dkim keeps the key; the signer of either backend reads the same file."""
    return f"/var/lib/mailfleet/dkim/{domain}/{selector}.private"


def _macro(isp: Plain) -> str:
    return str(isp["name"]).replace("-", "_")


def _queues(isps: list[Plain]) -> dict[str, list[str]]:
    """The <domain> tags of each profile: its rollup queue, and its own domains where no MX of theirs is known."""
    found = {}
    for isp in isps:
        rollup = [f"{isp['name']}.rollup"] if isp["mx"] else []
        found[isp["name"]] = (
            ["*"] if isp["name"] == DEFAULT_ISP else rollup + [f"${_macro(isp)}"] * bool(isp["domains"])
        )
    return found


def _rollups(isp: Plain) -> t.Iterator[Plain]:
    """Wildcards roll up by the addresses of the hosts, so that mail always goes to the recipient domain's own MX."""
    queue = f"{isp['name']}.rollup"
    single = [name for name in isp["mx"] if not name.startswith("*.")]
    if len(isp["mx"]) == 1 and single:
        yield {"mx": single[0], "queue": queue, "by_ip": False}
        return
    for mx in sorted({name if name.startswith("*.") else "*." + name.partition(".")[2] for name in isp["mx"]}):
        yield {"mx": mx, "queue": queue, "by_ip": True}


def _isp(isp: Plain, backoff_rate: str) -> Plain:
    rate = isp["message_rate"] or None
    slower = min((rate or backoff_rate, backoff_rate), key=per_hour)
    return {
        "name": isp["name"],
        "queues": _queues([isp])[isp["name"]],
        "messages_per_connection": isp["messages_per_connection"],
        "message_rate": rate,
        "backoff_message_rate": slower,
        "retry_after": isp["retry_after"],
        "tls": isp["tls"],
    }


def _limits(queues: dict[str, list[str]], connections: dict[str, int]) -> list[Plain]:
    return [{"queue": queue, "connections": connections[isp]} for isp, own in queues.items() for queue in own]


def _pool(pool: Plain, isps: list[Plain]) -> Plain:
    connections = {isp["name"]: min(pool["connections_per_ip"], isp["connections"]) for isp in isps}
    return {
        "name": pool["name"],
        "traffic": pool["traffic"],
        "virtual_mtas": [
            vmta_name(bind4) for bind4, part in warmup.parts(pool).items() if part.state in ("", warmup.LIMITED)
        ],
        "limits": _limits(_queues(isps), connections),
    }


def _virtual_mtas(pool: Plain, isps: list[Plain], backoff_rate: str) -> t.Iterator[Plain]:
    lanes: dict[str, list[Plain]] = {}
    for lane in pool["lanes"]:
        lanes.setdefault(lane["bind4"], []).append(lane)
    for bind4, part in warmup.parts(pool).items():
        own = lanes[bind4]
        yield {
            "name": vmta_name(bind4),
            "pool": pool["name"],
            "traffic": pool["traffic"],
            "helo": own[0]["helo"],
            "addresses": [bind4, own[0]["bind6"]] if own[0]["bind6"] else [bind4],
            "state": part.state,
            "cold": [vmta_name(cold) for cold in part.cold],
            "limits": _own_limits(pool, part, {lane["isp"]: lane["connections"] for lane in own}, isps, backoff_rate),
        }


def _own_limits(
    pool: Plain, part: warmup.Part, connections: dict[str, int], isps: list[Plain], backoff_rate: str
) -> list[Plain]:
    """What holds for one address only: none for a warm one, but what it hands out."""
    queues = _queues(isps)
    if not part.state:
        return warmup.handed_out(part.ceilings, queues)
    if part.state == warmup.WAITING:
        settings = {"max-smtp-out": connections[DEFAULT_ISP], "reroute-to-virtual-mta": pool["name"]}
        return [{"queue": "*", "settings": settings}]
    of = {isp["name"]: isp for isp in isps}
    return [
        {
            "queue": queue,
            "settings": {
                "max-smtp-out": connections[isp],
                **warmup.rates(part, pool["traffic"], of[isp], backoff_rate),
            },
        }
        for isp, own in queues.items()
        for queue in own
    ]


def _nearest_first(view: Plain) -> list[Plain]:
    """PowerMTA takes the first key whose domain is the sender's or above it."""
    return sorted(view["signing"], key=lambda item: (-item["domain"].count("."), item["domain"], item["selector"]))


def _route(domain: Plain, pool: Plain) -> Plain:
    names = dict.fromkeys(re.escape(domain[key]).replace(r"\-", "-") for key in ("name", "return_path"))
    return {"pattern": f"@(?:{'|'.join(names)})$" if len(names) > 1 else f"@{next(iter(names))}$", "pool": pool["name"]}


def _list_name(pools: t.Iterable[str]) -> str:
    return "+".join(sorted(pools))


def _networks(view: Plain) -> dict[str, tuple[str, ...]]:
    """Every network that may submit without a password, with the pools that itself or a wider one may use."""
    own = {pool["name"]: [*LOCAL, *pool["networks"]] for pool in view["pools"]}
    wanted = {text for networks in own.values() for text in networks}
    found = {}
    for text in sorted(wanted, key=_order):
        inner = ipaddress.ip_network(text)
        found[text] = tuple(name for name, networks in own.items() if any(_covers(outer, inner) for outer in networks))
    return found


def _order(text: str) -> tuple[int, int, str]:
    network = ipaddress.ip_network(text)
    return network.version, -network.prefixlen, text


def _covers(outer: str, inner: t.Any) -> bool:
    network = ipaddress.ip_network(outer)
    return bool(network.version == inner.version and inner.subnet_of(network))
