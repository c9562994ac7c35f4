# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules about the names of mail domains: return-paths, SPF, and the separation of cold traffic.

Private to the collection, pure.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_spf as spf
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Problem, shown
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_rules import Problems, pools_by_host
from ansible_collections.mailfleet.mta.plugins.module_utils._names import registrable


def return_paths(fleet: model.Fleet) -> Problems:
    owner: dict[str, model.Domain] = {}
    for domain in fleet.domains.values():
        path, name = f"{domain.path}.return_path", domain.return_path
        own = f"Write a name below {domain.name}, such as bounce.{domain.name}."
        if name != domain.name and name in fleet.domains:
            yield Problem(path, f"'{name}' is itself a domain of the fleet.", own)
        elif registrable(name) != registrable(domain.name):
            yield Problem(path, f"'{name}' is not aligned with {domain.name}, so DMARC gets no help from SPF.", own)
        elif domain.dmarc.get("aspf") == "s" and name != domain.name:
            yield Problem(
                f"{domain.path_of('dmarc')}.aspf",
                f"strict alignment fails: the return-path is '{name}'.",
                f"Remove aspf, or set return_path to {domain.name}.",
            )
        other = owner.setdefault(name, domain)
        if other is not domain:
            yield Problem(path, f"'{name}' is the return-path of {other.name} too.", own)


def dkim_names(fleet: model.Fleet) -> Problems:
    for domain in fleet.domains.values():
        if len(f"{domain.selector}._domainkey.{domain.name}") > 253:
            yield Problem(
                f"{domain.path}.selector", "makes a DNS name longer than 253 characters.", "Use a shorter selector."
            )


def spf_terms(fleet: model.Fleet) -> Problems:
    for domain in fleet.domains.values():
        for index, text in enumerate(domain.spf):
            try:
                spf.parse_term(text)
            except ValueError as fault:
                message, _newline, remedy = str(fault).partition("\n")
                yield Problem(f"{domain.path_of('spf')}[{index}]", f"{shown(text)} {message}", remedy)
        costs = spf.costs(domain.spf)
        if len(costs) > spf.MAX_LOOKUPS:
            yield Problem(
                domain.path_of("spf"),
                f"costs {len(costs)} DNS lookups and receivers stop at {spf.MAX_LOOKUPS}, one each for: "
                + ", ".join(costs)
                + ".",
                "Remove some, or replace them by ip4 and ip6.",
            )


def cold_hosts(fleet: model.Fleet) -> Problems:
    for host, local in sorted(pools_by_host(fleet).items()):
        cold = [pool.name for pool in local if pool.cold]
        warm = [pool.name for pool in local if not pool.cold]
        if cold and warm and not fleet.hosts[host].cold_instances:
            yield Problem(
                f"{host}.fleet_ips",
                f"cold pool {', '.join(cold)} shares this host with {', '.join(warm)}.",
                "Move the cold addresses to a host of their own, or set fleet_cold_instances: true for this host.",
            )


def cold_names(fleet: model.Fleet) -> Problems:
    """No name of cold mail shares a registered domain with a name of any other mail."""
    if not any(pool.cold for pool in fleet.pools.values()):
        return
    brands = dict(_brands(fleet))
    for path, name, what in _cold_names(fleet):
        owner = brands.get(registrable(name))
        if owner:
            yield Problem(
                path,
                f"cold {what} '{name}' is under {registrable(name)}, which {owner}.",
                "Use a registered domain that carries cold mail only.",
            )


def _is_cold(fleet: model.Fleet, pool: str) -> bool | None:
    """None when the pool does not exist, which is another rule's problem."""
    return fleet.pools[pool].cold if pool in fleet.pools else None


def _brands(fleet: model.Fleet) -> t.Iterator[tuple[str, str]]:
    """Registered domains of all other mail with the reason; the most telling reason comes last and wins."""
    for pool in fleet.pools.values():
        for host in () if pool.cold else pool.bounce_mx:
            yield registrable(host), f"has the bounce host '{host}' of pool '{pool.name}'"
    for source in fleet.sources:
        if source.helo and _is_cold(fleet, source.pool) is False:
            yield registrable(source.helo), f"names the address {source.path} of pool '{source.pool}'"
    for domain in fleet.domains.values():
        if _is_cold(fleet, domain.pool) is False or domain.profile == model.PRIMARY:
            of_pool = f" of pool '{domain.pool}'" if domain.pool else ""
            yield registrable(domain.name), f"carries the domain {domain.name}{of_pool}"
    for name in fleet.brand_domains:
        yield registrable(name), "is in fleet_brand_domains"


def _cold_names(fleet: model.Fleet) -> t.Iterator[tuple[str, str, str]]:
    for domain in fleet.domains.values():
        if _is_cold(fleet, domain.pool):
            yield domain.path, domain.name, "domain"
    for source in fleet.sources:
        if source.helo and _is_cold(fleet, source.pool):
            yield f"{source.path}.helo", source.helo, "HELO"
    for pool in fleet.pools.values():
        for host in pool.bounce_mx if pool.cold else ():
            yield f"{pool.path}.bounce_mx", host, "bounce host"
