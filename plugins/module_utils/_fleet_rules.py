# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the values of a fleet mean for each other. Private to the collection, pure.

Every rule takes the fleet and yields all its problems. A value that could not be read is empty here; no rule mentions
it again.
"""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _addresses_text as addresses
from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils import _names as names
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_load_isps import ambiguous
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Problem, shown

Problems = t.Iterator[Problem]
_TAKEN_PORTS = {22: "SSH", 25: "mail from other servers (bounces)", 53: "DNS"}


def senders(fleet: model.Fleet) -> Problems:
    if not fleet.hosts:
        yield Problem("fleet_ips", "is defined for no host, so the fleet has no sender.", "Define it in host_vars.")


def pool_names(fleet: model.Fleet) -> Problems:
    if not fleet.pools_readable:
        return
    users: list[model.Domain | model.Source | model.Application] = [
        *fleet.domains.values(),
        *fleet.sources,
        *fleet.applications.values(),
    ]
    for user in users:
        if user.pool and user.pool not in fleet.pools:
            near = names.did_you_mean(user.pool, fleet.pools)
            known = ", ".join(sorted(fleet.pools)) or "none yet"
            hint = f"Did you mean '{near}'? Known" if near else "Name one of"
            yield Problem(
                f"{user.path}.pool",
                f"pool {shown(user.pool)} does not exist.",
                f"{hint}: {known}, or add it to fleet_pools.",
            )


def pools_have_addresses(fleet: model.Fleet) -> Problems:
    used = {source.pool for source in fleet.sources}
    for pool in fleet.pools.values():
        if fleet.hosts and fleet.sources_readable and pool.name not in used:
            yield Problem(
                pool.path, "has no IP on any host.", "Give it one in fleet_ips of a host, or remove the pool."
            )


def addresses_once(fleet: model.Fleet) -> Problems:
    first: dict[addresses.Address, model.Source] = {}
    for source in fleet.sources:
        if source.address is None:
            continue
        other = first.setdefault(source.address, source)
        if other is source:
            continue
        pair = [fleet.pools.get(other.pool), fleet.pools.get(source.pool)]
        mixed = all(pair) and any(pool.cold for pool in pair if pool) and other.pool != source.pool
        yield Problem(
            source.path,
            f"{source.address.text} is already used as {other.path}"
            + (", and one of the two serves cold traffic." if mixed else "."),
            "Give each address to one host and one pool only.",
        )


def management_addresses(fleet: model.Fleet) -> Problems:
    owners: dict[addresses.Address, str] = {}
    for host, text in sorted(fleet.management.items()):
        try:
            owners[addresses.parse_address(text)] = host
        except ValueError:
            continue
    for source in fleet.sources:
        owner = owners.get(source.address) if source.address else None
        if owner and owner != source.host and owners:
            yield Problem(
                source.path, f"is the management address of {owner}.", "Use an address that is routed to this host."
            )


def helos(fleet: model.Fleet) -> Problems:
    first: dict[tuple[str, int], model.Source] = {}
    for source in fleet.sources:
        if not source.helo or source.address is None:
            continue
        other = first.setdefault((source.helo, source.address.family), source)
        if other is not source and other.address != source.address:
            yield Problem(
                f"{source.path}.helo",
                f"'{source.helo}' is already the name of {other.path}.",
                "Give every address a name of its own, the one it resolves to.",
            )


def ipv6_partners(fleet: model.Fleet) -> Problems:
    """An IPv6 address shares name and lane with an IPv4 one: receivers without IPv6 would leave its mail lying."""
    partners = {(s.host, s.pool, s.helo): s for s in fleet.sources if s.address and s.address.family == 4}
    for source in fleet.sources:
        if not (source.address and source.address.family == 6 and source.helo and source.pool):
            continue
        partner = partners.get((source.host, source.pool, source.helo))
        if partner and source.weight not in (1, partner.weight):
            yield Problem(
                f"{source.path}.weight",
                f"has no meaning here: the address sends together with {partner.path}.",
                "Set the weight there, and remove it here.",
            )
        elif not partner:
            yield Problem(
                f"{source.path}.helo",
                "is the name of no IPv4 address of the same host and pool, and many receivers have IPv4 only.",
                "Give it the HELO of the IPv4 address whose partner it is.",
            )


def ports(fleet: model.Fleet) -> Problems:
    for pool in fleet.pools.values():
        if pool.port in _TAKEN_PORTS:
            yield _taken(f"{pool.path}.port", pool.port)
        if pool.port == fleet.entry_port:
            yield Problem(
                f"{pool.path}.port", f"{pool.port} is the port of fleet_entry.", "Set another port here or there."
            )
    if fleet.entry_port in _TAKEN_PORTS:
        yield _taken("fleet_entry.port", fleet.entry_port)
    seen = set()
    for host, local in sorted(pools_by_host(fleet).items()):
        owner: dict[int, model.Pool] = {}
        for pool in local:
            other = owner.setdefault(pool.port, pool)
            if other is not pool and (other.name, pool.name) not in seen:
                seen.add((other.name, pool.name))
                yield Problem(
                    f"{pool.path}.port",
                    f"{pool.port} is the port of pool '{other.name}' too, and {host} serves both.",
                    "Set port to a free one, such as " + str(_free_port(fleet)) + ".",
                )


def _taken(path: str, port: int) -> Problem:
    return Problem(path, f"{port} is reserved for {_TAKEN_PORTS[port]}.", "Choose another, such as 2587.")


def _free_port(fleet: model.Fleet) -> int:
    used = {pool.port for pool in fleet.pools.values()} | {fleet.entry_port}
    return next(port for port in range(2591, 65536) if port not in used)


def pools_by_host(fleet: model.Fleet) -> dict[str, list[model.Pool]]:
    """The pools with an address on each host, sorted by name."""
    found: dict[str, set[str]] = collections.defaultdict(set)
    for source in fleet.sources:
        if source.pool in fleet.pools:
            found[source.host].add(source.pool)
    return {host: [fleet.pools[name] for name in sorted(local)] for host, local in found.items()}


def endpoints_differ(fleet: model.Fleet) -> Problems:
    """Applications reach each pool of each host at an endpoint of its own."""
    owner: dict[tuple[str, int], str] = {}
    reported = set()
    for host, local in sorted(pools_by_host(fleet).items()):
        address = fleet.hosts[host].submission_address
        for port in sorted({pool.port for pool in local} | {fleet.entry_port} - {0}):
            other = owner.setdefault((address, port), host)
            if other != host and (other, host) not in reported:
                reported.add((other, host))
                yield Problem(
                    f"{host}.fleet_submission_address",
                    f"{shown(address)} is where applications reach {other} already.",
                    "Set each host's own address, here or in ansible_host.",
                )


def profiles(fleet: model.Fleet) -> Problems:
    yield from ambiguous(fleet.isps.values())
