# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Which source addresses to add to and to remove from a host. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

UNIT = "mailfleet-addresses.service"


class AddressError(Exception):
    """One sentence about an address or interface that cannot be used."""


@dataclass(frozen=True)
class Plan:
    interface: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    removable: tuple[str, ...] = ()
    adopted: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    owned: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        state = {"adopted": list(self.adopted), "interface": self.interface, "owned": dict(self.owned)}
        return json.dumps(state, indent=1, sort_keys=True) + "\n"

    @property
    def batch(self) -> str:
        """What the unit gives to ``ip -batch`` at every boot."""
        return "".join(f"{_replace(address, interface)}\n" for address, interface in sorted(self.owned.items()))


def choose(
    wanted: str | None, state: Mapping[str, Any], default: str | None, actual: Sequence[Mapping[str, Any]]
) -> str:
    """The interface: the named one; without a name the one of the last run while it exists, else the default."""
    names = [str(interface["ifname"]) for interface in actual]
    before = state.get("interface")
    name = wanted or (before if before in names else default)
    here = f"It has {', '.join(_described(interface) for interface in actual)}"
    if not name:
        raise AddressError(
            f"No default route or SSH connection tells the interface. {here}: name it in fleet_interface."
        )
    if name not in names:
        raise AddressError(f"The host has no interface {name}. {here}: correct fleet_interface.")
    if "UP" not in next(interface.get("flags", []) for interface in actual if interface["ifname"] == name):
        raise AddressError(f"The interface {name} is down. Bring it up, or name another one in fleet_interface.")
    return name


def _described(interface: Mapping[str, Any]) -> str:
    first = next((info["local"] for info in interface.get("addr_info", []) if info.get("local")), None)
    return f"{interface['ifname']} ({first})" if first else str(interface["ifname"])


def plan(
    desired: Sequence[str],
    interface: str,
    state: Mapping[str, Any],
    actual: Sequence[Mapping[str, Any]],
    protected: str | None,
    remove: bool,
) -> Plan:
    """Compare what is wanted, what earlier runs added, and what the host has.

    An address that is there and is not ours is adopted: used, never removed. An address of ours that nobody wants is
    removed only if ``remove`` says so, and never while this very SSH connection depends on it.
    """
    present = locations(actual)
    owned: dict[str, str] = {normal(address): name for address, name in state.get("owned", {}).items()}
    wanted = {normal(address) for address in desired}
    protect = {normal(protected)} if protected else set()

    adopted = {address for address in wanted - owned.keys() if address in present}
    add = {address for address in wanted - adopted if interface not in present.get(address, ())}
    moved = {address for address in wanted & owned.keys() if owned[address] != interface}
    leaving = owned.keys() - wanted
    kept = leaving & protect
    gone = leaving - kept if remove else set()

    commands = [_replace(address, interface) for address in _sorted(add)]
    commands += [
        f"address del {address}/{_bits(address)} dev {owned[address]}"
        for address in _sorted(moved | gone)
        if owned[address] in present.get(address, ())
    ]
    after = {address: name for address, name in owned.items() if address in leaving - gone}
    after.update(dict.fromkeys(wanted - adopted, interface))
    return Plan(
        interface=interface,
        add=_sorted(add),
        remove=_sorted(gone),
        removable=_sorted(leaving - kept - gone),
        adopted=_sorted(adopted),
        kept=_sorted(kept),
        commands=tuple(commands),
        owned=after,
    )


def locations(actual: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The interfaces of every address."""
    found: dict[str, list[str]] = {}
    for interface in actual:
        for info in interface.get("addr_info", []):
            if info.get("local"):
                found.setdefault(normal(info["local"]), []).append(str(interface["ifname"]))
    return found


def unusable(wanted: Sequence[str], actual: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The wanted addresses that cannot be used as a source (yet), with the reason."""
    infos = {
        normal(info["local"]): info
        for interface in actual
        for info in interface.get("addr_info", [])
        if info.get("local")
    }
    reasons = {}
    for address in map(normal, wanted):
        if address not in infos:
            reasons[address] = "is missing"
        elif infos[address].get("dadfailed"):
            reasons[address] = "is used by another host"
        elif infos[address].get("tentative"):
            reasons[address] = "is still tentative"
    return reasons


def shown(owned: Mapping[str, str], adopted: Sequence[str]) -> str:
    """The addresses as lines for a diff."""
    lines = {address: f"{address} on {interface}\n" for address, interface in owned.items()}
    lines.update({address: f"{address} was there already\n" for address in adopted})
    return "".join(lines[address] for address in _sorted(lines))


def unit_text(interface: str, batch: str) -> str:
    """The unit that puts the addresses on the interface at boot, and back whenever something took one away.

    Network managers remove addresses that they do not know: systemd-networkd when it starts, is reloaded or
    reconfigures a link, ifupdown when it starts. The unit needs to know none of them: it watches the kernel, ends when
    an address goes, and is started again. Stopping it leaves the addresses alone.

    What went before the watch began would be missed. The first line that the watch prints is of an address that was
    put there again and again until then; once more after it, and nothing can have gone unseen.

    At boot it waits for the network managers to be done with the link, and what waits for the network waits for it:
    what Postfix tries in between, from an address that is not there, it tries again after minutes or hours.
    """
    wait = f"n=60; until ip link show dev {interface}; do n=$$((n-1)); [ $$n -gt 0 ] || exit 1; sleep 1; done"
    put = f"ip -force -batch {batch}"
    begun = f"while {put} || true; do sleep 1; done & again=$$!; read -r line; kill $$again; {put}"
    gone = f'grep -q -m1 "^Deleted [0-9]*: {interface} "'
    # Without an address of ours nothing is put there; the next run may bring one.
    some = f"until [ -s {batch} ]; do sleep 2; done"
    watch = f"{some}; ip -o monitor address | {{ {begun}; {gone}; kill $$$$; }}"
    managers = (
        *("systemd-networkd.service", "networking.service", "NetworkManager.service"),
        *("systemd-networkd-wait-online.service", f"systemd-networkd-wait-online@{interface}.service"),
        *("ifupdown-wait-online.service", "NetworkManager-wait-online.service"),
    )
    return f"""\
# Managed by mailfleet.mta: changes here are replaced by the next run.
[Unit]
Description=Source addresses of the mail senders
After=network-pre.target {" ".join(managers)}
Before=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStartPre=/bin/sh -c '{wait} >/dev/null 2>&1'
ExecStartPre=-{put}
ExecStart=/bin/sh -c '{watch}'
SuccessExitStatus=SIGTERM
Restart=always
RestartSec=100ms

[Install]
WantedBy=multi-user.target
"""


def normal(address: str) -> str:
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        raise AddressError(f"{address!r} is no IP address. Write it without a prefix length.") from None


def _bits(address: str) -> int:
    return ipaddress.ip_address(address).max_prefixlen


def _replace(address: str, interface: str) -> str:
    # Neither may become the source of other traffic: the kernel chooses no IPv4 address of host scope and no deprecated
    # IPv6 address, in whatever order they came. A program that binds to one is not affected, nor are ARP and NDP.
    special = "scope host" if ":" not in address else "nodad preferred_lft 0 valid_lft forever"
    return f"address replace {address}/{_bits(address)} dev {interface} {special}"


def _sorted(addresses: Any) -> tuple[str, ...]:
    return tuple(sorted(addresses, key=lambda address: (":" in address, ipaddress.ip_address(address))))
