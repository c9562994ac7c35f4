# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The socketmap protocol of Postfix (socketmap_table(5)): netstrings "map key" in, netstrings "OK value" out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Union

# answer(map, key): the reply, at once or later.
Answer = Callable[[str, str], Union[str, Awaitable[str]]]
# Postfix reads replies of up to 100,000 bytes; no address comes near.
LIMIT = 100_000
_LENGTH_DIGITS = len(str(LIMIT))


class ProtocolError(ValueError):
    """The client does not speak netstrings."""


def frame(text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    return b"%d:%s," % (len(data), data)


class Requests:
    """Cuts what a client wrote into requests, however it arrives."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        data = self._rest + data if self._rest else data
        found = []
        start = 0
        while (colon := data.find(b":", start, start + _LENGTH_DIGITS + 1)) >= 0:
            digits = data[start:colon]
            if not digits.isdigit() or int(digits) > LIMIT:
                raise ProtocolError(f"no length of a netstring: {digits[:20]!r}")
            end = colon + 1 + int(digits)
            if len(data) <= end:
                break
            if data[end] != ord(","):
                raise ProtocolError("a netstring does not end with a comma")
            found.append(data[colon + 1 : end].decode("utf-8", "surrogateescape"))
            start = end + 1
        self._rest = data[start:]
        begun = self._rest[: _LENGTH_DIGITS + 1]
        if begun and b":" not in begun and (len(begun) > _LENGTH_DIGITS or not begun.isdigit()):
            raise ProtocolError("a netstring does not begin with a length")
        return found


class Connection(asyncio.Protocol):
    """One client. It gets its answers in the order of its questions, at once where they are known."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._requests = Requests()
        self._open: deque[str] = deque()
        self._waiting: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._open.clear()

    def data_received(self, data: bytes) -> None:
        try:
            self._open.extend(self._requests.feed(data))
        except ProtocolError:
            # Postfix takes a closed connection for a temporary failure, as it should.
            if self._transport:
                self._transport.close()
            return
        if self._waiting is None:
            self._next()

    def _next(self) -> None:
        while self._open:
            name, _space, key = self._open.popleft().partition(" ")
            reply = self._answer(name, key)
            if not isinstance(reply, str):
                self._waiting = asyncio.ensure_future(self._later(reply))
                return
            self._reply(reply)

    async def _later(self, reply: Awaitable[str]) -> None:
        text = await reply
        self._waiting = None
        self._reply(text)
        self._next()

    def _reply(self, text: str) -> None:
        if self._transport:
            self._transport.write(frame(text))
