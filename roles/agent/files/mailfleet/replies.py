# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What a receiver's reply means: classify("gmail", "550 5.1.1 ...") -> class, rule and action.

A reply is folded first: lower case, accents and continuation codes away, addresses and ids masked, length bounded. What
is folded alike is judged once and remembered. Else the provider's rules and the general ones are tried in the order of
the rule file; most patterns never are, because the reply lacks the words without which they cannot match.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import NamedTuple

from mailfleet import replies_pattern, replies_rules
from mailfleet.replies_rules import Pattern, RuleSet

# Enough for every word that a provider's replies have in common; made anew when names have filled it.
_VOCABULARY_LIMIT = 2000
# Of one provider; its replies are a few hundred.
_MEMORY = 1000

_WORDS = re.compile(r"[^\W\d_]{3,}")
# What makes every reply another one: queue ids and source addresses.
_TOKEN = re.compile(r"\b(?=[a-z_=-]*\d)[a-z0-9_=-]{12,}")
_IP = re.compile(r"\d+\.\d+\.\d+\.\d+")
_ADDRESS = re.compile(r"<?[^\s<>@]{1,64}@[^\s<>@:;,]{1,255}>?")
_SAID = re.compile(r"^host \S+ (?:said|refused to talk to me): ")
_REPLY_TO = re.compile(r" \(in reply to [^()]*\)\)?,?$")
_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014\xa0", "''\"\"-- ")
# What a reply may begin with; anything else than a code is a diagnostic of our own MTA.
_FIRST = ("4", "5", "")
_CODE = re.compile(r"[2-5]\d\d")


class Verdict(NamedTuple):
    cls: str
    rule: str
    action: str


class _Compiled(NamedTuple):
    search: Callable[[str], object]
    words: frozenset[str] | None
    only: str | None


class _Words(dict[str, int]):
    """Which patterns a word of a reply calls for: those whose own word stands in it."""

    def __init__(self, needed: dict[str, int]) -> None:
        super().__init__()
        self._needed: dict[str, list[tuple[str, int]]] = {}
        for word, patterns in needed.items():
            self._needed.setdefault(word[: replies_pattern.WORD], []).append((word, patterns))

    def __missing__(self, word: str) -> int:
        if len(self) >= _VOCABULARY_LIMIT:
            self.clear()
        bits = 0
        for start in range(len(word) - replies_pattern.WORD + 1):
            for needed, patterns in self._needed.get(word[start : start + replies_pattern.WORD], ()):
                if word.startswith(needed, start):
                    bits |= patterns
        self[word] = bits
        return bits


class _Provider(NamedTuple):
    """The rules that concern one provider, ready to be tried. Sets of patterns are the bits of a number."""

    tries: list[tuple[Callable[[str], object], Verdict, Verdict]]
    # Patterns without a sure word, by the first digit of the code.
    always: dict[str, int]
    words: _Words
    judged: dict[str, Verdict]


class Classifier:
    def __init__(self, rules: RuleSet) -> None:
        self.rules = rules
        self._providers: dict[str, _Provider] = {}
        self._patterns: dict[Pattern, _Compiled] = {}
        self._known = {provider for rule in rules.rules for provider in rule.providers}

    def __call__(self, provider: str | None, text: str | None) -> Verdict:
        """The first rule that fits; the last rules of the file fit every reply."""
        folded = fold(text)
        compiled = self._rules_for(provider)
        verdict = compiled.judged.get(folded)
        if verdict is None:
            if len(compiled.judged) >= _MEMORY:
                compiled.judged.clear()
            verdict = compiled.judged[folded] = self._judge(compiled, folded)
        return verdict

    @staticmethod
    def _judge(compiled: _Provider, folded: str) -> Verdict:
        first = folded[:1] if folded.startswith(("4", "5")) else ""
        mask = reduce(or_, map(compiled.words.__getitem__, _WORDS.findall(folded)), compiled.always[first])
        while mask:
            lowest = mask & -mask
            search, verdict, softened = compiled.tries[lowest.bit_length() - 1]
            if search(folded):
                return softened if first == "4" else verdict
            mask ^= lowest
        return NOTHING

    def _rules_for(self, provider: str | None) -> _Provider:
        name = self.rules.canonical((provider or "").strip().lower())
        if name not in self._known:
            name = replies_rules.EVERY
        found = self._providers.get(name)
        if found is None:
            found = self._providers[name] = self._compile(name)
        return found

    def _compile(self, provider: str) -> _Provider:
        tries: list[tuple[Callable[[str], object], Verdict, Verdict]] = []
        always = dict.fromkeys(_FIRST, 0)
        needed: dict[str, int] = {}
        for rule in self.rules.for_provider(provider):
            verdict = Verdict(rule.cls, rule.name, rule.action)
            softened = verdict._replace(action=replies_rules.SOFTENED.get(rule.action, rule.action))
            for pattern in rule.patterns:
                compiled = self._patterns.get(pattern) or self._patterns.setdefault(pattern, _compiled(pattern))
                bit = 1 << len(tries)
                tries.append((compiled.search, verdict, softened))
                for word in compiled.words or ():
                    needed[word] = needed.get(word, 0) | bit
                if compiled.words is None:
                    for first in [compiled.only] if compiled.only else _FIRST:
                        always[first] |= bit
        return _Provider(tries, always, _Words(needed), {})


def _compiled(pattern: Pattern) -> _Compiled:
    node = pattern.node
    search = re.compile(replies_pattern.python(node)).search
    return _Compiled(search, replies_pattern.words(node), replies_pattern.code_class(node))


# For a reply that says nothing at all.
NOTHING = Verdict("server-busy", "none", "retry")


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
    if reply[3:4] in ("-", " ") and _CODE.fullmatch(code) and (reply[3] == "-" or reply.count(code) > 1):
        reply = _joined(code, reply)
    if "@" in reply:
        reply = _ADDRESS.sub("<@>", reply)
    return _IP.sub("0.0.0.0", _TOKEN.sub("#", reply[: replies_pattern.TEXT_LIMIT]))


def _joined(code: str, reply: str) -> str:
    """Without the codes that continuation lines repeat, or a relay before the reply that it quotes."""
    while reply.startswith(f"{code} ", 4):
        reply = reply[4:]
    return f"{code} " + re.sub(rf" {code}[- ,](?:[245]\.\d{{1,3}}\.\d{{1,3}} ?)?", " ", reply[4:])


_shipped: list[Classifier] = []


def classify(provider: str | None, text: str | None) -> Verdict:
    """By the shipped rules."""
    if not _shipped:
        _shipped.append(Classifier(replies_rules.load()))
    return _shipped[0](provider, text)
