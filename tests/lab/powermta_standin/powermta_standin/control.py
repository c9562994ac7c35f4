# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the command pmta asks of the daemon, over a socket."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from . import layout, status, values
from .configuration import RefusedError
from .engine import Engine
from .queues import BACKOFF, FOREVER, NORMAL, Queue

SOCKET = Path("/run/pmta/control.sock")


class Control:
    def __init__(self, engine: Engine, reload: Callable[[], Awaitable[None]]) -> None:
        self.engine, self.reload = engine, reload

    async def listen(self) -> asyncio.Server:
        SOCKET.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._serve, str(SOCKET))
        os.chmod(SOCKET, 0o660)
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            words = json.loads(await reader.readline())
            form = next((word for word in words if word in layout.FORMATS), "")
            answer = await self._answer([word for word in words if word not in layout.FORMATS], form)
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        finally:
            writer.close()

    async def _answer(self, words: list[str], form: str) -> dict[str, object]:
        """The text to print, and the exit status of the command."""
        options = {word for word in words if word.startswith("--")}
        plain = [word for word in words if word not in options]
        try:
            text = await self._do(" ".join(plain[:2]), plain[2:], options, form, plain) if plain else None
        except RefusedError as problem:
            return {"code": 1, "text": str(problem)}
        if text is None:
            return {"code": 1, "text": f"pmta: invalid command: {' '.join(words)}"}
        return {"code": 0, "text": text}

    async def _do(
        self, command: str, rest: list[str], options: set[str], form: str, words: list[str]
    ) -> str | None:  # fmt: skip
        engine, target = self.engine, rest[0] if rest else "*"
        if words == ["reload"]:
            await self.reload()
            return "Configuration reloaded."
        if command == "show status":
            return layout.show(status.status(engine, time.time()), form)
        if command in ("show queues", "show topqueues"):
            return layout.show(status.queues(engine, target, command == "show queues"), form)
        if command == "show vmtas":
            return layout.show(status.vmtas(engine), form)
        if words[:1] == ["list"]:
            wanted = next((option.partition("=")[2] for option in options if option.startswith("--queue=")), "*")
            return layout.show(status.messages(engine, wanted), form)
        if command == "rotate acct":
            engine.accounting.rotate(time.time(), rest[0] if rest else "")
            return "Accounting files rotated."
        if command == "reset counters":
            engine.counts.clear()
            return "Counters reset."
        if command == "clear dnscache" and rest:
            engine.resolver.forget(rest[0])
            return "DNS cache entry cleared."
        return self._queues(words, options)

    def _queues(self, words: list[str], options: set[str]) -> str | None:
        """Commands about the queues that a pattern names."""
        act, target = self._act(words, options)
        if act is None:
            return None
        found = list(status.named(self.engine.queues.values(), target))
        for queue in found:
            act(queue)
            self.engine.pump(queue)
        return f"{len(found)} queue{'' if len(found) == 1 else 's'} affected."

    def _act(self, words: list[str], options: set[str]) -> tuple[Callable[[Queue], object] | None, str]:
        target = words[-1]
        if words[:2] in (["pause", "queue"], ["resume", "queue"]) and len(words) == 3:
            return lambda queue: setattr(queue, "paused", words[0] == "pause"), target
        if words[:1] == ["schedule"] and len(words) == 2:
            recipients = "--retry-recipients" in options
            return lambda queue: queue.hurry() if recipients else setattr(queue, "retry_at", 0.0), target
        mode = next((option.partition("=")[2] for option in options if option.startswith("--mode=")), "")
        if words[:2] == ["set", "queue"] and len(words) == 3 and mode in (NORMAL, BACKOFF):
            return lambda queue: queue.set_mode(mode) if mode == NORMAL else queue.enter_backoff(time.time()), target
        if words[1:2] == ["source"] and len(words) == 4 and words[0] in ("disable", "enable"):
            after = next((o.partition("=")[2] for o in options if o.startswith("--reenable-after=")), "")
            until = time.time() + values.seconds(after) if after else FOREVER
            if words[0] == "disable":
                return lambda queue: queue.disabled.update({words[2]: until}), target
            return lambda queue: queue.disabled.pop(words[2], None), target
        return None, ""
