# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings of the model each backend can express. Private to the collection, pure.

What a backend that serves an entry cannot express is an error with the alternative, never silently dropped.
"""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_load import MAKE_A_HASH
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Problem
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_rules import Problems, pools_by_host
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_view import NO_POOL, vmta_name

POSTFIX, POWERMTA = "postfix", "powermta"
_ALL = {
    "pools": frozenset(model.POOL_KEYS),
    "domains": frozenset(model.DOMAIN_KEYS),
    "ips": frozenset(model.IP_KEYS),
    "isps": frozenset(model.ISP_KEYS),
}
# rollup "site" is kept on Postfix, where all sites of a profile share the lane: stricter than asked, never looser.
SUPPORTS: dict[str, dict[str, frozenset[str]]] = {
    POSTFIX: _ALL,
    POWERMTA: {**_ALL, "pools": _ALL["pools"] - {"cpu_weight"}, "ips": _ALL["ips"] - {"weight"}},
}
_INSTEAD = {
    "cpu_weight": "Remove it: on PowerMTA the traffic class gives the pool's queues their priority.",
    "weight": "Remove it: PowerMTA's pools take turns evenly. For other shares, move the host to Postfix.",
}


def unsupported(raw: dict[str, t.Any], fleet: model.Fleet) -> list[Problem]:
    """Keys that a backend cannot express, hosts without a backend, and values that PowerMTA has not."""
    problems = [
        Problem(
            host.name,
            f"has the backend '{host.backend}', which does not exist." if host.backend else "has no backend.",
            f"Put the host into one of the groups {' and '.join(sorted(SUPPORTS))}, and into one only.",
        )
        for host in fleet.hosts.values()
        if host.backend not in SUPPORTS
    ]
    for path, section, entry, backends in _entries(raw, fleet):
        for backend in sorted(backends & set(SUPPORTS)):
            for key in sorted(entry.keys() & _ALL[section] - SUPPORTS[backend][section]):
                problems.append(Problem(f"{path}.{key}", f"cannot be expressed in {backend}.", _INSTEAD[key]))
    return [*problems, *_secrets(fleet), *_powermta(fleet)]


def _entries(raw: dict[str, t.Any], fleet: model.Fleet) -> t.Iterator[tuple[str, str, dict[str, t.Any], set[str]]]:
    """Every entry of the inventory, with the backends that serve it."""
    used = {host.name: host.backend for host in fleet.hosts.values()}
    everywhere = set(used.values())
    serving = _serving(fleet)
    for name, entry in _mappings(raw["fleet"].get("fleet_pools")):
        yield f"fleet_pools.{name}", "pools", entry, serving[name]
    for name, entry in _mappings(raw["fleet"].get("fleet_domains")):
        yield f"fleet_domains.{name}", "domains", entry, serving[str(entry.get("pool"))]
    for name, entry in _mappings(raw["fleet"].get("fleet_isps")):
        yield f"fleet_isps.{name}", "isps", entry, everywhere
    for host, own in sorted(raw["hosts"].items()):
        for name, entry in _mappings(own.get("fleet_ips")):
            yield f"{host}.fleet_ips.{name}", "ips", entry, {used[host]}


def _serving(fleet: model.Fleet) -> dict[str, set[str]]:
    """The backends of each pool."""
    serving: dict[str, set[str]] = collections.defaultdict(set)
    for source in fleet.sources:
        serving[source.pool].add(fleet.hosts[source.host].backend)
    return serving


def _mappings(value: t.Any) -> list[tuple[str, dict[str, t.Any]]]:
    return (
        [(name, entry) for name, entry in value.items() if isinstance(entry, dict)] if isinstance(value, dict) else []
    )


def _powermta(fleet: model.Fleet) -> Problems:
    hosts = {name: host for name, host in fleet.hosts.items() if host.backend == POWERMTA}
    if not hosts:
        return
    local = {host: pools for host, pools in pools_by_host(fleet).items() if host in hosts}
    yield from _instances(hosts, local)
    yield from _profiles(fleet)
    names = {vmta_name(source.address.text) for source in fleet.sources if source.address and source.host in hosts}
    for pool in {pool.name: pool for pools in local.values() for pool in pools}.values():
        if pool.name in {*names, NO_POOL}:
            yield Problem(
                pool.path,
                "has the name of a virtual-MTA, and PowerMTA has one name space for both.",
                "Rename the pool.",
            )


def _instances(hosts: dict[str, model.Host], local: dict[str, list[model.Pool]]) -> Problems:
    for name, pools in sorted(local.items()):
        if hosts[name].cold_instances and len({pool.cold for pool in pools}) > 1:
            yield Problem(
                f"{name}.fleet_cold_instances",
                "cannot be expressed in powermta, which runs once on a host.",
                "Move the cold addresses to a host of their own.",
            )


def _secrets(fleet: model.Fleet) -> Problems:
    """Each application's secret in the form that the backends of its pool want; of a pool on no host, a hash."""
    serving = _serving(fleet)
    for application in fleet.applications.values():
        backends = serving[application.pool] or {POSTFIX}
        if POSTFIX in backends and not application.password_hash:
            yield Problem(f"{application.path}.password_hash", "is missing.", MAKE_A_HASH)
        if POWERMTA in backends and not application.password:
            yield Problem(
                f"{application.path}.password",
                f"is missing, and PowerMTA, which serves pool {application.pool}, knows no hashes.",
                "Set it to the password, from Vault, or let the application submit from one of the pool's networks.",
            )


def _profiles(fleet: model.Fleet) -> Problems:
    for isp in fleet.isps.values():
        if len(isp.domains) > 1 and not isp.mx:
            yield Problem(
                f"{isp.path}.domains",
                "share no limit in powermta, which joins queues by MX hosts.",
                "Add mx patterns to the profile, or make one for each domain.",
            )
