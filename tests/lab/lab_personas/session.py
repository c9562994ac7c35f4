# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""One SMTP session with a persona."""

from __future__ import annotations

import asyncio
import random
import re
import ssl
import time
from collections.abc import Callable
from typing import Any

from .message import facts
from .persona import Persona

IDLE = 300.0
QUIT_GRACE = 0.05
THOUGHT = 0.1
LINE_LIMIT = 64 * 1024 * 1024
_PATH = re.compile(r"^(?:FROM|TO):\s*<([^>]*)>", re.IGNORECASE)
Accepted = Callable[[Persona, dict[str, Any], dict[str, Any], bytes], None]


class Session:
    """Talks to one client and keeps its record: the truth that tests compare with."""

    def __init__(
        self, persona: Persona, host: str, tls: ssl.SSLContext | None, reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter, accepted: Accepted,
    ) -> None:  # fmt: skip
        self.persona, self.host, self.reader, self.writer = persona, host, reader, writer
        self.tls = tls if persona.settings["starttls"] else None
        self.accepted = accepted
        self.ip = writer.get_extra_info("peername")[0]
        self.closing = False
        self.transaction: dict[str, Any] | None = None
        self.record: dict[str, Any] = {
            "time": time.time(), "persona": persona.name, "host": host,
            "address": writer.get_extra_info("sockname")[0], "source": self.ip, "helo": None, "tls": None,
            "connections": 0, "refused": None, "messages": [], "end": None, "closed": None,
        }  # fmt: skip

    async def run(self) -> None:
        """The whole session; the record is complete when this returns."""
        self.record["connections"] = self.persona.connect(self.ip)
        try:
            if self.persona.crowded(self.ip):
                # A client may open the next connection before its last QUIT was read here.
                await asyncio.sleep(QUIT_GRACE)
            refusal = self.persona.greet(self.ip)
            if refusal:
                self.record["refused"] = self._say(refusal)
                self.record["end"] = "refused"
            else:
                self._say("banner")
                async with asyncio.timeout(IDLE) as self.limit:
                    await self._talk()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
            self.record["end"] = "lost"
        except TimeoutError:
            self.record["end"] = "idle"
        finally:
            self.persona.disconnect(self.ip)
            self.record["closed"] = time.time()
            self.writer.close()

    async def _talk(self) -> None:
        while not self.closing:
            line = await self._read(b"\n")
            verb, _space, rest = line.decode("utf-8", "replace").strip().partition(" ")
            answer = getattr(self, f"_do_{verb.lower()}", None)
            if answer is None:
                self._write("502 5.5.2 Error: command not recognized")
            else:
                await answer(rest.strip())

    async def _read(self, end: bytes) -> bytes:
        self.limit.reschedule(asyncio.get_running_loop().time() + IDLE)
        return await self.reader.readuntil(end)

    def _write(self, text: str) -> str:
        self.writer.write(text.replace("\n", "\r\n").encode() + b"\r\n")
        if text.startswith("421"):
            self.closing, self.record["end"] = True, "421"
        return text

    def _say(self, key: str, **words: str) -> str:
        return self._write(self.persona.text(key, host=self.host, ip=self.ip, **words))

    async def _do_ehlo(self, rest: str) -> None:
        self.record["helo"] = rest
        self.transaction = None
        words = [self.host, "PIPELINING", "SIZE 52428800", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if self.tls and not self.record["tls"]:
            words.append("STARTTLS")
        self._write("\n".join(f"250-{word}" for word in words[:-1]) + f"\n250 {words[-1]}")

    async def _do_helo(self, rest: str) -> None:
        self.record["helo"] = rest
        self._write(f"250 {self.host}")

    async def _do_starttls(self, _rest: str) -> None:
        if not self.tls or self.record["tls"]:
            self._write("502 5.5.1 Error: command not implemented")
            return
        self._write("220 2.0.0 Ready to start TLS")
        await self.writer.drain()
        await self.writer.start_tls(self.tls)
        self.record["tls"] = self.writer.get_extra_info("ssl_object").version()

    async def _do_mail(self, rest: str) -> None:
        now, path = time.time(), _PATH.match(rest)
        if not path:
            self._write("501 5.5.4 Syntax: MAIL FROM:<address>")
            return
        earlier = sum(message["reply"] is not None for message in self.record["messages"])
        self.transaction = {"time": now, "mail_from": path[1], "rcpts": [], "reply": None}
        self.record["messages"].append(self.transaction)
        refusal = self.persona.mail(self.ip, earlier, now)
        if refusal:
            self.transaction["refused"] = self._say(refusal)
            self.transaction = None
        else:
            self._write("250 2.1.0 Ok")

    async def _do_rcpt(self, rest: str) -> None:
        path = _PATH.match(rest)
        if not path or self.transaction is None:
            self._write("503 5.5.1 Error: need MAIL command" if path else "501 5.5.4 Syntax: RCPT TO:<address>")
            return
        refusal = self.persona.rcpt(self.ip, self.transaction["mail_from"], path[1], time.time())
        reply = self._say(refusal, rcpt=path[1]) if refusal else self._write("250 2.1.5 Ok")
        self.transaction["rcpts"].append({"to": path[1], "reply": reply})

    async def _do_data(self, _rest: str) -> None:
        transaction = self.transaction
        if transaction is None or not any(rcpt["reply"].startswith("250") for rcpt in transaction["rcpts"]):
            self._write("554 5.5.1 Error: no valid recipients")
            return
        self._write("354 End data with <CR><LF>.<CR><LF>")
        data = bytearray(b"\r\n")
        while not data.endswith(b"\r\n.\r\n"):
            data += await self._read(b".\r\n")
        raw = bytes(data[:-3]).replace(b"\r\n..", b"\r\n.")[2:]
        now = time.time()
        transaction.update(facts(raw, now), received=now)
        await self._think(random.uniform(*self.persona.settings["latency"]))
        signer = self.persona.limited(signature["d"] for signature in transaction["dkim"])
        refusal = "signer" if signer else self.persona.data(self.ip, now)
        transaction["reply"] = self._say(refusal or "accepted", domain=signer)
        self.transaction = None
        await self.writer.drain()
        if not refusal:
            self.accepted(self.persona, self.record, transaction, raw)

    async def _think(self, seconds: float) -> None:
        """A receiver takes its time; less of it from the moment on that somebody sets a shorter latency."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while (left := began + min(seconds, self.persona.settings["latency"][1]) - clock()) > 0:
            await asyncio.sleep(min(left, THOUGHT))

    async def _do_rset(self, _rest: str) -> None:
        self.transaction = None
        self._write("250 2.0.0 Ok")

    async def _do_noop(self, _rest: str) -> None:
        self._write("250 2.0.0 Ok")

    async def _do_vrfy(self, _rest: str) -> None:
        self._write("252 2.0.0 Send some mail, I'll try my best")

    async def _do_quit(self, _rest: str) -> None:
        self._write("221 2.0.0 Bye")
        self.closing, self.record["end"] = True, "quit"
