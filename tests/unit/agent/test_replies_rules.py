# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Rule files: reading, laying over, and what the linter finds."""

from __future__ import annotations

from pathlib import Path

import pytest
from mailfleet import replies, replies_lint, replies_rules
from mailfleet.replies_rules import RulesError, overlaid, parse

SHIPPED = parse(
    """
alias google = gmail
[gmail]
rate-limited  gmail-rate -> stop-source
    4\\.7\\.28
[*]
mailbox-full  quota
    over quota
    mailbox full
policy-other  rest
    .
""",
    "shipped",
)


def names(rules: replies_rules.RuleSet, provider: str = "gmail") -> list[str]:
    return [rule.name for rule in rules.for_provider(provider)]


def test_the_providers_rules_come_first() -> None:
    assert names(SHIPPED) == ["gmail-rate", "quota", "rest"]
    assert names(SHIPPED, "yahoo") == ["quota", "rest"]
    assert SHIPPED.canonical("google") == "gmail"
    assert [rule.action for rule in SHIPPED.rules] == ["stop-source", "suppress-if-repeated", "drop"]


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("[*]\nsize  mine\n    huge", ["gmail-rate", "mine", "quota", "rest"]),
        ("[gmail]\nsize  mine\n    huge", ["mine", "gmail-rate", "quota", "rest"]),
        ("[*]\nsize  quota\n    huge", ["gmail-rate", "quota", "rest"]),
        ("drop quota", ["gmail-rate", "rest"]),
        ("# nothing\n\n", ["gmail-rate", "quota", "rest"]),
    ],
)
def test_overlay(user: str, expected: list[str]) -> None:
    assert names(overlaid(SHIPPED, parse(user, "mine"))) == expected


def test_an_overlay_replaces_a_rule_where_it_stands() -> None:
    rules = overlaid(SHIPPED, parse("[*]\nsize  quota\n    huge", "mine"))
    classify = replies.Classifier(rules)
    assert classify("gmail", "552 huge") == ("size", "quota", "drop")
    assert classify("gmail", "552 over quota").rule == "rest"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[*]\nsise  mine\n    a", "f:2: there is no class sise. The classes are: invalid-recipient, "),
        ("[*]\nsize  mine -> stop\n    a", "f:2: there is no action stop. The actions are: suppress, "),
        ("size  mine\n    a", "f:1: the rule mine stands in no section. Write [*] or [PROVIDER ...] above it."),
        ("[*]\nsize  mine", "f:2: the rule mine has no pattern. Write one, indented, below it."),
        ("[*]\nsize  mine\n    (a", "f:3: the pattern '(a' is refused: a group is not closed."),
        ("    a", "f:1: a pattern without a rule. Write its class and name above it."),
        ("what is this", "f:1: 'what is this' is no rule, section, alias, let or drop. Patterns are indented."),
        ("[*]\nsize  a\n    x\nsize  a\n    y", "f:0: the rule a stands twice. Give each its own name."),
    ],
)
def test_refused(text: str, sentence: str) -> None:
    with pytest.raises(RulesError) as error:
        parse(text, "f")
    assert any(problem.startswith(sentence) for problem in error.value.problems), error.value.problems


def test_all_problems_are_named_at_once() -> None:
    with pytest.raises(RulesError) as error:
        parse("[*]\nsise  a\n    (\nsize  b -> no\n    )", "f")
    assert len(error.value.problems) == 4


def test_lists() -> None:
    rules = parse("let who = user|box\nlet who = account\n[*]\nsize  a\n    {who} x{2}", "f")
    assert replies.Classifier(rules)(None, "550 account xx").rule == "a"
    mine = overlaid(rules, parse("[*]\nsize  b\n    {who} y", "mine", rules.lists))
    assert replies.Classifier(mine)(None, "550 box y").rule == "b"
    with pytest.raises(RulesError, match="there is no list who; write `let who = "):
        parse("[*]\nsize  b\n    {who} y", "mine")


def test_dropping_an_unknown_rule() -> None:
    with pytest.raises(RulesError, match=r"^drop quoat: there is no shipped rule of this name\."):
        overlaid(SHIPPED, parse("drop quoat", "mine"))


def test_load(tmp_path: Path) -> None:
    mine = tmp_path / "mine.rules"
    mine.write_text("[gmail]\nsize  mine\n    huge\n", encoding="utf-8")
    assert replies.Classifier(replies_rules.load(mine))("google", "552 huge").rule == "mine"


KNOWN = replies_lint.corpus(
    [
        '{"id": "1", "provider": "google", "text": "421 4.7.28 slow", "class": "rate-limited"}',
        '{"id": "2", "provider": "yahoo", "text": "552 over quota", "class": "mailbox-full"}',
        '{"id": "3", "provider": "yahoo", "text": "552 too large", "class": "size", "accept": ["policy-other"]}',
    ]
)


@pytest.mark.parametrize(
    ("rules", "sentences"),
    [
        ("", []),
        ("[google]\nsize  mine\n    over", ["mine: there is no ISP profile google, so the rule never applies."]),
        ("alias hotmail = outlook", ["alias hotmail: there is no ISP profile outlook."]),
        ("alias yahoo = gmail", ["alias yahoo: an ISP profile has this name"]),
        ("[*]\nsize  mine\n    enormous", ["mine: no reply of the corpus matches it."]),
        (
            "[*]\nmailbox-full  mine\n    quota",
            ["quota: mine comes first wherever it matches. Move it up, or remove it."],
        ),
        ("[*]\nsize  mine\n    quota", ["mine: it takes 1 replies of another class, first 2 (mailbox-full):"]),
        ("[*]\nmailbox-full  mine\n    over quota", ["quota: the pattern 'over quota' stands already in mine."]),
    ],
)
def test_lint(rules: str, sentences: list[str]) -> None:
    problems = replies_lint.check(overlaid(SHIPPED, parse(rules, "mine")), ["gmail", "yahoo"], KNOWN)
    unseen = [one for one in sentences if not any(problem.startswith(one) for problem in problems)]
    # Which others a rule leaves without work is not what this is about.
    assert unseen == []
    assert bool(problems) == bool(sentences)


def test_lint_without_corpus_and_profiles() -> None:
    assert replies_lint.check(SHIPPED, None, []) == []
