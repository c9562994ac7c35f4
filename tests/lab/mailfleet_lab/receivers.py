# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Talking to the receivers: their settings and their records."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import golden as golden_receiver
from .settings import STATE
from .ui import LabError
from .verdicts import verdicts

SHARED = STATE / "world"


def ask(request: dict[str, Any], shared: Path = SHARED) -> Any:
    """One request to the personas, one answer."""
    try:
        # The path of a socket may be 108 bytes long, a cache directory longer; so the way goes by a descriptor.
        directory = os.open(shared, os.O_PATH)
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.connect(f"/proc/self/fd/{directory}/control.sock")
                link.sendall(json.dumps(request).encode() + b"\n")
                return json.loads(link.makefile().readline())
        finally:
            os.close(directory)
    except OSError as problem:
        raise LabError(f"The personas do not answer ({problem}). Start them with: tests/lab/lab up") from None


def records(persona: str | None = None, shared: Path = SHARED) -> Iterator[dict[str, Any]]:
    """Sessions that ended, in order, then those still open (their "closed" is null); each once, as of one moment."""
    now = ask({"do": "records"}, shared)
    # What is written after the answer, perhaps half, is of sessions that the answer has as open.
    with (shared / "records.jsonl").open("rb") as file:
        ended = file.read(now["ended"]).splitlines()
    for record in [*map(json.loads, ended), *now["open"]]:
        if persona in (None, record["persona"]):
            yield record


def golden() -> Iterator[dict[str, Any]]:
    """Every message that the golden receiver took, oldest first, with its verdicts."""
    inbox = SHARED / golden_receiver.INBOX
    for path in sorted(inbox.glob("new/*"), key=lambda path: path.stat().st_mtime_ns):
        yield verdicts(path.read_bytes(), path.stat().st_mtime)


def forget() -> None:
    """Personas as after a fresh start, and an empty golden inbox."""
    ask({"do": "reset"})
    for path in (SHARED / golden_receiver.INBOX).glob("new/*"):
        path.unlink()
