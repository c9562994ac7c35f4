# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Zone files of the lab's world, as text. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .settings import DNS_PRIMARY, DNS_SECONDARY, GOLDEN_ADDRESS, GOLDEN_DOMAIN, HOSTS, REPORTS_DOMAIN

Table = Mapping[str, Mapping[str, Any]]
SENDER_NUMBERS = range(20, 100)
SERVERS = {"ns1.dns.example": DNS_PRIMARY, "ns2.dns.example": DNS_SECONDARY}
REVERSE_V4 = "100.51.198.in-addr.arpa"
REVERSE_V6 = "8.b.d.0.1.0.0.2.ip6.arpa"
# Short times: a test that publishes something must not wait for a negative answer to expire.
HEAD = (
    "$TTL 60\n@ IN SOA ns1.dns.example. hostmaster.dns.example. (1 5 2 86400 2)\n"
    "@ IN NS ns1.dns.example.\n@ IN NS ns2.dns.example.\n"
)


def bench_zones(count: int) -> list[str]:
    return [f"b{number:04d}.bench.example" for number in range(1, count + 1)]


def static(table: Table) -> str:
    """The root zone. It holds everything that never changes, and says NXDOMAIN about the rest of the internet."""
    lines = [f"{name}. A {address}" for name, address in SERVERS.items()]
    for persona in table.values():
        for name, addresses in persona["addresses"].items():
            lines += _addresses(f"{name}.", addresses)
        for domain, hosts in persona["domains"].items():
            lines += [f"{domain}. MX {10 * rank} {host}." for rank, host in enumerate(hosts, 1)]
    golden = f"mx.{GOLDEN_DOMAIN}."
    lines += _addresses(golden, [GOLDEN_ADDRESS, "2001:db8:203::100"])
    # Domains that take no mail: one says so, one has a host without a mail server, one leads to nobody.
    lines += ["nullmx.example. MX 0 .", f"down.example. MX 10 {next(iter(SERVERS))}."]
    lines += ["nowhere.example. MX 10 mx.nowhere.example.", "mx.nowhere.example. A 203.0.113.250"]
    lines += [f"{GOLDEN_DOMAIN}. MX 10 {golden}", f"*.{GOLDEN_DOMAIN}. MX 10 {golden}"]
    return HEAD + "\n".join(lines) + "\n"


def _addresses(name: str, addresses: Sequence[str]) -> Iterator[str]:
    for address in addresses:
        parsed = ipaddress.ip_address(address)
        yield f"{name} {'A' if parsed.version == 4 else 'AAAA'} {address}"
        if not parsed.is_private or address.startswith("203.0.113."):
            yield f"{parsed.reverse_pointer}. PTR {name}"


def dynamic() -> dict[str, str]:
    """Zones that the collection changes by TSIG: as empty as a customer's zone before the first run."""
    numbers = [(number, f"mta{number}") for number in SENDER_NUMBERS]
    managed = [(int(host.address.rpartition(".")[2]), host.name) for host in HOSTS.values() if not host.preinstalled]
    forward = [
        f"{name} A 198.51.100.{number}\n{name} AAAA 2001:db8:100::{number}" for number, name in [*managed, *numbers]
    ]
    pointers = [(number, f"{name}.example.net.") for number, name in [*managed, *numbers]]
    reports = [f"{REPORTS_DOMAIN}. MX 10 mx.{GOLDEN_DOMAIN}.", f'*._report._dmarc.{REPORTS_DOMAIN}. TXT "v=DMARC1"']
    v4 = [f"{number} PTR {name}" for number, name in pointers]
    v6 = [f"{_nibbles(f'2001:db8:100::{number}')} PTR {name}" for number, name in pointers]
    return {
        "example.com": HEAD + '@ TXT "google-site-verification=somebody-elses-value"\n',
        "example.net": HEAD + "\n".join([*forward, *reports]) + "\n",
        "example.org": HEAD,
        "example-outreach.com": HEAD,
        REVERSE_V4: HEAD + "\n".join(v4) + "\n",
        REVERSE_V6: HEAD + "\n".join(v6) + "\n",
    }


def _nibbles(address: str) -> str:
    return ipaddress.ip_address(address).reverse_pointer + "."
