# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Follows a log through rotation, truncation and restarts, so that every whole line is read exactly once.

A file is known by its first lines, not by its name: renamed or copied away it stays the same file. A mark says how far
it was read, with a hash of the bytes before that place, and the ledger saves it together with what the lines counted.
All files of a log (the one being written and those rotated but not compressed) are followed side by side, because the
logging process writes on into a renamed file until it is told to open the new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import ClassVar, NamedTuple

# A first line longer than this is cut: it still tells files apart.
HEAD_BYTES = 1024
# A header of a table is read to its end.
HEADER_BYTES = 16384
TAIL_BYTES = 256
# A record with line breaks in it, which are in quotes, is no longer than this; a longer one was torn.
RECORD_BYTES = 1 << 16
COMPRESSED = (".gz", ".xz", ".bz2", ".zst", ".tmp")


class Mark(NamedTuple):
    """How far a file was read."""

    head: str
    inode: int
    offset: int
    tail: str


class Chunk(NamedTuple):
    """Whole lines that nobody has read yet, and the mark to save with what they count."""

    path: str
    data: bytes
    mark: Mark
    more: bool
    header: bytes  # first line of the file


@dataclass(frozen=True)
class Log:
    """A log of lines, by the path of the file that is being written."""

    name: str
    head_lines: ClassVar = 1
    head_bytes: ClassVar = HEAD_BYTES

    def files(self) -> list[str]:
        return family(self.name)

    def whole(self, data: bytes) -> int:
        """How much of it is whole lines."""
        return data.rfind(b"\n") + 1


@dataclass(frozen=True)
class Table:
    """Files of CSV (RFC 4180) with a header, which tells no files apart; by the patterns of their paths."""

    name: str
    patterns: Sequence[str]
    head_lines: ClassVar = 2
    head_bytes: ClassVar = HEADER_BYTES

    def files(self) -> list[str]:
        found = set()
        for pattern in self.patterns:
            directory, name = os.path.split(pattern)
            with os.scandir(directory) as entries:
                for entry in entries:
                    if fnmatchcase(entry.name, name) and not entry.name.endswith(COMPRESSED):
                        try:
                            found.add((entry.stat().st_mtime_ns, entry.path))
                        except FileNotFoundError:
                            continue  # moved since; the next look finds it
        return [path for _time, path in sorted(found)]

    def whole(self, data: bytes) -> int:
        """How much of it is whole records: a line break in quotes ends none."""
        end = data.rfind(b"\n") + 1
        quotes = data.count(b'"', 0, end)
        while end and quotes % 2:
            before = data.rfind(b"\n", 0, end - 1) + 1
            quotes -= data.count(b'"', before, end)
            end = before
        if not end and len(data) > RECORD_BYTES:
            return data.find(b"\n") + 1  # a record that a crash tore: what is there of it is passed by itself
        return end


def family(path: str) -> list[str]:
    """The files of a log, oldest first: rotated ones by their time, the one with the plain name last."""
    directory, name = os.path.split(path)
    found = []
    with os.scandir(directory or ".") as entries:
        for entry in entries:
            if not entry.name.startswith(name) or entry.name.endswith(COMPRESSED):
                continue
            try:
                if entry.name == name:
                    found.append((1, 0, entry.path))
                elif entry.name[len(name)] in ".-" and entry.is_file():
                    found.append((0, entry.stat().st_mtime_ns, entry.path))
            except FileNotFoundError:
                continue  # renamed since; the next look finds it
    return [path for _last, _time, path in sorted(found)]


def chunks(log: Log | Table, marks: Iterable[Mark], limit: int) -> Iterator[Chunk]:
    """What is new in one log, in order, at most ``limit`` bytes of each file. The marks are those saved so far."""
    known = list(marks)
    for name in log.files():
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            chunk = _read(log, descriptor, name, known, limit)
        finally:
            os.close(descriptor)
        if chunk:
            known = [mark for mark in known if (mark.head, mark.inode) != (chunk.mark.head, chunk.mark.inode)]
            known.append(chunk.mark)
            yield chunk
            if chunk.more:
                return


def _read(log: Log | Table, descriptor: int, name: str, known: list[Mark], limit: int) -> Chunk | None:
    status = os.fstat(descriptor)
    start = _start(descriptor, log)
    if start is None:
        return None
    head, header = _hash(start), start.partition(b"\n")[0]
    mark = _known(descriptor, known, head, status) or Mark(head, status.st_ino, 0, "")
    if status.st_size == mark.offset:
        return None
    if status.st_size < mark.offset:
        # Cut short, where it was not cut to nothing: what is left was read. A copy that is being made ends up here too.
        if status.st_ino != mark.inode:
            return None
        cut = mark._replace(offset=status.st_size, tail=_tail(descriptor, status.st_size))
        return Chunk(name, b"", cut, False, header)
    data = os.pread(descriptor, limit, mark.offset)
    end = log.whole(data)
    if not end:
        if len(data) < limit:
            return None  # a line that is still being written
        end = len(data)  # no log has such lines; let it pass rather than stand still
    offset = mark.offset + end
    more = mark.offset + len(data) < status.st_size or len(data) - end > RECORD_BYTES
    return Chunk(name, data[:end], mark._replace(offset=offset, tail=_tail(descriptor, offset)), more, header)


def _known(descriptor: int, known: list[Mark], head: str, status: os.stat_result) -> Mark | None:
    same = [mark for mark in known if mark.head == head]
    for mark in sorted(same, key=lambda mark: -mark.offset):
        if mark.offset <= status.st_size and _tail(descriptor, mark.offset) == mark.tail:
            return mark
    for mark in same:
        if mark.inode == status.st_ino or mark.offset > status.st_size:
            return mark
    return None


def _start(descriptor: int, log: Log | Table) -> bytes | None:
    """The first lines; None until they are there."""
    start = os.pread(descriptor, log.head_bytes, 0)
    end = -1
    for _line in range(log.head_lines):
        end = start.find(b"\n", end + 1)
        if end < 0:
            return start if len(start) == log.head_bytes else None
    return start[:end]


def _tail(descriptor: int, offset: int) -> str:
    start = max(0, offset - TAIL_BYTES)
    return _hash(os.pread(descriptor, offset - start, start))


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()


def heads(log: Log | Table) -> list[str]:
    """The files of a log that are there now, as their marks know them."""
    found = []
    try:
        for name in log.files():
            descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                found.append(_hash(_start(descriptor, log) or b""))
            finally:
                os.close(descriptor)
    except OSError:
        pass  # renamed since, or not readable: then nothing is forgotten too early, because the newest marks stay
    return found
