# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""From accepted mail to its end: which queue a recipient waits in, and sessions that empty the queues."""

from __future__ import annotations

import asyncio
import collections
import datetime
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from . import cold, message, notice, reports, values
from .accounting import Accounting
from .naming import new_name
from .queues import FOREVER, Item, Queue
from .replies import bounce_category, status
from .resolver import NoRouteError, Resolver
from .server import DEFAULT, Server
from .sessions import Sessions
from .signing import Signer, from_domain
from .spool import Spool

COLD = Path("/var/lib/pmta/cold.json")
log = logging.getLogger("pmta")


class Engine:
    def __init__(self, spool: Spool, signer: Signer) -> None:
        self.spool, self.signer = spool, signer
        self.accounting = Accounting()
        self.queues: dict[tuple[str, str], Queue] = {}
        self.open: dict[str, tuple[dict[str, Any], set[int]]] = {}
        self.counts: collections.Counter[str] = collections.Counter()
        self.started = time.time()
        self.stopping = False
        self.sessions = Sessions(self)
        self._turn: collections.Counter[tuple[str, str]] = collections.Counter()
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._cold: dict[str, Any] = json.loads(COLD.read_text()) if COLD.exists() else {}

    def configure(self, server: Server) -> None:
        """Take a configuration, at the start or later. Sessions of the one before end after their message."""
        self.server = server
        self.resolver = Resolver(server.settings.get("name-server", []))
        self.accounting.configure(server.accounting)
        for key, queue in list(self.queues.items()):
            if queue.vmta not in server.vmtas:
                del self.queues[key]
                self.spawn(self._route_all(queue.drain()))
                continue
            settings = server.queue_settings(queue.name, queue.vmta, queue.pool)
            if settings != queue.settings:
                queue.configure(settings)
                self.reroute(queue, "reroute-to-virtual-mta")
            self.pump(queue)

    def spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            log.error("internal error", exc_info=task.exception())

    # In.

    def recover(self) -> None:
        for name, envelope, settled in self.spool.load():
            self._enter(name, envelope, settled)
        log.info("%d messages found in the spool", len(self.open))

    async def accept(self, name: str, envelope: dict[str, Any], content: bytes) -> None:
        self._process(envelope, content)
        if not envelope["rcpts"]:
            return
        envelope["facts"]["from"] = from_domain(message.headers(content).get("from", ""))
        await asyncio.to_thread(self.spool.store, name, envelope, content)
        self.counts["in"] += len(envelope["rcpts"])
        for item in self._enter(name, envelope, set()):
            self.record("r", self._facts(item))

    def _process(self, envelope: dict[str, Any], content: bytes) -> None:
        """Take out the recipients that are addresses of a processor, when this is a report for it."""
        for kind, addresses in self.server.processors.items():
            for entry in [entry for entry in envelope["rcpts"] if entry["rcpt"] in addresses]:
                found = list(reports.read(content, entry["rcpt"], kind))
                for record in found:
                    said = self._said(record["dsnStatus"], record["dsnDiag"][5:]) if kind == reports.BOUNCE else {}
                    self.record(record["type"], {**envelope["facts"], **record, **said})
                if found:
                    envelope["rcpts"].remove(entry)

    def _item(self, name: str, envelope: dict[str, Any], entry: dict[str, Any]) -> Item:
        mail_from, queued = envelope["mail_from"], envelope["queued"]
        return Item(name, entry["number"], mail_from, entry["rcpt"], entry["vmta"], "", queued, envelope["facts"])

    def _enter(self, name: str, envelope: dict[str, Any], settled: set[int]) -> list[Item]:
        items = [self._item(name, envelope, entry) for entry in envelope["rcpts"] if entry["number"] not in settled]
        if not items:
            self.spool.remove(name)
            return []
        self.open[name] = (envelope, {item.number for item in items})
        for item in items:
            self._assign(item)
        self.spawn(self._route_all(items))
        return items

    async def _route_all(self, items: list[Item]) -> None:
        for item in items:
            await self.route(item)

    async def route(self, item: Item, due: float = 0.0) -> None:
        """Choose the queue of a recipient, and put it there."""
        self._assign(item)
        own = self.server.queue_settings(item.domain, item.vmta, item.pool)
        other = own.get("reroute-to-virtual-mta", [item.vmta])[-1]
        if other != item.vmta and other in self.server.vmtas:
            item.vmta, item.pool = other, ""
            self._assign(item)
            own = self.server.queue_settings(item.domain, item.vmta, item.pool)
        name = own.get("queue-to", [item.domain])[-1].lower()
        hosts = self.server.queue_settings(name, item.vmta, item.pool).get("smtp-hosts", [""])[-1]
        try:
            item.route = await self.resolver.route(item.domain, hosts)
        except NoRouteError as problem:
            queue = self.queue(name, item)
            if problem.code.startswith("5"):
                self.bounce(item, queue, problem.code, problem.reason)
            else:
                self.defer(item, queue, problem.code, problem.reason)
                self.pump(queue)
            return
        if not hosts and name == item.domain and own.get("disable-mx-rollup", ["no"])[-1] not in ("yes", "true"):
            best = [host for preference, host, _port in item.route.hosts if preference == item.route.hosts[0][0]]
            name = self.server.rollup.queue(best) or name
            hosts = self.server.queue_settings(name, item.vmta, item.pool).get("smtp-hosts", [""])[-1]
            if name != item.domain and hosts:
                item.route = await self.resolver.route(item.domain, hosts)
        self._maybe_cold(item, name)
        queue = self.queue(name, item)
        queue.add(item, due, time.time())
        self.pump(queue)

    def reroute(self, queue: Queue, directive: str) -> None:
        """All that waits goes to the virtual MTA or pool that the directive names, if it does."""
        other = queue.one(directive, "")
        for item in queue.drain() if other in self.server.vmtas else ():
            item.vmta, item.pool = other, ""
            self.spawn(self.route(item))

    def _assign(self, item: Item) -> None:
        """A virtual MTA, of a pool the next member. Each domain has turns of its own, so that it sees all members."""
        vmtas = self.server.vmtas
        name = item.vmta if item.vmta in vmtas else item.pool
        if name not in vmtas:
            name = self.server.one("invalid-virtual-mta-fallback", DEFAULT)
        members = vmtas[name].members
        if members:
            turn = self._turn[name, item.domain]
            self._turn[name, item.domain] += 1
            item.vmta, item.pool = members[turn % len(members)], name
        else:
            item.vmta = name

    def _maybe_cold(self, item: Item, name: str) -> None:
        warm = self.server.vmtas[item.vmta]
        limits = self.server.queue_settings(name, item.vmta, item.pool).get("max-cold-virtual-mta-msg", ["0/d"])[-1]
        today = datetime.date.today().isoformat()
        other = cold.choose(self._cold, name, warm.cold, limits, today)
        if other is not None:
            item.vmta = other
            new = COLD.with_suffix(".new")
            new.write_text(json.dumps(self._cold))
            new.rename(COLD)

    def queue(self, name: str, item: Item) -> Queue:
        key = (name, item.vmta)
        if key not in self.queues:
            self.queues[key] = Queue(name, item.vmta, item.pool)
            self.queues[key].configure(self.server.queue_settings(name, item.vmta, item.pool))
        return self.queues[key]

    # Out.

    def pump(self, queue: Queue) -> None:
        """Start the sessions that a queue may have now, and come back when time allows more."""
        key, now = (queue.name, queue.vmta), time.time()
        if self.queues.get(key) is not queue:
            return
        queue.tick(now)
        if not queue.blocked(now):
            for item in queue.unrouted():
                self.spawn(self.route(item))
            self.sessions.start(queue, now)
        for item in queue.expired(now):
            self.bounce(item, queue, "4.4.7", queue.errors[-1] if queue.errors else "")
        if key in self._timers:
            self._timers.pop(key).cancel()
        at = queue.wake_at(now)
        if at not in (FOREVER, now):
            delay = min(max(at - now, 0.01), 3600)
            self._timers[key] = asyncio.get_running_loop().call_later(delay, self.pump, queue)

    async def content(self, item: Item, queue: Queue) -> bytes:
        """What goes over the wire: the message, signed if its queue says so and there is a key."""
        content = await asyncio.to_thread(self.spool.content, item.message)
        if queue.yes("dkim-sign"):
            domain = item.facts["from"]
            key = self.server.key_of(item.vmta, item.pool, domain)
            if key:
                return await asyncio.to_thread(self.signer.sign, content, key, domain, queue.settings) + content
            log.warning("no domain-key for %s on %s: sent without a signature", domain, queue.title)
        return content

    # What became of it.

    def delivered(self, item: Item, queue: Queue, facts: dict[str, Any]) -> None:
        queue.delivered()
        self.counts["out"] += 1
        self.record("d", {**self._facts(item, queue), "dsnAction": "relayed", **facts})
        self._settle(item)

    def bounce(self, item: Item, queue: Queue, code: str, reply: str, facts: dict[str, Any] | None = None) -> None:
        """The end without delivery; the code may have its words already."""
        said = code if "(" in code else status(code)
        self.counts["bounced"] += 1
        record = {**self._facts(item, queue), "dsnAction": "failed", **self._said(said, reply), **(facts or {})}
        self.record("b", record)
        if notice.wanted(item.mail_from, values.yes(item.facts.get("suppress", "no"))):
            self.spawn(self._notify(item, record))
        else:
            self._settle(item)

    async def _notify(self, item: Item, record: dict[str, Any]) -> None:
        """Tell the sender, through a queue of its own, before the recipient is settled."""
        now, host = time.time(), self.server.one("host-name", os.uname().nodename)
        name = new_name(now)
        original = await asyncio.to_thread(self.spool.content, item.message)
        sender = self.server.one("custom-dsn-from-header") or self.server.one("postmaster")
        rcpt = {"number": 0, "rcpt": item.mail_from, "vmta": DEFAULT}
        facts = {"srcType": "dsn", "srcMta": host, "suppress": "yes"}
        envelope = {"mail_from": "", "queued": now, "rcpts": [rcpt], "facts": facts}
        await self.accept(name, envelope, notice.build(host, sender, record, name, now, original))
        self._settle(item)

    def defer(self, item: Item, queue: Queue, code: str, reply: str, facts: dict[str, Any] | None = None) -> None:
        """Not now; and not at all when it has tried for too long."""
        now = time.time()
        item.attempts += 1
        due = min(now + queue.retry_after(item.attempts), queue.expiry(item))
        if now >= queue.expiry(item):
            self.bounce(item, queue, "4.4.7", reply, facts)
            return
        said = code if "(" in code else status(code)
        self.record(
            "t", {**self._facts(item, queue), "dsnAction": "delayed", **self._said(said, reply), **(facts or {})}
        )
        if self.queues.get((queue.name, queue.vmta)) is queue:
            queue.add(item, due, now)
        else:  # A reload has dissolved its queue meanwhile.
            self.spawn(self.route(item, due))

    def _said(self, code: str, reply: str) -> dict[str, str]:
        code = code if "(" in code else status(code)
        category = bounce_category(self.server.categories, reply, code)
        return {"dsnStatus": code, "dsnDiag": f"smtp;{reply}" if reply[:3].isdigit() else "", "bounceCat": category}

    def _facts(self, item: Item, queue: Queue | None = None) -> dict[str, Any]:
        return {
            **item.facts,
            "timeQueued": item.queued,
            "totalSecondsQueued": int(time.time() - item.queued),
            "orig": item.mail_from,
            "rcpt": item.rcpt,
            "vmta": item.vmta,
            "vmtaPool": item.pool,
            "dlvType": "smtp",
            "queue": queue.title if queue is not None else "",
        }

    def queue_failed(self, queue: Queue, reply: str, facts: dict[str, Any]) -> None:
        queue.failed(time.time(), reply)
        code = "4.4.1" if not reply[:3].isdigit() else "4.0.0"
        self.record("tq", {"vmta": queue.vmta, "queue": queue.title, **self._said(code, reply), **facts})
        log.info("queue %s: %s", queue.title, reply)

    def record(self, kind: str, facts: dict[str, Any]) -> None:
        now = time.time()
        self.accounting.write({"type": kind, "timeLogged": now, **facts}, now)

    def _settle(self, item: Item) -> None:
        self.spool.finish(item.message, item.number)
        _envelope, left = self.open[item.message]
        left.discard(item.number)
        if not left:
            del self.open[item.message]
            self.spool.remove(item.message)
