# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What PowerMTA says of its queues, by virtual-MTA, and of the mail in them. Pure.

Only the plain forms are in the guides, as examples, so as little of them as possible is relied on: that a line begins
with DOMAIN/VMTA and its number of recipients, and that a recipient's line has the sender's address.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._queue import Queue

_EVERYTHING = "--maxitems=10000000"
QUEUES = ["pmta", "show", "queues", _EVERYTHING, "--no-rcpt-events"]
COMMAND = "pmta show topqueues"
UNIT = "pmta.service"

_LINE = re.compile(r"\s*[^\s/]+/(\S+)\s+(\d+)(?:\s|$)")
_ADDRESS = re.compile(r"[^\s@<>,|:;=]@([A-Za-z0-9.-]+)")


def messages(vmta: str) -> list[str]:
    """The command that lists what waits at a virtual-MTA."""
    return ["pmta", "list", f"--queue=*/{vmta}", _EVERYTHING]


def by_vmta(lines: Iterable[str]) -> Counter[str]:
    """Recipients by virtual-MTA, from the answer to QUEUES."""
    found: Counter[str] = Counter()
    for line in lines:
        match = _LINE.match(line)
        if match:
            found[match[1]] += int(match[2])
    return found


def by_domain(lines: Iterable[str]) -> Counter[str]:
    """Recipients by every domain that their lines name: the sender's, and others, which errs to the safe side."""
    return Counter(domain for line in lines for domain in {name.lower() for name in _ADDRESS.findall(line)})


def queue_of(vmtas: Mapping[str, Mapping[str, Any]], waiting: Mapping[str, int], senders: Counter[str]) -> Queue:
    """The queue of a pool whose virtual-MTAs are known by their addresses."""
    addresses = Counter({address: waiting.get(vmta["name"], 0) for address, vmta in vmtas.items()})
    return Queue(total=sum(addresses.values()), senders=senders, addresses=addresses)
