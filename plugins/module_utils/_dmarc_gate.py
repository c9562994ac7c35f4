# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Whether the DMARC policy of a domain takes a step: stage, evidence and time in, one decision out. Pure.

Only a domain's own failing mail moves a policy back. Strangers who fail are what DMARC is for, but until somebody says
that they are strangers they hold it; so does what is not known. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_stages import LADDER


class Gate(NamedTuple):
    """What the reports must show. Rates are percentages."""

    window: int = 14  # days of reports that count
    days: int = 7  # of them with reports
    messages: int = 100  # of the domain's own mail in them
    pass_rate: float = 99.5  # of its own mail
    unknown_rate: float = 2.0  # failing mail of unknown sources, of all mail
    silence: int = 4  # days without any report from which on data is missing
    rollback_rate: float = 98.0  # below this pass rate the policy goes back
    rollback_days: int = 7  # over so many days


class Day(NamedTuple):
    """Messages that reports of one day tell of."""

    date: datetime.date
    passed: int = 0
    failed: int = 0  # the domain's own
    unknown: int = 0  # failing, of sources that the inventory does not know
    forwarded: int = 0  # failing, and the receiver says why that is no harm
    foreign: int = 0  # failing, of sources that the inventory calls foreign


class Case(NamedTuple):
    """One domain on one day. `since` is the day on which its present stage was reached."""

    stage: int
    goal: int
    since: datetime.date
    days: Sequence[Day] = ()
    hold: bool = False


class Decision(NamedTuple):
    move: str  # forward, back, hold or done
    stage: int  # from now on
    not_before: datetime.date | None  # of the next step forward
    reasons: tuple[str, ...]  # the first one decided

    @property
    def decided_by(self) -> str:
        return self.reasons[0]


def gate_of(options: Mapping[str, Any]) -> Gate:
    """Raises ValueError with a sentence that names the option."""
    unknown = sorted(set(options) - set(Gate._fields))
    if unknown:
        raise ValueError(f"gate.{unknown[0]}: is no option. Remedy: use one of {', '.join(Gate._fields)}.")
    values: dict[str, Any] = {}
    for name, value in options.items():
        try:
            values[name] = type(Gate._field_defaults[name])(value)
        except (TypeError, ValueError):
            raise ValueError(f"gate.{name}: '{value}' is no number. Remedy: write one.") from None
    gate = Gate(**values)
    for name in ("pass_rate", "unknown_rate", "rollback_rate"):
        if not 0 <= getattr(gate, name) <= 100:
            raise ValueError(f"gate.{name}: is no percentage. Remedy: write a number from 0 to 100.")
    for name in ("window", "days", "messages", "silence", "rollback_days"):
        if getattr(gate, name) < 1:
            raise ValueError(f"gate.{name}: is less than 1. Remedy: write a number from 1.")
    if gate.rollback_rate > gate.pass_rate:
        raise ValueError("gate.rollback_rate: is above gate.pass_rate. Remedy: write a lower one.")
    if max(gate.days, gate.rollback_days) > gate.window:
        raise ValueError("gate.window: is shorter than days or rollback_days. Remedy: write a longer one.")
    return gate


def decide(case: Case, gate: Gate, today: datetime.date) -> Decision:
    """At most one stage forward; back to the policy in force before, not to its trial."""
    stage = LADDER[case.stage]
    not_before = case.since + datetime.timedelta(days=stage.days)
    if case.since > today:
        return Decision("hold", case.stage, not_before, (f"the clock went back: {stage} was reached on {case.since}",))
    # The day of a step saw both policies.
    days = _last([day for day in case.days if case.since < day.date <= today], gate.window, today)
    failure = _failure(days, gate, today)
    if failure and case.stage:
        back = max(number for number in range(case.stage) if not LADDER[number].testing)
        first = today + datetime.timedelta(days=LADDER[back].days)
        return Decision("back", back, first, (failure,))
    if case.stage >= case.goal:
        return Decision("done", case.stage, None, (f"{stage} is the goal",) if case.stage == case.goal else (
            f"{stage} is stricter than the goal {LADDER[case.goal]}; to loosen it, pin the policy",))  # fmt: skip
    reasons = tuple(_obstacles(case, days, gate, today, not_before))
    if reasons:
        return Decision("hold", case.stage, not_before, reasons)
    reached = today + datetime.timedelta(days=LADDER[case.stage + 1].days)
    return Decision("forward", case.stage + 1, reached if case.stage + 1 < case.goal else None, (_proof(days),))


def _last(days: Iterable[Day], number: int, today: datetime.date) -> list[Day]:
    return [day for day in days if (today - day.date).days <= number]


def _sum(days: Iterable[Day]) -> tuple[int, int, int]:
    days = list(days)
    return sum(day.passed for day in days), sum(day.failed for day in days), sum(day.unknown for day in days)


def _rate(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def _failure(days: Iterable[Day], gate: Gate, today: datetime.date) -> str:
    passed, failed, _unknown = _sum(_last(days, gate.rollback_days, today))
    own, rate = passed + failed, _rate(passed, passed + failed)
    if own < gate.messages or rate >= gate.rollback_rate:
        return ""
    return (
        f"only {rate:.2f} % of {own} own messages passed in the last {gate.rollback_days} days, "
        f"less than {gate.rollback_rate:g} %"
    )


def _obstacles(
    case: Case, days: Sequence[Day], gate: Gate, today: datetime.date, not_before: datetime.date
) -> Iterable[str]:
    """The inventory's word, time, whether there is data, and then what the data says."""
    if case.hold:
        yield "the inventory holds it"
    if today < not_before:
        yield f"{LADDER[case.stage]} was reached on {case.since} and stays for {LADDER[case.stage].days} days"
    passed, failed, unknown = _sum(days)
    own = passed + failed
    with_data = [day for day in days if day.passed + day.failed]
    if not with_data:
        yield f"no report since {case.since} tells of its mail"
        return
    quiet = (today - max(day.date for day in with_data)).days
    if quiet > gate.silence:
        yield f"the last report is {quiet} days old, more than {gate.silence}"
    if len(with_data) < gate.days:
        yield f"{len(with_data)} days with reports are less than {gate.days}"
    if own < gate.messages:
        yield f"{own} reported messages are less than {gate.messages}"
    if _rate(passed, own) < gate.pass_rate:
        yield f"{_rate(passed, own):.2f} % of {own} own messages passed, less than {gate.pass_rate:g} %"
    if _rate(unknown, own + unknown) > gate.unknown_rate:
        yield (
            f"{_rate(unknown, own + unknown):.2f} % of the mail comes from unknown sources and fails, "
            f"more than {gate.unknown_rate:g} %"
        )


def _proof(days: Sequence[Day]) -> str:
    passed, failed, _unknown = _sum(days)
    return f"{_rate(passed, passed + failed):.2f} % of {passed + failed} own messages passed"


class Run(NamedTuple):
    """From this day on, until the next one, reports showed these policies: (p, t) with t y, n or empty."""

    first: datetime.date
    policies: frozenset[tuple[str, str]]


def reached(
    stage: int, recorded: tuple[str, datetime.date] | None, seen: Sequence[Run], today: datetime.date
) -> datetime.date:
    """Since when the stage is published: as recorded, else as far back as reports prove it, else only today."""
    if recorded and recorded[0] == str(LADDER[stage]):
        return recorded[1]
    since = today
    for run in reversed(seen):
        if not all(_proves(policy, testing, stage) for policy, testing in run.policies):
            break
        since = min(since, run.first)
    return since


def _proves(policy: str, testing: str, stage: int) -> bool:
    """Reports of the old form do not tell a trial from the policy in force."""
    wanted = LADDER[stage]
    return policy == wanted.policy and (not stage or testing == ("y" if wanted.testing else "n"))
