# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Edits of an inventory, site runs, and what is then to be seen on the hosts and in the DNS."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.support import lab
from tests.support.inject import Message

ADDRESSES = "ip -o address show dev host0 | awk '{print $4}'"


@contextmanager
def edit(path: Path) -> Iterator[dict[str, Any]]:
    model = yaml.safe_load(path.read_text())
    yield model
    path.write_text(yaml.safe_dump(model, sort_keys=False))


def run(inventory: Path) -> lab.Play:
    done = lab.play(inventory)
    assert done.code == 0, done.output[-4000:]
    return done


def submit_one(address: str, port: int, message: Message) -> Message:
    (sent,) = lab.submit(address, port, [message], connections=1)
    return sent


def addresses(host: str) -> list[str]:
    return lab.ssh(host, ADDRESSES).split()


def boots(host: str) -> None:
    """Wait until the host has booted and its services do what the roles ask of them: sign, greet, steer."""
    lab.ssh(host, "systemctl is-system-running --wait", check=False)
    verify = "for each in /etc/mailfleet/*/live/bin/verify; do python3 $each || exit 1; done; echo well"
    lab.wait_for(f"the services of {host}", lambda: lab.ssh(host, verify, check=False) == "well\n", 90)


def pool_status(host: str, pool: str = "campaign") -> dict[str, Any]:
    found = json.loads(lab.ssh(host, "mailfleet status --json"))
    return next(dict(row) for row in found["pools"] if row["pool"] == pool)


def settled(host: str) -> int:
    """Deliveries of pool campaign, when nothing is on its way and the ledger has read all that was logged."""

    def twice() -> bool:
        first = pool_status(host)
        time.sleep(1)
        return not first["queue"] and first == pool_status(host)

    # What Postfix finds locked after a reload, because it is being delivered, it looks at again after a minute.
    lab.wait_for("an empty queue and a ledger that is done", twice, 90)
    return int(pool_status(host)["delivered"])


def txt(name: str) -> set[str]:
    """What both name servers say together."""
    return {lab.lab("run", "dig", "+short", f"@{server}", name, "TXT") for server in ("192.0.2.53", "192.0.2.54")}


def generations(host: str) -> str:
    return lab.ssh(host, "readlink /etc/mailfleet/*/live")
