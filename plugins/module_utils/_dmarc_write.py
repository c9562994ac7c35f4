# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Keeps a directory of pages: writes those that differ, removes those of domains that are gone. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ansible_collections.mailfleet.mta.plugins.module_utils._files import read_text, replace_file


def write_pages(directory: str, pages: Mapping[str, str], check: bool) -> dict[str, list[str]]:
    """The names of the pages that differ, and of those that are gone. The directory holds nothing else."""
    place = Path(directory)
    changed = sorted(name for name, text in pages.items() if read_text(str(place / name)) != text)
    removed = sorted(path.name for path in place.glob("*.html") if path.name not in pages)
    if not check:
        place.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name in changed:
            replace_file(place / name, pages[name], 0o644)
        for name in removed:
            (place / name).unlink()
    return {"changed_pages": changed, "removed_pages": removed}
