# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Text for people: aligned columns, short times. Pure."""

from __future__ import annotations

import time
from collections.abc import Sequence

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def table(head: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[str] = ()) -> list[str]:
    """Lines; the columns named in ``numbers`` end at their right side, the last column is never padded."""
    texts = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(head))]
    right = [name in numbers for name in head]
    return [
        "  ".join(
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, right)
        ).rstrip()
        for row in texts
    ]  # fmt: skip


def span(seconds: float) -> str:
    """45 s, 12 m, 3 h, 2 d: the largest unit of which there are two, so that it never misleads."""
    whole = max(0, round(seconds))
    for size, unit in _UNITS:
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def clock(moment: float, now: float) -> str:
    """The time of day by this host's clock, with the date if that is another one."""
    same = time.localtime(moment)[:3] == time.localtime(now)[:3]
    return time.strftime("%H:%M:%S" if same else "%Y-%m-%d %H:%M", time.localtime(moment))


def shortened(text: str, width: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= width else words[: width - 3].rstrip() + "..."
