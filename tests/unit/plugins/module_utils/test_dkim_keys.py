# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_keys import Report, Wanted, plan_keys

KEY = {"domain": "example.com", "selector": "mf1"}


def held(public: str) -> Report:
    return Report(public={"example.com": {"mf1": public}}, orphans={}, exchange="X", pace=1)


def orphan(public: str) -> Report:
    return Report(public={}, orphans={"example.com": {"mf1": public}}, exchange="X", pace=1)


NOTHING = Report(public={}, orphans={}, exchange="X", pace=1)


def wanted(*signers: str) -> list[Wanted]:
    return [Wanted(domain="example.com", pool="campaign", selector="mf1", signers=list(signers))]


def order(recipient: str) -> dict[str, Any]:
    return {recipient: {"exchange": "X", "pairs": [KEY]}}


@pytest.mark.parametrize(
    ("signers", "reports", "public", "make", "seal"),
    [
        # nothing to do
        (["mx1"], {"mx1": held("A")}, "A", {}, {}),
        (["mx1", "mx2"], {"mx1": held("A"), "mx2": held("A")}, "A", {}, {}),
        # one signer makes the key, whatever their order
        (["mx1"], {"mx1": NOTHING}, None, {"mx1": [KEY]}, {}),
        (["mx2", "mx1"], {"mx1": NOTHING, "mx2": NOTHING}, None, {"mx1": [KEY]}, {"mx1": order("mx2")}),
        # who has it shares it
        (["mx1", "mx2"], {"mx1": NOTHING, "mx2": held("A")}, "A", {}, {"mx2": order("mx1")}),
        (["mx1", "mx2", "mx3"], {"mx1": NOTHING, "mx2": held("A"), "mx3": NOTHING}, "A", {},
         {"mx2": {**order("mx1"), **order("mx3")}}),
        # an owner has a silent colleague: what is known is shared all the same
        (["mx1", "mx2", "mx3"], {"mx1": NOTHING, "mx2": held("A")}, "A", {}, {"mx2": order("mx1")}),
        # a public half alone counts for nothing, but gets its private half from a colleague
        (["mx1", "mx2"], {"mx1": orphan("A"), "mx2": held("A")}, "A", {}, {"mx2": order("mx1")}),
        # none of the signers is part of this run
        (["mx1", "mx2"], {"mx9": held("A")}, None, {}, {}),
        ([], {"mx1": held("A")}, None, {}, {}),
    ],
)  # fmt: skip
def test_plan(signers: list[str], reports: dict[str, Report], public: str | None, make: Any, seal: Any) -> None:
    plan = plan_keys(wanted(*signers), reports)
    assert plan.problems == []
    assert plan.public_keys == {"example.com": {"mf1": public}}
    assert (plan.make, plan.seal) == (make, seal)
    assert plan.store == {recipient: {owner: [KEY]} for owner, orders in seal.items() for recipient in orders}
    assert plan.pending == bool(make or seal)


@pytest.mark.parametrize(
    ("signers", "reports", "words"),
    [
        (["mx1", "mx2"], {"mx1": held("A"), "mx2": held("B")}, ["example.com/mf1: mx1 and mx2 hold different keys"]),
        (["mx1", "mx2"], {"mx1": NOTHING}, ["mx2 also signs for it", "without --limit"]),
        (["mx1", "mx2", "mx3"], {"mx1": NOTHING}, ["mx2 and mx3"]),
        (["mx1"], {"mx1": orphan("A")}, ["mx1 has the public half", ".private"]),
    ],
)
def test_refusals(signers: list[str], reports: dict[str, Report], words: list[str]) -> None:
    plan = plan_keys(wanted(*signers), reports)
    assert len(plan.problems) == 1
    assert all(word in plan.problems[0] for word in words)
    assert not plan.pending


def test_selectors_live_side_by_side() -> None:
    report = Report(public={"example.com": {"old": "A", "new": "B"}}, orphans={}, exchange="X", pace=1)
    items = [
        Wanted(domain="example.com", pool="campaign", selector=selector, signers=["mx1"])
        for selector in ("old", "new", "next")
    ]
    plan = plan_keys(items, {"mx1": report})
    assert plan.public_keys == {"example.com": {"old": "A", "new": "B", "next": None}}
    assert plan.make == {"mx1": [{"domain": "example.com", "selector": "next"}]}


def test_all_problems_at_once() -> None:
    items = [Wanted(domain=f"d{number}.example", pool="p", selector="s", signers=["mx1", "mx2"]) for number in range(3)]
    assert len(plan_keys(items, {"mx1": NOTHING}).problems) == 3


def test_the_senders_share_the_work() -> None:
    items = [
        Wanted(domain=f"d{number}.example", pool="p", selector="s", signers=["mx2", "mx1"]) for number in range(100)
    ]
    plan = plan_keys(items, {"mx1": NOTHING, "mx2": NOTHING})
    assert sorted(plan.make) == ["mx1", "mx2"]
    assert all(30 < len(keys) < 70 for keys in plan.make.values())
    assert plan_keys([{**item, "signers": ["mx1", "mx2"]} for item in items], {"mx1": NOTHING, "mx2": NOTHING}) == plan
    plan = plan_keys(items, {"mx1": NOTHING, "mx2": {**NOTHING, "pace": 9}})
    assert 80 < len(plan.make["mx2"]) < 100  # the quicker one makes more
