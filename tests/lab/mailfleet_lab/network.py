# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""One network namespace with one bridge; hosts hang on it and nothing leads out."""

from __future__ import annotations

import shutil
from pathlib import Path

from .settings import BRIDGE, CONTROLLER_ADDRESSES, ETC_NETNS, HOSTS, NETNS
from .shell import run, succeeds

NAMESPACE = Path("/run/netns") / NETNS


def enter() -> list[str]:
    """Words before a command that shall run in the lab's network but see this machine's files and cgroups."""
    return ["nsenter", f"--net={NAMESPACE}"]


def is_up() -> bool:
    return succeeds([*enter(), "ip", "link", "show", "dev", BRIDGE])


def up(files: dict[str, str]) -> bool:
    """Make the namespace and its bridge; files appear below /etc for commands run by `ip netns exec`.

    True when the bridge is new: then hosts that still run hang on one that nobody can reach any more.
    """
    if not succeeds([*enter(), "true"]):
        # What a reboot or a crash left behind is a plain file: not a namespace, but in the way of one.
        succeeds(["umount", NAMESPACE])
        NAMESPACE.unlink(missing_ok=True)
        run(["ip", "netns", "add", NETNS])
    ip = ["ip", "-n", NETNS]
    fresh = not is_up()
    if fresh:
        run([*ip, "link", "add", BRIDGE, "type", "bridge", "forward_delay", "0", "mcast_snooping", "0"])
    for family in ("ipv4/conf/all", "ipv6/conf/all"):
        run([*enter(), "sh", "-c", f"echo 0 > /proc/sys/net/{family}/forwarding"])
    for address in CONTROLLER_ADDRESSES:
        run([*ip, "address", "replace", address, "dev", BRIDGE, *(["nodad"] if ":" in address else [])])
    for device in ("lo", BRIDGE):
        run([*ip, "link", "set", device, "up"])
    for name, text in files.items():
        target = ETC_NETNS / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return fresh


def down() -> None:
    """Remove the namespace; the bridge and its ports go with it."""
    if NAMESPACE.exists():
        succeeds(["ip", "netns", "delete", NETNS])
        succeeds(["umount", NAMESPACE])
        NAMESPACE.unlink(missing_ok=True)
    if ETC_NETNS.exists():
        shutil.rmtree(ETC_NETNS)


def etc_hosts() -> str:
    lines = [f"{host.address} {host.name}" for host in HOSTS.values()]
    return "\n".join(["127.0.0.1 localhost", "::1 localhost", *lines]) + "\n"
