# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Patterns between slashes: where they end, whether PCRE can read them, and whether they lost their backslashes. Pure.

Python's own engine is no judge: PCRE knows more forms. Only what breaks both is refused.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re

_CLOSE = re.compile(r"/(?:[^/\\]|\\.)*/")
_QUANTIFIER = re.compile(r"[*+?]|\{\d+(?:,\d*)?\}")
# One more sign makes a quantifier lazy or possessive; another one behind it has nothing to repeat.
_REPEAT = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})[?+]?")
_SIGN = re.compile(r"[*+?]")
_BOUNDS = re.compile(r"\{(\d{1,9}),(\d{1,9})\}")
_POSIX = re.compile(r"\[[:.=][^\]\[]*[:.=]\]")
_POSIX_NAMES = "alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit"
_UNKNOWN_CLASS = re.compile(rf"\[:\^?(?!(?:{_POSIX_NAMES}):)[a-z]+:\]")
# A range of two plain signs, and signs written by their codes, whose order is not looked at.
_RANGE = re.compile(r"(?<!\\)([A-Za-z0-9])-([A-Za-z0-9])")
_CODED = re.compile(r"\\[xco0-9]")
_LOST_CLASS = re.compile(r"(?<!\\)\[[A-Z]{2,}[0-9]+\](?![*+?{])")
_LOST_DIGIT = re.compile(r"(?<![\\A-Za-z])d\+")


def split(value: str) -> tuple[str, str] | None:
    """The pattern and what follows it, or None when the pattern is not closed."""
    match = _CLOSE.match(value)
    if not match:
        return None
    return value[1 : match.end() - 1], value[match.end() :]


def broken(pattern: str) -> str | None:
    """Why PCRE cannot compile the pattern."""
    depth, place, start = 0, 0, True
    while place < len(pattern):
        char = pattern[place]
        if char == "\\":
            if place + 1 == len(pattern):
                return "it ends with a backslash"
            end = pattern.find("\\E", place) if pattern.startswith("\\Q", place) else place
            place, start = (end + 2 if end >= 0 else len(pattern)), False
        elif char == "[":
            end = _class_end(pattern, place)
            if end < 0:
                return "a [ is not closed; write \\[ for a bracket in the reply"
            problem = _class(pattern[place:end])
            if problem:
                return problem
            place, start = end, False
        elif char == "(":
            # (?...) and (*VERB) are not quantifiers.
            special = pattern[place + 1 : place + 2] in ("?", "*")
            depth, place, start = depth + 1, place + 1 + special, True
        elif char == ")":
            depth, place, start = depth - 1, place + 1, False
            if depth < 0:
                return "a ) has no ( before it; write \\) for a parenthesis in the reply"
        elif _QUANTIFIER.match(pattern, place):
            match = _REPEAT.match(pattern, place)
            problem = _quantifier(match.group(), start or bool(_SIGN.match(pattern, match.end()))) if match else None
            if problem:
                return problem
            place = match.end() if match else place + 1
        else:
            place, start = place + 1, char == "|"
    return "a ( is not closed; write \\( for a parenthesis in the reply" if depth else None


def _quantifier(text: str, nothing: bool) -> str | None:
    if nothing:
        return f"{text} has nothing to repeat"
    bounds = _BOUNDS.match(text)
    return f"the numbers of {text} are out of order" if bounds and int(bounds[1]) > int(bounds[2]) else None


def _class(text: str) -> str | None:
    for first, last in () if _CODED.search(text) else _RANGE.findall(text):
        if first > last:
            return f"the range {first}-{last} in {text[:40]} is out of order"
    unknown = _UNKNOWN_CLASS.search(text)
    return f"{unknown.group()} is no class of PCRE" if unknown else None


def _class_end(pattern: str, start: int) -> int:
    """The place behind the character class that begins here, or -1."""
    place = start + 1
    if pattern[place : place + 1] == "^":
        place += 1
    if pattern[place : place + 1] == "]":
        place += 1
    while place < len(pattern):
        char = pattern[place]
        if char == "]":
            return place + 1
        posix = _POSIX.match(pattern, place) if char == "[" else None
        place = posix.end() if posix else place + (2 if char == "\\" else 1)
    return -1


def lost_backslashes(pattern: str) -> str | None:
    """The part of a pattern that looks as if a shell had eaten its backslashes."""
    match = _LOST_CLASS.search(pattern) or _LOST_DIGIT.search(pattern)
    return match.group() if match else None
