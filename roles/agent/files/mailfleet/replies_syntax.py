# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The grammar of the reply rules' patterns: what may be written, and the tree it is read into."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Union

# Longer replies are cut: what decides stands at the start.
TEXT_LIMIT = 1000

_CLASSES = {"d": "[0-9]", "s": "[ ]", "S": "[^ ]", "w": "[0-9_a-z]", "b": r"\b"}
_QUANTIFIER = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")


class PatternError(ValueError):
    """One sentence that says what is wrong with a pattern."""


@dataclass(frozen=True)
class Char:
    text: str


@dataclass(frozen=True)
class Any:
    """One of several characters, or a place (\\b), as both engines write it."""

    source: str
    places: bool = False


@dataclass(frozen=True)
class Start:
    """The start of the reply."""


@dataclass(frozen=True)
class End:
    """The end of the reply."""


@dataclass(frozen=True)
class Without:
    """(?!...)"""

    body: Node


@dataclass(frozen=True)
class Sequence:
    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice:
    branches: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat:
    body: Node
    least: int
    most: int
    source: str


Node = Union[Char, Any, Start, End, Without, Sequence, Choice, Repeat]


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        self.at += 1
        return self.text[self.at - 1]

    def choice(self) -> Node:
        branches = [self.sequence()]
        while self.peek() == "|":
            self.take()
            branches.append(self.sequence())
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def sequence(self) -> Node:
        parts: list[Node] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.repeat(self.atom(not parts)))
        if not parts:
            raise PatternError("an alternative is empty")
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def atom(self, first: bool) -> Node:
        char = self.take()
        if char == "(":
            return self.group()
        if char == "[":
            return self.set()
        if char == "\\":
            return self.escape()
        if char == ".":
            return Any(".")
        if char == "^":
            if not first or self.depth:
                raise PatternError("^ stands inside; write \\^ for the character")
            return Start()
        if char == "$" and self.peek() in ("", "|", ")"):
            return End()
        if char in "?*+{}]$":
            raise PatternError(f"{char} stands alone; write \\{char} for the character")
        if char != char.lower() or ord(char) < 32:
            raise PatternError(f"{char!r} never occurs: replies are matched in lower case")
        return Char(char)

    def group(self) -> Node:
        without = self.text.startswith("?!", self.at)
        if without:
            self.at += 2
        elif self.peek() == "?":
            raise PatternError("only ( and (?! open a group")
        self.depth += 1
        body = self.choice()
        self.depth -= 1
        if self.peek() != ")":
            raise PatternError("a group is not closed")
        self.take()
        return Without(body) if without else body

    def set(self) -> Node:
        match = re.compile(r"\^?(?:[a-z0-9_ .,:;/=#<>@-]|\\[\\\]\[^.-])+\]").match(self.text, self.at)
        if not match or re.search(r"[^\\]\[", match.group()):
            raise PatternError("a set [...] has something else than lower-case characters, digits and escapes")
        if re.fullmatch(r"[a-z]{2,}\d+\]", match.group()):
            raise PatternError(f"[{match.group()} is a set of characters; write \\[ for a bracket")
        self.at = match.end()
        return Any("[" + match.group())

    def escape(self) -> Node:
        char = self.peek()
        if not char:
            raise PatternError("a backslash ends the pattern")
        self.take()
        if char in _CLASSES:
            return Any(_CLASSES[char], places=char == "b")
        if char.isalnum():
            raise PatternError(f"\\{char} is not common to Python and PCRE")
        if char == "\\":
            raise PatternError("a doubled backslash matches a backslash, which no reply has")
        return Char(char)

    def repeat(self, node: Node) -> Node:
        start = self.at
        char = self.peek()
        if char in ("?", "*", "+") and char:
            self.take()
            least, most = {"?": (0, 1), "*": (0, TEXT_LIMIT), "+": (1, TEXT_LIMIT)}[char]
        else:
            match = _QUANTIFIER.match(self.text, self.at)
            if not match:
                return node
            self.at = match.end()
            least = int(match[1])
            most = int(match[3] or TEXT_LIMIT) if match[2] else least
        if isinstance(node, (Start, End, Without)) or (isinstance(node, Any) and node.places):
            raise PatternError("a place cannot be repeated")
        if self.peek() in ("?", "+", "*") and self.peek():
            raise PatternError("two quantifiers follow each other")
        return Repeat(node, least, most, self.text[start : self.at])


def read(pattern: str) -> Node:
    """The pattern's parts, or a PatternError."""
    reader = _Reader(pattern)
    node = reader.choice()
    if reader.peek():
        raise PatternError(") closes no group")
    return node
