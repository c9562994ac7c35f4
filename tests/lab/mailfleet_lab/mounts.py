# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Overlay mounts: a shared read-only base below, one directory of changes above. And removing them with care."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .shell import run, succeeds


def mount(lowers: Sequence[Path], home: Path) -> Path:
    """Mount home/root over the lowers (topmost first), with home/upper taking the changes."""
    for name in ("upper", "work", "root"):
        (home / name).mkdir(parents=True, exist_ok=True)
    lower = ":".join(str(path) for path in lowers)
    options = f"lowerdir={lower},upperdir={home / 'upper'},workdir={home / 'work'}"
    run(["mount", "-t", "overlay", "mailfleet-lab", "-o", options, home / "root"])
    return home / "root"


def unmount(path: Path) -> None:
    """Unmount whatever is mounted at or below the path; lazily when a dead machine still holds it."""
    text = str(path)
    with open("/proc/self/mounts") as mounts:
        places = [line.split()[1] for line in mounts]
    for place in reversed(places):
        if (place == text or place.startswith(f"{text}/")) and not succeeds(["umount", place]):
            run(["umount", "--lazy", place])


def remove(path: Path) -> None:
    """Remove a directory, but nothing that an interrupted build has mounted in it."""
    unmount(path)
    if path.exists():
        shutil.rmtree(path)


@contextmanager
def scratch(lowers: Sequence[Path], home: Path) -> Iterator[Path]:
    """A root to work in for a moment; home/upper stays until the caller takes or removes it."""
    remove(home)
    root = mount(lowers, home)
    try:
        yield root
    finally:
        unmount(root)
