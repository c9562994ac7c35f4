# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The steering service: a socket, the newest state and configuration, and a file with what the DNS said.

The socket comes from systemd where it can: it stays open while the service starts anew, so that Postfix waits some
tenths of a second for its answer instead of putting mail off.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailfleet.lanes import served
from mailfleet.mx import MxCache, Resolve
from mailfleet.notify import Notifier
from mailfleet.requests import Requests
from mailfleet.socketmap import Connection
from mailfleet.state import Reader, State
from mailfleet.steer import Config, Steer
from mailfleet.steer_wake import Waker

STATE_SECONDS = 0.25
SAVE_SECONDS = 60.0
WAKE_SECONDS = 2.0
# systemd passes sockets from this file descriptor on (sd_listen_fds(3)).
_FIRST_PASSED = 3
_BACKLOG = 1024
_CACHE_VERSION = 1


@dataclass(frozen=True)
class Files:
    config: Path
    database: str
    cache: Path
    socket: Path
    postfix: Path = Path("/etc/mailfleet/postfix/live")


class Service:
    def __init__(self, files: Files, resolve: Resolve, notifier: Notifier) -> None:
        self._files, self._notifier = files, notifier
        self._reader = Reader(files.database)
        self._state = self._reader.read()
        self._cache = MxCache(resolve, time.monotonic)
        self._steer = Steer(self._read_config(), self._cache, self._newest, time.time, time.monotonic)
        self._problem = ""
        self._saved = 0

    def _read_config(self) -> Config:
        return Config.read(served(json.loads(self._files.config.read_text()), self._lane_names))

    def _lane_names(self, instance: str) -> set[str] | None:
        try:
            lines = (self._files.postfix / instance / "master.cf").read_text().splitlines()
        except OSError:
            return None
        return {line.split()[0] for line in lines if line[:1].isalnum()}

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        self._load_cache()
        # What is there now stays; searching it again and again would only cost time.
        gc.freeze()
        server = await loop.create_unix_server(
            lambda: Connection(self._steer.answer), sock=listener(self._files.socket), backlog=_BACKLOG
        )
        self._notifier.ready()
        routines = (self._follow_state, self._save_often, self._wake_paced)
        watchers = [asyncio.ensure_future(routine()) for routine in routines]
        stopping = asyncio.ensure_future(stop.wait())
        try:
            done, _running = await asyncio.wait({stopping, *watchers}, return_when=asyncio.FIRST_COMPLETED)
            for watcher in done - {stopping}:
                watcher.result()
        finally:
            self._notifier.stopping()
            for task in (stopping, *watchers):
                task.cancel()
            server.close()
            self._save_cache(self._cache.dump())
            self._reader.close()

    def _reload(self) -> None:
        """The old configuration stays when the new one cannot be read: mail goes on."""
        try:
            self._steer.configure(self._read_config())
        except (OSError, ValueError, LookupError, TypeError) as error:
            self._say(f"{self._files.config} is no view of a host ({error!r}): the last one stays in force.")

    def _newest(self) -> State:
        """Read for each answer (two microseconds): after a stop Postfix asks at once, and keeps what it hears."""
        if not self._reader.problem:
            self._state = self._reader.read()
        return self._state

    async def _follow_state(self) -> None:
        while True:
            self._state = self._reader.read()
            if self._reader.problem != self._problem:
                self._problem = self._reader.problem
                if self._problem:
                    self._say(self._problem)
            self._notifier.alive()
            await asyncio.sleep(STATE_SECONDS)

    async def _save_often(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SAVE_SECONDS)
            steer, cache = self._steer, self._cache
            dns = ", the DNS does not answer" if cache.silent else ""
            self._notifier.status(f"{steer.answers} answers, {steer.put_off} put off, {len(cache)} domains known{dns}")
            if cache.asked != self._saved:
                self._saved = cache.asked
                await loop.run_in_executor(None, self._save_cache, cache.dump())

    async def _wake_paced(self) -> None:
        loop = asyncio.get_running_loop()
        waker = Waker(self._files.database, Requests(say=self._say))
        while True:
            await asyncio.sleep(WAKE_SECONDS)
            for pool, isp, number in self._steer.spare():
                if await loop.run_in_executor(None, waker.wake, pool, isp, number, time.monotonic()):
                    self._steer.waits(pool, isp)

    def _load_cache(self) -> None:
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
            saved = json.loads(self._files.cache.read_text())
            if saved["version"] == _CACHE_VERSION:
                self._cache.load(saved["domains"], max(0.0, time.time() - float(saved["time"])))

    def _save_cache(self, domains: Mapping[str, Any]) -> None:
        """A full disk costs the memory of what the DNS said, and nothing else."""
        new = self._files.cache.with_suffix(".new")
        try:
            new.write_text(json.dumps({"version": _CACHE_VERSION, "time": time.time(), "domains": domains}))
            new.replace(self._files.cache)
        except OSError as error:
            self._say(f"{self._files.cache} cannot be written ({error}): after a restart the DNS is asked anew.")
            with contextlib.suppress(OSError):
                new.unlink()

    def _say(self, sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)


def listener(
    path: Path, environment: Mapping[str, str] | None = None, pid: Callable[[], int] = os.getpid
) -> socket.socket:
    """The socket that systemd holds for us, else one of our own."""
    environment = os.environ if environment is None else environment
    if environment.get("LISTEN_PID") == str(pid()) and int(environment.get("LISTEN_FDS", "0")) > 0:
        passed = socket.socket(fileno=_FIRST_PASSED)
        passed.setblocking(False)
        return passed
    own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # A new name takes the old one's place at once: there is always something to connect to.
    new = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        new.unlink()
    own.bind(str(new))
    new.chmod(0o660)
    own.listen(_BACKLOG)
    new.replace(path)
    own.setblocking(False)
    return own
