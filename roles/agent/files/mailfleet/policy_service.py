# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The submission policy service: a socket of systemd, the newest state, and a question to steering where it counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from mailfleet.lanes import TRANSACTIONAL
from mailfleet.ledger_names import Names
from mailfleet.notify import Notifier
from mailfleet.policy import DUNNO, Policy
from mailfleet.socketmap import frame
from mailfleet.state import Reader
from mailfleet.steer import ISP
from mailfleet.steer_service import listener

ALIVE_SECONDS = 5.0
# Postfix waits for us, and takes no answer for DUNNO.
STEER_SECONDS = 1.5
_END = b"\n\n"
_MOST = 65_536

Answer = Callable[[Mapping[str, str]], Awaitable[str]]


async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer) -> None:
    """One process of smtpd: requests of "name=value" lines that end with an empty one, each with its answer."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        # Waiting for each of some 30 lines costs more than all the rest.
        while request := await reader.readuntil(_END):
            action = await answer(attributes(request))
            writer.write(f"action={action}\n\n".encode("utf-8", "surrogateescape"))
            await writer.drain()
    writer.close()


def attributes(request: bytes) -> dict[str, str]:
    lines = (line.partition("=") for line in request.decode("utf-8", "surrogateescape").split("\n"))
    return {name: value for name, _equals, value in lines if name}


async def ask_steer(path: Path, pool: str, recipient: str) -> str:
    """The recipient's ISP profile; "" when steering does not say."""
    try:
        return await asyncio.wait_for(_ask(path, f"{pool}/{ISP} {recipient}"), STEER_SECONDS)
    except (OSError, ValueError, asyncio.TimeoutError, asyncio.IncompleteReadError):
        return ""


async def _ask(path: Path, question: str) -> str:
    reader, writer = await asyncio.open_unix_connection(str(path))
    try:
        writer.write(frame(question))
        length = int((await reader.readuntil(b":"))[:-1])
        verdict, _space, value = (await reader.readexactly(length)).decode().partition(" ")
        return value if verdict == "OK" else ""
    finally:
        writer.close()


class Service:
    """Raises OSError and ValueError where the view cannot be read."""

    def __init__(self, config: Path, database: str, socket: Path, steer: Path, notifier: Notifier) -> None:
        view = json.loads(config.read_text())
        transactional = {pool["name"] for pool in view["pools"] if pool["traffic"] == TRANSACTIONAL}
        self._socket, self._notifier = socket, notifier
        self._reader = Reader(database)
        self._policy = Policy(
            Names(view),
            transactional.__contains__,
            self._reader.read,
            lambda pool, recipient: ask_steer(steer, pool, recipient),
            time.time,
        )

    async def _answer(self, attributes: Mapping[str, str]) -> str:
        try:
            return await self._policy.answer(attributes)
        except Exception as error:  # mail goes on, whatever is wrong with us
            print(f"{attributes} cannot be answered ({error!r}): the message goes on.", file=sys.stderr, flush=True)
            return DUNNO

    async def run(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        server = await asyncio.start_unix_server(
            lambda reader, writer: converse(reader, writer, self._answer), sock=listener(self._socket), limit=_MOST
        )
        self._notifier.ready()
        while not stop.is_set():
            self._notifier.alive()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), ALIVE_SECONDS)
        self._notifier.stopping()
        server.close()
        self._reader.close()
