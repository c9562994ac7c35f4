# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the command pmta shows. Pure: the engine's state in, plain mappings out."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from . import VERSION

if TYPE_CHECKING:
    from .engine import Engine
    from .queues import Queue


def status(engine: Engine, now: float) -> dict[str, Any]:
    waiting = sum(map(len, engine.queues.values()))
    return {
        "status": {
            "version": f"PowerMTA {VERSION} (stand-in)",
            "uptime": int(now - engine.started),
            "traffic": {
                "total": {"in": {"rcp": engine.counts["in"]}, "out": {"rcp": engine.counts["out"]}},
                "bounced": {"rcp": engine.counts["bounced"]},
            },
            "conn": {"smtpOut": {"cur": sum(queue.sessions for queue in engine.queues.values())}},
            "queue": {"smtp": {"rcp": waiting, "dom": sum(1 for queue in engine.queues.values() if len(queue))}},
            "spool": {"files": {"total": len(engine.open)}},
        }
    }


def named(queues: Iterable[Queue], pattern: str) -> Iterator[Queue]:
    """Queues as the command names them: DOMAIN, DOMAIN/VMTA, with * for any."""
    domain, _slash, vmta = pattern.partition("/")
    for queue in queues:
        if fnmatch.fnmatchcase(queue.name, domain.lower()) and fnmatch.fnmatchcase(queue.vmta, vmta or "*"):
            yield queue


def queues(engine: Engine, pattern: str, empty: bool) -> dict[str, Any]:
    found = [queue for queue in named(engine.queues.values(), pattern) if empty or len(queue) or queue.sessions]
    return {
        "queue": [
            {
                "name": queue.title,
                "rcp": len(queue),
                "conn": queue.sessions,
                "paused": queue.paused,
                "mode": queue.mode,
                "retryTime": int(queue.retry_at) if queue.retry_at else None,
                "disabled": sorted(queue.disabled),
                "event": list(queue.errors),
            }
            for queue in sorted(found, key=lambda queue: (-len(queue), queue.title))
        ]
    }


def vmtas(engine: Engine) -> dict[str, Any]:
    rows = []
    for name, vmta in engine.server.vmtas.items():
        own = [queue for queue in engine.queues.values() if queue.vmta == name]
        if not vmta.members:
            waiting, sessions = sum(map(len, own)), sum(queue.sessions for queue in own)
            rows.append({"name": name, "rcp": waiting, "dom": len(own), "conn": sessions})
    return {"vmta": sorted(rows, key=lambda row: str(row["name"]))}


def messages(engine: Engine, pattern: str) -> dict[str, Any]:
    return {
        "msg": [
            {
                "queue": queue.title,
                "pool": item.pool,
                "orig": item.mail_from,
                "rcpt": item.rcpt,
                "jobId": item.facts.get("jobId", ""),
                "queued": int(item.queued),
                "attempts": item.attempts,
            }
            for queue in named(engine.queues.values(), pattern)
            for item in queue.waiting()
        ]
    }
