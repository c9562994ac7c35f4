# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Counting: numbers by result and class, reply shapes, latency quantiles."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailfleet.events import Event
from mailfleet.ledger_counts import LATENCY_BOUNDS, SHAPES_PER_ISP, Tally, counts, latency, shape

EVENT = Event(
    1000.0, "deferred", "campaign", "gmail-192-0-2-1", "gmail", "192.0.2.1", "4jX", "example.com", "gmail.com",
    "mx.google.com", "203.0.113.10", 0.2, "4.7.0", "mail", "421 4.7.0 later", "rate-limited", "gmail-rate", "slow",
)  # fmt: skip


def tally(*changes: dict[str, Any]) -> Tally:
    found = Tally()
    for change in changes:
        found.add(EVENT._replace(**change))
    return found


def test_results_and_classes() -> None:
    found = counts(
        [
            ("delivered", "", 90),
            ("deferred", "rate-limited", 7),
            ("deferred", "greylisted", 3),
            ("bounced", "invalid-recipient", 5),
            ("suspended", "", 11),
            ("moved", "rate-limited", 2),
            ("expired", "", 4),
            ("rejected", "", 1),
        ]
    )
    assert (found.attempts, found.delivered, found.deferred, found.bounced, found.expired) == (105, 90, 10, 5, 4)
    assert found.finished == 100
    assert found.deferred_by_class == {"rate-limited": 7, "greylisted": 3}
    assert found.bounced_by_class == {"invalid-recipient": 5}


def test_own_reports_do_not_spoil_an_address() -> None:
    found = tally({"result": "bounced", "domain": ""}, {"result": "delivered", "domain": ""}, {"result": "bounced"})
    assert {key[4]: number for key, number in found.ips.items()} == {"report": 2, "bounced": 1}
    assert {key[2:5]: number for key, number in found.domains.items()} == {
        ("", "gmail", "bounced"): 1,
        ("", "gmail", "delivered"): 1,
        ("example.com", "gmail", "bounced"): 1,
    }
    assert not found.latency
    assert len(found.refusals) == 1


def test_the_latest_refusal_is_kept() -> None:
    found = tally({"time": 2000.0, "reply": "b"}, {"time": 1000.0, "reply": "a"}, {"time": 1500.0, "cls": "tls"})
    assert sorted((refusal.cls, refusal.reply) for refusal in found.refusals.values()) == [
        ("rate-limited", "b"),
        ("tls", "421 4.7.0 later"),
    ]


SHAPES = [
    (
        "421 4.7.0 [TSS04] Messages from 198.51.100.31 temporarily deferred; see https://x.example/codes?id=7",
        "421 4.7.0 # Messages from # temporarily deferred; see https://x.example/codes",
    ),
    ("450 4.2.1 <user1@gmail.com>: too quickly 8f3a2b1c - gsmtp", "450 4.2.1 @ too quickly # - gsmtp"),
    ("552-Requested mail action aborted 552 Quota exceeded", "552-Requested mail action aborted 552 Quota exceeded"),
    ("550-5.1.1 The account 550-5.1.1 is gone", "550-5.1.1 The account 550-5.1.1 is gone"),
]


@pytest.mark.parametrize(("reply", "expected"), SHAPES)
def test_the_shape_of_a_reply(reply: str, expected: str) -> None:
    assert shape(reply) == expected


def test_a_receiver_with_ever_new_words_is_bounded() -> None:
    words = ["".join(random.Random(number).choices("abcdefghij", k=12)) for number in range(300)]
    found = tally(*[{"reply": f"421 {word}"} for word in words], {"reply": "421 often"}, {"reply": "421 often"})
    rows = found.refused_by_shape()
    assert len(rows) == SHAPES_PER_ISP + 1
    assert sum(number for _key, number, _time, _reply in rows) == 302
    assert rows[0][:2] == ((1000 // 300, "gmail", "rate-limited", "gmail-rate", "421 often"), 2)


@pytest.mark.parametrize("bound", [60.0, 120.0, 300.0, 600.0])
def test_service_levels_are_bucket_ends(bound: float) -> None:
    assert bound in LATENCY_BOUNDS


def test_no_messages_have_no_latency() -> None:
    assert latency([]).quantile(0.99) is None


@given(st.lists(st.floats(0, 500_000), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_exact_to_its_bucket(delays: list[float], share: float) -> None:
    found = tally(*[{"result": "delivered", "delay": delay} for delay in delays])
    measured = latency((bucket, number) for (_slot, _pool, bucket), number in found.latency.items())
    assert measured.number == len(delays)
    truth = sorted(delays)[max(0, -int(-len(delays) * share // 1) - 1)]
    quantile = measured.quantile(share)
    assert quantile is not None
    upper = min(bound for bound in (*LATENCY_BOUNDS, 1e9) if bound >= truth)
    lower = max([bound for bound in LATENCY_BOUNDS if bound < truth], default=0.0)
    assert lower <= quantile <= upper or truth > LATENCY_BOUNDS[-1]
