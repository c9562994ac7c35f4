# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the calendar allows an address that warms up."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils._warmup import PLANS, ceiling, starts

START = "2026-11-23"
WARMUP = {"plan": "six-weeks", "start": START}
DAYS = st.dates(datetime.date(2020, 1, 1), datetime.date(2040, 1, 1))


def on(day: int) -> str:
    """The first day of the plan is 1."""
    return (datetime.date.fromisoformat(START) + datetime.timedelta(days=day - 1)).isoformat()


@pytest.mark.parametrize(
    ("day", "number"),
    [
        (-30, 0), (0, 0), (1, 50), (3, 50), (4, 100), (6, 100), (7, 500), (10, 1000), (13, 2000), (16, 4000),
        (19, 8000), (21, 8000), (22, 16000), (25, 32000), (40, 1024000), (42, 1024000), (43, None), (400, None),
    ],
)  # fmt: skip
def test_six_weeks_are_the_published_conservative_plan(day: int, number: int | None) -> None:
    assert ceiling(WARMUP, on(day), "gmail") == number


@pytest.mark.parametrize(("day", "number"), [(0, 0), (1, 25), (22, 8000), (42, 512000), (43, None)])
def test_microsoft_gets_half(day: int, number: int | None) -> None:
    assert {ceiling(WARMUP, on(day), isp) for isp in ("outlook", "microsoft365")} == {number}


@given(st.sampled_from(sorted(PLANS)), DAYS, DAYS, st.integers(0, 100), st.sampled_from(["gmail", "outlook", "other"]))
def test_a_ceiling_never_falls_and_is_never_negative(
    plan: str, start: datetime.date, today: datetime.date, later: int, isp: str
) -> None:
    warmup = {"plan": plan, "start": start.isoformat()}
    now = ceiling(warmup, today.isoformat(), isp)
    then = ceiling(warmup, (today + datetime.timedelta(days=later)).isoformat(), isp)
    assert now == ceiling(warmup, today.isoformat(), isp)
    assert (now == 0) == (today < start)
    assert (now is None) == ((today - start).days >= len(PLANS[plan]))
    assert now is None or now >= 0
    assert then is None or (now is not None and now <= then)


@given(DAYS)
def test_every_ceiling_has_one_start_and_that_is_its_latest(today: datetime.date) -> None:
    found = list(starts("six-weeks", today.isoformat()))
    numbers = [ceiling({**WARMUP, "start": start}, today.isoformat(), "gmail") for start in found]
    assert numbers == sorted({0, *PLANS["six-weeks"]})
    assert found[:2] == [(today + datetime.timedelta(days=1)).isoformat(), today.isoformat()]
