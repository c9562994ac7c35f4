# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What a receiver's reply means: actions of smtp-pattern-lists, bounce categories, status codes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import items
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_regex import split

from .values import pattern

_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")
# RFC 3463, as far as receivers of the lab use it.
_MEANINGS = {
    "0.0": "undefined status", "1.0": "other address status", "1.1": "bad destination mailbox address",
    "1.2": "bad destination system address", "1.3": "bad destination mailbox address syntax",
    "1.8": "bad sender's system address", "2.0": "other or undefined mailbox status", "2.1": "mailbox disabled",
    "2.2": "mailbox full", "2.3": "message length exceeds limit", "3.2": "system not accepting network messages",
    "4.1": "no answer from host", "4.2": "bad connection", "4.4": "unable to route", "4.7": "delivery time expired",
    "5.0": "other or undefined protocol status", "5.3": "too many recipients", "6.0": "other or undefined media error",
    "7.0": "other or undefined security status", "7.1": "delivery not authorized",
}  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """A receiver's answer: its code and its lines as one text."""

    code: int
    text: str

    @property
    def full(self) -> str:
        return f"{self.code} {self.text}".strip()

    @property
    def good(self) -> bool:
        return 200 <= self.code < 400

    @property
    def permanent(self) -> bool:
        return self.code >= 500

    @property
    def status(self) -> str:
        """The enhanced status code with its meaning, as accounting has it."""
        found = _STATUS.match(self.text)
        return status(found.group() if found else f"{self.code // 100}.0.0")


def status(code: str) -> str:
    meaning = "success" if code == "2.0.0" else _MEANINGS.get(code[2:], "undefined status")
    return f"{code} ({meaning})"


@dataclass(frozen=True)
class Rule:
    pattern: re.Pattern[str]
    actions: tuple[str, ...]


def read(block: Block) -> list[Rule]:
    found = []
    for setting in block.of("reply"):
        expression, actions = split(setting.value) or ("", "")
        found.append(Rule(pattern(expression), tuple(items(actions.strip()))))
    return found


def actions(rules: Iterable[Rule], text: str) -> dict[str, str]:
    """The actions of all rules that match, by name; of those that contradict each other, the first."""
    chosen: dict[str, str] = {}
    for rule in rules:
        if rule.pattern.search(text):
            for action in rule.actions:
                name, _equals, value = action.partition("=")
                chosen.setdefault(name, value)
    return chosen


def category(line: str) -> tuple[re.Pattern[str], str]:
    expression, name = split(line) or ("", "")
    return pattern(expression), name.strip()


def bounce_category(categories: Sequence[tuple[re.Pattern[str], str]], diagnosis: str, code: str) -> str:
    """The first category whose pattern is found in the status with its text, or in the reply."""
    for expression, name in categories:
        if expression.search(diagnosis) or expression.search(code):
            return name
    return "other"
