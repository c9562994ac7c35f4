# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Notices that somebody set the wall clock: it then moved otherwise than the clock that only counts. Pure."""

from __future__ import annotations

# Less than this is slewing, or a pause between reading one clock and the other.
LEAST_SECONDS = 2.0


class Watch:
    """To be asked several times a second."""

    def __init__(self) -> None:
        self._ahead: float | None = None

    def set_by(self, wall: float, monotonic: float) -> float:
        """By how many seconds the wall clock was set since the last look; 0 when nobody set it."""
        ahead = wall - monotonic
        moved = 0.0 if self._ahead is None else ahead - self._ahead
        self._ahead = ahead
        return moved if abs(moved) >= LEAST_SECONDS else 0.0
