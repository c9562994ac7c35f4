# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""One line against the table: is the directive known here, in this version, and does its value fit? Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_facts as facts
from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_table as table
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import Line, unquote, words
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import ERROR, WARNING, Problem
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_patterns import PATTERNED
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_types import ONE_WORD

_KEYED = re.compile(r"([a-z0-9.-]+)\s*[=:]\s*\S*")

_NEVER_EMPTY = frozenset(facts.NEVER_EMPTY.split())
_PASTED = "\u201c\u201d\u201e\u2018\u2019\u00ab"
# Kinds in whose values a double quote may stand alone.
_FREE = frozenset(("string", "secret", "command", *PATTERNED)) - {"include"}
# A command in quotes with pairs of quotes in it, as in "/bin/x --from=""$from""".
_QUOTED_INSIDE = re.compile(r'"(?:[^"\\]|\\.)*(?:"(?:[^"\\]|\\.)*"(?:[^"\\]|\\.)*)+"')


def unknown(line: Line, scope: str, version: tuple[int, int, int], suggest: bool = True) -> tuple[str, str]:
    """Why a directive is not understood here. Sentences begin with a capital: they are whole."""
    name, lower = line.name, line.name.lower()
    level = ERROR if version <= (5, 0, 99) else WARNING
    where = table.place(scope)
    if not name.isascii() and re.search(r"\s|\ufeff|[\u200b-\u200f]", name):
        return (
            ERROR,
            f'"{name.split()[0]}" is followed by a special blank, as pasted pages have. Write a plain one.',
        )
    if "{" in (name[-1:], line.value[-1:]) or name == "}":
        return ERROR, "PowerMTA has no blocks in braces. Write <tag argument> and </tag> on lines of their own."
    advice = facts.INVENTED.get(lower) or facts.INVENTED.get(f"{scope}/{lower}")
    if advice:
        return ERROR, f'"{name}" is not a directive of {where}. Remedy: {advice}.'
    scopes = table.scopes_of(lower)
    if scopes:
        places = " or ".join(table.place(other) for other in scopes[:3])
        return ERROR, f'"{name}" does not belong into {where}. Move it to {places}.'
    if lower in facts.BLOCKS:
        return ERROR, f'"{name}" is a block. Write <{lower} ...> and </{lower}> on lines of their own.'
    keyed = _KEYED.fullmatch(lower)
    if keyed and table.scopes_of(keyed[1]):
        return ERROR, f'"{name}" is not a directive. Write {keyed[1]}, a blank and the value.'
    meant = facts.MEANT.get(lower) or (table.similar(lower, scope) if suggest else None)
    newer = "" if level == ERROR else " up to 5.0, and newer versions may have it"
    remedy = f"Did you mean {meant}?" if meant else "Remove the line or look its name up in the user guide."
    return level, f'"{name}" is not a directive of PowerMTA{newer}. {remedy}'


def problems(directive: table.Directive, line: Line, version: tuple[int, int, int]) -> Iterator[tuple[str, str]]:
    """Everything that is wrong with a line whose directive is known."""
    if line.name != line.name.lower():
        yield WARNING, f"is written with capitals, and no guide allows them. Write {directive.name}."
    yield from _age(directive, version)
    if directive.seen_only:
        yield WARNING, "is in no guide for 5.0, but servers have it. Remove it unless your version knows it."
    elif directive.deprecated is not None:
        instead = directive.deprecated
        yield WARNING, f"is deprecated. Use {instead}." if instead else "is deprecated. Remove it."
    if directive.name == "always-allow-relaying" and directive.scope == "global":
        yield WARNING, "is documented for <source> only. Move it into a <source>."
    if directive.name.endswith("allow-sslv3") and version >= (5, 0, 8):
        yield WARNING, "is no longer valid in late releases of 5.0. Remove it."
    if "rate" in directive.kind and version < (5, 0, 0) and re.search(r"/[0-9]+[a-z]+$", line.value):
        yield ERROR, "takes an interval of several units, as in 5/10m, only since 5.0. Write the amount in one unit."
    if directive.kind == "include" and line.value.lower().startswith("http") and version < (5, 0, 8):
        yield ERROR, "takes an address on the web only since a later release of 5.0. Include a file."
    problem = check_value(directive, line)
    if problem:
        yield problem


def _age(directive: table.Directive, version: tuple[int, int, int]) -> Iterator[tuple[str, str]]:
    if directive.since <= version:
        return
    if version > (5, 0, 1):
        yield WARNING, "came with a release of 5.0 after r1 that is not known. Try it before you rely on it."
    else:
        name = "a later release of 5.0" if directive.since > (5, 0, 1) else f"{directive.since[0]}.{directive.since[1]}"
        yield ERROR, f"is unknown to this version; it came with {name}. Remove it, or check with --version 5.0."


def check_value(directive: table.Directive, line: Line) -> Problem:
    value = line.value
    if not value:
        hint = " What follows # is a comment." if line.cut else ""
        return ERROR, f"has no value.{hint} Write one behind it on the same line."
    if directive.kind == "secret" and line.glued:
        return ERROR, "is cut by #, which starts a comment even inside a word. Choose a secret without #."
    if value[0] in _PASTED:
        return ERROR, f"has the quote {value[0]}, as pasted pages have. Write plain double quotes."
    if value.count('"') % 2 and directive.kind not in _FREE and not (directive.quotes and value.startswith('"')):
        return (
            ERROR,
            "has a quote without its other one. Double quotes stand in pairs; # starts a comment even in them.",
        )
    if directive.quotes:
        text = unquote(value) if not (directive.kind == "command" and not value.startswith('"')) else value
        if text is None and directive.kind == "command" and _QUOTED_INSIDE.fullmatch(value):
            return WARNING, 'has quotes within its quotes. Write \\" for them.'
        if text is None:
            return ERROR, "has a quote that is not closed, or text behind it. # starts a comment even in quotes."
        if not text and directive.kind in _NEVER_EMPTY:
            return ERROR, 'cannot be empty. "" empties only texts, names and lists.'
        single = directive.kind in ONE_WORD or directive.kind == "include"
        if text == value and single and re.search(r"(?<!\\)[ \t]", value):
            return ERROR, f'takes one value, not "{value[:60]}". {_one_of(directive, value)}'
        value = text
    return _limits(directive, value) or (directive.check(value) if value or directive.kind == "include" else None)


def _one_of(directive: table.Directive, value: str) -> str:
    """What to do about a value with blanks in it."""
    if directive.kind in ("path", "include"):
        return "Put the whole into double quotes."
    joined = re.sub(r"[ \t]+", "", value)
    if re.search("duration|rate|size", directive.kind) and directive.check(joined) is None:
        return f"Write {joined}."
    return "Write a line for each." if directive.repeatable else f"Keep {(words(value) or [value])[0].rstrip(',;')}."


def _limits(directive: table.Directive, value: str) -> Problem:
    if directive.values:
        word = value.split()[0] if value.split() else value
        if directive.kind == "enum-then-optional-string":
            keyed, count = word.startswith(("siphash", "hmac")), len(words(value) or [])
            # redact may be followed by what stands in place of the address.
            if word in directive.values and not (count == 1 + keyed or (word == "redact" and count == 2)):
                return ERROR, f"takes {word} {'and a key' if keyed else 'alone'}."
            return None if word in directive.values else _choice(directive, word)
        return None if value in directive.values else _choice(directive, value)
    if directive.range and value.isascii() and value.isdigit():
        low, high = directive.range
        if len(value) > 9 or not low <= int(value) <= high:
            level = WARNING if directive.name == "edns-udp-length" else ERROR
            return level, f"takes a number from {low} to {high}, not {value}."
    if directive.pattern and not re.match(directive.pattern, value):
        return ERROR, f'has the key "{value[:8]}...", which is not of the form {directive.pattern.strip("^$")}.'
    if directive.name == "max-smtp-out" and value == "unlimited" and directive.scope == "domain":
        return ERROR, "takes a whole number in <domain>; unlimited is not documented here. Write a number such as 20."
    if directive.name == "max-smtp-out" and value == "0" and directive.scope == "domain":
        return WARNING, "is 0, which is not documented to mean unlimited. Write a number such as 20."
    if directive.name == "max-size" and value.lower() in ("0", "0b", "0k", "0m"):
        return ERROR, "takes 1M or more."
    return None


def _choice(directive: table.Directive, value: str) -> Problem:
    if value.lower() in directive.values:
        return WARNING, f'has "{value}", and no guide says that capitals are understood. Write {value.lower()}.'
    close = difflib.get_close_matches(value, directive.values, 1, 0.6)
    remedy = f"Did you mean {close[0]}?" if close else f"Write {', '.join(directive.values)}."
    return ERROR, f'has the unknown value "{value[:60]}". {remedy}'
