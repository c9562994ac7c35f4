# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Sessions with receivers: how many of a queue at once, from which address, and what each reply leads to."""

from __future__ import annotations

import asyncio
import collections
import ipaddress
import logging
import os
import random
import time
from typing import TYPE_CHECKING, Any

from . import replies, values
from .client import Client, SessionLostError, Source
from .queues import BACKOFF, FOREVER, NORMAL, Item, Queue, Route
from .replies import Reply

if TYPE_CHECKING:
    from .engine import Engine
    from .server import Server

# An idle session waits this long for more mail before it says QUIT.
LINGER = 1.0
ANY_ADDRESS = ""
log = logging.getLogger("pmta")
Idle = dict[tuple[str, str, Route], "list[asyncio.Future[None]]"]


class Sessions:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.by_vmta: collections.Counter[str] = collections.Counter()
        self._idle: Idle = collections.defaultdict(list)
        self._turn: collections.Counter[str] = collections.Counter()

    def start(self, queue: Queue, now: float) -> None:
        """Wake idle sessions for what is ready, and open more where limits allow."""
        if self.engine.stopping:
            return
        limit = self.engine.server.vmtas[queue.vmta].max_smtp_out or FOREVER
        for route, ready in queue.routes():
            idle = self._idle[queue.name, queue.vmta, route]
            for future in idle[:ready]:
                if not future.done():
                    future.set_result(None)
            for _each in range(ready - len(idle)):
                slow = max(queue.connects.ready_at(), queue.windows[queue.mode].ready_at())
                if queue.sessions >= queue.connections() or self.by_vmta[queue.vmta] >= limit or slow > now:
                    return
                queue.sessions += 1
                self.by_vmta[queue.vmta] += 1
                queue.connects.count(now)
                self.engine.spawn(self._session(queue, route))

    async def _session(self, queue: Queue, route: Route) -> None:
        client = None
        try:
            client = await self._open(queue, route)
            if client:
                await self._work(client, queue, route)
        except SessionLostError as problem:
            self.engine.queue_failed(queue, str(problem), {"dlvType": "smtp"})
        finally:
            queue.sessions -= 1
            self.by_vmta[queue.vmta] -= 1
            self.engine.pump(queue)
            if client:
                await client.close()

    # Opening.

    async def _open(self, queue: Queue, route: Route) -> Client | None:
        """A session that is ready for mail, from an own address to an exchanger of the same family."""
        sources = queue.sources(self.engine.server.sources_of(queue.vmta))
        if not self.engine.server.sources_of(queue.vmta):
            # No smtp-source-host at all: the system chooses the address.
            sources = [(ANY_ADDRESS, self.engine.server.one("host-name", os.uname().nodename))]
        last: tuple[str, dict[str, Any]] = ("no source address can reach an exchanger", {"dlvType": "smtp"})
        for _preference, host, port in sorted(route.hosts, key=lambda entry: (entry[0], random.random())):
            addresses = await self.engine.resolver.addresses(host)
            random.shuffle(addresses)
            for address in addresses:
                own = [
                    source for source in sources if source[0] == ANY_ADDRESS or _family(source[0]) == _family(address)
                ]
                if not own:
                    continue
                self._turn[queue.vmta] += 1
                client = Client(Source(*own[self._turn[queue.vmta] % len(own)]), host, address, port)
                try:
                    reply = await self._greet(client, queue)
                except SessionLostError as problem:
                    last = (str(problem), self._facts(client))
                    await client.close()
                    continue
                if reply.good:
                    return client
                await client.close()
                last = (reply.full, self._facts(client))
                actions = self._react(reply, queue, client)
                if reply.permanent and "skip-mx" not in actions and queue.yes("bounce-upon-5xx-greeting", "yes"):
                    while item := queue.take(route):
                        self.engine.bounce(item, queue, reply.status, reply.full, self._facts(client))
                    return None
        self.engine.queue_failed(queue, *last)
        return None

    async def _greet(self, client: Client, queue: Queue) -> Reply:
        """Banner, EHLO and TLS; the first reply that is not good, or the last one."""
        reply = await client.connect(values.seconds(queue.one("smtp-greeting-timeout", "5m")))
        if reply.good:
            reply = await client.hello()
        if reply.good and queue.yes("use-starttls", "yes"):
            if "STARTTLS" in client.extensions:
                reply = await client.starttls()
            elif queue.yes("require-starttls"):
                reply = Reply(454, "4.7.4 the receiver offers no TLS, and require-starttls asks for it")
        return reply

    # Working.

    async def _work(self, client: Client, queue: Queue, route: Route) -> None:
        server, most = self.engine.server, queue.per_connection()
        while (item := await self._next(queue, route, server)) is not None:
            try:
                usable = await self._deliver(client, item, queue)
            except SessionLostError as problem:
                self.engine.defer(item, queue, "4.4.2", str(problem), self._facts(client))
                return
            except Exception:
                queue.add(item, time.time() + 60, time.time())
                raise
            if not usable or (most and client.sent >= most):
                return

    async def _next(self, queue: Queue, route: Route, server: Server) -> Item | None:
        """The next recipient that may go now; waits a moment when there is none."""
        for last in (False, True):
            if self.engine.stopping or self.engine.server is not server:
                return None
            now = time.time()
            queue.tick(now)
            if queue.blocked(now) or queue.windows[queue.mode].ready_at() > now:
                return None
            item = None if queue.sessions > queue.connections() else queue.take(route)
            if item is not None:
                queue.windows[queue.mode].count(now)
                return item
            if not last:
                await self._linger(self._idle[queue.name, queue.vmta, route])
        return None

    async def _linger(self, idle: list[asyncio.Future[None]]) -> None:
        future = asyncio.get_running_loop().create_future()
        idle.append(future)
        await asyncio.wait([future], timeout=LINGER)
        idle.remove(future)

    async def _deliver(self, client: Client, item: Item, queue: Queue) -> bool:
        """One recipient; True when the session can go on."""
        content = await self.engine.content(item, queue)
        stage, reply = await client.send(item.mail_from, item.rcpt, content)
        facts = {**self._facts(client), "dsnStatus": reply.status, "dsnDiag": f"smtp;{reply.full}"}
        if reply.good:
            self.engine.delivered(item, queue, {**facts, "dlvSize": len(content)})
            return True
        actions = self._react(reply, queue, client)
        hopeless = reply.permanent or (stage == "RCPT" and "bounce-rcpt" in actions)
        if hopeless and "skip-mx" not in actions:
            self.engine.bounce(item, queue, reply.status, reply.full, self._facts(client))
        else:
            self.engine.defer(item, queue, reply.status, reply.full, self._facts(client))
        return reply.code != 421 and (stage == "TEXT" or await client.reset())

    def _react(self, reply: Reply, queue: Queue, client: Client) -> dict[str, str]:
        """What the queue's smtp-pattern-list says about a reply, done; for the rest the caller sees the actions."""
        server, now = self.engine.server, time.time()
        actions = replies.actions(server.reply_lists.get(queue.one("smtp-pattern-list", ""), []), reply.full)
        queue.errors.append(reply.full)
        if "disable-source-ip" in actions:
            after = actions.get("reenable-after") or queue.one("reenable-source-ip-after", "never")
            queue.disabled[client.source.address] = now + values.seconds(after)
            left = queue.sources(server.sources_of(queue.vmta))
            if not left and queue.yes("backoff-upon-all-sources-disabled"):
                actions.setdefault("mode", BACKOFF)
        if actions.get("mode") == BACKOFF:
            if queue.enter_backoff(now, actions.get("backoff-to-normal-after", "")):
                log.info("queue %s entered backoff: %s", queue.title, reply.full)
                self.engine.reroute(queue, "backoff-reroute-to-virtual-mta")
        elif actions.get("mode") == NORMAL:
            queue.set_mode(NORMAL)
        if "defer-queue" in actions:
            queue.retry_at = now + queue.retry_after(1)
        if "bounce-queue" in actions:
            for item in queue.drain():
                self.engine.bounce(item, queue, reply.status, reply.full, self._facts(client))
        return actions

    def _facts(self, client: Client) -> dict[str, Any]:
        return {
            "dlvType": "smtp",
            "dlvSourceIp": client.source.address,
            "dlvDestinationIp": client.address,
            "dsnMta": f"{client.host} ({client.address})",
            "dlvEsmtpAvailable": ",".join(sorted(client.extensions)),
            "dlvTlsProtocol": client.tls[0],
            "dlvTlsCipher": client.tls[1],
        }


def _family(address: str) -> int:
    return ipaddress.ip_address(address).version
