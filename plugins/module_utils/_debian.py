# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Versions of Debian packages in their order (deb-version(7)), and what a run does about an installed one. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from itertools import zip_longest

KEEP, INSTALL, UPGRADE, DOWNGRADE = "keep", "install", "upgrade", "downgrade"
VERSION = re.compile(r"(?:\d+:)?\d[A-Za-z0-9.+~-]*")

_PARTS = re.compile(r"(\D*)(\d*)")
# One part of a version: the order of its letters with the end as 0, and its number.
_Key = tuple[list[int], int]
_END: _Key = ([0], 0)


def compare(one: str, other: str) -> int:
    """Below 0 when one is the older version, above 0 when it is the newer one."""
    for text, other_text in zip(_split(one), _split(other)):
        # The shorter one goes on as an end without a number, which is more than a ~ and less than all else.
        for key, other_key in zip_longest(_parts(text), _parts(other_text), fillvalue=_END):
            if key != other_key:
                return 1 if key > other_key else -1
    return 0


def _split(version: str) -> tuple[str, str, str]:
    """Epoch, upstream version and revision."""
    epoch, colon, rest = version.partition(":")
    epoch, rest = (epoch, rest) if colon else ("0", version)
    upstream, dash, revision = rest.rpartition("-")
    return (epoch, upstream, revision) if dash else (epoch, rest, "")


def _parts(text: str) -> list[_Key]:
    return [([*map(_weight, letters), 0], int(number or 0)) for letters, number in _PARTS.findall(text)]


def _weight(letter: str) -> int:
    """~ comes before the end of a version, letters come before everything else."""
    return -1 if letter == "~" else ord(letter) if letter.isalpha() else ord(letter) + 256


def step(wanted: str, installed: str) -> str:
    """What a run does, with an empty version for none that is wanted or installed."""
    if not installed:
        return INSTALL
    order = compare(wanted, installed) if wanted else 0
    return UPGRADE if order > 0 else DOWNGRADE if order < 0 else KEEP
