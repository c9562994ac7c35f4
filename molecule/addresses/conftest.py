# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What both tests of this scenario ask a host."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from testinfra.host import Host


@pytest.fixture
def present(host: Host) -> Callable[[], set[str]]:
    """The addresses of the interface, at each call."""

    def ask() -> set[str]:
        (interface,) = json.loads(host.check_output("ip -j address show dev host0"))
        return {info["local"] for info in interface["addr_info"] if info["scope"] != "link"}

    return ask


@pytest.fixture
def own(name: str) -> list[str]:
    """The addresses that the lab gave the host."""
    return {
        "mx1": ["198.51.100.11", "2001:db8:100::11"],
        "mx2": ["198.51.100.12", "2001:db8:100::12"],
    }[name]
