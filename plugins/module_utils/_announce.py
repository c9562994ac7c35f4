# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Tell the link who has an address now: neighbours that knew it at another host would send there for minutes. IO.

Gratuitous ARP (RFC 5227 section 3) and unsolicited neighbour advertisements (RFC 4861 section 7.2.6).

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

_BROADCAST = b"\xff" * 6
_ETHERTYPE_ARP, _ETHERNET, _IPV4, _REQUEST = 0x0806, 1, 0x0800, 1
_ADVERTISEMENT, _OVERRIDE, _TARGET_LINK_LAYER = 136, 0x20000000, 2
_ALL_NODES, _HOP_LIMIT = "ff02::1", 255


def announce(interface: str, addresses: Iterable[str]) -> None:
    """A courtesy: where it cannot be sent (no Ethernet, no right), neighbours find out by themselves."""
    try:
        mac = bytes.fromhex(Path(f"/sys/class/net/{interface}/address").read_text().strip().replace(":", ""))
        for address in map(ipaddress.ip_address, addresses):
            if address.version == 4:
                _send_arp(interface, arp(mac, address.packed))
            else:
                _send_advertisement(interface, str(address), advertisement(mac, address.packed))
    except (OSError, ValueError):
        return


def arp(mac: bytes, address: bytes) -> bytes:
    """The Ethernet frame of a request for one's own IPv4 address."""
    head = _BROADCAST + mac + struct.pack("!H", _ETHERTYPE_ARP)
    return head + struct.pack("!HHBBH", _ETHERNET, _IPV4, 6, 4, _REQUEST) + mac + address + bytes(6) + address


def advertisement(mac: bytes, address: bytes) -> bytes:
    """The ICMPv6 message; the kernel fills in its checksum."""
    head = struct.pack("!BBHI", _ADVERTISEMENT, 0, 0, _OVERRIDE)
    return head + address + struct.pack("!BB", _TARGET_LINK_LAYER, 1) + mac


def _send_arp(interface: str, frame: bytes) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((interface, 0))
        link.send(frame)


def _send_advertisement(interface: str, source: str, message: bytes) -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as link:
        link.bind((source, 0))
        link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, _HOP_LIMIT)
        link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex(interface))
        link.sendto(message, (_ALL_NODES, 0))
