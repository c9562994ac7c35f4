# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Files of a PowerMTA configuration on this machine: where an include leads, and what a file's mode is.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import glob
import os
import re

SERVER_DIRECTORY = "/etc/pmta/"
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
MAX_BYTES = 64 * 1024 * 1024


def text_of(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


class LocalFiles:
    """Includes are looked for as they stand, then below the base directory, as if that were /etc/pmta or the root.

    A configuration can so be checked on another machine than its server.
    """

    def __init__(self, base: str = "") -> None:
        self.base = base

    def _candidates(self, name: str, included_by: str) -> list[str]:
        if not os.path.isabs(name):
            return [os.path.join(place, name) for place in (os.path.dirname(included_by) or ".", self.base) if place]
        base = self.base or os.path.dirname(included_by) or "."
        moved = [os.path.join(base, name[len(SERVER_DIRECTORY) :])] if name.startswith(SERVER_DIRECTORY) else []
        return [name, *moved, os.path.join(base, name.lstrip("/"))]

    def find(self, name: str, included_by: str) -> tuple[list[str], bool]:
        for candidate in self._candidates(name, included_by):
            found = [candidate] if os.path.isfile(candidate) else sorted(filter(os.path.isfile, glob.glob(candidate)))
            if found:
                return [os.path.normpath(path) for path in found], True
        return [], self._visible(name, included_by)

    def _visible(self, name: str, included_by: str) -> bool:
        """Whether a file that was not found is missing on the server, too, and not only from a copy of a part of it."""
        if _WINDOWS.match(name):
            return False
        if self.base or not os.path.isabs(name):
            places = map(os.path.dirname, self._candidates(name, included_by))
            return any(os.path.isdir(place or ".") for place in places)
        here, there = os.path.dirname(os.path.abspath(included_by)) + "/", os.path.dirname(name) + "/"
        related = here.startswith((there, SERVER_DIRECTORY)) or there.startswith(here)
        return related and os.path.isdir(there)

    def read(self, path: str) -> str:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise OSError(27, "it is larger than 64 MB")
        return text_of(data)

    def mode(self, path: str) -> int | None:
        try:
            return os.stat(path).st_mode & 0o777
        except FileNotFoundError:
            return 0 if os.path.isdir(os.path.dirname(path)) else None
        except OSError:
            return None
