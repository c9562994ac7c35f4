# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Follows a log through rotation, truncation and restarts, so that every whole line is read exactly once.

A file is known by its first line, not by its name: renamed or copied away it stays the same file. A mark says how far
it was read, with a hash of the bytes before that place, and the ledger saves it together with what the lines counted.
All files of a log (the one being written and those rotated but not compressed) are followed side by side, because the
logging process writes on into a renamed file until it is told to open the new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

# A first line longer than this is cut: it still tells files apart.
HEAD_BYTES = 1024
TAIL_BYTES = 256
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


def chunks(path: str, marks: Iterable[Mark], limit: int) -> Iterator[Chunk]:
    """What is new in one log, in order, at most ``limit`` bytes of each file. The marks are those saved so far."""
    known = list(marks)
    for name in family(path):
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            chunk = _read(descriptor, name, known, limit)
        finally:
            os.close(descriptor)
        if chunk:
            known = [mark for mark in known if (mark.head, mark.inode) != (chunk.mark.head, chunk.mark.inode)]
            known.append(chunk.mark)
            yield chunk
            if chunk.more:
                return


def _read(descriptor: int, name: str, known: list[Mark], limit: int) -> Chunk | None:
    status = os.fstat(descriptor)
    head = _head(descriptor)
    if not head:
        return None
    mark = _known(descriptor, known, head, status) or Mark(head, status.st_ino, 0, "")
    if status.st_size == mark.offset:
        return None
    if status.st_size < mark.offset:
        # Cut short, where it was not cut to nothing: what is left was read. A copy that is being made ends up here too.
        if status.st_ino != mark.inode:
            return None
        cut = mark._replace(offset=status.st_size, tail=_tail(descriptor, status.st_size))
        return Chunk(name, b"", cut, False)
    data = os.pread(descriptor, limit, mark.offset)
    end = data.rfind(b"\n") + 1
    if not end:
        if len(data) < limit:
            return None  # a line that is still being written
        end = len(data)  # no log has such lines; let it pass rather than stand still
    offset = mark.offset + end
    more = mark.offset + len(data) < status.st_size
    return Chunk(name, data[:end], mark._replace(offset=offset, tail=_tail(descriptor, offset)), more)


def _known(descriptor: int, known: list[Mark], head: str, status: os.stat_result) -> Mark | None:
    same = [mark for mark in known if mark.head == head]
    for mark in sorted(same, key=lambda mark: -mark.offset):
        if mark.offset <= status.st_size and _tail(descriptor, mark.offset) == mark.tail:
            return mark
    for mark in same:
        if mark.inode == status.st_ino or mark.offset > status.st_size:
            return mark
    return None


def _head(descriptor: int) -> str:
    """Hash of the first line; "" until there is one."""
    start = os.pread(descriptor, HEAD_BYTES, 0)
    line, end, _rest = start.partition(b"\n")
    return _hash(line) if end or len(start) == HEAD_BYTES else ""


def _tail(descriptor: int, offset: int) -> str:
    start = max(0, offset - TAIL_BYTES)
    return _hash(os.pread(descriptor, offset - start, start))


def _hash(data: bytes) -> str:
    return blake2b(data, digest_size=8).hexdigest()


def heads(path: str) -> list[str]:
    """The files of a log that are there now, as their marks know them."""
    found = []
    try:
        for name in family(path):
            descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
            try:
                found.append(_head(descriptor))
            finally:
                os.close(descriptor)
    except OSError:
        pass  # renamed since, or not readable: then nothing is forgotten too early, because the newest marks stay
    return found
