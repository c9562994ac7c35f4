# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one host needs, and what the DNS says of each domain: the views that both MTA backends print.

Private to the collection, pure: plain mappings, lists, texts and numbers, sorted, the same for the same fleet.
"""

from __future__ import annotations

import collections
import functools
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils._addresses_text import Address, endpoint
from ansible_collections.mailfleet.mta.plugins.module_utils._names import registrable
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import report_receivers
from ansible_collections.mailfleet.mta.plugins.module_utils._warmup import ceilings

Plain = dict[str, t.Any]
_UNIT_SECONDS = {"s": 1, "min": 60, "h": 3600}


class Index:
    """Joins that every view needs, made once a fleet. Only for a fleet without problems."""

    def __init__(self, fleet: model.Fleet) -> None:
        self.fleet = fleet
        self.pools = [fleet.pools[name] for name in sorted(fleet.pools)]
        self.sources = sorted(((_address(source), source) for source in fleet.sources), key=lambda pair: pair[0])
        self.isps = sorted(fleet.isps.values(), key=lambda isp: (isp.name == model.DEFAULT_ISP, isp.name))
        self.domains: dict[str, list[model.Domain]] = collections.defaultdict(list)
        for name in sorted(fleet.domains):
            self.domains[fleet.domains[name].pool].append(fleet.domains[name])
        self.applications: dict[str, list[model.Application]] = collections.defaultdict(list)
        for _name, application in sorted(fleet.applications.items()):
            self.applications[application.pool].append(application)
        self.hosts_of = {
            pool.name: sorted({source.host for _address, source in self.sources if source.pool == pool.name})
            for pool in self.pools
        }
        self.endpoints = {
            pool.name: [endpoint(fleet.hosts[host].submission_address, pool.port) for host in self.hosts_of[pool.name]]
            for pool in self.pools
        }


def _address(source: model.Source) -> Address:
    if source.address is None:
        raise ValueError(f"{source.path} is not an IP address; views are for valid fleets only")
    return source.address


_index = functools.lru_cache(maxsize=1)(Index)


def host_view(fleet: model.Fleet, host: str) -> Plain:
    index = _index(fleet)
    own = [(address, source) for address, source in index.sources if source.host == host]
    local = {source.pool for _address, source in own}
    pools = [pool for pool in index.pools if pool.name in local]
    return {
        "host": host,
        "backend": fleet.hosts[host].backend,
        "draining": fleet.hosts[host].draining,
        "submission_address": fleet.hosts[host].submission_address,
        "interface": fleet.hosts[host].interface or None,
        "addresses": [{"address": address.text, "family": address.family} for address, _source in own],
        "pools": [
            {
                **_pool(index, pool, [(address, source) for address, source in own if source.pool == pool.name]),
                "applications": [
                    _application(application, fleet.hosts[host].backend)
                    for application in index.applications[pool.name]
                ],
            }
            for pool in pools
        ],
        "isps": [_isp(isp) for isp in index.isps],
        "signing": _sorted_domains(
            {"domain": domain.name, "selector": domain.selector, "pool": pool.name}
            for pool in pools
            for domain in index.domains[pool.name]
        ),
        "elsewhere": _sorted_domains(
            {
                "domain": domain.name,
                "return_path": domain.return_path,
                "pool": pool.name,
                "traffic": pool.traffic,
                "endpoints": index.endpoints[pool.name],
            }
            for pool in index.pools
            for domain in index.domains[pool.name]
        ),
        "entry": _entry(index, pools),
    }


def _sorted_domains(rows: t.Iterable[Plain]) -> list[Plain]:
    return sorted(rows, key=lambda row: str(row["domain"]))


def _application(application: model.Application, backend: str) -> Plain:
    """A secret goes to those hosts only whose backend needs it."""
    secret = "password" if backend == "powermta" else "password_hash"
    return {"name": application.name, secret: getattr(application, secret)}


def _entry(index: Index, pools: list[model.Pool]) -> Plain | None:
    if not index.fleet.entry_port:
        return None
    return {
        "name": "entry",
        "port": index.fleet.entry_port,
        "networks": sorted({network for pool in pools for network in pool.networks}),
        "routes": _sorted_domains(
            {
                "domain": domain.name,
                "return_path": domain.return_path,
                "pool": pool.name,
                "port": pool.port,
                "applications": [application.name for application in index.applications[pool.name]],
            }
            for pool in pools
            for domain in index.domains[pool.name]
        ),
    }


def _isp(isp: model.Isp) -> Plain:
    return {
        "name": isp.name,
        "domains": list(isp.domains),
        "mx": list(isp.mx),
        "rollup": isp.rollup,
        "connections": isp.connections,
        "messages_per_connection": isp.messages_per_connection,
        "message_rate": isp.message_rate,
        "retry_after": isp.retry_after,
        "tls": isp.tls,
    }


def _rate_delay(rate: str) -> int:
    """Seconds between two messages that keep a rate of one a second or less; 0 for faster ones."""
    number, _slash, unit = rate.partition("/")
    return -(-_UNIT_SECONDS[unit] // int(number)) if rate and int(number) <= _UNIT_SECONDS[unit] else 0


class Sender(t.NamedTuple):
    """One name towards receivers: an IPv4 address, and the IPv6 address with the same HELO if there is one."""

    bind4: Address
    bind6: Address | None
    helo: str
    weight: int
    ceilings: dict[str, int]

    @property
    def warming(self) -> bool:
        return bool(self.ceilings)

    @property
    def slug(self) -> str:
        return self.bind4.text.replace(".", "-")


def _ceilings(fleet: model.Fleet, *sources: model.Source) -> dict[str, int]:
    return ceilings([source.warmup for source in sources if source.warmup], fleet.today, sorted(fleet.isps))


def _senders(fleet: model.Fleet, own: list[tuple[Address, model.Source]]) -> list[Sender]:
    second = {source.helo: (address, source) for address, source in own if address.family == 6}
    found = []
    for address, source in own:
        if address.family == 4:
            partner, other = second.get(source.helo, (None, source))
            found.append(Sender(address, partner, source.helo, source.weight, _ceilings(fleet, source, other)))
    return found


def _pool(index: Index, pool: model.Pool, own: list[tuple[Address, model.Source]]) -> Plain:
    senders = _senders(index.fleet, own)
    return {
        "name": pool.name,
        "traffic": pool.traffic,
        "instance": f"postfix-{pool.name}",
        "port": pool.port,
        "cpu_weight": pool.cpu_weight,
        "networks": list(pool.networks),
        "connections_per_ip": pool.connections_per_ip,
        "domains": [
            {"name": domain.name, "selector": domain.selector, "return_path": domain.return_path}
            for domain in index.domains[pool.name]
        ],
        "ips": [
            {
                "address": address.text,
                "family": address.family,
                "helo": source.helo,
                "weight": source.weight,
                "warming": bool(_ceilings(index.fleet, source)),
            }
            for address, source in own
        ],
        # They change from day to day; what does not act on them must not print them.
        "ceilings": {sender.bind4.text: sender.ceilings for sender in senders if sender.warming},
        "lanes": [_lane(index.fleet, pool, isp, sender) for isp in index.isps for sender in senders],
        "routes": [
            {
                "isp": isp.name,
                "domains": list(isp.domains),
                "lanes": [lane_name(isp, sender) for sender in senders for _turn in range(sender.weight)],
            }
            for isp in index.isps
        ],
    }


def lane_name(isp: model.Isp, sender: Sender) -> str:
    return f"{isp.name}-{sender.slug}"


def _lane(fleet: model.Fleet, pool: model.Pool, isp: model.Isp, sender: Sender) -> Plain:
    limits = [pool.connections_per_ip, isp.connections]
    if sender.warming:
        limits.append(fleet.warming_connections)
    return {
        "name": lane_name(isp, sender),
        "isp": isp.name,
        "bind4": sender.bind4.text,
        "bind6": sender.bind6.text if sender.bind6 else None,
        "helo": sender.helo,
        "connections": min(limits),
        "rate_delay": _rate_delay(isp.message_rate),
        "tls": isp.tls,
        "retry_after": isp.retry_after,
    }


def domain_auth(fleet: model.Fleet) -> list[Plain]:
    index = _index(fleet)
    pools = ["", *(pool.name for pool in index.pools)]  # a domain without a pool has no address, and all are others
    own, rest = ({pool: _by_family(index, pool, inside) for pool in pools} for inside in (True, False))
    organisations = {registrable(name) for name in (*fleet.domains, *fleet.brand_domains)}
    permits = {domain.name: _report_permits(domain, organisations) for domain in fleet.domains.values()}
    receivers = {receiver for own in permits.values() for receiver in own} | set(fleet.brand_domains)
    return [
        {
            "domain": domain.name,
            "profile": domain.profile,
            "pool": domain.pool,
            "selector": domain.selector,
            "signers": index.hosts_of.get(domain.pool, []),
            "ips": own[domain.pool],
            "other_fleet_ips": rest[domain.pool],
            "spf_extra": list(domain.spf),
            "mx": [{"host": host, "preference": preference} for preference, host in domain.mx],
            "dmarc": domain.dmarc,
            "progression": domain.published.progression,
            "return_path": domain.return_path,
            "bounce_mx": list(fleet.pools[domain.pool].bounce_mx) if domain.pool else [],
            "dkim_zone": domain.published.dkim_zone,
            "mta_sts": _mta_sts(domain.published),
            "tls_rpt": list(domain.published.tls_rpt),
            "bimi": domain.published.bimi,
            "report_permits": permits[domain.name],
            "report_receivers": sorted(
                receiver for receiver in receivers if registrable(receiver) != registrable(domain.name)
            ),
        }
        for _name, domain in sorted(fleet.domains.items())
    ]


def _mta_sts(published: model.Published) -> Plain:
    if not published.mta_sts:
        return {}
    return {**published.mta_sts, "mx": published.mta_sts["mx"] or [host for _preference, host in published.mx]}


def _report_permits(domain: model.Domain, organisations: t.Container[str]) -> list[str]:
    """Domains of ours that get DMARC reports of another organisation's domain, and must say that they want them.

    Strangers that sell the reading of reports publish this themselves.
    """
    receivers = report_receivers([*domain.dmarc.get("rua", []), *domain.dmarc.get("ruf", [])])
    return [
        name
        for name in receivers
        if registrable(name) != registrable(domain.name) and registrable(name) in organisations
    ]


def _by_family(index: Index, pool: str, inside: bool) -> dict[str, list[str]]:
    chosen = [address for address, source in index.sources if (source.pool == pool) == inside]
    return {f"ip{family}": [address.text for address in chosen if address.family == family] for family in (4, 6)}
