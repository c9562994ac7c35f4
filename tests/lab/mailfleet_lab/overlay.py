# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Overlay mounts: a shared read-only base below, one directory of changes above."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .shell import run, succeeds


def is_mounted(root: Path) -> bool:
    return root.is_dir() and os.path.ismount(root)


def mount(lowers: Sequence[Path], home: Path) -> Path:
    """Mount home/root over the lowers (topmost first), with home/upper taking the changes."""
    for name in ("upper", "work", "root"):
        (home / name).mkdir(parents=True, exist_ok=True)
    lower = ":".join(str(path) for path in lowers)
    options = f"lowerdir={lower},upperdir={home / 'upper'},workdir={home / 'work'}"
    run(["mount", "-t", "overlay", "mailfleet-lab", "-o", options, home / "root"])
    return home / "root"


def unmount(root: Path) -> None:
    """Unmount, however often it is mounted; lazily when a dead machine still holds it."""
    while is_mounted(root):
        if not succeeds(["umount", root]):
            run(["umount", "--lazy", root])


def forget(home: Path) -> None:
    """Unmount and remove the changes."""
    unmount(home / "root")
    if home.exists():
        shutil.rmtree(home)


@contextmanager
def scratch(lowers: Sequence[Path], home: Path) -> Iterator[Path]:
    """A root to work in for a moment; home/upper stays until the caller takes or removes it."""
    forget(home)
    root = mount(lowers, home)
    try:
        yield root
    finally:
        unmount(root)
