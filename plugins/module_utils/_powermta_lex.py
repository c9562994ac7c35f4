# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Lines, tags, comments, words and quotes of PowerMTA's configuration language. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

OPEN, CLOSE, SETTING, REGEX, BAD = "open", "close", "setting", "regex", "bad"

_BLANKS = " \t"
# A `#` starts a comment everywhere, also within quotes; only after a backslash it is left to the caller.
_COMMENT = re.compile(r"(?<!\\)#")
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)(?:[ \t]((?:\"(?:\\.|[^\"\\])*\"|[^\">])*))?>")
_WORD = re.compile(r"[^ \t]+")
_ARGUMENT = re.compile(r"\"((?:\\.|[^\"\\])*)\"(?=[ \t]|$)|([^ \t\"][^ \t]*)|(\")")


@dataclass(frozen=True)
class Line:
    """What a line says. For a tag, name and value are the tag and its argument; for BAD, the value is the reason."""

    number: int
    kind: str
    name: str
    value: str
    # The comment began right behind a word, as in `password pa#ss`.
    glued: bool = False
    cut: bool = False

    @property
    def text(self) -> str:
        if self.kind in (OPEN, CLOSE):
            slash = "/" if self.kind == CLOSE else ""
            return f"<{slash}{self.name} {self.value}>" if self.value else f"<{slash}{self.name}>"
        return f"{self.name} {self.value}".strip(_BLANKS)


def read_lines(text: str) -> list[Line]:
    """Every line that says something, with its number."""
    found = []
    for number, raw in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        line = read_line(raw, number)
        if line:
            found.append(line)
    return found


def read_line(raw: str, number: int = 0) -> Line | None:
    comment = _COMMENT.search(raw) if "#" in raw else None
    body = raw[: comment.start()] if comment else raw
    glued = bool(comment) and body[-1:].strip() != ""
    body = body.strip()
    if not body:
        return None
    cut = comment is not None
    if body[0] == "<":
        return _tag(body, number)
    if body[0] == "/":
        return Line(number, REGEX, "", body, glued, cut)
    name, *rest = body.replace("\t", " ").split(" ", 1) if "\t" in body[:64] else body.split(" ", 1)
    value = body[len(name) :].strip(_BLANKS) if rest else ""
    return Line(number, SETTING, name, value, glued, cut)


def _tag(body: str, number: int) -> Line:
    match = _TAG.match(body)
    if not match:
        name = re.sub(r"[<>/].*", "", body[1:].lstrip("/").split(" ")[0])
        what = "the tag is not closed with >" if ">" not in body else "this is not a tag of the form <name argument>"
        return Line(number, BAD, name or body[:20], what)
    slash, name, argument = match.groups()
    if match.end() != len(body):
        return Line(number, BAD, name, "a tag stands alone on its line, and text follows this one")
    return Line(number, CLOSE if slash else OPEN, name, (argument or "").strip(_BLANKS))


def words(value: str) -> list[str] | None:
    """The words of a value; double quotes hold blanks together. None when a quote is not closed."""
    if '"' not in value:
        return _WORD.findall(value)
    found: list[str] = []
    for quoted, plain, stray in _ARGUMENT.findall(value):
        if stray:
            return None
        found.append(plain or unescape(quoted))
    return found


def unescape(quoted: str) -> str:
    return quoted.replace('\\"', '"')


def unquote(value: str) -> str | None:
    """The text of a value that may stand in quotes as a whole. None when the quote is not closed or text follows it."""
    if not value.startswith('"'):
        return value
    match = re.fullmatch(r'"((?:\\.|[^"\\])*)"', value)
    return unescape(match.group(1)) if match else None


def items(value: str) -> list[str]:
    """The parts of a list with commas; blanks round the commas are free."""
    return [part.strip(_BLANKS) for part in value.split(",")]
