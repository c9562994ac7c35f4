# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Ask the host's live generation and the queues of its MTA. IO, reads only.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils import _queue_pmta
from ansible_collections.mailfleet.mta.plugins.module_utils._command import Answer, Run, host
from ansible_collections.mailfleet.mta.plugins.module_utils._generation_store import Store
from ansible_collections.mailfleet.mta.plugins.module_utils._queue import (
    POSTQUEUE,
    Holdings,
    Leaving,
    Queue,
    leaving,
    mail_changes,
    move,
    move_refusals,
    parse,
    queued,
    refusals,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._systemd import Systemd

VIEW = "/etc/mailfleet/postfix/live/view.json"
POWERMTA_VIEW = "/etc/mailfleet/powermta/live/view.json"


class QueueError(Exception):
    """One sentence about a queue that cannot be read."""


def report(
    wanted: Mapping[str, Any] | None,
    senders: Sequence[str],
    run: Run,
    view: str = VIEW,
    powermta_view: str = POWERMTA_VIEW,
) -> dict[str, Any]:
    """What changes, what leaves with its queued mail, and queued mail by sender; only queues that matter are read."""
    new = (wanted or {}).get("backend", "")
    old = other_mta(new, view, powermta_view)
    if old:
        return _moving(old, new, {"postfix": view, "powermta": powermta_view}[old], run)
    powermta = os.path.exists(powermta_view)
    live = holdings(powermta_view if powermta else view)
    gone = [] if wanted is None else leaving(live, wanted["pools"], wanted["fleet"])
    pools = sorted(live) if senders else sorted({item.pool for item in gone})
    queues = read_powermta(live, pools, run) if powermta else {pool: read_queue(pool, run) for pool in pools}
    items = [
        {
            "pool": item.pool,
            "kind": item.kind,
            "name": item.name,
            "queued": queued(item, queues[item.pool]),
            "virtual_mtas": _virtual_mtas(live, item),
        }
        for item in gone
    ]
    return {
        "changes": [] if wanted is None else mail_changes(live, wanted["pools"]),
        "leaving": items,
        "moving": {},
        # An address of PowerMTA is emptied by the run itself, which hands its mail to the rest of the pool.
        "refusals": refusals(host(), [item for item in items if item["kind"] != "address"], _queue_pmta.COMMAND)
        if powermta
        else refusals(host(), items),
        "senders": {pool: {name: queues[pool].senders[name.lower()] for name in senders} for pool in live if senders},
    }


def other_mta(backend: str, view: str = VIEW, powermta_view: str = POWERMTA_VIEW) -> str:
    """The MTA that this host has and shall not have; none where nobody says which it shall have."""
    views = {"postfix": view, "powermta": powermta_view}
    return next((name for name in views if backend and name != backend and os.path.exists(views[name])), "")


def _moving(old: str, new: str, view: str, run: Run) -> dict[str, Any]:
    """A host that has the other MTA: all of it leaves, when it takes no more mail and has none."""
    live, store = holdings(view), Store(str(Path(view).parents[1]))
    closed = _read(view).get("draining") is True and not store.pending()
    if old == "postfix":
        waiting: Mapping[str, int] = {pool: read_queue(pool, run).total for pool in live}
    elif (answer := run(_queue_pmta.QUEUES, timeout=300)).code == 0:
        waiting = _queue_pmta.by_vmta(answer.out.splitlines())  # with the mail that no pool has, such as bounces
    elif _is_out_of_service(store, closed, run):
        closed, waiting = True, {}
    else:
        raise QueueError(
            f"PowerMTA's list of queues cannot be read: {answer.words}. Start pmta.service again, because it may have "
            f"mail; or put {host()} back into the group powermta and run. Nothing was changed."
        )
    command = _queue_pmta.COMMAND if old == "powermta" else POSTQUEUE.format(pool="POOL")
    return {
        "changes": [move(old, new)],
        "leaving": [],
        "moving": {"mta": old, "pools": sorted(live)},
        "refusals": move_refusals(host(), old, new, closed, waiting, command),
        "senders": {},
    }


def _is_out_of_service(store: Store, closed: bool, run: Run) -> bool:
    """Whether a PowerMTA that does not answer never was in service, or was emptied and stopped by an earlier run."""
    state = Systemd(run).states([_queue_pmta.UNIT])[_queue_pmta.UNIT]
    return not state.running and (store.unproven() or (closed and not state.enabled))


def _virtual_mtas(live: Holdings, item: Leaving) -> dict[str, Any]:
    """Those of PowerMTA that leave, by their addresses."""
    own: dict[str, Any] = live[item.pool].get("virtual_mtas", {})
    gone = own if item.kind == "pool" else [item.name] if item.kind == "address" else []
    return {address: own[address] for address in gone if address in own}


def holdings(view: str) -> Holdings:
    """What the live generation says each pool has; nothing on a host without one."""
    try:
        live: Holdings = _read(view)["pools"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError) as error:
        raise QueueError(f"{view} cannot be read ({error}), so it is unknown what this run would remove.") from None
    return live


def _read(view: str) -> dict[str, Any]:
    with open(view, encoding="utf-8") as handle:
        found: dict[str, Any] = json.load(handle)
    return found


def read_queue(pool: str, run: Run) -> Queue:
    return parse(_answer(run, ["postqueue", "-c", f"/etc/postfix-{pool}", "-j"], f"The queue of pool {pool}"))


def read_powermta(live: Holdings, pools: Sequence[str], run: Run) -> dict[str, Queue]:
    if not pools:
        return {}
    waiting = _queue_pmta.by_vmta(_answer(run, _queue_pmta.QUEUES, "PowerMTA's list of queues"))
    found = {}
    for pool in pools:
        vmtas: Mapping[str, Mapping[str, Any]] = live[pool]["virtual_mtas"]
        names = [vmta["name"] for vmta in vmtas.values() if waiting.get(vmta["name"])]
        lines = [line for name in names for line in _answer(run, _queue_pmta.messages(name), f"The queue of {name}")]
        found[pool] = _queue_pmta.queue_of(vmtas, waiting, _queue_pmta.by_domain(lines))
    return found


def _answer(run: Run, argv: list[str], what: str) -> list[str]:
    answer: Answer = run(argv, timeout=300)
    if answer.code != 0:
        raise QueueError(f"{what} cannot be read: {answer.words}.")
    return answer.out.splitlines()
