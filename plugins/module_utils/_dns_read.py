# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Asks DNS servers many questions at once: UDP with a window of open questions, TCP for answers that were cut.

One thread serves all servers. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import random
import selectors
import socket
import struct
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Union

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import Message, parse_message, question_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Key

WINDOW = 100  # open questions per server; a socket's default buffer holds that many answers
TCP_WINDOW = 50
_TICK = 0.05


class Endpoint(NamedTuple):
    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address} port {self.port}"


class NoReply(NamedTuple):
    """Why there is no answer, as the end of a sentence."""

    reason: str
    no_route: bool = False


Reply = Union[Message, NoReply]
Replies = dict[tuple[Endpoint, Key], Reply]


class _Open(NamedTuple):
    key: Key
    wire: bytes
    since: float
    sent: float


class _Channel:
    """The questions to one server."""

    def __init__(self, endpoint: Endpoint, keys: Iterable[Key], timeout: float, recursion: bool) -> None:
        self.endpoint, self.timeout, self.recursion = endpoint, timeout, recursion
        self.waiting = deque(dict.fromkeys(keys))
        self.open: dict[int, _Open] = {}
        self.replies: dict[Key, Reply] = {}
        self.cut: list[Key] = []
        self.heard = time.monotonic()
        self.answered = False
        family = socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        try:
            self.socket.connect((endpoint.address, endpoint.port))
        except OSError as error:
            self.give_up(f"cannot be reached ({error.strerror})", no_route=True)

    @property
    def done(self) -> bool:
        return not self.waiting and not self.open

    def give_up(self, reason: str, no_route: bool = False) -> None:
        for key in (*self.waiting, *(entry.key for entry in self.open.values())):
            self.replies[key] = NoReply(reason, no_route)
        self.waiting.clear()
        self.open.clear()

    def send(self) -> None:
        now = time.monotonic()
        while self.waiting and len(self.open) < WINDOW:
            key = self.waiting[0]
            number = random.getrandbits(16)
            if number in self.open:
                continue
            wire = question_wire(number, *key, recursion=self.recursion)
            if not self._put(wire):
                return
            self.waiting.popleft()
            self.open[number] = _Open(key, wire, now, now)

    def _put(self, wire: bytes) -> bool:
        try:
            self.socket.send(wire)
        except (BlockingIOError, InterruptedError):
            return False
        except ConnectionRefusedError:
            self._refused()
            return not self.done
        except OSError as error:
            self.give_up(f"cannot be reached ({error.strerror})", no_route=True)
            return False
        return True

    def _refused(self) -> None:
        """Nothing listens there; a server that answered before may be restarting."""
        if not self.answered:
            self.give_up("refuses the connection (nothing listens there)")

    def receive(self) -> None:
        while True:
            try:
                data = self.socket.recv(65535)
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionRefusedError:
                self._refused()
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            message = parse_message(data)
        except ValueError:
            return  # noise; the question is asked again
        entry = self.open.get(message.id)
        if entry is None or entry.key != message.question:
            return
        del self.open[message.id]
        self.heard, self.answered = time.monotonic(), True
        if message.truncated:
            self.cut.append(entry.key)
        else:
            self.replies[entry.key] = message

    def check(self, now: float) -> None:
        """Asks again what was lost, and stops asking a server that is silent."""
        if self.open and now - max(self.heard, min(e.since for e in self.open.values())) > self.timeout:
            self.give_up(f"did not answer within {self.timeout:g} s")
        for number, entry in list(self.open.items()):
            if now - entry.since > 2 * self.timeout:
                del self.open[number]
                self.replies[entry.key] = NoReply(f"did not answer within {2 * self.timeout:g} s")
            elif now - entry.sent > min(1.0, self.timeout / 4) and self._put(entry.wire):
                self.open[number] = entry._replace(sent=now)


def ask(questions: Mapping[Endpoint, Iterable[Key]], timeout: float, recursion: bool = False) -> Replies:
    """Every question gets a Message or a NoReply."""
    channels = [_Channel(endpoint, keys, timeout, recursion) for endpoint, keys in questions.items()]
    with selectors.DefaultSelector() as selector:
        for channel in channels:
            selector.register(channel.socket, selectors.EVENT_READ, channel)
        checked = time.monotonic()
        while not all(channel.done for channel in channels):
            for channel in channels:
                channel.send()
            for selected, _mask in selector.select(_TICK):
                selected.data.receive()
            now = time.monotonic()
            if now - checked > _TICK:
                checked = now
                for channel in channels:
                    channel.check(now)
    replies: Replies = {}
    for channel in channels:
        channel.socket.close()
        if channel.cut:
            channel.replies.update(_ask_tcp(channel.endpoint, channel.cut, timeout, recursion))
        replies.update(((channel.endpoint, key), reply) for key, reply in channel.replies.items())
    return replies


def _ask_tcp(endpoint: Endpoint, keys: list[Key], timeout: float, recursion: bool) -> dict[Key, Reply]:
    replies: dict[Key, Reply] = {}
    for start in range(0, len(keys), TCP_WINDOW):
        part = keys[start : start + TCP_WINDOW]
        try:
            replies.update(_tcp_round(endpoint, part, timeout, recursion))
        except (OSError, EOFError, ValueError) as error:
            reason = f"gave no whole answer over TCP ({error or 'closed the connection'})"
            replies.update((key, NoReply(reason)) for key in part)
    return replies


def _tcp_round(endpoint: Endpoint, keys: list[Key], timeout: float, recursion: bool) -> dict[Key, Reply]:
    with socket.create_connection((endpoint.address, endpoint.port), timeout) as connection:
        for number, key in enumerate(keys):
            wire = question_wire(number, *key, recursion=recursion)
            connection.sendall(struct.pack(">H", len(wire)) + wire)
        stream = connection.makefile("rb")
        replies: dict[Key, Reply] = {}
        for _key in keys:
            size = stream.read(2)
            if len(size) < 2:
                raise EOFError
            message = parse_message(stream.read(struct.unpack(">H", size)[0]))
            replies[message.question] = message
        return replies
