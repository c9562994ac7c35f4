# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the host's network looks like. IO: reads /proc and asks ``ip``.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._command import Run
from ansible_collections.mailfleet.mta.plugins.module_utils._files import read_text

_IP = "ip"


class NetworkError(Exception):
    """One sentence about the host's network."""


def read_addresses(run: Run) -> list[dict[str, Any]]:
    """The interfaces with their addresses, as ``ip -json address`` tells them."""
    answer = run([_IP, "-json", "address", "show"])
    if answer.code != 0:
        raise NetworkError(f"The addresses of the host could not be read: {answer.words}. Install iproute2.")
    interfaces: list[dict[str, Any]] = json.loads(answer.out or "[]")
    return interfaces


def default_interface(interfaces: list[dict[str, Any]] | None, run: Run) -> str | None:
    """The interface of the default route, else the one that carries the SSH connection of this run."""
    found = default_route(read_text("/proc/net/route"), read_text("/proc/net/ipv6_route"))
    if found:
        return found
    ssh = ssh_address()
    return carrier(interfaces if interfaces is not None else read_addresses(run), ssh) if ssh else None


def default_route(ipv4: str, ipv6: str) -> str | None:
    """The interface of the best default route in /proc/net/route, else in /proc/net/ipv6_route."""
    routes = [line.split() for line in ipv4.splitlines()[1:]]
    found = [(int(row[6]), row[0]) for row in routes if len(row) > 7 and row[1] == row[7] == "00000000"]
    if not found:
        routes = [line.split() for line in ipv6.splitlines()]
        # The kernel keeps an unreachable default route on lo.
        found = [
            (int(row[5], 16), row[9])
            for row in routes
            if len(row) > 9 and row[0] == "0" * 32 and row[1] == "00" and row[9] != "lo"
        ]
    return min(found)[1] if found else None


def carrier(interfaces: list[dict[str, Any]], address: str) -> str | None:
    """The interface that has the address."""
    for interface in interfaces:
        if any(info.get("local") == address for info in interface.get("addr_info", [])):
            return str(interface["ifname"])
    return None


def ssh_address() -> str | None:
    """The host's own address in the SSH connection that runs this, also behind sudo, which hides the variable."""
    found = os.environ.get("SSH_CONNECTION")
    process = os.getppid()
    while not found and process > 1:
        environment = read_text(f"/proc/{process}/environ").split("\0")
        found = next((item.partition("=")[2] for item in environment if item.startswith("SSH_CONNECTION=")), None)
        parent = [line for line in read_text(f"/proc/{process}/status").splitlines() if line.startswith("PPid:")]
        process = int(parent[0].split()[1]) if parent else 0
    fields = (found or "").split()
    return fields[2].partition("%")[0] if len(fields) == 4 else None
