# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailfleet import backoff
from mailfleet.backoff import (
    FLUSH,
    NORMAL,
    PROBING,
    RAMPING,
    RELOAD,
    STOPPED,
    TRY,
    Backoff,
    Policies,
    Policy,
    Refusal,
    Step,
)

CAP = 5
POLICY = Policy(strikes=3, within=30, least=45, most=900, step=8)
AT_ONCE = POLICY._replace(strikes=1)
SAYS = "421 4.7.28 too much from 198.51.100.21"


def refusal(time: float, action: str = "stop-source") -> Refusal:
    return Refusal(time, "rate-limited", "some-rule", action, SAYS)


def stopped(at: float = 1000, policy: Policy = AT_ONCE) -> Backoff:
    return backoff.refused(Backoff(), refusal(at), policy, CAP).state


def probing(at: float = 1045) -> Backoff:
    return backoff.tick(stopped(), POLICY, CAP, at).state


@pytest.mark.parametrize(
    ("times", "phase"),
    [
        ([0], NORMAL),
        ([0, 1], NORMAL),
        ([0, 1, 2], STOPPED),
        ([0, 1, 31.5], NORMAL),
        ([0, 20, 31.5, 32], STOPPED),
        ([100, 50, 51], NORMAL),  # the clock was set back in between
        ([100, 50, 51, 52], STOPPED),
    ],
)
def test_so_many_refusals_within_so_many_seconds_stop(times: list[float], phase: str) -> None:
    state = Backoff()
    for time in times:
        state = backoff.refused(state, refusal(time), POLICY, CAP).state
    assert state.phase == phase


def test_a_stop_says_why_and_reaches_mail_that_was_assigned() -> None:
    step = backoff.refused(Backoff(), refusal(1000), AT_ONCE, CAP)
    assert step.effect == RELOAD
    assert (step.state.phase, step.state.until, step.state.reason) == (STOPPED, 1045, SAYS)
    assert step.state.limit(1044) == 0


def test_the_whole_way_back() -> None:
    state, effects, seen = stopped(), [], []
    for now in range(1000, 1120):
        state = backoff.delivered(state, now)
        state, effect = backoff.tick(state, POLICY, CAP, now)
        if effect:
            effects.append(effect)
            seen.append((now, state.phase, state.limit(now)))
    assert effects == [TRY, TRY, TRY, TRY, FLUSH]
    assert seen == [
        (1045, PROBING, 1),
        (1053, RAMPING, 2),
        (1061, RAMPING, 3),
        (1069, RAMPING, 4),
        (1077, NORMAL, None),
    ]


def test_without_a_delivery_nothing_is_raised_and_waiting_mail_is_tried() -> None:
    step = backoff.tick(probing(), POLICY, CAP, 1053)
    assert (step.state.phase, step.state.connections, step.effect) == (PROBING, 1, TRY)


@pytest.mark.parametrize(
    ("began", "now", "wait"),
    [(1000, 1045, 45), (1000, 1180, 45), (1000, 1300, 75), (1000, 2000, 250), (1000, 90000, 900)],
)
def test_the_wait_is_a_quarter_of_the_trouble(began: float, now: float, wait: float) -> None:
    """So a receiver that takes mail again is asked again within a quarter of the time that it refused."""
    state = probing()._replace(began=began)
    again = backoff.refused(state, refusal(now), POLICY, CAP).state
    assert (again.phase, again.until - now, again.began) == (STOPPED, wait, began)


def test_one_refusal_ends_the_ramp() -> None:
    ramping = backoff.tick(backoff.delivered(probing(), 1046), POLICY, CAP, 1053).state
    step = backoff.refused(ramping, refusal(1054), POLICY, CAP)
    assert (ramping.phase, step.state.phase, step.effect) == (RAMPING, STOPPED, RELOAD)


def test_late_refusals_ask_for_another_reload_now_and_then() -> None:
    state, reloads = stopped(), 0
    for number in range(50):
        state, effect = backoff.refused(state, refusal(1001 if number < 25 else 1004), AT_ONCE, CAP)
        reloads += effect == RELOAD
    assert (reloads, state.refused, state.until) == (5, 51, 1045)


def test_too_many_connections_halve_them() -> None:
    halve = AT_ONCE._replace(halve=True)
    step = backoff.refused(Backoff(), refusal(1000), halve, CAP)
    assert (step.state.phase, step.state.connections, step.effect) == (RAMPING, 2, RELOAD)
    # What was on its way says nothing new.
    assert backoff.refused(step.state, refusal(1001), halve, CAP).state.connections == 2
    assert backoff.refused(step.state, refusal(1005), halve, CAP).state.connections == 1
    one = backoff.refused(step.state, refusal(1005), halve, CAP).state
    assert backoff.refused(one, refusal(1010), halve, CAP) == Step(one)


@pytest.mark.parametrize("back", [10, 3600, 86400 * 365])
def test_a_clock_set_back_leaves_the_wait_as_it_was(back: float) -> None:
    state = backoff.tick(stopped(), POLICY, CAP, 1005 - back).state
    assert state.phase == STOPPED
    assert state.until - (1005 - back) <= 45
    assert backoff.tick(state, POLICY, CAP, 1005 - back + 45).state.phase == PROBING


def test_a_clock_set_forward_probes_with_one_connection() -> None:
    assert backoff.tick(stopped(), POLICY, CAP, 1e9).state.limit(1e9) == 1


def test_without_a_ledger_an_address_is_not_stopped_for_ever() -> None:
    assert (stopped().limit(1045), stopped().limit(1076)) == (0, 1)


@pytest.mark.parametrize(
    ("isp", "action", "cls", "expected"),
    [
        ("gmail", "stop-source", "rate-limited", (1, 600, 3600, 60)),
        ("gmail", "retry", "server-busy", (10, 45, 900, 8)),
        ("outlook", "slow-source", "rate-limited", (3, 45, 1200, 8)),
        ("outlook", "stop-source", "ip-blocked", (1, 45, 3600, 8)),
        ("nobody", "stop-domain", "rate-limited", (1, 45, 900, 8)),
        ("gmail", "suppress", "invalid-recipient", None),
        ("gmail", "retry-same-source", "greylisted", None),
        ("gmail", "slow-recipient", "rate-limited", None),
    ],
)
def test_policies(isp: str, action: str, cls: str, expected: tuple[float, ...] | None) -> None:
    policies = Policies({"gmail": 900, "outlook": 1200}, {"gmail": {"wait": 600, "longest": 3600, "step": 60}})
    found = policies.find(isp, action, cls)
    assert (found and (found.strikes, found.least, found.most, found.step)) == expected


# A receiver's day: (seconds until then, what happens)
HAPPENINGS = st.lists(st.tuples(st.floats(-500, 2000), st.sampled_from(["refused", "delivered", "tick"])), max_size=120)
POLICIES = st.builds(
    Policy,
    strikes=st.integers(1, 10),
    within=st.floats(1, 300),
    least=st.floats(1, 900),
    most=st.floats(900, 3600),
    step=st.floats(1, 600),
    halve=st.booleans(),
)


@given(HAPPENINGS, POLICIES, st.integers(1, 20))
def test_whatever_happens(happenings: list[tuple[float, str]], policy: Policy, cap: int) -> None:
    state, now = Backoff(), 1e6
    for wait, what in happenings:
        now, before = now + wait, state
        if what == "refused":
            state, effect = backoff.refused(state, refusal(now), policy, cap)
        elif what == "delivered":
            state, effect = backoff.delivered(state, now), ""
        else:
            state, effect = backoff.tick(state, policy, cap, now)
        limit = state.limit(now)
        assert limit is None or 0 <= limit <= max(1, cap)
        assert (limit is None) == (state.phase == NORMAL)
        # Never more than one connection more, except by the last step to normal.
        if before.phase in (PROBING, RAMPING) and state.phase == RAMPING:
            assert state.connections <= before.connections + 1
        # A stop ends, whatever the clock does.
        if state.phase == STOPPED:
            assert state.until - state.since <= policy.most + 1e-6
        if before.phase != STOPPED and state.phase == STOPPED:
            assert what == "refused"
            assert effect in (RELOAD, "")
        if state.phase == NORMAL and before.phase != NORMAL:
            assert effect == FLUSH


@given(POLICIES, st.integers(1, 20), st.floats(0, 1e5))
def test_a_receiver_that_takes_mail_again_gets_all_of_it(policy: Policy, cap: int, trouble: float) -> None:
    state = Backoff(STOPPED, 0, policy.least, 0, -trouble, reason=SAYS)
    now, longest = 0.0, policy.least + (cap + 1) * (policy.step + 1) + 2
    while state.phase != NORMAL and now <= longest:
        state = backoff.tick(backoff.delivered(state, now), policy, cap, now).state
        now += 0.5
    assert state.phase == NORMAL


@pytest.mark.parametrize(
    ("text", "expected"), [(90, 90), ("45s", 45), ("15m", 900), ("1h30m", 5400), ("2d", 172800), ("30", 30)]
)
def test_seconds(text: object, expected: float) -> None:
    assert backoff.seconds(text) == expected
