# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Ask the host's live Postfix generation and its queues. IO, reads only.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._command import Run, host
from ansible_collections.mailfleet.mta.plugins.module_utils._queue import (
    Holdings,
    Queue,
    leaving,
    mail_changes,
    parse,
    queued,
    refusals,
)

VIEW = "/etc/mailfleet/postfix/live/view.json"


class QueueError(Exception):
    """One sentence about a queue that cannot be read."""


def report(wanted: Mapping[str, Any] | None, senders: Sequence[str], run: Run, view: str = VIEW) -> dict[str, Any]:
    """What changes, what leaves with its queued mail, and queued mail by sender; only queues that matter are read."""
    live = holdings(view)
    gone = [] if wanted is None else leaving(live, wanted["pools"], wanted["fleet"])
    pools = sorted(live) if senders else sorted({item.pool for item in gone})
    queues = {pool: read_queue(pool, run) for pool in pools}
    items = [
        {"pool": item.pool, "kind": item.kind, "name": item.name, "queued": queued(item, queues[item.pool])}
        for item in gone
    ]
    return {
        "changes": [] if wanted is None else mail_changes(live, wanted["pools"]),
        "leaving": items,
        "refusals": refusals(host(), items),
        "senders": {pool: {name: queues[pool].senders[name.lower()] for name in senders} for pool in live if senders},
    }


def holdings(view: str) -> Holdings:
    """What the live generation says each pool has; nothing on a host without one."""
    try:
        with open(view, encoding="utf-8") as handle:
            live: Holdings = json.load(handle)["pools"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError) as error:
        raise QueueError(f"{view} cannot be read ({error}), so it is unknown what this run would remove.") from None
    return live


def read_queue(pool: str, run: Run) -> Queue:
    answer = run(["postqueue", "-c", f"/etc/postfix-{pool}", "-j"], timeout=300)
    if answer.code != 0:
        raise QueueError(f"The queue of pool {pool} cannot be read: {answer.words}.")
    return parse(answer.out.splitlines())
