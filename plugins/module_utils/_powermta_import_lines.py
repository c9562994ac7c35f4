# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Which lines of a configuration have found their place in the inventory, and what is said about the others. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block, Config, Setting

_TIME = re.compile(r"(\d+)([wdhms])")
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_RATE = re.compile(r"(\d+)/(\d*)(d|day|h|hr|m|min|s|sec)\Z")
_RATE_UNITS = {"d": 86400, "day": 86400, "h": 3600, "hr": 3600, "m": 60, "min": 60, "s": 1, "sec": 1}
YES = ("yes", "true")


@dataclass(frozen=True, order=True)
class Note:
    """A line that could not be carried over as it is."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class Lines:
    """What reads a line takes it; what nobody took is told at the end."""

    def __init__(self, config: Config) -> None:
        self.root = config.root
        self.notes: list[Note] = []
        self._taken: set[int] = set()

    def take(self, block: Block, name: str) -> str | None:
        """The value that counts of a directive."""
        found = self.all(block, name)
        return found[-1].value if found else None

    def taken(self, setting: Setting) -> None:
        self._taken.add(id(setting))

    def all(self, block: Block, name: str) -> list[Setting]:
        found = list(block.of(name))
        self._taken.update(map(id, found))
        return found

    def expect(self, block: Block, **values: str) -> None:
        """Lines as the role prints them; an underscore stands for a hyphen. Other values are left."""
        for setting in block.settings:
            if values.get(setting.name.replace("-", "_")) == setting.value:
                self._taken.add(id(setting))

    def whole(self, block: Block, message: str = "") -> None:
        """Everything in it is taken, or left for one reason."""
        self._taken.update(map(id, block.settings))
        for inner in block.all():
            self._taken.update(map(id, inner.settings))
        if message:
            self.note(block, message)

    def note(self, where: Setting | Block, message: str) -> None:
        """A setting with a note of its own is done with."""
        if isinstance(where, Setting):
            self.taken(where)
        self.notes.append(Note(where.file, where.line, message))

    def rest(self) -> Iterator[Note]:
        for block in (self.root, *self.root.all()):
            for setting in block.settings:
                if id(setting) not in self._taken and setting.name != "include":
                    place = f" of {block.title}" if block.parent else ""
                    advice = _INSTEAD.get(setting.name, _ADVICE)
                    shown = "a pattern" if setting.name == "/" else setting.name
                    yield Note(setting.file, setting.line, f"{shown}{place} has no place in the model. {advice}")


_ADVICE = "Put it into powermta_local if you need it."
_BY_CLASS = "The traffic class of the pool says it: see powermta_classes."
_BY_DOMAIN = "The pool is chosen by the sender domain: see fleet_domains."
_WARMUP = "Give the address that warms up warmup {plan, start}."
_INSTEAD = {
    "bounce-after": _BY_CLASS,
    "queue-priority": _BY_CLASS,
    "process-x-virtual-mta": _BY_DOMAIN,
    "default-virtual-mta": _BY_DOMAIN,
    "pattern-list": _BY_DOMAIN,
    "mail-from": _BY_DOMAIN,
    "rcpt-to": _BY_DOMAIN,
    "header": _BY_DOMAIN,
    "*": _BY_DOMAIN,
    "cold-virtual-mta": _WARMUP,
    "max-cold-virtual-mta-msg": _WARMUP,
    "smtp-pattern-list": "The reply rules of the fleet say it: see agent_reply_rules.",
    "host-id": "The model names hosts by the inventory.",
    "host-name": "The names are those of fleet_ips.",
}


def seconds(text: str) -> int | None:
    """Of a time such as 4d12h; a bare number is seconds."""
    if text.isdecimal():
        return int(text)
    found = _TIME.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in found)


def duration(span: int) -> str:
    """A number and its largest unit."""
    unit = next(unit for unit in "dhms" if span % _UNITS[unit] == 0)
    return f"{span // _UNITS[unit]}{unit}"


def rate(text: str) -> tuple[str, bool] | None:
    """A rate as the model has it, and whether it is the same; None for none, so that nothing is limited."""
    match = _RATE.match(text)
    if not match or match[1] == "0":
        return None
    number, span = int(match[1]), int(match[2] or 1) * _RATE_UNITS[match[3]]
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        if length >= span and length % span == 0:
            return f"{number * (length // span)}/{unit}", True
    for unit, length in (("s", 1), ("min", 60), ("h", 3600)):
        if number * length % span == 0 and number * length >= span:
            return f"{number * length // span}/{unit}", True
    return f"{max(1, number * 3600 // span)}/h", False
