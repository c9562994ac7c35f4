# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Headers of a message in transit: read, removed, added. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

_FOLD = re.compile(rb"\r?\n(?=[ \t])")


def _split(content: bytes) -> tuple[list[bytes], bytes]:
    """The header fields as they stand, without their last line end, and the rest."""
    head, blank, body = content.partition(b"\r\n\r\n")
    return re.split(rb"\r\n(?![ \t])", head), blank + body


def header(content: bytes) -> bytes:
    """Everything before the body."""
    return content.partition(b"\r\n\r\n")[0] + b"\r\n"


def headers(content: bytes) -> dict[str, str]:
    """The first value of each header, by its name in lower case."""
    found: dict[str, str] = {}
    for line in _split(content)[0]:
        name, _colon, value = _FOLD.sub(b"", line).decode("utf-8", "replace").partition(":")
        found.setdefault(name.strip().lower(), value.strip())
    return found


def edit(content: bytes, remove: Collection[str], add: list[str]) -> bytes:
    lines, rest = _split(content)
    kept = [line for line in lines if line.partition(b":")[0].strip().decode("ascii", "replace").lower() not in remove]
    return b"\r\n".join([*(line.encode() for line in add), *kept]) + rest
