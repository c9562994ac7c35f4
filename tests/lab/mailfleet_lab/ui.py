# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Progress lines and the one error the user sees."""

from __future__ import annotations

import sys
import threading
import time

_start = time.monotonic()
_lock = threading.Lock()


class LabError(Exception):
    """One sentence for the user: what failed, where, and the remedy."""


def step(what: str, text: str) -> None:
    """Print one progress line with the seconds since the command began."""
    with _lock:
        print(f"[{time.monotonic() - _start:6.1f}s] {what}: {text}", file=sys.stderr, flush=True)
