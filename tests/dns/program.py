# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A server of the tests: it lives as long as its block and is stopped by its process."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self


class Program:
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        raise NotImplementedError

    def wait_until(self, answers: Callable[[], object], log: Path) -> None:
        """Until it answers, an OSError being no answer; a server that ended or is late says why in its log."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process and self.process.poll() is None:
            try:
                if answers():
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"{type(self).__name__} did not start: {log.read_text()}")

    def wait_until_listens(self, address: str, port: int, log: Path) -> None:
        def listens() -> bool:
            socket.create_connection((address, port), 1).close()
            return True

        self.wait_until(listens, log)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_exc: object) -> None:
        self.stop()
