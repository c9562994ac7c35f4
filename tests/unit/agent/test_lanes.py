# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import collections
import itertools

import pytest
from mailfleet import lanes, state
from mailfleet.backoff import PROBING, STOPPED, Backoff
from mailfleet.lanes import Lane, Pool, Standing
from mailfleet.pace import Allowance, Pace, Rate, parse_rate

FREE = Standing(Allowance(None, None))


def lane(number: int, weight: int = 1) -> Lane:
    return Lane(f"gmail-192-0-2-{number}", f"192.0.2.{number}", "gmail", 8, weight)


POOL = Pool("campaign", False, {"gmail": [lane(1), lane(2)]})


def first(own: list[Lane], seed: str) -> Lane:
    return next(iter(lanes.ranked(own, seed)))


def test_weights_are_kept() -> None:
    own = [lane(1), lane(2, 3), lane(3, 0)]
    counted = collections.Counter(first(own, str(number)).ip for number in range(4000))
    assert counted["192.0.2.1"] == pytest.approx(1000, rel=0.1)
    assert counted["192.0.2.2"] == pytest.approx(3000, rel=0.1)
    assert not counted["192.0.2.3"]


def test_a_blocked_address_moves_only_its_own() -> None:
    own = [lane(number) for number in range(1, 6)]
    for seed in map(str, range(500)):
        order = list(lanes.ranked(own, seed))
        left = [one for one in own if one != order[0]]
        assert list(lanes.ranked(left, seed)) == order[1:]
        some = own[2]
        before, after = first(own, seed), first([one for one in own if one != some], seed)
        assert before in (some, after)


@pytest.mark.parametrize("subject", ["a.example", "b.example", "anna@gmail.com"])
def test_windows_follow_each_other(subject: str) -> None:
    number, end = lanes.window(subject, 1_800_000_000, 14_400)
    assert 0 < end - 1_800_000_000 <= 14_400
    assert lanes.window(subject, end - 1, 14_400) == (number, end)
    assert lanes.window(subject, end, 14_400) == (number + 1, end + 14_400)


def test_windows_of_subjects_end_at_different_times() -> None:
    ends = {lanes.window(f"{number}.example", 1_800_000_000, 14_400)[1] for number in range(50)}
    assert len(ends) > 45


@pytest.mark.parametrize(
    ("closed", "chosen"),
    [(set(), 0), ({0}, 1), ({0, 1}, 2), ({1}, 0), ({0, 1, 2}, None)],
)
def test_choose_takes_the_first_that_may(closed: set[int], chosen: int | None) -> None:
    own = [lane(1), lane(2), lane(3)]
    order = list(lanes.ranked(own, "seed"))
    shut = {order[number] for number in closed}
    choice = lanes.choose(
        own,
        "seed",
        lambda one: Standing(Allowance(0, None), "stopped") if one in shut else FREE,
        lambda one, allowance: True,
    )
    assert choice.lane == (None if chosen is None else order[chosen])
    until = len(order) if chosen is None else chosen
    assert list(choice.refused) == [(one, "stopped") for one in order[:until]]


def held(phase: str, **fields: float) -> Backoff:
    return Backoff(phase)._replace(**{"since": 900.0, "reason": "421 4.7.28 too much", **fields})  # type: ignore[arg-type]


PAUSED = state.Control("isp", "gmail", "complaints", 900.0, 0.0, False)


@pytest.mark.parametrize(
    ("snapshot", "connections", "words"),
    [
        pytest.param(state.EMPTY, None, "", id="nothing"),
        pytest.param(
            state.State(lanes={("campaign", "192.0.2.1", "gmail"): held(STOPPED, until=1100.0)}),
            0,
            "stopped after: 421 4.7.28 too much",
            id="stopped",
        ),
        pytest.param(
            state.State(lanes={("campaign", "192.0.2.1", "gmail"): held(PROBING, connections=1)}),
            1,
            "probing with 1 of 8 connections after: 421 4.7.28 too much",
            id="probing",
        ),
        pytest.param(
            state.State(lanes={("trans", "192.0.2.1", "gmail"): held(STOPPED, until=1100.0)}),
            None,
            "",
            id="another pool",
        ),
        pytest.param(
            state.State(domains={("campaign", "example.com", "gmail"): held(STOPPED, until=1100.0, began=995.0)}),
            0,
            "stopped after: 421 4.7.28 too much",
            id="a sender domain",
        ),
        pytest.param(
            state.State(controls={("isp", "gmail"): PAUSED}), 0, "isp gmail is paused: complaints", id="pause"
        ),
        pytest.param(
            state.State(controls={("isp", "gmail"): PAUSED._replace(until=2000.0)}),
            0,
            "isp gmail is paused until 1970-01-01 00:33:20 UTC: complaints",
            id="pause with an end",
        ),
        pytest.param(state.State(controls={("isp", "gmail"): PAUSED._replace(until=999.0)}), None, "", id="pause over"),
    ],
)
def test_standing(snapshot: state.State, connections: int | None, words: str) -> None:
    assert lanes.standing(POOL, lane(1), None, snapshot, 1000.0) == Standing(Allowance(connections, None), words)


def test_transactional_pools_are_not_paused_with_the_rest() -> None:
    snapshot = state.State(controls={("isp", "gmail"): PAUSED})
    assert not lanes.standing(POOL._replace(transactional=True), lane(1), None, snapshot, 1000.0).closed


@pytest.mark.parametrize(
    ("text", "rate"),
    [("", None), ("10/s", Rate(10, 1)), ("100/min", Rate(100, 60)), ("5000/h", Rate(5000, 3600))],
)
def test_parse_rate(text: str, rate: Rate | None) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize("text", ["10", "10/day", "0/s", "-1/s", "1.5/s", "/s"])
def test_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["1/s", "3/s", "10/s", "600/min", "7/min", "1/min", "5000/h", "20/h"])
@pytest.mark.parametrize("every", [0.013, 0.37, 4.1])
def test_no_stretch_of_time_sees_more_than_the_rate(text: str, every: float) -> None:
    rate = parse_rate(text)
    assert rate
    pace, stop = Pace(), max(3 * rate.seconds, 20 * rate.seconds / rate.messages)
    steps = min(int(stop / every), 60_000)
    granted = [
        number * every for number in range(steps) if pace.take("lane", Allowance(None, rate), 50 + number * every)
    ]
    for place, start in enumerate(granted):
        end = itertools.takewhile(lambda time: time < start + rate.seconds, granted[place:])  # noqa: B023
        assert len(list(end)) <= rate.messages
    if every < 0.3 * rate.seconds / rate.messages and steps * every > 2 * rate.seconds:
        assert len(granted) >= 0.85 * rate.messages * steps * every / rate.seconds


def test_probing_gives_a_few_at_a_time() -> None:
    pace = Pace()
    granted = [pace.take("lane", Allowance(2, None), 100 + number) for number in range(11)]
    assert [number for number, taken in enumerate(granted) if taken] == [0, 1, 5, 6, 10]
    assert pace.take("other lane", Allowance(2, None), 100)
    assert not pace.take("lane", Allowance(0, None), 200)


def test_a_refused_rate_costs_no_probe() -> None:
    pace, slow = Pace(), Rate(1, 60)
    assert pace.take("lane", Allowance(2, slow), 0)
    assert not pace.take("lane", Allowance(2, slow), 1)
    assert pace.take("lane", Allowance(2, None), 2)
    assert not pace.take("lane", Allowance(2, None), 3)


def test_only_lanes_that_postfix_has_are_served() -> None:
    view = {"pools": [{"instance": "postfix-a", "lanes": [{"name": "gmail-1"}, {"name": "gmail-2"}]}], "isps": []}
    one = lanes.served(view, lambda instance: {"gmail-2", "gmail-3"} if instance == "postfix-a" else None)
    assert one == {"pools": [{"instance": "postfix-a", "lanes": [{"name": "gmail-2"}]}], "isps": []}
    assert lanes.served(view, lambda _instance: None) == view
