# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Lines that go on in the next one, as some real files have them although no guide allows it. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_lex as lex
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import Line
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_regex import split
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_table import scopes_of

# A pattern that wrapped goes on in a line or two; more is a pattern that was never closed.
MAX_PATTERN_LINES = 3
MAX_MACRO_LINES = 200
_TAIL = re.compile(r"(?:[^/\\]|\\.)*/[ \t]+\S+")
# The same, where the line broke right before the closing slash.
_ONLY_TAIL = re.compile(r"/[ \t]+[\w.=,-]+")


def continuation(line: Line, lines: Sequence[Line], place: int) -> tuple[Line, int, str]:
    """The line as it is meant, how many of those behind its place it swallows, and what to say about it."""
    if line.name.lower() == "domain-macro":
        return _macro(line, lines[place + 1 : place + 1 + MAX_MACRO_LINES])
    pattern = line.value
    # Where # cut the pattern off, the rest of it is no longer there.
    if line.cut or not pattern.startswith("/") or split(pattern) is not None:
        return line, 0, ""
    for count, other in enumerate(lines[place + 1 : place + 1 + MAX_PATTERN_LINES], 1):
        if other.kind == lex.REGEX and not _ONLY_TAIL.fullmatch(other.text):
            break
        if other.kind not in (lex.SETTING, lex.REGEX) or other.name.lower() in ("reply", "include"):
            break
        pattern = f"{pattern} {other.text}"
        if _TAIL.fullmatch(other.text) and split(pattern) is not None:
            message = "This pattern goes on in the next line, and whether that loads is not known. Join the lines."
            return replace(line, value=pattern), count, message
    return line, 0, ""


def _macro(line: Line, following: Sequence[Line]) -> tuple[Line, int, str]:
    taken = 0
    value = line.value
    for other in following:
        open_list = value.endswith(",") or not re.search(r"[ \t]", value)
        if not value or not open_list or other.kind != lex.SETTING or scopes_of(other.name.lower()):
            break
        value, taken = f"{value} {other.text}", taken + 1
    message = "domain-macro goes on in the next line, and no guide allows that. Join the lines." if taken else ""
    return replace(line, value=value), taken, message
