# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Failures that happen on a host before the module itself runs. Pure.

This plugin util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def explained(result: Mapping[str, Any], host: str) -> dict[str, Any]:
    """The result with a sentence instead of a traceback, where Ansible could not unpack the module on the host."""
    words = f"{result.get('module_stderr', '')} {result.get('module_stdout', '')}"
    if not result.get("failed") or "No space left on device" not in words:
        return dict(result)
    return {
        "failed": True,
        "changed": False,
        "msg": f"{host}: the disk is full, not even a temporary file fits. Free some space there (see `df -h / /tmp`); "
        "this task changed nothing.",
    }
