# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet as data: what an inventory says, read and normalised. Private to the collection.

A record keeps the path of its inventory entry, so that every rule can name it.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _warmup as calendar
from ansible_collections.mailfleet.mta.plugins.module_utils._addresses_text import Address


class Traffic(t.NamedTuple):
    """What a traffic class gives a pool that says nothing itself."""

    connections_per_ip: int
    port: int
    cpu_weight: int


TRAFFIC = {
    "transactional": Traffic(connections_per_ip=10, port=2587, cpu_weight=1000),
    "marketing": Traffic(connections_per_ip=8, port=2588, cpu_weight=50),
    "cold": Traffic(connections_per_ip=2, port=2589, cpu_weight=20),
    "internal": Traffic(connections_per_ip=10, port=2590, cpu_weight=200),
}
COLD = "cold"
DEFAULT_ISP = "other"
TLS_LEVELS = ("may", "encrypt", "dane")
IP_PLANS = tuple(calendar.PLANS)
DOMAIN_PLANS = ("domain-six-weeks",)
# What a domain is for, and the traffic that a pool may have to send it; the first profile of a class is its default.
PARKED, PRIMARY = "parked", "primary"
DOMAIN_PROFILES = {
    "transactional": ("transactional",),
    "sending": ("marketing",),
    "monitoring": ("internal",),
    "cold": (COLD,),
    PRIMARY: ("transactional", "marketing", "internal"),
    PARKED: (),
}
SENDLESS = (PRIMARY, PARKED)  # may do without a pool

# Variables of the whole fleet, and those of one host.
FLEET_VARIABLES = (
    "fleet_pools",
    "fleet_domains",
    "fleet_domain_profiles",
    "fleet_isp_profiles",
    "fleet_isps",
    "fleet_applications",
    "fleet_brand_domains",
    "fleet_dkim_selector",
    "fleet_entry",
    "fleet_bounce_mx",
    "fleet_warming_connections",
    "fleet_today",
    "fleet_dns",
)
HOST_VARIABLES = ("fleet_ips", "fleet_cold_instances", "fleet_draining", "fleet_interface", "fleet_submission_address")

POOL_KEYS = ("traffic", "connections_per_ip", "port", "networks", "cpu_weight", "bounce_mx")
# What a profile may say for all of its domains.
PROFILE_KEYS = ("mx", "spf", "dmarc", "dkim_zone", "mta_sts", "tls_rpt", "bimi")
DOMAIN_KEYS = ("profile", "pool", "selector", "return_path", "warmup", *PROFILE_KEYS)
IP_KEYS = ("helo", "pool", "weight", "warmup")
ISP_KEYS = (
    "connections",
    "messages_per_connection",
    "message_rate",
    "retry_after",
    "tls",
    "domains",
    "mx",
    "rollup",
)


@dataclasses.dataclass(frozen=True)
class Pool:
    path: str
    name: str
    traffic: str
    connections_per_ip: int
    port: int
    cpu_weight: int
    networks: tuple[str, ...]
    bounce_mx: tuple[str, ...]

    @property
    def cold(self) -> bool:
        return self.traffic == COLD


@dataclasses.dataclass(frozen=True)
class Published:
    """What the DNS says of a domain, beside its pool's addresses and its keys."""

    mx: tuple[tuple[int, str], ...] = ()
    spf: tuple[str, ...] = ()
    dmarc: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    progression: dict[str, t.Any] = dataclasses.field(default_factory=dict)  # empty: dmarc.yml leaves the policy alone
    dkim_zone: str = ""
    mta_sts: dict[str, t.Any] = dataclasses.field(default_factory=dict)
    tls_rpt: tuple[str, ...] = ()
    bimi: dict[str, str] = dataclasses.field(default_factory=dict)
    paths: dict[str, str] = dataclasses.field(default_factory=dict)  # where each of these was written


@dataclasses.dataclass(frozen=True)
class Domain:
    path: str
    name: str
    profile: str
    pool: str  # empty: nobody of the fleet sends it
    selector: str
    return_path: str
    published: Published
    warmup: dict[str, str]

    def path_of(self, key: str) -> str:
        """Where a key of the domain, or of its profile, is written."""
        return self.published.paths.get(key, f"{self.path}.{key}")

    @property
    def mx(self) -> tuple[tuple[int, str], ...]:
        return self.published.mx

    @property
    def spf(self) -> tuple[str, ...]:
        return self.published.spf

    @property
    def dmarc(self) -> dict[str, t.Any]:
        return self.published.dmarc


@dataclasses.dataclass(frozen=True)
class Source:
    """A source address. address is None when the inventory's text is none; the entry still counts for its pool."""

    path: str
    host: str
    address: Address | None
    helo: str
    pool: str
    weight: int
    warmup: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Isp:
    path: str
    name: str
    connections: int
    messages_per_connection: int
    retry_after: str
    tls: str
    domains: tuple[str, ...]
    mx: tuple[str, ...]
    rollup: str
    message_rate: str = ""  # such as 10/s, for each source address; "" is no limit


@dataclasses.dataclass(frozen=True)
class Application:
    path: str
    name: str
    pool: str
    password_hash: str = ""  # for Postfix
    password: str = ""  # in clear, for PowerMTA, which knows no hashes


@dataclasses.dataclass(frozen=True)
class Host:
    name: str
    backend: str
    submission_address: str
    interface: str
    cold_instances: bool
    draining: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Fleet:
    """Everything, compared by identity, so that joins over it can be cached."""

    pools: dict[str, Pool]
    # Were all pools, and all addresses with their pools, readable? Rules about what is missing need to know.
    pools_readable: bool
    sources_readable: bool
    domains: dict[str, Domain]
    isps: dict[str, Isp]
    applications: dict[str, Application]
    hosts: dict[str, Host]
    sources: tuple[Source, ...]
    management: dict[str, str]
    brand_domains: tuple[str, ...]
    entry_port: int
    warming_connections: int
    today: str
