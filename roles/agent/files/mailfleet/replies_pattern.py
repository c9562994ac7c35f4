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

from mailfleet.replies_syntax import (
    TEXT_LIMIT,
    Any,
    Char,
    Choice,
    End,
    Node,
    PatternError,
    Repeat,
    Sequence,
    Start,
    Without,
    read,
)

__all__ = ["TEXT_LIMIT", "Choice", "Node", "PatternError", "Repeat", "Sequence"]

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

# Where a reply has several lines Postfix shows them joined, each with its codes: "... that 550-5.1.1 you ...".
PCRE_SPACE = " (?&j)"
PCRE_JOINT = r"(?(DEFINE)(?<j>(?:[45]\d\d[- ,](?:[45]\.\d+\.\d+ )?)?))"

_PCRE_START = "\\A"
# What classifying masks.
_PCRE_ADDRESS = "<?[^ <>]+@[^ <>]+>?"
# Postfix adds which command was answered.
_PCRE_END = r"(?: \(in reply to [^()]*\))?$"


def parse(pattern: str) -> Node:
    """The pattern's parts, or a PatternError."""
    node = read(pattern)
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
