# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Accepted mail on the disk. A message is a file that is there completely or not at all; what became of its
recipients is appended to a file beside it. Whoever is killed finds everything again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Spool:
    def __init__(self, root: Path) -> None:
        self.root = root

    def _message(self, name: str) -> Path:
        return self.root / f"{name}.msg"

    def _done(self, name: str) -> Path:
        return self.root / f"{name}.done"

    def store(self, name: str, envelope: dict[str, Any], content: bytes) -> None:
        new = self.root / f"{name}.new"
        with new.open("wb") as file:
            file.write(json.dumps(envelope).encode() + b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        new.rename(self._message(name))

    def content(self, name: str) -> bytes:
        with self._message(name).open("rb") as file:
            file.readline()
            return file.read()

    def finish(self, name: str, number: int) -> None:
        """This recipient is settled: delivered or bounced."""
        with self._done(name).open("a") as file:
            file.write(f"{number}\n")

    def remove(self, name: str) -> None:
        # In this order: a message without its second file would be delivered again.
        self._message(name).unlink(missing_ok=True)
        self._done(name).unlink(missing_ok=True)

    def load(self) -> Iterator[tuple[str, dict[str, Any], set[int]]]:
        """Messages from before, with the numbers of their settled recipients."""
        for unfinished in self.root.glob("*.new"):
            unfinished.unlink()
        for path in sorted(self.root.glob("*.msg")):
            with path.open("rb") as file:
                envelope = json.loads(file.readline())
            done = self._done(path.stem)
            settled = {int(line) for line in done.read_text().split()} if done.exists() else set()
            yield path.stem, envelope, settled
