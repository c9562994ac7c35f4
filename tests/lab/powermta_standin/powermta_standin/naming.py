# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Names of messages in the spool."""

from __future__ import annotations

import itertools
import os

_serial = itertools.count()


def new_name(now: float) -> str:
    """Unlike every other, and sorted by time."""
    return f"{int(now * 1000):013d}-{os.getpid()}-{next(_serial)}"
