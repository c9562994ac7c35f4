# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""IP addresses and prefixes as text of an inventory. Private to the collection, controller only (netaddr)."""

from __future__ import annotations

import functools
import typing as t

try:
    import netaddr
except ImportError:
    netaddr = None  # type: ignore[assignment]

# A wider network than this is no customer's network but a mistake.
WIDEST = {4: 8, 6: 32}


class Address(t.NamedTuple):
    """An address in its one spelling; sorts by family and number."""

    family: int
    number: int
    text: str


def netaddr_missing() -> bool:
    return netaddr is None


@functools.lru_cache(maxsize=65536)
def parse_address(text: str) -> Address:
    """Any spelling of an address. Raises ValueError with the fault as half a sentence."""
    if "/" in text:
        raise ValueError("is a network, not one address")
    if "%" in text:
        raise ValueError("has an interface zone ('%'), which a source address cannot have")
    try:
        parsed = netaddr.IPAddress(text)
    except (netaddr.AddrFormatError, ValueError, UnicodeError):
        raise ValueError("is not an IP address") from None
    return Address(parsed.version, int(parsed), str(parsed))


def parse_source(text: str) -> Address:
    """An address that mail can be sent from. Raises ValueError with the fault as half a sentence."""
    address = parse_address(text)
    fault = _source_fault(netaddr.IPAddress(address.text), address)
    if fault:
        raise ValueError(fault)
    return address


def _source_fault(parsed: t.Any, address: Address) -> str:
    if address.number == 0:
        return "is the unspecified address"
    if parsed.is_loopback():
        return "is a loopback address"
    if parsed.is_multicast():
        return "is a multicast address"
    if parsed.is_link_local():
        return "is a link-local address"
    if address.family == 6:
        if parsed.is_ipv4_mapped():
            return f"is an IPv4 address in IPv6 clothes; write {parsed.ipv4()}"
        if address.number % 2**64 == 0:
            return "is the network's own (anycast) address, not a host's"
        return ""
    if address.number == 2**32 - 1:
        return "is the broadcast address"
    if address.number >> 24 == 0 or address.number >> 28 == 15:
        return "is in a reserved range"
    if address.number % 256 in (0, 255):
        return "is a network or broadcast address"
    return ""


def parse_network(text: str) -> str:
    """The one spelling of a prefix (an address becomes /32 or /128). Raises ValueError with fault and remedy."""
    try:
        network = netaddr.IPNetwork(text)
    except (netaddr.AddrFormatError, ValueError, UnicodeError, TypeError):
        raise ValueError("is not a network such as 192.0.2.0/24 or 2001:db8::/48") from None
    family, length = network.version, network.prefixlen
    if length == 0:
        raise ValueError("is the whole Internet and would make this sender an open relay")
    if length < WIDEST[family]:
        raise ValueError(f"is wider than /{WIDEST[family]}, which no group of applications needs")
    if network.ip != network.network:
        raise ValueError(f"has host bits set; write {network.cidr} or {network.ip}")
    if family == 6 and network.ip.is_ipv4_mapped():
        raise ValueError("is an IPv4 network in IPv6 clothes; write it as IPv4")
    return str(network.cidr)


def endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
