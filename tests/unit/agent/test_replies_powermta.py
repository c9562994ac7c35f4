# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The rules as PowerMTA's lists slow down whenever the classifier says so, and seldom otherwise."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest
from mailfleet import replies, replies_lint, replies_postfix, replies_powermta, replies_rules

RULES = replies_rules.load()
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "replies"
KNOWN = [
    reply
    for name in ("corpus.jsonl", "recalled.jsonl")
    for reply in replies_lint.corpus((FIXTURES / name).read_text("utf-8").splitlines())
    if re.match(r"[45]\d\d", reply.text)
]


@functools.cache
def lines(provider: str) -> list[tuple[re.Pattern[str], str]]:
    own = replies_powermta.pattern_list(RULES, provider, recover="1h", reenable="15m")
    found = [re.fullmatch(r"reply /(.*)/ (\S+)", line) for line in own]
    return [(re.compile(match[1], re.IGNORECASE | re.DOTALL), match[2]) for match in found if match]


def actions(reply: replies_lint.Labelled) -> list[str]:
    provider = RULES.canonical(reply.provider)
    return [done for expression, done in (*lines(provider), *lines("*")) if expression.search(reply.text)]


def rule_of(reply: replies_lint.Labelled) -> replies_rules.Rule | None:
    name = replies.classify(reply.provider, reply.text).rule
    return next((rule for rule in RULES.rules if rule.name == name), None)


def is_slower(rule: replies_rules.Rule | None) -> bool:
    return rule is not None and rule.action in {*replies_powermta.SLOWER, "stop-source"}


def test_no_reply_that_asks_for_less_mail_is_missed() -> None:
    asked = [reply for reply in KNOWN if is_slower(rule_of(reply))]
    assert len(asked) > 300
    assert [reply.text for reply in asked if not any("mode=backoff" in done for done in actions(reply))] == []


def test_few_replies_slow_a_queue_without_need() -> None:
    """All lines that match apply, so a rule that decides something harmless hides none behind it."""
    others = [reply for reply in KNOWN if not is_slower(rule_of(reply))]
    slowed = [reply for reply in others if any("mode=backoff" in done for done in actions(reply))]
    assert len(slowed) / len(KNOWN) < 0.06


def test_what_passes_is_kept_although_the_receiver_wrote_5xx() -> None:
    passing = [
        reply
        for reply in KNOWN
        if reply.text.startswith("5") and (rule := rule_of(reply)) and rule.cls in replies_postfix.PASSING
    ]
    assert len(passing) > 30
    assert [reply.text for reply in passing if not any("skip-mx" in done for done in actions(reply))] == []


@pytest.mark.parametrize("provider", ["*", "gmail", "yahoo", "qq"])
def test_every_backoff_and_every_stop_ends(provider: str) -> None:
    for _expression, done in lines(provider):
        assert ("mode=backoff" in done) == ("backoff-to-normal-after=1h" in done)
        assert ("disable-source-ip" in done) == ("reenable-after=15m" in done)


def test_every_class_has_a_category_that_powermta_knows() -> None:
    assert replies_powermta.CATEGORIES.keys() == replies_rules.CLASSES.keys()
    text = replies_powermta.bounce_categories(RULES)
    first = next(
        line.split()[-1] for line in text if re.search(re.sub(r"/ \S+$", "", line)[1:], "550 5.1.1 no such user")
    )
    assert first == "bad-mailbox"


def test_what_would_be_read_otherwise_is_escaped() -> None:
    rules = replies_rules.parse('[*]\npolicy-other  mine -> slow-source\n    rule \\#1 of a/b "c"\n', "mine")
    line = replies_powermta.pattern_list(rules, "*", recover="1h", reenable="15m")[0]
    assert line.startswith(r"reply /rule \x231 of a\/b \x22c\x22/ mode=backoff")
