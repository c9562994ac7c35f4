# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""When a receiver refuses: stop, probe with one connection, add one at a time, back to normal. Pure; time is given.

    normal -> stopped -> probing (1) -> ramping (2, 3, ...) -> normal

A key is a source address of a pool at one ISP, or a sender domain of a pool at one ISP. The wait before a probe is the
policy's least one at first and grows to a quarter of the time that the receiver has refused, so that a short trouble is
over soon after its end and a long one is asked about rarely.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

NORMAL, STOPPED, PROBING, RAMPING = "normal", "stopped", "probing", "ramping"

# What has to be done about mail that Postfix has already assigned: look again, try some of the waiting, try all of it.
RELOAD, TRY, FLUSH = "reload", "try", "flush"
# About messages of one sender domain: put aside, and back into the queue.
HOLD, RELEASE = "hold", "release"

# So long after its first stop a domain stops the lanes of its pool at this ISP, too: until its mail, whose lane Postfix
# chooses by recipient, is put aside. Then the pool's other domains go on.
GATHER_SECONDS = 10.0
# A ledger that does not run must not keep an address stopped for ever.
OVERDUE_SECONDS = 30.0
# What seems to have begun later than this was written before the clock was set back.
AHEAD_SECONDS = 2.0
_GROWTH = 4.0
_LATE_SECONDS = 2
_LATE_REFUSALS = 5
_TEXT = 400


class Policy(NamedTuple):
    """What a kind of refusal does: so many within so many seconds stop the key (or halve it)."""

    strikes: int
    within: float
    least: float  # seconds until the first probe
    most: float
    step: float  # clean seconds for one connection more
    halve: bool = False
    forgiving: bool = False  # a delivery in between forgives


class Refusal(NamedTuple):
    time: float
    cls: str
    rule: str
    action: str
    reply: str


class Backoff(NamedTuple):
    """The state of one key."""

    phase: str = NORMAL
    since: float = 0.0
    until: float = 0.0  # stopped: when it is probed
    connections: int = 0  # how many are allowed; in normal the lane's own number counts
    began: float = 0.0  # the first stop of this trouble
    delivered: int = 0  # since ``since``
    refused: int = 0  # since ``began``
    cls: str = ""
    rule: str = ""
    action: str = ""
    reason: str = ""  # the reply that caused it
    strikes: tuple[float, ...] = ()

    def gathering(self, now: float) -> bool:
        return self.phase == STOPPED and now < self.began + GATHER_SECONDS

    def limit(self, now: float) -> int | None:
        """Connections allowed now; None when the lane's own number is the limit."""
        if self.phase == NORMAL:
            return None
        if self.phase == STOPPED:
            return 0 if now < self.until + OVERDUE_SECONDS else 1
        return self.connections


class Step(NamedTuple):
    state: Backoff
    effect: str = ""


def refused(state: Backoff, what: Refusal, policy: Policy, cap: int) -> Step:
    """The receiver said no, in words that concern this key."""
    if state.phase == STOPPED:
        counted = state._replace(refused=state.refused + 1)
        # Still at it seconds after the stop: mail that was assigned before did not hear of it.
        late = what.time > state.since + _LATE_SECONDS and counted.refused % _LATE_REFUSALS == 0
        return Step(counted, RELOAD if late else "")
    if state.phase == PROBING:
        return Step(_stop(state, what, policy, 1))
    strikes = (*(time for time in state.strikes if what.time - policy.within <= time <= what.time), what.time)
    if len(strikes) < policy.strikes and state.phase == NORMAL:
        return Step(state._replace(strikes=strikes))
    if policy.halve:
        current = cap if state.phase == NORMAL else state.connections
        if current <= 1 or (state.phase == RAMPING and what.time <= state.since + _LATE_SECONDS):
            return Step(state._replace(strikes=()))
        return Step(_slow(state, what, current // 2, len(strikes)), RELOAD)
    return Step(_stop(state, what, policy, len(strikes)), RELOAD)


def _stop(state: Backoff, what: Refusal, policy: Policy, refusals: int) -> Backoff:
    fresh = state.phase == NORMAL
    began = what.time if fresh else min(state.began, what.time)
    wait = max(policy.least, min(policy.most, (what.time - began) / _GROWTH))
    return Backoff(
        STOPPED, what.time, what.time + wait, 0, began, 0, (0 if fresh else state.refused) + refusals,
        what.cls, what.rule, what.action, what.reply[:_TEXT],
    )  # fmt: skip


def _slow(state: Backoff, what: Refusal, connections: int, refusals: int) -> Backoff:
    fresh = state.phase == NORMAL
    return Backoff(
        RAMPING, what.time, 0.0, connections, what.time if fresh else state.began, 0,
        (0 if fresh else state.refused) + refusals, what.cls, what.rule, what.action,
        what.reply[:_TEXT],
    )  # fmt: skip


def delivered(state: Backoff, time: float, number: int = 1) -> Backoff:
    """The receiver took mail."""
    if state.phase in (PROBING, RAMPING) and time + 1 >= state.since:  # logs know whole seconds only
        return state._replace(delivered=state.delivered + number)
    return state


def forgiven(state: Backoff) -> Backoff:
    """A delivery between two refusals of a forgiving kind."""
    return state._replace(strikes=()) if state.strikes and state.phase == NORMAL else state


def tick(state: Backoff, policy: Policy, cap: int, now: float) -> Step:
    """Time passes."""
    if state.phase == NORMAL:
        return Step(state)
    if now < state.since - AHEAD_SECONDS:
        return Step(_moved(state, now - state.since))
    if state.phase == STOPPED:
        if now < state.until:
            return Step(state)
        return Step(state._replace(phase=PROBING, since=now, until=0.0, connections=1, delivered=0), TRY)
    if now < state.since + policy.step:
        return Step(state)
    if not state.delivered:
        # Nothing went out: no evidence. Mail that waits is asked for again.
        return Step(state._replace(since=now), TRY)
    if state.connections + 1 >= cap:
        return Step(Backoff(), FLUSH)
    return Step(state._replace(phase=RAMPING, since=now, connections=state.connections + 1, delivered=0), TRY)


def _moved(state: Backoff, seconds: float) -> Backoff:
    """The clock was set back while nobody looked: the wait begins anew."""
    return state._replace(
        since=state.since + seconds, until=state.until + seconds if state.until else 0.0, began=state.began + seconds
    )


# Strikes by action: a reply that names the source or the domain counts at once, a vague one only in numbers.
_STEP = 8.0
_LEAST = 45.0
_SHIPPED: Mapping[str, Policy] = {
    "stop-source": Policy(1, 60, _LEAST, 900, _STEP),
    "stop-domain": Policy(1, 60, _LEAST, 900, _STEP),
    "slow-source": Policy(3, 30, _LEAST, 900, _STEP),
    "slow-domain": Policy(3, 30, _LEAST, 900, _STEP),
    "fewer-connections": Policy(5, 30, _LEAST, 900, _STEP, halve=True),
    "retry": Policy(10, 30, _LEAST, 900, _STEP, forgiving=True),
    "fix": Policy(10, 30, _LEAST, 900, _STEP, forgiving=True),
    "drop": Policy(10, 30, _LEAST, 900, _STEP, forgiving=True),
}
DOMAIN_ACTIONS = frozenset({"stop-domain", "slow-domain"})
_NAMED = frozenset({"stop-source", "stop-domain", "slow-source", "slow-domain"})
_BLOCKED_MOST = 3600.0


class Policies:
    """By ISP and action. ``settings``: {isp: {wait: seconds, longest: seconds, step: seconds, strikes: number}}.

    The settings of an ISP are about replies that name a quota or a block; vague replies keep the short waits.
    """

    def __init__(self, isps: Mapping[str, float], settings: Mapping[str, Mapping[str, float]]) -> None:
        self._retry_after = dict(isps)
        self._settings = settings
        self._known: dict[tuple[str, str, str], Policy | None] = {}

    def find(self, isp: str, action: str, cls: str) -> Policy | None:
        """None when such a reply says nothing about the key."""
        key = (isp, action, cls)
        if key not in self._known:
            self._known[key] = self._make(isp, action, cls)
        return self._known[key]

    def _make(self, isp: str, action: str, cls: str) -> Policy | None:
        policy = _SHIPPED.get(action)
        if policy is None:
            return None
        most = self._retry_after.get(isp, policy.most)
        if cls == "ip-blocked":
            most = max(most, _BLOCKED_MOST)
        policy = policy._replace(most=max(most, policy.least))
        own = self._settings.get(isp, {})
        if action not in _NAMED or not own:
            return policy
        least = own.get("wait", policy.least)
        return policy._replace(
            strikes=int(own.get("strikes", policy.strikes)),
            least=least,
            most=max(least, own.get("longest", policy.most)),
            step=own.get("step", policy.step),
        )


def policies(view: Mapping[str, Any]) -> Policies:
    """From the view: its ISPs, and the settings under "backoff"."""
    settings = view.get("backoff", {})
    own = {isp: {word: seconds(value) for word, value in values.items()} for isp, values in settings.items()}
    return Policies({isp["name"]: seconds(isp["retry_after"]) for isp in view["isps"]}, own)


def seconds(text: Any) -> float:
    """A number, or a text such as 15m or 1h30m."""
    if isinstance(text, (int, float)):
        return float(text)
    total, number = 0.0, ""
    for char in str(text):
        if char.isdigit():
            number += char
        else:
            total += int(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[char]
            number = ""
    return total + (float(number) if number else 0.0)
