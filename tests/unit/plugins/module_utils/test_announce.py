# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the link is told of a new address, byte by byte."""

from __future__ import annotations

import ipaddress

from ansible_collections.mailfleet.mta.plugins.module_utils import _announce

MAC = bytes.fromhex("020000000001")


def test_an_arp_request_for_the_own_address() -> None:
    frame = _announce.arp(MAC, ipaddress.ip_address("192.0.2.20").packed)
    assert frame.hex(" ", 2) == (
        "ffff ffff ffff 0200 0000 0001 0806 0001 0800 0604 0001 0200 0000 0001 c000 0214 0000 0000 0000 c000 0214"
    )


def test_an_advertisement_that_overrides_what_neighbours_know() -> None:
    message = _announce.advertisement(MAC, ipaddress.ip_address("2001:db8::20").packed)
    assert message.hex() == "8800000020000000" + "20010db8000000000000000000000020" + "0201020000000001"


def test_an_interface_that_is_not_there_is_no_error() -> None:
    _announce.announce("mailfleet-none", ["192.0.2.20", "2001:db8::20"])
