# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The reply rules as a file: an ordered list, the shipped one (replies.rules) and the user's over it.

    alias google = gmail          another name of a provider; users of `mailfleet classify` may use either
    let who = user|mailbox        {who} in a pattern is (user|mailbox); a second line adds to the list
    [gmail]                       the providers of the rules that follow; [*] is every receiver
    rate-limited  gmail-rate-ip -> stop-source
        unusual rate .{0,40} ip address
        4\\.7\\.28 .{0,60}netblock

A rule has a class, a name, perhaps an action of its own, and patterns of which one must match. The rules of the
provider are tried in order, then those of every receiver: the first that matches decides. In a user's file a rule with
a shipped name replaces that rule where it stands, `drop NAME` removes it, and other rules go before the shipped ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from mailfleet import replies_pattern

SHIPPED = Path(__file__).with_name("replies.rules")
EVERY = "*"

# What is done about a reply, when its rule says nothing else.
CLASSES = {
    "invalid-recipient": "suppress",
    "inactive": "suppress",
    "mailbox-full": "suppress-if-repeated",
    "domain-not-found": "check-domain",
    "content-spam": "drop",
    "ip-blocked": "stop-source",
    "domain-blocked": "stop-domain",
    "auth-failure": "fix",
    "rate-limited": "slow-source",
    "greylisted": "retry-same-source",
    "connection-limit": "fewer-connections",
    "server-busy": "retry",
    "tls": "fix",
    "size": "drop",
    "relay-denied": "fix",
    "policy-other": "drop",
}
ACTIONS = {
    "suppress": "the recipient is gone: no more mail to it",
    "suppress-if-repeated": "no more mail to the recipient when it stays so for days",
    "check-domain": "no more mail to the domain when the DNS says the same",
    "drop": "this message fails, nothing else changes",
    "fix": "a person repairs our side; sending goes on",
    "retry": "the next attempt at the usual time",
    "retry-same-source": "the next attempt from the same source address",
    "fewer-connections": "fewer connections at a time from this source address to this provider",
    "shorter-sessions": "fewer messages or recipients in a connection",
    "slow-recipient": "only this recipient waits",
    "slow-domain": "the signing domain sends more slowly to this provider",
    "slow-source": "this source address sends more slowly to this provider",
    "stop-domain": "the signing domain stops at this provider, on every source address",
    "stop-source": "this source address stops at this provider",
}
# A refusal that the receiver itself calls temporary never costs a recipient or a message at once.
SOFTENED = {"suppress": "suppress-if-repeated", "check-domain": "retry", "drop": "retry"}

_ALIAS = re.compile(r"alias ([a-z0-9.-]+) = ([a-z0-9-]+)")
_LET = re.compile(r"let ([a-z]+) = (\S.*)")
_LIST = re.compile(r"\{([a-z]+)\}")
_SECTION = re.compile(r"\[([a-z0-9* -]+)\]")
_RULE = re.compile(r"([a-z-]+) +([a-z0-9][a-z0-9-]*)(?: -> ([a-z-]+))?")
_DROP = re.compile(r"drop ([a-z0-9-]+)")


@dataclass(frozen=True)
class Pattern:
    text: str
    node: replies_pattern.Node
    line: int

    def found_in(self, folded: str) -> bool:
        return bool(re.search(replies_pattern.python(self.node), folded))


@dataclass(frozen=True)
class Rule:
    name: str
    cls: str
    action: str
    providers: tuple[str, ...]
    patterns: tuple[Pattern, ...]
    line: int

    def concerns(self, provider: str) -> bool:
        return self.providers == (EVERY,) or provider in self.providers


@dataclass(frozen=True)
class RuleSet:
    rules: tuple[Rule, ...] = ()
    aliases: dict[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    lists: dict[str, str] = field(default_factory=dict)

    def for_provider(self, provider: str) -> list[Rule]:
        """In the order in which they are tried: the provider's own rules come first."""
        own = [rule for rule in self.rules if rule.providers != (EVERY,) and provider in rule.providers]
        return own + [rule for rule in self.rules if rule.providers == (EVERY,)]

    def canonical(self, provider: str) -> str:
        return self.aliases.get(provider, provider)


class RulesError(ValueError):
    """Every problem of a rule file, one a line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def load(overlay: Path | None = None) -> RuleSet:
    """The shipped rules, with the user's file over them."""
    rules = parse(SHIPPED.read_text(encoding="utf-8"), SHIPPED.name)
    if overlay is None:
        return rules
    return overlaid(rules, parse(overlay.read_text(encoding="utf-8"), str(overlay), rules.lists))


def overlaid(shipped: RuleSet, user: RuleSet) -> RuleSet:
    names = {rule.name for rule in shipped.rules}
    unknown = [f"drop {name}: there is no shipped rule of this name." for name in user.dropped if name not in names]
    if unknown:
        raise RulesError(unknown)
    replacements = {rule.name: rule for rule in user.rules if rule.name in names}
    first = tuple(rule for rule in user.rules if rule.name not in names)
    kept = (replacements.get(rule.name, rule) for rule in shipped.rules if rule.name not in user.dropped)
    return RuleSet((*first, *kept), {**shipped.aliases, **user.aliases}, (), shipped.lists)


def parse(text: str, source: str, lists: dict[str, str] | None = None) -> RuleSet:
    """The rules of one file, which may use the lists of another; a RulesError names every line that is wrong."""
    reader = _FileReader(source, lists or {})
    for number, line in enumerate(text.splitlines(), 1):
        reader.line(number, line)
    return reader.result()


class _FileReader:
    def __init__(self, source: str, lists: dict[str, str]) -> None:
        self.source = source
        self.lists = dict(lists)
        self.providers: tuple[str, ...] = ()
        self.rules: list[Rule] = []
        self.aliases: dict[str, str] = {}
        self.dropped: list[str] = []
        self.problems: list[str] = []
        self.refused: set[str] = set()

    def line(self, number: int, line: str) -> None:
        text = line.rstrip()
        if not text or text.lstrip().startswith("#"):
            return
        if text.startswith(" "):
            self._pattern(number, text.strip())
        elif match := _ALIAS.fullmatch(text):
            self.aliases[match[1]] = match[2]
        elif match := _LET.fullmatch(text):
            self.lists[match[1]] = "|".join(filter(None, (self.lists.get(match[1]), match[2])))
        elif match := _SECTION.fullmatch(text):
            self.providers = tuple(match[1].split())
        elif match := _DROP.fullmatch(text):
            self.dropped.append(match[1])
        elif match := _RULE.fullmatch(text):
            self._rule(number, match)
        else:
            self._problem(number, f"{text!r} is no rule, section, alias, let or drop. Patterns are indented.")

    def result(self) -> RuleSet:
        for rule in self.rules:
            if not rule.patterns and rule.name not in self.refused:
                self._problem(rule.line, f"the rule {rule.name} has no pattern. Write one, indented, below it.")
        for name in _repeated(rule.name for rule in self.rules):
            self._problem(0, f"the rule {name} stands twice. Give each its own name.")
        if self.problems:
            raise RulesError(self.problems)
        return RuleSet(tuple(self.rules), self.aliases, tuple(self.dropped), self.lists)

    def _rule(self, number: int, match: re.Match[str]) -> None:
        cls, name, action = match[1], match[2], match[3]
        if cls not in CLASSES:
            self._problem(number, f"there is no class {cls}. The classes are: {', '.join(CLASSES)}.")
        if action and action not in ACTIONS:
            self._problem(number, f"there is no action {action}. The actions are: {', '.join(ACTIONS)}.")
        if not self.providers:
            self._problem(number, f"the rule {name} stands in no section. Write [*] or [PROVIDER ...] above it.")
        self.rules.append(Rule(name, cls, action or CLASSES.get(cls, ""), self.providers, (), number))

    def _pattern(self, number: int, text: str) -> None:
        if not self.rules:
            self._problem(number, "a pattern without a rule. Write its class and name above it.")
            return
        try:
            node = replies_pattern.parse(_LIST.sub(self._list, text))
        except replies_pattern.PatternError as error:
            self._problem(number, f"the pattern {text!r} is refused: {error}.")
            self.refused.add(self.rules[-1].name)
            return
        rule = self.rules[-1]
        self.rules[-1] = replace(rule, patterns=(*rule.patterns, Pattern(text, node, number)))

    def _list(self, match: re.Match[str]) -> str:
        if match[1] not in self.lists:
            raise replies_pattern.PatternError(f"there is no list {match[1]}; write `let {match[1]} = ...` above")
        return f"({self.lists[match[1]]})"

    def _problem(self, number: int, sentence: str) -> None:
        self.problems.append(f"{self.source}:{number}: {sentence}")


def _repeated(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]
