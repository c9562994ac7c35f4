# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Joins log lines into events: which domain sent it, by which lane an expired message was tried last.

Postfix says the sender when it takes a message up and the recipient when it has tried one, so a message is remembered
by instance and queue ID from its first line to its last. The memory itself is the ledger's: it is loaded and saved in
the transaction that also holds the counters and the place in the file. Recipients are remembered as hashes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Optional

from mailfleet import events
from mailfleet.aside import Put
from mailfleet.events import Classify, Event
from mailfleet.ledger_names import Names
from mailfleet.postfix_log import Active, Aside, Attempt, Expired, Line, Released, Removed, Turned, reply

_RESULTS = {"sent": events.DELIVERED, "deferred": events.DEFERRED, "bounced": events.BOUNCED}
# What the error daemon says is the queue manager's decision; no receiver was asked.
_RESULTS_UNASKED = {"deferred": events.SUSPENDED, "bounced": events.REJECTED}
# The domain of a message whose beginning stood in a log that is gone.
UNKNOWN = "?"
# Steering's words about mail that waits: it knows the ISP by the MX.
_STEERED = re.compile(r"\d+\.\d+\.\d+\.\d+ at ([a-z0-9-]+)(?: \(and|: )")
_LANE_AGENTS = frozenset({"smtp", "lmtp"})


class Message:
    """A message in the queue: its domain, and by recipient that waits the lane of its last try, or the ISP."""

    __slots__ = ("domain", "gone", "waiting")

    def __init__(self, domain: str, waiting: dict[str, str]) -> None:
        self.domain = domain
        self.waiting = waiting
        self.gone = False


Load = Callable[[str, str], Optional[Message]]


class Joiner:
    """Joins the lines of one transaction; ``messages`` and ``aside`` are then what has to be saved."""

    def __init__(self, names: Names, classify: Classify, load: Load) -> None:
        self.messages: dict[tuple[str, str], Message] = {}
        self.aside: dict[tuple[str, str], Put | None] = {}
        self._names = names
        self._classify = classify
        self._load = load

    def join(self, lines: Iterable[Line]) -> Iterator[Event]:
        pools = self._names.pools
        for line in lines:
            pool = pools.get(line.instance)
            if pool is None:
                continue
            if isinstance(line, Attempt):
                agent_results = _RESULTS if line.agent in _LANE_AGENTS else _RESULTS_UNASKED
                result = agent_results.get(line.status)
                if result:  # not for address probes, nor for deliveries to what is no receiver
                    yield self._attempt(pool, line, result)
            elif isinstance(line, Active):
                self._message(line.instance, line.queue_id).domain = self._names.domain(line.sender)
            elif isinstance(line, Removed):
                self._message(line.instance, line.queue_id).gone = True
                self.aside[line.instance, line.queue_id] = None
            elif isinstance(line, Aside):
                self.aside[line.instance, line.queue_id] = Put(line.domain, line.isp, line.time)
            elif isinstance(line, Released):
                self.aside[line.instance, line.queue_id] = None
            elif isinstance(line, Turned):
                yield self._turned(pool, line)
            elif isinstance(line, Expired):
                yield from self._expired(pool, line)

    def _message(self, instance: str, queue_id: str) -> Message:
        key = (instance, queue_id)
        message = self.messages.get(key)
        if message is None:
            message = self.messages[key] = self._load(instance, queue_id) or Message(UNKNOWN, {})
        return message

    def _attempt(self, pool: str, line: Attempt, result: str) -> Event:
        message = self._message(line.instance, line.queue_id)
        recipient_domain = line.recipient.rpartition("@")[2].lower()
        if result == events.DELIVERED:
            isp, ip = self._names.lane(line.lane)
            if message.waiting:
                message.waiting.pop(_hash(line.recipient), None)
            return Event(
                line.time, result, pool, line.lane, isp or self._names.isp(recipient_domain, line.relay), ip,
                line.queue_id, message.domain, recipient_domain, line.relay, line.relay_ip, line.delay, line.dsn,
                "", line.text, "", "", "", line.reused, line.session,
            )  # fmt: skip
        said = reply(line.text, line.dsn)
        lane = line.lane
        if result in (events.SUSPENDED, events.REJECTED):
            lane = message.waiting.get(_hash(line.recipient), "")
        isp, ip = self._names.lane(lane)
        steered = None if isp or line.relay else _STEERED.match(line.text)
        isp = isp or (steered[1] if steered else self._names.isp(recipient_domain, line.relay or said.relay))
        if result in (events.DEFERRED, events.SUSPENDED):
            message.waiting[_hash(line.recipient)] = lane if ip else isp
        elif message.waiting:
            message.waiting.pop(_hash(line.recipient), None)
        cls, rule, action = "", "", ""
        if result in events.REFUSALS:
            verdict = self._classify(isp, said.text)
            cls, rule, action = verdict.cls, verdict.rule, verdict.action
        return Event(
            line.time, result, pool, lane if ip else "", isp, ip, line.queue_id, message.domain, recipient_domain,
            line.relay or said.relay, line.relay_ip or said.relay_ip, line.delay, line.dsn, said.stage, said.text,
            cls, rule, action, line.reused, line.session,
        )  # fmt: skip

    def _turned(self, pool: str, line: Turned) -> Event:
        said = reply(line.text)
        isp, ip = self._names.lane(line.lane)
        isp = isp or self._names.isp("", said.relay)
        verdict = self._classify(isp, said.text)
        return Event(
            line.time, events.MOVED, pool, line.lane, isp, ip, line.queue_id,
            self._message(line.instance, line.queue_id).domain, "", said.relay, said.relay_ip, 0.0, "",
            said.stage, said.text, verdict.cls, verdict.rule, verdict.action,
        )  # fmt: skip

    def _expired(self, pool: str, line: Expired) -> Iterator[Event]:
        message = self._message(line.instance, line.queue_id)
        # A message whose tries were never seen has at least one recipient.
        for lane in list(message.waiting.values()) or [""]:
            isp, ip = self._names.lane(lane)
            yield Event(
                line.time, events.EXPIRED, pool, lane if ip else "", isp or lane, ip, line.queue_id, message.domain,
                "", "", "", 0.0, "", "", "", "", "", "",
            )  # fmt: skip
        message.waiting.clear()


def _hash(recipient: str) -> str:
    return blake2b(recipient.encode(), digest_size=6).hexdigest()
