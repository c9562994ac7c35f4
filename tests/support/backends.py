# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the tests ask of a sender, in the words of the MTA that it runs."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.support import lab


class Postfix:
    """One instance a pool."""

    # The answer to an application that sends as a domain of another pool.
    foreign_sender = "553"

    def __init__(self, host: str) -> None:
        self.host = host

    def queued(self, pool: str) -> int:
        return int(lab.ssh(self.host, f"postqueue -c /etc/postfix-{pool} -j | wc -l"))

    def waiting(self, pool: str) -> str:
        """The pool's queue as its administrator sees it, with the receivers' words."""
        return lab.ssh(self.host, f"postqueue -c /etc/postfix-{pool} -p")

    def flush(self, pool: str) -> None:
        lab.ssh(self.host, f"postqueue -c /etc/postfix-{pool} -f")

    def reload(self, pool: str) -> None:
        lab.ssh(self.host, f"systemctl reload mailfleet-postfix@{pool}")

    def sends_from(self, pool: str, address: str) -> bool:
        return address.replace(".", "-") in lab.ssh(self.host, f"postconf -c /etc/postfix-{pool} -M")

    def serves(self, pool: str) -> bool:
        unit = f"mailfleet-postfix@{pool}"
        states = lab.ssh(self.host, f"systemctl is-active {unit}; systemctl is-enabled {unit}", check=False).split()
        assert states in (["inactive", "disabled"], ["active", "enabled"]), states
        return states == ["active", "enabled"]

    def queue_command(self, pool: str) -> str:
        return f"postqueue -c /etc/postfix-{pool} -p"


class PowerMta:
    """One server; a pool is a virtual-mta-pool."""

    # PowerMTA asks for the sender when it chooses the virtual MTA: what belongs to no pool goes back.
    foreign_sender = "250"

    def __init__(self, host: str) -> None:
        self.host = host

    def _rows(self, command: str, kind: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(lab.ssh(self.host, f"pmta --json {command}"))["data"][kind]
        return found

    def queued(self, pool: str) -> int:
        return sum(row["pool"] == pool for row in self._rows("list", "msg"))

    def waiting(self, pool: str) -> str:
        return lab.ssh(self.host, "pmta show topqueues")

    def flush(self, pool: str) -> None:
        lab.ssh(self.host, "pmta schedule --retry-recipients '*/*'")

    def reload(self, pool: str) -> None:
        assert "Configuration reloaded." in lab.ssh(self.host, "pmta reload")

    def sends_from(self, pool: str, address: str) -> bool:
        return address in lab.ssh(self.host, "cat /etc/pmta/virtual-mtas.conf")

    def serves(self, pool: str) -> bool:
        if pool == "entry":
            return " 587 " in lab.ssh(self.host, "ss -ltnH | tr ':' ' '")
        return f"<virtual-mta-pool {pool}>" in lab.ssh(self.host, "cat /etc/pmta/pools.conf")

    def queue_command(self, pool: str) -> str:
        return "pmta show topqueues"


BACKENDS: dict[str, type[Postfix | PowerMta]] = {"postfix": Postfix, "powermta": PowerMta}


def groups(inventory: Path = lab.INVENTORY) -> dict[str, dict[str, dict[str, str]]]:
    """The senders by the group that chooses their MTA, with what the inventory says of each."""
    children = yaml.safe_load((inventory / "hosts.yml").read_text())["senders"]["children"]
    return {name: group["hosts"] for name, group in children.items() if name in BACKENDS}


def backend(host: str) -> Postfix | PowerMta:
    return next(BACKENDS[name](host) for name, hosts in groups().items() if host in hosts)
