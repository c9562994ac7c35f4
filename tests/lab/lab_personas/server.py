# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""All personas in one process: listeners, records, control socket."""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from . import feedback, witness
from .persona import Persona, load, parse_setting
from .session import LINE_LIMIT, Session


class Server:
    """Listens for all personas and writes one JSON line for every session."""

    def __init__(self, table: dict[str, Any], shared: Path, certificate: Path | None, port: int = 25) -> None:
        self.table, self.shared, self.port = table, shared, port
        self.personas = load(table)
        self.sessions: set[Session] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.tls: ssl.SSLContext | None = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate)
        shared.mkdir(parents=True, exist_ok=True)
        self.records = (shared / "records.jsonl").open("a", buffering=1)
        self.feedback = (shared / "feedback.jsonl").open("a", buffering=1)

    async def start(self) -> list[asyncio.AbstractServer]:
        servers = []
        for persona in self.personas.values():
            for host, addresses in persona.settings["addresses"].items():
                for address in addresses:
                    servers.append(await self._listen(persona, host, address))
        control = self.shared / "control.sock"
        control.unlink(missing_ok=True)
        servers.append(await asyncio.start_unix_server(self._control, control))
        return servers

    async def _listen(self, persona: Persona, host: str, address: str) -> asyncio.AbstractServer:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            session = Session(persona, host, self.tls, reader, writer, self._accepted)
            self.sessions.add(session)
            try:
                await session.run()
            finally:
                self.sessions.discard(session)
                self.records.write(json.dumps(session.record) + "\n")

        return await asyncio.start_server(serve, address, self.port, limit=LINE_LIMIT, backlog=1000)

    def _accepted(self, persona: Persona, record: dict[str, Any], message: dict[str, Any], raw: bytes) -> None:
        if persona.settings["witness"]:
            self._later(asyncio.to_thread(witness.testify, raw, record, message))
        for rcpt in [rcpt["to"] for rcpt in message["rcpts"] if rcpt["reply"].startswith("250")]:
            kind = feedback.wanted(persona, rcpt)
            if kind == "complaint":
                persona.complaint(record["source"])
            if kind:
                sending = feedback.send(persona, kind, raw, record, message, rcpt, self._write_feedback)
                self._later(sending)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _write_feedback(self, entry: dict[str, Any]) -> None:
        self.feedback.write(json.dumps(entry) + "\n")

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = self.command(json.loads(await reader.readline()))
        except (ValueError, KeyError) as problem:
            answer = {"error": str(problem)}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()

    def command(self, request: dict[str, Any]) -> Any:
        """Answer one request of the lab command: set, reset, state or records."""
        if request["do"] == "set":
            persona = self.personas.get(request["persona"])
            if persona is None:
                raise ValueError(f"No persona '{request['persona']}'. Known ones: {', '.join(sorted(self.personas))}.")
            persona.settings |= dict(parse_setting(self.table["default"], word) for word in request["settings"])
            return {name: value for name, value in persona.settings.items() if name in self.table["default"]}
        if request["do"] == "reset":
            return self._reset()
        if request["do"] == "records":
            self.records.flush()
            ended = os.fstat(self.records.fileno()).st_size
            return {"ended": ended, "open": [session.record for session in self.sessions]}
        return {
            name: {ip: {**vars(source), "share": source.share()} for ip, source in persona.sources.items()}
            for name, persona in self.personas.items()
        }

    def _reset(self) -> dict[str, float]:
        """As after a fresh start: settings of the table, no memory, empty records; open sessions go on."""
        for name, fresh in load(self.table).items():
            self.personas[name].settings = fresh.settings
            self.personas[name].forget()
        for handle in (self.records, self.feedback):
            handle.truncate(0)
        return {"reset": time.time()}
