# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""One SMTP session with a receiver."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import ssl
from dataclasses import dataclass, field

from .replies import Reply

COMMAND_TIMEOUT = 300
_DOTS = re.compile(rb"^\.", re.MULTILINE)


class SessionLostError(Exception):
    """The connection broke, or never came to be."""


@dataclass(frozen=True)
class Source:
    address: str
    helo: str


@dataclass
class Client:
    """Open with connect(); every exchange gives the receiver's reply or raises SessionLostError."""

    source: Source
    host: str
    address: str
    port: int
    extensions: set[str] = field(default_factory=set)
    tls: tuple[str, str] = ("", "")
    sent: int = 0

    async def connect(self, timeout: float) -> Reply:
        try:
            local = (self.source.address, 0) if self.source.address else None
            link = asyncio.open_connection(self.address, self.port, local_addr=local)
            self._reader, self._writer = await asyncio.wait_for(link, 30)
            self._writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return await asyncio.wait_for(self._reply(), timeout)
        except (OSError, asyncio.TimeoutError) as error:
            raise SessionLostError(str(error) or "no answer from host") from None

    async def _reply(self) -> Reply:
        texts = []
        while True:
            line = (await self._reader.readline()).decode("utf-8", "replace").rstrip("\r\n")
            if not re.match(r"\d{3}([ -]|$)", line):
                raise SessionLostError(
                    "connection closed by the receiver" if not line else f"no SMTP reply: {line[:80]}"
                )
            texts.append(line[4:])
            if line[3:4] != "-":
                # An enhanced status code stands in every line, and counts once.
                code = texts[0].partition(" ")[0]
                rest = [text.removeprefix(f"{code} ") for text in texts[1:]]
                self._lines = texts
                return Reply(int(line[:3]), " ".join([texts[0], *rest]).strip())

    async def ask(self, command: str | bytes) -> Reply:
        try:
            self._writer.write(command if isinstance(command, bytes) else f"{command}\r\n".encode())
            await self._writer.drain()
            return await asyncio.wait_for(self._reply(), COMMAND_TIMEOUT)
        except (OSError, asyncio.TimeoutError) as error:
            raise SessionLostError(str(error) or "timeout") from None

    async def hello(self) -> Reply:
        reply = await self.ask(f"EHLO {self.source.helo}")
        if not reply.good:
            self.extensions = set()
            return await self.ask(f"HELO {self.source.helo}")
        self.extensions = {line.split()[0].upper() for line in self._lines[1:] if line.split()}
        return reply

    async def starttls(self) -> Reply:
        """Encrypt; as between mail servers, any certificate will do."""
        reply = await self.ask("STARTTLS")
        if not reply.good:
            return reply
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            await asyncio.wait_for(self._writer.start_tls(context), 30)
        except (OSError, ssl.SSLError, asyncio.TimeoutError) as error:
            raise SessionLostError(f"TLS: {error}") from None
        layer = self._writer.get_extra_info("ssl_object")
        self.tls = (layer.version() or "", (layer.cipher() or ("",))[0])
        return await self.hello()

    async def send(self, mail_from: str, rcpt: str, content: bytes) -> tuple[str, Reply]:
        """One message to one recipient: the stage that decided, and its reply."""
        for stage, command in (("MAIL", f"MAIL FROM:<{mail_from}>"), ("RCPT", f"RCPT TO:<{rcpt}>"), ("DATA", "DATA")):
            reply = await self.ask(command)
            if not reply.good:
                return stage, reply
        self.sent += 1
        text = _DOTS.sub(b"..", content)
        return "TEXT", await self.ask(text + (b"" if text.endswith(b"\r\n") else b"\r\n") + b".\r\n")

    async def reset(self) -> bool:
        """True when the session can take another message."""
        try:
            return (await self.ask("RSET")).good
        except SessionLostError:
            return False

    async def close(self) -> None:
        with contextlib.suppress(OSError, SessionLostError, asyncio.TimeoutError, AttributeError):
            self._writer.write(b"QUIT\r\n")
            self._writer.close()
            await asyncio.wait_for(self._writer.wait_closed(), 5)
