# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Accounting files on the disk: one per <acct-file>, rotated by time and size, removed by age."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block

from . import values
from .records import Layout


class AccountingFile:
    """acct.csv is written as acct-YYYY-MM-DD-NNNN.csv."""

    def __init__(self, block: Block) -> None:
        self.path = Path(block.argument)
        self.layout = Layout(block)
        self.recipe = [(setting.name, setting.value) for setting in block.settings]
        self._move_to = block.last("move-to")
        self._interval = values.seconds(block.last("move-interval") or "1d")
        self._max_size = values.size(block.last("max-size") or "250M") or float("inf")
        days = block.last("delete-after") or "8d"
        self._keep = float("inf") if days in ("never", "0") else values.seconds(days)
        self._mode = 0o644 if (block.last("world-readable") or "no") in ("yes", "true") else 0o640
        self._file: TextIO | None = None
        self._since = 0.0
        self.current: Path | None = None

    def write(self, record: Mapping[str, Any], now: float) -> None:
        if record["type"] not in self.layout.types:
            return
        if self._file and (now >= self._since + self._interval or self._file.tell() >= self._max_size):
            self.rotate(now)
        file = self._file or self._open(now)
        file.write(self.layout.line(record))
        file.flush()

    def _open(self, now: float) -> TextIO:
        day = datetime.datetime.fromtimestamp(now).strftime("%Y-%m-%d")
        places = [self.path.parent, *([Path(self._move_to)] if self._move_to else [])]
        number = 0
        while any((place / self._name(day, number)).exists() for place in places):
            number += 1
        self.current = self.path.parent / self._name(day, number)
        descriptor = os.open(self.current, os.O_WRONLY | os.O_CREAT | os.O_APPEND, self._mode)
        self._file, self._since = os.fdopen(descriptor, "w", encoding="utf-8", newline=""), now
        self._file.write(self.layout.headline())
        return self._file

    def _name(self, day: str, number: int) -> str:
        return f"{self.path.stem}-{day}-{number:04d}{self.path.suffix}"

    def rotate(self, now: float) -> None:
        """End the current file; the next record begins another one."""
        self.close()
        if self.current and self._move_to:
            shutil.move(self.current, self._move_to)
        self.current = None
        for place in (self.path.parent, Path(self._move_to or self.path.parent)):
            for old in place.glob(f"{self.path.stem}-*{self.path.suffix}"):
                if old.stat().st_mtime < now - self._keep:
                    old.unlink()

    def close(self) -> None:
        if self._file:
            self._file.close()
        self._file = None


class Accounting:
    def __init__(self) -> None:
        self.files: list[AccountingFile] = []

    def configure(self, blocks: list[Block]) -> None:
        """Files whose description did not change go on; the others begin anew."""
        wanted = [AccountingFile(block) for block in blocks]
        kept = {(file.path, tuple(file.recipe)): file for file in self.files}
        self.files = [kept.pop((file.path, tuple(file.recipe)), file) for file in wanted]
        for file in kept.values():
            file.close()

    def write(self, record: Mapping[str, Any], now: float) -> None:
        for file in self.files:
            file.write(record, now)

    def rotate(self, now: float, name: str = "") -> None:
        for file in self.files:
            if name in ("", str(file.path)):
                file.rotate(now)
