# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Generations on the host's disk: numbered directories and the symlink ``live``. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import fcntl
import grp
import json
import os
import pwd
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._command import Run
from ansible_collections.mailfleet.mta.plugins.module_utils._files import (
    read_text,
    replace_file,
    replace_link,
    sync_directory,
    write_file,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._generation import Entry, RefusedError, Tree

ROOT = "/etc/mailfleet"
_MANIFEST = ".manifest.json"
_NUMBER = re.compile(r"\d{6,}")


@dataclass(frozen=True)
class Content:
    """A generation as it is on disk, or is wanted there."""

    tree: Tree = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    units: Sequence[str] = ()


class Store:
    """``root/generations/000001 …`` with ``root/live`` pointing to one of them."""

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        self.generations = self.root / "generations"
        self.live = self.root / "live"
        self._pending = self.root / "pending.json"

    # ---- reading -------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        if not self.generations.is_dir():
            return []
        return sorted((path.name for path in self.generations.iterdir() if _NUMBER.fullmatch(path.name)), key=int)

    def current(self) -> str | None:
        return os.path.basename(os.readlink(self.live)) if self.live.is_symlink() else None

    def previous(self) -> str | None:
        current = self.current()
        older = [name for name in self.names() if current and int(name) < int(current)]
        return older[-1] if older else None

    def read(self, name: str | None) -> Content:
        """What the generation was made of, as it is on disk now: an edit by hand shows as a difference.

        Files that a checker made (compiled maps) are in no manifest and stay out of every comparison.
        """
        if name is None:
            return Content()
        base = self.generations / name
        try:
            manifest = json.loads((base / _MANIFEST).read_text())
        except (OSError, ValueError):
            return Content()
        found = {path: _read_entry(base / path.rstrip("/")) for path in manifest["files"]}
        tree = {path: entry for path, entry in found.items() if entry}
        return Content(tree, manifest["links"], manifest.get("units", ()))

    def pending(self) -> list[str]:
        """Files of which the services have not been told yet (an earlier run ended too soon)."""
        files: list[str] = self._read_pending().get("files", [])
        return files

    def good(self) -> str | None:
        """The last generation that services confirmed, if what is live is another one."""
        name: str | None = self._read_pending().get("good")
        return name if name in self.names() and name != self.current() else None

    def unproven(self) -> bool:
        """Whether services confirmed neither what is live nor anything before it."""
        pending = self._read_pending()
        return bool(pending) and pending.get("good") is None

    def _read_pending(self) -> dict[str, Any]:
        try:
            pending: dict[str, Any] = json.loads(self._pending.read_text())
        except (OSError, ValueError):
            return {}
        return pending

    def confirm(self) -> None:
        self._pending.unlink(missing_ok=True)

    def wrong_links(self, content: Content) -> list[str]:
        """The links that are missing or lead elsewhere. Refuses where something that is not ours is in the way."""
        wrong = []
        for path, target in sorted(content.links.items()):
            if _is_unit(path):
                right = not os.path.islink(path) and read_text(path) == content.tree[target].text
            else:
                right = os.path.islink(path) and os.readlink(path) == str(self.live / target)
            if right:
                continue
            if os.path.lexists(path) and not self._is_ours(path, self.read(self.current()).links):
                raise RefusedError(f"{path} exists and is not from mailfleet. Move it away first.")
            wrong.append(path)
        return wrong

    def _is_ours(self, path: str, mine: Mapping[str, str]) -> bool:
        if os.path.islink(path):
            return os.readlink(path).startswith(str(self.live) + "/")
        return _is_unit(path) and path in mine

    # ---- writing -------------------------------------------------------------------------------------------------

    @contextmanager
    def lock(self) -> Iterator[None]:
        self.generations.mkdir(parents=True, exist_ok=True)
        with open(self.root / ".lock", "w", encoding="ascii") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RefusedError(f"Another run is changing {self.root} right now. Wait for its end.") from None
            yield

    def write(self, wanted: Content, check: Sequence[Sequence[str]], run: Run, pending: Sequence[str]) -> str:
        """Stage, check, and make live. Whatever fails before the swap leaves what is live untouched."""
        self._sweep()
        staged = self.generations / ".staging"
        try:
            _write_tree(staged, wanted)
            for argv in check:
                _check(staged, argv, run)
            _sync(staged)
            name = f"{int((self.names() or ['0'])[-1]) + 1:06d}"
            os.rename(staged, self.generations / name)
            sync_directory(self.generations)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
        self.swap(name, pending)
        return name

    def swap(self, name: str, pending: Sequence[str]) -> None:
        """Make a generation live, with its links; the links of the one before that it lacks go away."""
        before = self.current()
        if pending:
            good = self._read_pending().get("good", before)
            replace_file(self._pending, json.dumps({"files": sorted(pending), "good": good}) + "\n")
        old, new = self.read(before), self.read(name)
        replace_link(self.live, f"generations/{name}")
        try:
            self.relink(new)
        except OSError:
            if before:
                replace_link(self.live, f"generations/{before}")
            raise
        for path in sorted(old.links.keys() - new.links.keys()):
            if os.path.lexists(path) and self._is_ours(path, old.links):
                os.unlink(path)

    def remove(self) -> None:
        """Forget everything, the links first."""
        links = self.read(self.current()).links
        for path in links:
            if os.path.lexists(path) and self._is_ours(path, links):
                os.unlink(path)
        shutil.rmtree(self.root)

    def relink(self, content: Content) -> None:
        for path in self.wrong_links(content):
            target = content.links[path]
            if _is_unit(path):
                replace_file(Path(path), content.tree[target].text or "", 0o644)
            else:
                replace_link(Path(path), str(self.live / target))

    def prune(self, keep: int) -> None:
        """Forget the oldest generations; never the live one, nor the one to go back to."""
        names = self.names()
        for name in names[: max(len(names) - keep, 0)]:
            if name not in (self.current(), self.good()):
                shutil.rmtree(self.generations / name, ignore_errors=True)

    def _sweep(self) -> None:
        """A run that was killed leaves its staging directory; under the lock it belongs to nobody."""
        for path in self.generations.iterdir():
            if not _NUMBER.fullmatch(path.name):
                shutil.rmtree(path, ignore_errors=True)


def _is_unit(path: str) -> bool:
    """Unit files are copied: systemd follows a link when it enables a unit, and would stay with that generation."""
    return os.path.dirname(path).endswith("/systemd/system")


def _read_entry(path: Path) -> Entry | None:
    try:
        status = os.lstat(path)
        text = None if stat.S_ISDIR(status.st_mode) else path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return None
    return Entry(text, _user(status.st_uid), _group(status.st_gid), stat.S_IMODE(status.st_mode))


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _write_tree(base: Path, content: Content) -> None:
    os.mkdir(base, 0o755)
    os.chmod(base, 0o755)
    for path, entry in sorted(content.tree.items()):
        uid, gid = _identifiers(path, entry)
        place = base / path.rstrip("/")
        if entry.text is None:
            os.mkdir(place, 0o700)
        else:
            write_file(place, entry.text)
        os.chown(place, uid, gid)
        os.chmod(place, entry.mode)
    manifest: dict[str, object] = {
        "files": sorted(content.tree),
        "links": dict(content.links),
        "units": sorted(content.units),
    }
    write_file(base / _MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")


def _identifiers(path: str, entry: Entry) -> tuple[int, int]:
    kind, name = "user", entry.owner
    try:
        uid = pwd.getpwnam(name).pw_uid
        kind, name = "group", entry.group
        return uid, grp.getgrnam(name).gr_gid
    except KeyError:
        raise RefusedError(f"The {kind} {name} of {path} does not exist. Install its package first.") from None


def _check(staged: Path, argv: Sequence[str], run: Run) -> None:
    # Postfix's looks at every file of its queue.
    answer = run([word.replace("{staged}", str(staged)) for word in argv], timeout=600)
    if answer.code != 0:
        command = " ".join(word.replace("{staged}/", "") for word in argv if word != "{staged}")
        words = answer.words.replace(f"{staged}/", "")
        raise RefusedError(f"{command} refused the new configuration: {words.rstrip('.')}. Correct what it names.")


def _sync(base: Path) -> None:
    for directory, _subdirectories, files in os.walk(base):
        for name in files:
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                with open(path, "rb") as handle:
                    os.fsync(handle.fileno())
        sync_directory(Path(directory))
