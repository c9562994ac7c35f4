# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Built directories, named after their content, checked before use and rebuilt when damaged."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .mounts import remove
from .settings import CACHE
from .ui import step

UNUSED_DAYS = 14
UNFINISHED = ".new"
_building: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)


def digest(value: Any) -> str:
    """A short name for a JSON-able description of how something is built."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


def fingerprint(root: Path) -> str:
    """Path, type, size and time of everything below root: enough to notice lost, cut or edited files."""
    state = hashlib.sha256()
    for directory, names, files in os.walk(root):
        names.sort()
        for name in sorted(files):
            path = os.path.join(directory, name)
            stat = os.lstat(path)
            state.update(f"{path[len(str(root)) :]} {stat.st_mode} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return state.hexdigest()


def built(kind: str, label: str, recipe: Any, build: Callable[[Path], None]) -> Path:
    """The directory built from this recipe, from the cache or fresh.

    It is built in a directory that no other run uses, and renamed with its stamp when complete: neither a half-built
    one nor the processes of a killed run, which may go on for a while, can do harm.
    """
    name = f"{label}-{digest(recipe)}"
    home = CACHE / kind / name
    with _building[kind, name]:
        if not _usable(home, label):
            home.parent.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=f"{name}.", suffix=UNFINISHED, dir=home.parent))
            (scratch / "root").mkdir()
            build(scratch / "root")
            (scratch / "stamp").write_text(fingerprint(scratch / "root"))
            remove(home)
            scratch.rename(home)
    return home / "root"


def identity(root: Path) -> str:
    """What tells this build from an earlier one of the same recipe."""
    return (root.parent / "stamp").read_text()


def _usable(home: Path, label: str) -> bool:
    root, stamp = home / "root", home / "stamp"
    if not stamp.exists() or not root.is_dir():
        return False
    if stamp.read_text() != fingerprint(root):
        step(label, f"the cached copy in {home} is damaged, building it again")
        return False
    stamp.touch()
    return True


def prune() -> None:
    """Remove what no lab has used for two weeks, and what interrupted builds left an hour ago or earlier."""
    now = time.time()
    for kind in ("images", "layers", "repositories", "standins", "wheels"):
        for home in (CACHE / kind).glob("*"):
            stamp = home / "stamp"
            used = (stamp if stamp.exists() else home).stat().st_mtime
            if used < now - (3600 if home.name.endswith(UNFINISHED) else UNUSED_DAYS * 86400):
                remove(home)
