# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench of the reply rules: how right they are, how right they would be without the reply in question, how fast.

The rules were written with the corpus in sight. What they are worth on other replies is estimated from below: each
pattern is taken apart into all its wordings ("user unknown|no such user" is two), and a reply is judged only by
wordings that some reply outside its fold (and of the same class) supports. Wordings that nobody in the corpus uses
count for nothing here, though they are there for the replies of tomorrow.
"""

from __future__ import annotations

import collections
import itertools
import random
import re
import resource
import string
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "roles/agent/files"))

from mailfleet import replies, replies_lint, replies_pattern, replies_rules
from mailfleet.replies_pattern import Choice, Node, Repeat, Sequence

FIXTURES = ROOT / "tests/unit/fixtures/replies"
# A wrong answer among these costs a recipient; the first four are about one.
GONE = {"invalid-recipient", "inactive", "domain-not-found"}
ABOUT_RECIPIENT = GONE | {"mailbox-full"}
WORDINGS = 4000
PASSES, COPIES = 3, 40


@dataclass
class Wording:
    cls: str
    general: bool
    order: int
    matched: set[int]
    supporters: set[int]


@dataclass
class Score:
    replies: int = 0
    strict: float = 0
    lenient: float = 0
    live_suppressed: int = 0

    def add(self, reply: replies_lint.Labelled, cls: str) -> None:
        self.replies += 1
        self.strict += cls == reply.cls
        self.lenient += reply.allows(cls)
        self.live_suppressed += cls in GONE and not ABOUT_RECIPIENT & {reply.cls, *reply.accept}

    def row(self, repeats: int = 1) -> dict[str, object]:
        return {
            "strict_percent": round(100 * self.strict / self.replies, 1),
            "lenient_percent": round(100 * self.lenient / self.replies, 1),
            "live_suppressed": round(self.live_suppressed / repeats, 1),
        }


def run() -> dict[str, object]:
    known = _read("corpus.jsonl")
    rules = replies_rules.load()
    classify = replies.Classifier(rules)
    whole = Score()
    for reply in known:
        whole.add(reply, classify(reply.provider, reply.text).cls)
    rate, memory = _speed(classify, known)
    judge = _Judge(rules, known, [*known, *_read("recalled.jsonl")])
    return {
        "rows": {
            "the corpus, as the rules are": whole.row(),
            "without the wordings of each tenth": judge.row(10),
            "without the wordings of each third": judge.row(3),
            "without the wordings of each provider": judge.provider_row(),
        },
        "times_thousand_replies_a_second": rate,
        "memory_mib": memory,
        "floors": {"times_thousand_replies_a_second": 50, "memory_mib": 64},
    }


def _read(name: str) -> list[replies_lint.Labelled]:
    return replies_lint.corpus((FIXTURES / name).read_text("utf-8").splitlines())


class _Judge:
    """Judges the known replies by wordings that any of the others supports."""

    def __init__(
        self,
        rules: replies_rules.RuleSet,
        known: list[replies_lint.Labelled],
        every: list[replies_lint.Labelled],
    ) -> None:
        self.known = known
        self.providers = [rules.canonical(reply.provider) for reply in every]
        texts = [replies.fold(reply.text) for reply in every]
        self.wordings: list[list[Wording]] = [[] for _reply in every]
        for order, rule in enumerate(rules.rules):
            concerned = [index for index, provider in enumerate(self.providers) if rule.concerns(provider)]
            for pattern in rule.patterns:
                where = [index for index in concerned if re.search(replies_pattern.python(pattern.node), texts[index])]
                for wording in _wordings(pattern.node) if where else ():
                    search = re.compile(replies_pattern.python(wording)).search
                    matched = {index for index in where if search(texts[index])}
                    supporters = {index for index in matched if every[index].allows(rule.cls)}
                    entry = Wording(rule.cls, rule.providers == (replies_rules.EVERY,), order, matched, supporters)
                    for index in matched:
                        self.wordings[index].append(entry)
        for entries in self.wordings:
            entries.sort(key=lambda entry: (entry.general, entry.order))

    def row(self, parts: int) -> dict[str, object]:
        score = Score()
        for seed in range(5):
            order = list(range(len(self.known)))
            random.Random(seed).shuffle(order)
            for part in range(parts):
                self._judge(set(order[part::parts]), score)
        return score.row(repeats=5)

    def provider_row(self) -> dict[str, object]:
        folds = collections.defaultdict(set)
        for index, provider in enumerate(self.providers[: len(self.known)]):
            folds[provider].add(index)
        score = Score()
        for fold in folds.values():
            self._judge(fold, score)
        return score.row()

    def _judge(self, fold: set[int], score: Score) -> None:
        for index in fold:
            supported = (entry.cls for entry in self.wordings[index] if entry.supporters - fold)
            score.add(self.known[index], next(supported, replies.NOTHING.cls))


def _wordings(node: Node) -> list[Node]:
    """The pattern without alternatives, once for each way to choose among them."""
    if isinstance(node, Choice):
        return [wording for branch in node.branches for wording in _wordings(branch)]
    if isinstance(node, Repeat) and node.most == 1:
        return [Repeat(body, node.least, node.most, node.source) for body in _wordings(node.body)]
    if isinstance(node, Sequence):
        parts = [_wordings(part) for part in node.parts]
        ways = list(itertools.islice(itertools.product(*parts), WORDINGS + 1))
        return [Sequence(way) for way in ways] if len(ways) <= WORDINGS else [node]
    return [node]


def _speed(classify: replies.Classifier, known: list[replies_lint.Labelled]) -> tuple[float, int]:
    """Thousands of replies in a second of one core, each reply new: other addresses and another queue id."""
    source = random.Random(1)
    best = 0.0
    for _pass in range(PASSES):
        fresh = [(reply.provider, text) for reply in known for text in _varied(reply.text, source)]
        source.shuffle(fresh)
        start = time.process_time()
        for provider, text in fresh:
            classify(provider, text)
        best = max(best, len(fresh) / (time.process_time() - start))
    return round(best / 1000, 1), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _varied(text: str, source: random.Random) -> Iterator[str]:
    for _copy in range(COPIES):
        address = ".".join(str(source.randrange(1, 255)) for _part in range(4))
        token = "".join(source.choices(string.ascii_lowercase + string.digits, k=18))
        yield (
            re.sub(r"\d+\.\d+\.\d+\.\d{2,3}", address, text).replace("example.", f"{token[:6]}.") + f" {token} - gsmtp"
        )
