# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Submit many messages to lab listeners, at a rate or as fast as they are taken. Lab addresses only.

As a program inside the lab's network: messages as JSON lines on standard input, the same with their replies on output.
With --as-they-come each line also names its host and port, and goes out when it comes, in a session of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import ipaddress
import json
import sys
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

LAB = [ipaddress.ip_network(net) for net in ("127.0.0.0/8", "198.51.100.0/24", "203.0.113.0/24")]
TIMEOUT = 60


@dataclass
class Message:
    """One message to submit; ``identity`` is its Message-ID, by which receivers' records are compared."""

    sender: str
    recipient: str
    header_from: str = ""
    size: int = 2000
    identity: str = field(default_factory=lambda: uuid.uuid4().hex)
    sent: float = 0.0
    reply: str = ""

    @property
    def accepted(self) -> bool:
        return self.reply.startswith("2")

    def text(self) -> bytes:
        """The message as it goes over the wire, with its time of submission in a header."""
        self.sent = time.time()
        head = (
            f"From: <{self.header_from or self.sender}>\r\nTo: <{self.recipient}>\r\nSubject: lab message\r\n"
            f"Date: {formatdate(self.sent)}\r\nMessage-ID: <{self.identity}@lab.example>\r\n"
            f"X-Mailfleet-Injected: {self.sent:.3f}\r\n\r\n"
        ).encode()
        body = b"The quick brown fox jumps over the lazy dog. 0123456789\r\n"
        return head + body * max(1, (self.size - len(head)) // len(body)) + b".\r\n"


class Session:
    """One SMTP session that submits messages one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, host: str, port: int) -> Session:
        if not any(ipaddress.ip_address(host) in net for net in LAB):
            raise ValueError(f"{host} is not a lab address")
        session = cls(*await asyncio.wait_for(asyncio.open_connection(host, port), TIMEOUT))
        await session._reply()
        await session._ask(b"EHLO injector.lab.example\r\n")
        return session

    async def _reply(self) -> str:
        while True:
            line = (await asyncio.wait_for(self._reader.readline(), TIMEOUT)).decode("utf-8", "replace").rstrip()
            if not line:
                raise ConnectionError("the listener closed the session")
            if line[3:4] != "-":
                return line

    async def _ask(self, data: bytes) -> str:
        self._writer.write(data)
        return await self._reply()

    async def submit(self, message: Message) -> None:
        """Submit one message; its reply says how it went."""
        message.sent = time.time()  # also of what is refused before its text
        commands = (f"MAIL FROM:<{message.sender}>", f"RCPT TO:<{message.recipient}>", "DATA")
        for command in commands:
            message.reply = await self._ask(command.encode() + b"\r\n")
            if message.reply[:1] not in "23":
                await self._ask(b"RSET\r\n")
                return
        message.reply = await self._ask(message.text())

    async def close(self) -> None:
        self._writer.write(b"QUIT\r\n")
        self._writer.close()


async def submit_all(
    host: str, port: int, messages: Iterable[Message], *, connections: int = 10, rate: float | None = None
) -> None:
    """Submit everything over a few sessions; with a rate (messages a second) each one at its own time."""
    queue: asyncio.Queue[Message] = asyncio.Queue()
    for message in messages:
        queue.put_nowait(message)
    total, start = queue.qsize(), time.monotonic()

    async def worker() -> None:
        session = await Session.open(host, port)
        while not queue.empty():
            number = total - queue.qsize()
            message = queue.get_nowait()
            if rate:
                await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
            await session.submit(message)
        await session.close()

    await asyncio.gather(*(worker() for _each in range(min(connections, max(1, total)))))


async def submit_each() -> None:
    """Submit each line of standard input when it comes; a listener that is not there is an answer, too."""

    async def submit(host: str, port: int, **fields: Any) -> None:
        message = Message(**fields)
        try:
            session = await Session.open(host, port)
            await session.submit(message)
            await session.close()
        except (OSError, asyncio.TimeoutError) as error:
            message.reply = f"no answer: {error!r}"
        print(json.dumps(dataclasses.asdict(message)), flush=True)

    async with asyncio.TaskGroup() as group:
        while line := await asyncio.to_thread(sys.stdin.readline):
            group.create_task(submit(**json.loads(line)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Submit messages given as JSON lines.")
    parser.add_argument("host", nargs="?")
    parser.add_argument("port", type=int, nargs="?")
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--as-they-come", action="store_true")
    options = parser.parse_args()
    if options.as_they_come:
        asyncio.run(submit_each())
        return
    messages = [Message(**json.loads(line)) for line in sys.stdin]
    work = submit_all(options.host, options.port, messages, connections=options.connections, rate=options.rate)
    asyncio.run(work)
    for message in messages:
        print(json.dumps(dataclasses.asdict(message)))


if __name__ == "__main__":
    main()
