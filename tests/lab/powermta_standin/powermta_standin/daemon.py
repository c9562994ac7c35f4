# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The daemon pmtad."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import signal
import socket
import ssl
import sys
from pathlib import Path

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import words

from . import VERSION
from .configuration import RefusedError, load, load_licence
from .control import Control
from .engine import Engine
from .receiver import Handler
from .server import Listener, Server, key_files
from .signing import Signer
from .spool import Spool

SPOOL = Path("/var/spool/pmta")
STARTUP_ERRORS = Path("/var/log/pmta/pmta-startuperr.log")
# Sessions may end their message before the daemon goes, so that nothing is sent twice.
STOP_SECONDS = 30
log = logging.getLogger("pmta")


class Daemon:
    def __init__(self) -> None:
        self.signer = Signer()
        self.engine = Engine(Spool(SPOOL), self.signer)
        self.listening: dict[Listener, asyncio.Server] = {}
        self.tls: ssl.SSLContext | None = None
        self.server: Server

    async def start(self, server: Server) -> None:
        """Take a configuration as a whole, or leave everything as it is and say why."""
        problems = self.signer.load(list(key_files(server)))
        tls = _tls(server, problems)
        fresh = {} if problems else await self._bind(server, problems)
        if problems:
            raise RefusedError("\n".join(f"Error: {problem}" for problem in problems))
        for listener in set(self.listening) - set(server.listeners):
            self.listening.pop(listener).close()
        self.listening |= fresh
        self.server, self.tls = server, tls
        _log_to(server.one("log-file").strip('"'))
        self.engine.configure(server)

    async def _bind(self, server: Server, problems: list[str]) -> dict[Listener, asyncio.Server]:
        loop = asyncio.get_running_loop()
        bound: dict[Listener, asyncio.Server] = {}
        for listener in server.listeners:
            if listener in self.listening or listener in bound:
                continue
            handler = Handler(listener, lambda: self.server, self.engine.accept)
            try:
                bound[listener] = await loop.create_server(
                    lambda handler=handler: handler.protocol(self.tls), listener.host, listener.port, backlog=1000
                )
            except OSError as error:
                problems.append(f"smtp-listener {listener.host}:{listener.port} cannot be opened: {error.strerror}")
        if problems:
            for socket_server in bound.values():
                socket_server.close()
        return bound

    async def reload(self) -> None:
        load_licence()
        await self.start(load())
        log.info("configuration reloaded")

    async def run(self) -> None:
        load_licence()
        await self.start(load())
        self.engine.recover()
        control = await Control(self.engine, self.reload).listen()
        done = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, done.set)
        _tell_systemd("READY=1")
        log.info("PowerMTA stand-in %s started", VERSION)
        await done.wait()
        self.engine.stopping = True
        for server in (control, *self.listening.values()):
            server.close()
        for _each in range(STOP_SECONDS * 10):
            if not any(queue.sessions for queue in self.engine.queues.values()):
                break
            await asyncio.sleep(0.1)
        log.info("stopped")


def _tls(server: Server, problems: list[str]) -> ssl.SSLContext | None:
    path, *password = words(server.one("smtp-server-tls-certificate")) or [""]
    if not path:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(path.strip('"'), password=password[0] if password else None)
    except (OSError, ssl.SSLError) as error:
        problems.append(f"smtp-server-tls-certificate {path}: {error}")
    return context


def _log_to(path: str) -> None:
    for old in log.handlers[:]:
        log.removeHandler(old)
        old.close()
    handler = logging.handlers.WatchedFileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    # The library logs each command; its own troubles belong in the same file.
    library = logging.getLogger("mail")
    library.handlers, library.propagate = [handler], False
    library.setLevel(logging.ERROR)


def _tell_systemd(state: str) -> None:
    if "NOTIFY_SOCKET" in os.environ:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(state.encode(), os.environ["NOTIFY_SOCKET"])


def main() -> int:
    try:
        asyncio.run(Daemon().run())
    except RefusedError as problem:
        print(problem, file=sys.stderr)
        STARTUP_ERRORS.write_text(f"{problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
