# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Source addresses on the interface; run again after a reboot."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from testinfra.host import Host

from tests.support.lab import wait_for
from tests.support.traffic import Source

# The golden receiver.
RECEIVERS = ("203.0.113.100", "2001:db8:203::100")
UNIT = "mailfleet-addresses.service"
GREETED = """
import socket, sys
receiver, *sources = sys.argv[1:]
for source in sources:
    with socket.create_connection((receiver, 25), 10, (source, 0)) as link:
        print(source, link.recv(3).decode())
"""


@pytest.fixture
def wanted(here: list[Source]) -> set[str]:
    return {address for source in here for address in source.addresses}


def test_the_interface_has_exactly_its_own_and_the_fleets_addresses(
    present: Callable[[], set[str]], own: list[str], wanted: set[str]
) -> None:
    # After a boot the network manager may just have taken some away.
    wait_for("its addresses", lambda: wanted | set(own) <= present(), 20)
    assert present() == wanted | set(own)


def test_only_the_fleets_addresses_are_managed(host: Host, wanted: set[str]) -> None:
    state = json.loads(host.file("/etc/mailfleet/addresses/state.json").content_string)
    assert (state["owned"], state["adopted"]) == (dict.fromkeys(wanted, "host0"), [])


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_mail_can_leave_by_every_address(python: Callable[..., str], wanted: set[str], receiver: str) -> None:
    chosen = sorted(address for address in wanted if (":" in address) == (":" in receiver))
    assert python(GREETED, receiver, *chosen).splitlines() == [f"{address} 220" for address in chosen]


def test_other_traffic_keeps_the_hosts_own_addresses(host: Host, own: list[str]) -> None:
    routes = [json.loads(host.check_output("ip -j route get %s", receiver))[0] for receiver in RECEIVERS]
    assert [route["prefsrc"] for route in routes] == own


def test_the_unit_runs_and_starts_at_boot(host: Host) -> None:
    assert host.service(UNIT).is_enabled
    wait_for("the unit", lambda: host.service(UNIT).is_running, 20)


def test_a_restart_of_the_network_manager_takes_none_away(
    host: Host, present: Callable[[], set[str]], own: list[str], wanted: set[str]
) -> None:
    host.check_output("systemctl restart systemd-networkd")
    wait_for("all addresses", lambda: present() == wanted | set(own), 30)
