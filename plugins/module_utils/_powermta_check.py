# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The strict reader of PowerMTA configurations: text in, findings out. Files come from a port.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from ansible_collections.mailfleet.mta.plugins.module_utils import (
    _powermta_access,
    _powermta_references,
    _powermta_rollup,
    _powermta_rules,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Config, Finding
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_read import Files, Reader
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_table import DEFAULT_VERSION, version


class NoFiles:
    """For a text that stands alone: nothing that it includes can be seen."""

    def find(self, name: str, included_by: str) -> tuple[list[str], bool]:
        return [], False

    def read(self, path: str) -> str:
        raise FileNotFoundError(path)

    def mode(self, path: str) -> int | None:
        return None


def check_text(text: str, path: str = "config", target: str = DEFAULT_VERSION, files: Files | None = None) -> Config:
    """Blocks and findings of a configuration, in the order of files and lines."""
    source = files or NoFiles()
    config = Reader(source, version(target)).read(path, text)
    _powermta_rules.check(config)
    _powermta_references.check(config)
    _powermta_rollup.check(config)
    _powermta_access.check(config, getattr(source, "mode", lambda _path: None))
    place = {name: number for number, name in reversed(list(enumerate(config.files)))}
    config.findings = sorted(set(config.findings), key=lambda found: (place[found.file], found.line, found.message))
    return config


def findings(text: str, target: str = DEFAULT_VERSION) -> list[Finding]:
    return check_text(text, target=target).findings
