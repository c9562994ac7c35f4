# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading values of an inventory: each read gives a usable value and leaves a Problem when the input was not.

Private to the collection.
"""

from __future__ import annotations

import dataclasses
import datetime
import re
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils._names import did_you_mean

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])\Z")
_MISSING = object()
T = t.TypeVar("T")


@dataclasses.dataclass(frozen=True, order=True)
class Problem:
    """One defect of the inventory: where it is, what is wrong, what to do."""

    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message} {self.remedy}"

    def as_dict(self) -> dict[str, str]:
        return {"path": self.path, "message": self.message, "remedy": self.remedy}


def shown(value: object) -> str:
    """A short picture of a value for a message; never fails, whatever the value is."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "empty"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else "a huge number"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"of type {type(value).__name__}"


class Node:
    """A value of the inventory with its path."""

    __slots__ = ("path", "problems", "value")

    def __init__(self, path: str, value: object, problems: list[Problem]) -> None:
        self.path = path
        self.value = value
        self.problems = problems

    def report(self, message: str, remedy: str) -> None:
        self.problems.append(Problem(self.path, message, remedy))

    @property
    def absent(self) -> bool:
        """Nothing was written, or only the key."""
        return self.value is _MISSING or self.value is None

    def field(self, name: str) -> Node:
        value = self.value.get(name, _MISSING) if isinstance(self.value, dict) else _MISSING
        return Node(f"{self.path}.{name}", value, self.problems)

    def record(self, known: t.Iterable[str]) -> bool:
        """Is this a mapping (or nothing)? Reports keys that are not known."""
        if self.absent:
            return True
        if not isinstance(self.value, dict):
            self.report(f"is {shown(self.value)}, not a mapping.", f"Write it with the keys {', '.join(known)}.")
            return False
        for key in self.value:
            if key not in known:
                self._unknown(key, known)
        return True

    def _unknown(self, key: object, known: t.Iterable[str]) -> None:
        if not isinstance(key, str):
            self.report(f"has the key {shown(key)}, which is not text.", f"Known keys: {', '.join(known)}.")
            return
        near = did_you_mean(key, known)
        remedy = f"Did you mean '{near}'?" if near else f"Known keys: {', '.join(known)}."
        self.field(_short(key)).report("is not a known key.", remedy)

    def entries(self) -> list[tuple[str, Node]]:
        """The entries of a mapping that is keyed by name."""
        if self.absent:
            return []
        if not isinstance(self.value, dict):
            self.report(f"is {shown(self.value)}, not a mapping.", "Write one entry a name, as 'name: {...}'.")
            return []
        found = []
        for key, value in self.value.items():
            if isinstance(key, str):
                found.append((key, Node(f"{self.path}.{_short(key)}", value, self.problems)))
            else:
                self.report(f"has the name {shown(key)}, which is not text.", "Put the name in quotes.")
        return found

    def elements(self) -> list[Node]:
        if self.absent:
            return []
        if not isinstance(self.value, list):
            self.report(f"is {shown(self.value)}, not a list.", "Write it as a list, one element a line.")
            return []
        return [Node(f"{self.path}[{index}]", value, self.problems) for index, value in enumerate(self.value)]

    def text(self, default: str = "") -> str:
        if self.absent:
            return default
        if isinstance(self.value, str):
            return self.value
        self.report(f"is {shown(self.value)}, not text.", "Write text; put it in quotes if it looks like a number.")
        return default

    def required_text(self, remedy: str) -> str:
        if self.absent or self.value == "":
            self.report("is missing.", remedy)
            return ""
        return self.text()

    def integer(self, default: int, low: int, high: int) -> int:
        if self.absent:
            return default
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.report(f"is {shown(self.value)}, not a whole number.", f"Write a number from {low} to {high}.")
        elif not low <= self.value <= high:
            self.report(f"is {shown(self.value)}.", f"Write a number from {low} to {high}.")
        else:
            return self.value
        return default

    def boolean(self, default: bool) -> bool:
        if self.absent:
            return default
        if not isinstance(self.value, bool):
            self.report(f"is {shown(self.value)}.", "Write true or false.")
            return default
        return self.value

    def choice(self, choices: t.Iterable[str], default: str) -> str:
        if self.absent:
            return default
        if not isinstance(self.value, str) or self.value not in choices:
            near = did_you_mean(self.value, choices) if isinstance(self.value, str) else ""
            hint = f" Did you mean '{near}'?" if near else ""
            self.report(f"is {shown(self.value)}.", f"Name one of: {', '.join(choices)}.{hint}")
            return default
        return self.value

    def parsed(self, parse: t.Callable[[str], T], default: T, remedy: str) -> T:
        """Text read by a function that raises ValueError with the fault as half a sentence."""
        text = self.text()
        if not text and (self.absent or not isinstance(self.value, str)):
            return default
        try:
            return parse(text)
        except ValueError as fault:
            self.report(f"{shown(text)} {fault}.", remedy)
            return default

    def duration(self, default: str, low: str, high: str) -> str:
        """A time such as 90s, 15m or 2h in its one spelling."""
        remedy = f"Write a number and its unit, such as 90s, 15m or 2h, from {low} to {high}."
        if self.absent:
            return default
        seconds = _seconds(self.value) if isinstance(self.value, str) else 0
        if not seconds:
            self.report(f"is {shown(self.value)}, not a time.", remedy)
        elif not _seconds(low) <= seconds <= _seconds(high):
            self.report(f"is {shown(self.value)}.", remedy)
        else:
            return next(f"{seconds // size}{unit}" for unit, size in _LARGEST_FIRST if seconds % size == 0)
        return default

    def date(self) -> str:
        """A day as YYYY-MM-DD; YAML has already read it when it was written without quotes."""
        value = self.value
        if isinstance(value, datetime.date):
            return value.isoformat()[:10]
        try:
            if isinstance(value, str) and len(value) == 10:
                return datetime.date.fromisoformat(value).isoformat()
        except ValueError:
            pass
        self.report(f"is {shown(value) if not self.absent else 'missing'}.", "Write a day that exists, as 2026-11-21.")
        return ""


_LARGEST_FIRST = tuple((unit, size) for unit, size in sorted(_SECONDS.items(), key=lambda item: -item[1]))


def _seconds(text: str) -> int:
    match = _DURATION.match(text)
    return int(match.group(1)) * _SECONDS[match.group(2)] if match else 0


def _short(key: str) -> str:
    """A key for a path: one line, not endless."""
    line = "".join(char if char.isprintable() else "?" for char in key[:80])
    return line + ("..." if len(key) > 80 else "") or "''"
