# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Finds reply rules that do nothing or the wrong thing. Pure.

Every pattern that was read is valid in Python and in PCRE, and bounded in time (replies_pattern.py). What is left to
find needs the ISP profiles (a rule for "google" never applies when the profile is called gmail) and a corpus of replies
whose class is known: a rule that matches none of them is dead, one that matches only where an earlier rule decides is
shadowed, and one that decides a reply of another class has stolen it.
"""

from __future__ import annotations

import collections
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from mailfleet import replies
from mailfleet.replies_rules import EVERY, Rule, RuleSet


@dataclass(frozen=True)
class Labelled:
    """A reply of the corpus. `accept` are other classes that are right as well."""

    name: str
    provider: str
    text: str
    cls: str
    accept: frozenset[str]

    def allows(self, cls: str) -> bool:
        return cls == self.cls or cls in self.accept


def corpus(lines: Iterable[str]) -> list[Labelled]:
    """From JSON lines {id, provider, text, class, accept}."""
    replies_read = (json.loads(line) for line in lines if line.strip())
    return [
        Labelled(one["id"], one["provider"], one["text"], one["class"], frozenset(one.get("accept", ())))
        for one in replies_read
    ]


def check(rules: RuleSet, profiles: Collection[str] | None, known: Collection[Labelled]) -> list[str]:
    """One sentence a problem. Without profiles (None) or corpus (empty) what needs them is not checked."""
    problems = [*_repeated(rules)]
    if profiles is not None:
        problems += _unknown_providers(rules, profiles)
    if known:
        problems += _against(rules, known)
    return problems


def _repeated(rules: RuleSet) -> Iterable[str]:
    first: dict[tuple[str, str], str] = {}
    for rule in rules.rules:
        for pattern in rule.patterns:
            for provider in rule.providers:
                other = first.setdefault((provider, pattern.text), rule.name)
                if other != rule.name or pattern != next(
                    (one for one in rule.patterns if one.text == pattern.text), None
                ):
                    yield (
                        f"{rule.name}: the pattern {pattern.text!r} stands already in {other}."
                        " Only the first one counts; remove the other."
                    )


def _unknown_providers(rules: RuleSet, profiles: Collection[str]) -> Iterable[str]:
    used = {provider: rule.name for rule in reversed(rules.rules) for provider in rule.providers if provider != EVERY}
    for provider, where in used.items():
        if provider not in profiles:
            yield (
                f"{where}: there is no ISP profile {provider}, so the rule never applies."
                " Use a name of fleet_isp_profiles."
            )
    for alias, provider in rules.aliases.items():
        if provider not in profiles:
            yield f"alias {alias}: there is no ISP profile {provider}. Use a name of fleet_isp_profiles."
        elif alias in profiles:
            yield f"alias {alias}: an ISP profile has this name, and its own rules would never apply. Remove the alias."


def _against(rules: RuleSet, known: Collection[Labelled]) -> Iterable[str]:
    classify = replies.Classifier(rules)
    won: dict[str, list[Labelled]] = collections.defaultdict(list)
    for reply in known:
        won[classify(reply.provider, reply.text).rule].append(reply)
    folded = [(reply, rules.canonical(reply.provider), replies.fold(reply.text)) for reply in known]
    for rule in rules.rules:
        stolen = [reply for reply in won[rule.name] if not reply.allows(rule.cls)]
        if stolen:
            yield (
                f"{rule.name}: it takes {len(stolen)} replies of another class, first {stolen[0].name}"
                f" ({stolen[0].cls}): {stolen[0].text[:100]!r}. Make its patterns narrower, or move it down."
            )
        if not won[rule.name]:
            yield _idle(rule, classify, folded)


def _idle(rule: Rule, classify: replies.Classifier, folded: list[tuple[Labelled, str, str]]) -> str:
    takers = collections.Counter(
        classify(reply.provider, reply.text).rule
        for reply, provider, text in folded
        if rule.concerns(provider) and any(pattern.found_in(text) for pattern in rule.patterns)
    )
    if not takers:
        return (
            f"{rule.name}: no reply of the corpus matches it. Add the reply that it is for to the corpus, or remove it."
        )
    taker, _count = takers.most_common(1)[0]
    return f"{rule.name}: {taker} comes first wherever it matches. Move it up, or remove it."
