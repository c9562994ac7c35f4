# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What a receiver's reply means: classify("gmail", "550 5.1.1 ...") -> class, rule and action.

A reply is folded first (lower case, accents and continuation codes away, addresses masked, length bounded), then the
provider's rules and the general ones are tried in the order of the rule file. Two thirds of the patterns are never
tried, because a reply lacks the words without which they cannot match.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from mailfleet import replies_pattern, replies_rules
from mailfleet.replies_rules import RuleSet

# Enough for every word a receiver writes; made anew when names and numbers have filled it.
_VOCABULARY_LIMIT = 20_000

_WORDS = re.compile(r"[^\W\d_]{3,}")
_ADDRESS = re.compile(r"<?[^\s<>@]{1,64}@[^\s<>@]{1,255}>?")
_SAID = re.compile(r"^host \S+ (?:said|refused to talk to me): ")
_REPLY_TO = re.compile(r" \(in reply to [^()]*\)\)?,?$")
_QUOTES = str.maketrans("‘’“”–—\xa0", "''\"\"-- ")
_CODE = re.compile(r"[2-5]\d\d")


class Verdict(NamedTuple):
    cls: str
    rule: str
    action: str


class _Provider(NamedTuple):
    """The rules that concern one provider, ready to be tried."""

    tries: list[tuple[Callable[[str], object], Verdict, Verdict]]
    always: int
    words: dict[str, int]
    seen: dict[str, int]


class Classifier:
    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self._providers: dict[str, _Provider] = {}
        self._known = {provider for rule in rules.rules for provider in rule.providers}

    def __call__(self, provider: str | None, text: str | None) -> Verdict:
        """The first rule that fits; the last rules of the file fit every reply."""
        folded = fold(text)
        compiled = self._compiled(provider)
        mask = compiled.always
        seen = compiled.seen
        for word in _WORDS.findall(folded):
            bits = seen.get(word)
            mask |= self._learn(compiled, word) if bits is None else bits
        while mask:
            lowest = mask & -mask
            search, verdict, softened = compiled.tries[lowest.bit_length() - 1]
            if search(folded):
                return softened if folded.startswith("4") else verdict
            mask ^= lowest
        return NOTHING

    def _compiled(self, provider: str | None) -> _Provider:
        name = self.rules.canonical((provider or "").strip().lower())
        if name not in self._known:
            name = replies_rules.EVERY
        compiled = self._providers.get(name)
        if compiled is None:
            compiled = self._providers[name] = _compile(self.rules, name)
        return compiled

    @staticmethod
    def _learn(compiled: _Provider, word: str) -> int:
        if len(compiled.seen) >= _VOCABULARY_LIMIT:
            compiled.seen.clear()
        bits = 0
        for needed, rules in compiled.words.items():
            if needed in word:
                bits |= rules
        compiled.seen[word] = bits
        return bits


NOTHING = Verdict("policy-other", "none", "retry")


def fold(text: str | None) -> str:
    """The reply as the patterns see it: one line, lower case, its first code in front, no addresses."""
    if not text:
        return ""
    reply = text[: 3 * replies_pattern.TEXT_LIMIT]
    if not reply.isascii():
        reply = unicodedata.normalize("NFKD", reply.translate(_QUOTES))
        reply = "".join(char for char in reply if not unicodedata.combining(char))
    reply = " ".join(reply.lower().split())
    if reply.startswith("host "):
        reply = _SAID.sub("", reply, count=1)
    if reply.endswith((")", "),")):
        reply = _REPLY_TO.sub("", reply)
    code = reply[:3]
    if reply.count(code) > 1 and _CODE.fullmatch(code):
        reply = _joined(code, reply)
    if "@" in reply:
        reply = _ADDRESS.sub("<@>", reply)
    return reply[: replies_pattern.TEXT_LIMIT]


def _joined(code: str, reply: str) -> str:
    """Without the codes that continuation lines repeat."""
    first, rest = reply[:4].replace("-", " "), reply[4:]
    return first + re.sub(rf" {code}[- ,](?:[245]\.\d{{1,3}}\.\d{{1,3}} ?)?", " ", rest)


def _compile(rules: RuleSet, provider: str) -> _Provider:
    tries: list[tuple[Callable[[str], object], Verdict, Verdict]] = []
    words: dict[str, int] = {}
    always = 0
    for rule in rules.for_provider(provider):
        verdict = Verdict(rule.cls, rule.name, rule.action)
        softened = verdict._replace(action=replies_rules.SOFTENED.get(rule.action, rule.action))
        for pattern in rule.patterns:
            bit = 1 << len(tries)
            tries.append((re.compile(replies_pattern.python(pattern.node)).search, verdict, softened))
            needed = replies_pattern.words(pattern.node)
            if needed is None:
                always |= bit
            for word in needed or ():
                words[word] = words.get(word, 0) | bit
    return _Provider(tries, always, words, {})


_shipped: list[Classifier] = []


def classify(provider: str | None, text: str | None) -> Verdict:
    """By the shipped rules."""
    if not _shipped:
        _shipped.append(Classifier(replies_rules.load()))
    return _shipped[0](provider, text)
