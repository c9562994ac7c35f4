# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Pattern lists: the virtual MTA of a message by its sender, recipient or headers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_patterns import NESTED
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_regex import split

from .values import pattern

_EVERYTHING = re.compile("")


@dataclass(frozen=True)
class Line:
    """One line: what it looks at (mail-from, rcpt-to, a header or *), its pattern and its result."""

    field: str
    pattern: re.Pattern[str]
    vmta: str
    call: str
    # A list that stands in place of a result.
    inner: PatternList | None


class PatternList:
    def __init__(self, block: Block) -> None:
        nested = iter(block.blocks)
        self.lines = [
            _line(setting.name, setting.value, next(nested) if setting.value.endswith(NESTED) else None)
            for setting in block.settings
        ]

    def matches(self, message: Mapping[str, str]) -> Iterator[Line]:
        return (line for line in self.lines if line.pattern.search(message.get(line.field, "")))


def choose(lists: Mapping[str, PatternList], name: str, message: Mapping[str, str], depth: int = 0) -> str:
    """The virtual MTA that the first matching line names, or nothing."""
    return _first(lists, lists[name], message, depth) if name in lists and depth < 10 else ""


def _first(lists: Mapping[str, PatternList], chosen: PatternList, message: Mapping[str, str], depth: int) -> str:
    for line in chosen.matches(message):
        inner = _first(lists, line.inner, message, depth) if line.inner else ""
        vmta = line.vmta or inner or choose(lists, line.call, message, depth + 1)
        if vmta:
            return vmta
    return ""


def _line(name: str, value: str, nested: Block | None) -> Line:
    field = name
    if name == "header":
        header, _blank, value = value.replace("\t", " ").partition(" ")
        field = header.lower()
    expression, result = (None, value) if name == "*" else split(value.strip()) or (None, "")
    vmta = re.search(r"virtual-mta=([^\s,]+)", result)
    call = re.search(r"call-to:[ \t]*(\S+)", result)
    found = pattern(expression) if expression is not None else _EVERYTHING
    inner = PatternList(nested) if nested else None
    return Line(field, found, vmta[1] if vmta else "", call[1] if call else "", inner)
