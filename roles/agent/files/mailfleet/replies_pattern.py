# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The patterns of the reply rules: the part of regular expressions that Python and PCRE read alike.

    abc \\. \\[      characters (lower case: replies are folded before they are matched)
    . \\d \\s \\S \\w \\b    [a-z0-9_] [^ ]    ^ and $ (only at the start and the end of an alternative)
    (one|other)    ?  *  +  {2}  {0,30}    (?!not this)

Reading them ourselves gives four things at once: a pattern that means something else elsewhere is refused, the time of
a match has a bound that is known before, the words without which a pattern cannot match are known (so that most rules
are never tried), and the pattern can be written for a Postfix table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Union

# Longer replies are cut: what decides stands at the start.
TEXT_LIMIT = 1000
# How many ways one start position may be tried; times TEXT_LIMIT this bounds the work for one pattern.
COST_LIMIT = 5000
WORD = 3
# Words of so many replies that they exclude little.
_COMMON = frozenset(
    re.findall(
        "[a-z]+",
        """access account address command connection content domain error from host invalid mail mailbox mailboxes
        message messages more not recipient recipients reject rejected sender sending server service this too user users
        valid with you your""",
    )
)

_CLASSES = {"d": "[0-9]", "s": "[ ]", "S": "[^ ]", "w": "[0-9_a-z]", "b": r"\b"}
_QUANTIFIER = re.compile(r"\{(\d+)(?:(,)(\d*))?\}")
# Where a reply has several lines Postfix shows them joined, each with its codes: "... that 550-5.1.1 you ...".
PCRE_SPACE = " (?&j)"
PCRE_JOINT = r"(?(DEFINE)(?<j>(?:[45]\d\d[- ,](?:[45]\.\d+\.\d+ )?)?))"

_PCRE_START = "\\A"
# What classifying masks.
_PCRE_ADDRESS = "<?[^ <>]+@[^ <>]+>?"
# Postfix adds which command was answered.
_PCRE_END = r"(?: \(in reply to [^()]*\))?$"


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


def parse(pattern: str) -> Node:
    """The pattern's parts, or a PatternError."""
    reader = _Reader(pattern)
    node = reader.choice()
    if reader.peek():
        raise PatternError(") closes no group")
    if cost(node) > COST_LIMIT:
        raise PatternError(f"it may take too long; use .{{0,30}} instead of .* (cost {cost(node)}, limit {COST_LIMIT})")
    return node


def cost(node: Node) -> int:
    """In how many ways a match may be tried from one position."""
    if isinstance(node, Sequence):
        ways = 1
        for part, after in zip(node.parts, (*node.parts[1:], None)):
            ways *= 1 if _one_way(part, after) else cost(part)
        return ways
    if isinstance(node, Choice):
        return _choice_cost(node.branches)
    if isinstance(node, Repeat):
        inside = cost(node.body)
        return int(inside ** min(node.most, 4)) * (node.most - node.least + 1)
    return cost(node.body) if isinstance(node, Without) else 1


def _choice_cost(branches: tuple[Node, ...]) -> int:
    """Only branches of which one's first letters begin the other's can both match."""
    heads = [(_head(branch), cost(branch)) for branch in branches]
    return max(
        sum(ways for other, ways in heads if other.startswith(head) or head.startswith(other)) for head, _ways in heads
    )


def _head(node: Node) -> str:
    """The characters with which every match begins, as far as they are sure."""
    if isinstance(node, Char):
        return node.text
    if isinstance(node, Sequence):
        head = ""
        for part in node.parts:
            if not isinstance(part, Char):
                return head + _head(part)
            head += part.text
        return head
    return ""


def _one_way(node: Node, after: Node | None) -> bool:
    """Characters of one kind, up to a character of another kind: there is nothing to try again."""
    if not isinstance(node, Repeat) or not isinstance(node.body, Any) or node.body.places:
        return False
    return isinstance(after, Char) and not re.fullmatch(node.body.source, after.text)


def words(node: Node) -> frozenset[str] | None:
    """Letters of which at least one group must stand in a reply that matches; None when nothing is sure."""
    best, run = _words(node)
    return _better(best, run)


def _better(one: frozenset[str] | None, other: frozenset[str] | str | None) -> frozenset[str] | None:
    found = frozenset([other] if other else ()) if isinstance(other, str) else other
    if not found or min(map(len, found)) < WORD:
        return one
    if one is None:
        return found
    return max(one, found, key=lambda group: (-len(group & _COMMON), min(map(len, group)), -len(group)))


def _words(node: Node) -> tuple[frozenset[str] | None, str | None]:
    """(the best group, the letters when the node is nothing but letters)"""
    if isinstance(node, Char):
        return (None, node.text) if node.text.isalpha() else (None, None)
    if isinstance(node, Repeat):
        if not node.least:
            return None, None
        best, run = _words(node.body)
        return _better(best, run), None
    if isinstance(node, Choice):
        groups = [words(branch) for branch in node.branches]
        if any(group is None for group in groups):
            return None, None
        return frozenset().union(*(group for group in groups if group)), None
    if isinstance(node, Sequence):
        best, letters = None, ""
        for part in node.parts:
            inner, run = _words(part)
            best = _better(best, inner)
            if run:
                letters += run
            else:
                best, letters = _better(best, letters), ""
        return _better(best, letters), None
    return None, None


def code_class(node: Node) -> str | None:
    """'4' or '5' when the pattern fits only such replies."""
    if isinstance(node, Sequence) and isinstance(node.parts[0], Start) and isinstance(node.parts[1], Char):
        return node.parts[1].text if node.parts[1].text in "45" else None
    return None


def python(node: Node) -> str:
    """For Python's re."""
    return _write(node, " ", "^")


def pcre(node: Node) -> list[str]:
    """For a Postfix pcre table: one expression an alternative, to be tried at the first code of the reply.

    With PCRE_SPACE in it, it needs PCRE_JOINT behind it."""
    branches = node.branches if isinstance(node, Choice) else (node,)
    return [_placed(_write(branch, PCRE_SPACE, _PCRE_START)) for branch in branches]


def _placed(text: str) -> str:
    """From the start of the reply, where the code may be that of a line with lines to follow, or from anywhere."""
    anchored = text.startswith(_PCRE_START)
    expression = text[len(_PCRE_START) :].replace(PCRE_SPACE, "[- ]", 1) if anchored else f".*{text}"
    return re.sub(r"(?<!\\)/", r"\\/", expression.replace("<@>", _PCRE_ADDRESS))


def _write(node: Node, space: str, start: str) -> str:
    if isinstance(node, Char):
        if node.text == " ":
            return space
        return re.escape(node.text) if node.text.isascii() and not node.text.isalnum() else node.text
    if isinstance(node, Any):
        return node.source
    if isinstance(node, Start):
        return start
    if isinstance(node, End):
        return "$" if start == "^" else _PCRE_END
    if isinstance(node, Without):
        return f"(?!{_write(node.body, space, start)})"
    if isinstance(node, Sequence):
        return "".join(_group(part, space, start, choice_only=True) for part in node.parts)
    if isinstance(node, Choice):
        return "|".join(_write(branch, space, start) for branch in node.branches)
    return _group(node.body, space, start, choice_only=False) + node.source


def _group(node: Node, space: str, start: str, *, choice_only: bool) -> str:
    text = _write(node, space, start)
    single = isinstance(node, (Char, Any)) and text != PCRE_SPACE
    if isinstance(node, Choice) or not (choice_only or single):
        return f"(?:{text})"
    return text
