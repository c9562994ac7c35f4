# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What a configuration generation is and how two of them differ. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

_HIDDEN = "[secret, not shown]\n"


@dataclass(frozen=True)
class Entry:
    """A file of a generation, or a directory (its path ends with a slash, it has no text)."""

    text: str | None
    owner: str
    group: str
    mode: int

    @property
    def attributes(self) -> str:
        return f"{self.owner}:{self.group} {self.mode:04o}"


Tree = Mapping[str, Entry]


class RefusedError(Exception):
    """One sentence; what is live was not touched."""


def pack(files: Mapping[str, str]) -> str:
    """One opaque string for the way to the host: small, and easy to keep out of every log."""
    return base64.b64encode(zlib.compress(json.dumps(files).encode(), 6)).decode()


def unpack(packed: str) -> dict[str, str]:
    files: dict[str, str] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return files


def wanted(files: Mapping[str, str], owners: Sequence[Mapping[str, Any]], secret: Sequence[str]) -> dict[str, Entry]:
    """Add the directories, and the owner and mode of everything. A later pattern wins over an earlier one."""
    tree: dict[str, Entry] = {}
    for path in sorted(files):
        segments = path.split("/")
        if any(segment in ("", ".", "..") for segment in segments):
            raise RefusedError(f"{path!r} is no relative path of a file. Rename the template.")
        for depth in range(1, len(segments)):
            directory = "/".join(segments[:depth]) + "/"
            tree[directory] = _entry(directory, None, 0o755, owners)
        tree[path] = _entry(path, files[path], 0o600 if matches(path, secret) else 0o644, owners)
    return tree


def _entry(path: str, text: str | None, mode: int, owners: Sequence[Mapping[str, Any]]) -> Entry:
    owner = group = "root"
    for rule in owners:
        # A directory needs a pattern that says so: "keys/*" is about files.
        if path.endswith("/") == rule["pattern"].endswith("/") and fnmatchcase(path, rule["pattern"]):
            owner = rule.get("owner") or owner
            group = rule.get("group") or group
            mode = _mode(path, rule["mode"]) if rule.get("mode") else mode
    return Entry(text, owner, group, mode)


def _mode(path: str, text: str) -> int:
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise RefusedError(f"owners: {text!r} is no mode for {path}. Write it in quotes and octal, such as '0640'.")
    return mode


def seal(tree: Tree, links: Mapping[str, str], units: Iterable[str]) -> str:
    """The same for two generations without a difference, and for no others."""
    entries = [(path, entry.text, entry.attributes) for path, entry in sorted(tree.items())]
    return hashlib.sha256(json.dumps([entries, sorted(links.items()), sorted(units)]).encode()).hexdigest()


def matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


@dataclass(frozen=True)
class Changes:
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    @property
    def written(self) -> list[str]:
        """Files and changed directories, without directories that merely came with their files."""
        return sorted([path for path in self.added if not path.endswith("/")] + list(self.changed))

    @property
    def gone(self) -> list[str]:
        return [path for path in self.removed if not path.endswith("/")]


def changes(before: Tree, after: Tree) -> Changes:
    return Changes(
        added=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(path for path in after.keys() & before.keys() if after[path] != before[path])),
        removed=tuple(sorted(before.keys() - after.keys())),
    )


def summary(difference: Changes) -> list[str]:
    """Short lines for people."""
    verbs = dict.fromkeys(difference.written, "change")
    verbs.update(dict.fromkeys(difference.added, "add"))
    verbs.update(dict.fromkeys(difference.gone, "remove"))
    return [f"{verbs[path]} {path}" for path in sorted(verbs) if not path.endswith("/") or verbs[path] == "change"]


def diff(live: str, before: Tree, after: Tree, secret: Sequence[str]) -> list[dict[str, str]]:
    """The list that Ansible prints for --diff. The text of a secret file never leaves this function."""
    difference = changes(before, after)
    return [
        {
            "before_header": f"{live}/{path}" if path in before else f"{live}/{path} (absent)",
            "after_header": f"{live}/{path}" if path in after else f"{live}/{path} (absent)",
            **_texts(before.get(path), after.get(path), matches(path, secret)),
        }
        for path in sorted(difference.written + difference.gone)
    ]


def _texts(before: Entry | None, after: Entry | None, secret: bool) -> dict[str, str]:
    if before and after and before.text == after.text:
        return {"before": before.attributes + "\n", "after": after.attributes + "\n"}
    if secret:
        return {"before": _HIDDEN if before else "", "after": "[secret, changed]\n" if before and after else _HIDDEN}
    return {"before": _shown(before), "after": _shown(after)}


def _shown(entry: Entry | None) -> str:
    # surrogateescape keeps odd bytes for the comparison; the result of a module is UTF-8
    return (entry.text or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace") if entry else ""
