# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Lines with a pattern between slashes: replies with their actions, pattern lists, bounce categories. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import difflib
import re

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_amounts import (
    duration,
    duration_or_never,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import items
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import ERROR, WARNING, Problem
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_regex import broken, lost_backslashes, split
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_values import (
    Check,
    email,
    header_name,
    wrong,
)

_ACTIONS = ("mode=normal", "mode=backoff", "skip-mx", "bounce-queue", "bounce-rcpt", "disable-source-ip", "defer-queue")
# An action with an interval, and the action that must stand before it.
_TIMED = {"backoff-to-normal-after": "mode=backoff", "reenable-after": "disable-source-ip"}
_CONFLICTS = (("mode=backoff", "mode=normal"), ("skip-mx", "bounce-queue"))
_RESULT = re.compile(r"virtual-mta=[^\s,]+(?:,\s*recipient-priority=\d+)?|recipient-priority=\d+|call-to:[ \t]*[^\s,]+")
# Opens a list of its own where a result belongs.
NESTED = "<pattern-list>"
_ESCAPED_HASH = "\\#"


def _with_pattern(value: str, rest: Check, what: str, warn: bool = False) -> Problem:
    if not value.startswith("/"):
        return ERROR, f'takes a pattern between slashes first, not "{value[:60]}". Write /PATTERN/ {what}.'
    parts = split(value)
    if parts is None:
        return ERROR, "has a pattern whose closing / is missing. Close it; write # as \\x23, for # starts a comment."
    pattern, after = parts
    reason = broken(pattern)
    if reason:
        return ERROR, f"has a pattern that cannot be read: {reason}."
    if not after.strip():
        return ERROR, f"has nothing after its pattern. Write /PATTERN/ {what}."
    problem = rest(after.strip())
    if after[0] not in " \t":
        behind = f'has "{after.split()[0][:40]}" right behind its pattern.'
        if problem:
            return ERROR, f"{behind} Write / in a pattern as \\/."
        return WARNING, f"{behind} Write a blank before it."
    if problem is None and _ESCAPED_HASH in pattern:
        return WARNING, "has \\# in its pattern, and whether # may be quoted is not documented. Write \\x23."
    if problem is None and warn:
        lost = lost_backslashes(pattern)
        if lost:
            return WARNING, f"has {lost} in its pattern, which seems to have lost its backslashes. Write \\[ and \\d."
    return problem


def reply(value: str) -> Problem:
    return _with_pattern(value, actions, "ACTION", warn=True)


def category_line(value: str) -> Problem:
    return _with_pattern(value, _category, "CATEGORY")


def _category(value: str) -> Problem:
    return None if re.fullmatch(r"[\w.-]+", value) else wrong(value, "one category after its pattern")


def pattern_line(value: str) -> Problem:
    return _with_pattern(value, result, "virtual-mta=NAME")


def header_line(value: str) -> Problem:
    name, _blank, rest = value.replace("\t", " ").partition(" ")
    return header_name(name) or _with_pattern(rest.strip(), result, "virtual-mta=NAME")


def result(value: str) -> Problem:
    if value == NESTED or _RESULT.fullmatch(value):
        return None
    if re.fullmatch(r"<(?:pattern-list )?[^<>\s]+>", value):
        return WARNING, f'has the result "{value}". Write call-to: NAME, which all guides show.'
    return wrong(value, "virtual-mta=NAME or call-to: LIST as its result")


def email_or_regex(value: str) -> Problem:
    if not value.startswith("/"):
        return email(value)
    parts = split(value)
    if parts is None or parts[1].strip():
        return ERROR, "has a pattern that is not closed by / at its end. Write / in it as \\/ and # as \\x23."
    reason = broken(parts[0])
    return (ERROR, f"has a pattern that cannot be read: {reason}.") if reason else None


def actions(value: str) -> Problem:
    """The actions of a reply pattern: known, in an order that works, without contradictions."""
    seen: list[str] = []
    for item in items(value):
        name, equals, interval = item.partition("=")
        if name in _TIMED and equals:
            problem = duration_or_never(interval) if name == "backoff-to-normal-after" else duration(interval)
            if problem:
                return problem[0], f"has an action {name} that {problem[1]}"
            if name in seen:
                return ERROR, f"has the action {name} twice. Remove one."
            if _TIMED[name] not in seen:
                return ERROR, f"has the action {name} without {_TIMED[name]} before it. Write {_TIMED[name]},{item}."
            seen.append(name)
            continue
        if item not in _ACTIONS:
            return _unknown_action(item)
        seen.append(item)
    for first, second in _CONFLICTS:
        if first in seen and second in seen:
            return ERROR, f"has both {first} and {second}. Keep one of them."
    if re.search(r"[ \t]", value):
        return WARNING, "has blanks between its actions, and no guide shows them. Write only a comma."
    return None


def _unknown_action(item: str) -> Problem:
    known = (*_ACTIONS, *(f"{name}=INTERVAL" for name in _TIMED))
    if item.lower() in _ACTIONS:
        return (
            WARNING,
            f'has the action "{item}", and no guide says that capitals are understood. Write {item.lower()}.',
        )
    if not item:
        return ERROR, "has a comma without an action. Remove it."
    close = difflib.get_close_matches(item, known, 1, 0.6)
    remedy = f"Did you mean {close[0]}?" if close else f"There are {', '.join(known)}."
    return ERROR, f'has the unknown action "{item}". {remedy}'


def include(value: str) -> Problem:
    if value.endswith("/") and "://" not in value:
        return ERROR, f"names the directory {value}, and takes files. Write {value}*.conf."
    if not value.lower().startswith(("http://", "https://")):
        return wrong(value, "one file, or files by wildcards") if re.search(r"^[,;']|[,;]$", value) else None
    if re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", value, re.IGNORECASE):
        return None
    return ERROR, f'has the address "{value}". Write http[s]://HOST[:PORT]/PATH without user, query or fragment.'


PATTERNED: dict[str, Check] = {
    "reply": reply,
    "pattern-line": pattern_line,
    "header-line": header_line,
    "category-line": category_line,
    "email-or-regex": email_or_regex,
    "include": include,
    "result": result,
}
