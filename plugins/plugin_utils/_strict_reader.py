# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A rendered tree as PowerMTA will read it from /etc/pmta. Pure: texts in, warnings out, a RenderError for errors.

This plugin util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import check_text
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_files import SERVER_DIRECTORY
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import ERROR
from ansible_collections.mailfleet.mta.plugins.plugin_utils._render import RenderError

_SHOWN = 20


class TreeFiles:
    """The files of a tree by their paths on the server; what else it has there cannot be seen from here."""

    def __init__(self, tree: Mapping[str, str]) -> None:
        self._texts = {SERVER_DIRECTORY + path: text for path, text in tree.items()}

    def find(self, name: str, included_by: str) -> tuple[list[str], bool]:
        found = sorted(path for path in self._texts if path == name or fnmatchcase(path, name))
        return found, bool(found)

    def read(self, path: str) -> str:
        return self._texts[path]

    def mode(self, path: str) -> int | None:
        return None


def read_strictly(tree: Mapping[str, str], file: str, version: str) -> list[str]:
    """The reader's warnings as sentences; its errors are raised, all at once."""
    try:
        found = check_text(tree[file], SERVER_DIRECTORY + file, version, TreeFiles(tree)).findings
    except ValueError as error:
        raise RenderError(f"The version of PowerMTA: {error}") from None
    errors = [str(finding) for finding in found if finding.level == ERROR]
    if errors:
        rest = [f"and {len(errors) - _SHOWN} more"] if len(errors) > _SHOWN else []
        raise RenderError("PowerMTA would refuse this configuration:\n" + "\n".join(errors[:_SHOWN] + rest))
    return [str(finding) for finding in found][:_SHOWN]
