# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Steps of a DMARC policy: what each value decides, and what no evidence whatsoever can bring about."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_gate import (
    Case,
    Day,
    Gate,
    Run,
    decide,
    gate_of,
    reached,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_stages import LADDER, at_stage, goal_of, stage_of
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import build_dmarc, parse_dmarc

TODAY = datetime.date(2026, 11, 22)
REJECT = len(LADDER) - 1
GATE = Gate()


def ago(days: int) -> datetime.date:
    return TODAY - datetime.timedelta(days=days)


def reports(first: int = 14, last: int = 1, **counts: int) -> list[Day]:
    """Days from `first` to `last` days ago, all alike."""
    return [Day(ago(number), **{"passed": 100, **counts}) for number in range(first, last - 1, -1)]


def case(
    stage: int = 0, since: int = 40, days: list[Day] | None = None, goal: int = REJECT, hold: bool = False
) -> Case:
    return Case(stage, goal, ago(since), reports() if days is None else days, hold)


FORWARD = [
    ("good reports", case(), 1),
    ("out of the first trial", case(1), 2),
    ("into the second trial", case(2), 3),
    ("to the goal", case(3), 4),
    ("on the very day", case(since=28), 1),
    ("forwarded and foreign mail does not count", case(days=reports(forwarded=500, foreign=500)), 1),
    ("as many strangers as are allowed", case(days=reports(unknown=2)), 1),
    ("half of the days", case(days=reports(7)), 1),
]


@pytest.mark.parametrize(("name", "given_case", "stage"), FORWARD, ids=[row[0] for row in FORWARD])
def test_steps_forward(name: str, given_case: Case, stage: int) -> None:
    decision = decide(given_case, GATE, TODAY)
    assert (decision.move, decision.stage) == ("forward", stage)
    assert "own messages passed" in decision.decided_by
    assert decision.not_before == (None if stage == REJECT else TODAY + datetime.timedelta(days=LADDER[stage].days))


HELD = [
    ("too early", case(since=27), ["p=none was reached on 2026-10-26 and stays for 28 days"]),
    ("the inventory", case(hold=True), ["the inventory holds it"]),
    ("no report at all", case(days=[]), ["no report since 2026-10-13"]),
    ("reports of strangers only", case(days=reports(passed=0, unknown=9)), ["no report since"]),
    ("silence", case(days=reports(13, 5)), ["the last report is 5 days old, more than 4"]),
    ("few days", case(days=reports(6)), ["6 days with reports are less than 7"]),
    ("few messages", case(days=reports(passed=7)), ["98 reported messages are less than 100"]),
    ("own mail fails a little", case(days=reports(passed=199, failed=2)), ["99.00 % of 2814 own messages passed"]),
    ("strangers", case(days=reports(passed=97, unknown=3)), ["3.00 % of the mail comes from unknown sources"]),
    ("reports of before the step", case(1, since=14, days=reports(30, 14)), ["no report since 2026-11-08"]),
    (
        "everything at once",
        case(since=3, days=reports(2, 1, passed=9, failed=1, unknown=10), hold=True),
        ["the inventory holds it", "stays for 28 days", "2 days", "20 reported", "90.00 %", "50.00 %"],
    ),
]


@pytest.mark.parametrize(("name", "given_case", "words"), HELD, ids=[row[0] for row in HELD])
def test_holds_and_says_why(name: str, given_case: Case, words: list[str]) -> None:
    decision = decide(given_case, GATE, TODAY)
    assert (decision.move, decision.stage) == ("hold", given_case.stage)
    assert len(decision.reasons) == len(words)
    for reason, word in zip(decision.reasons, words):
        assert word in reason
    assert decision.not_before == given_case.since + datetime.timedelta(days=LADDER[given_case.stage].days)


FAILING = reports(7, passed=90, failed=10)


@pytest.mark.parametrize(("stage", "back"), [(1, 0), (2, 0), (3, 2), (4, 2)])
@pytest.mark.parametrize("hold", [False, True])
def test_failing_own_mail_brings_back_the_policy_in_force_before(stage: int, back: int, hold: bool) -> None:
    decision = decide(case(stage, days=FAILING, hold=hold), GATE, TODAY)
    assert (decision.move, decision.stage) == ("back", back)
    assert decision.decided_by == "only 90.00 % of 700 own messages passed in the last 7 days, less than 98 %"


@pytest.mark.parametrize(
    "days",
    [
        reports(7, passed=9, failed=1),  # too few to judge
        reports(14, 8, passed=0, failed=99) + reports(7),  # long ago
        reports(7, unknown=9999),  # strangers
        reports(7, forwarded=9999),
    ],
)
def test_nothing_else_brings_it_back(days: list[Day]) -> None:
    assert decide(case(4, days=days), GATE, TODAY).move == "done"


def test_the_same_failure_does_not_bring_it_back_twice() -> None:
    first = decide(case(4, days=FAILING), GATE, TODAY)
    tomorrow = TODAY + datetime.timedelta(days=1)
    second = decide(Case(first.stage, REJECT, TODAY, FAILING), GATE, tomorrow)
    assert (second.move, second.stage) == ("hold", first.stage)


def test_the_goal_is_the_end_and_nothing_is_loosened_for_it() -> None:
    assert decide(case(2, goal=goal_of("quarantine")), GATE, TODAY).reasons == ("p=quarantine is the goal",)
    beyond = decide(case(4, goal=goal_of("quarantine")), GATE, TODAY)
    assert (beyond.move, beyond.stage, beyond.not_before) == ("done", 4, None)
    assert "pin the policy" in beyond.decided_by


def test_a_clock_that_went_back_holds() -> None:
    decision = decide(case(2, since=-1), GATE, TODAY)
    assert decision.move == "hold"
    assert "the clock went back" in decision.decided_by


DAYS = st.lists(
    st.builds(Day, st.dates(ago(60), ago(-3)), *[st.integers(0, 2000)] * 5), max_size=40, unique_by=lambda day: day.date
)
CASES = st.builds(
    Case,
    st.integers(0, REJECT),
    st.sampled_from([goal_of("quarantine"), goal_of("reject")]),
    st.dates(ago(60), ago(-3)),
    DAYS,
    st.booleans(),
)


@given(CASES)
def test_one_step_at_most_and_back_only_by_failure(given_case: Case) -> None:
    decision = decide(given_case, GATE, TODAY)
    change = decision.stage - given_case.stage
    assert {"forward": change == 1, "back": change < 0, "hold": change == 0, "done": change == 0}[decision.move]
    recent = [day for day in given_case.days if given_case.since < day.date <= TODAY and day.date >= ago(7)]
    if decision.move == "back":
        assert not LADDER[decision.stage].testing
        assert sum(day.failed for day in recent) > 0
    if decision.move == "forward":
        assert not given_case.hold
        assert decision.stage <= given_case.goal
        assert (TODAY - given_case.since).days >= LADDER[given_case.stage].days
        assert sum(day.passed for day in given_case.days if day.date > given_case.since) >= GATE.messages * 0.9
    assert decision.reasons


@given(CASES, st.integers(0, 40))
def test_less_data_never_steps_forward(given_case: Case, keep: int) -> None:
    """A day without any report may hold a step, never cause one."""
    if decide(given_case, GATE, TODAY).move == "forward":
        return
    silent = given_case._replace(days=[day for day in given_case.days if not day.failed + day.unknown][:keep])
    if all(day.failed + day.unknown == 0 for day in given_case.days):
        assert decide(silent, GATE, TODAY).move != "forward"
    assert decide(given_case._replace(days=()), GATE, TODAY).move in ("hold", "done")


class TestTwelveWeeks:
    """A run every day, with what the world does meanwhile."""

    @staticmethod
    def ramp(world, days: int, stage: int = 0, lose_state=()) -> list[int]:
        since, seen, stages = TODAY, [], []
        for number in range(days + 1):
            today = TODAY + datetime.timedelta(days=number)
            if number in lose_state:
                since = today
            decision = decide(Case(stage, REJECT, since, seen), GATE, today)
            if decision.stage != stage:
                since = today
            stage = decision.stage
            stages.append(stage)
            day = world(number, stage)
            if day:
                seen.append(day._replace(date=today))
        return stages

    def test_good_mail_reaches_reject_in_twelve_weeks(self) -> None:
        stages = self.ramp(lambda number, stage: Day(TODAY, passed=50), 84)
        assert stages[83] == REJECT - 1
        assert stages[84] == REJECT
        assert [stages.index(stage) for stage in range(5)] == [0, 28, 42, 63, 84]

    def test_mail_on_working_days_is_enough(self) -> None:
        assert self.ramp(lambda number, stage: Day(TODAY, passed=50) if number % 7 < 5 else None, 84)[-1] == REJECT

    def test_silent_weeks_only_delay(self) -> None:
        stages = self.ramp(lambda number, stage: None if 20 <= number < 41 else Day(TODAY, passed=50), 120)
        assert stages[28:47] == [0] * 19  # no data, then seven days of it
        assert stages[-1] == REJECT
        assert stages == sorted(stages)

    def test_a_source_that_breaks_under_reject_brings_quarantine_back_and_its_repair_reject(self) -> None:
        def world(number: int, stage: int) -> Day:
            return Day(TODAY, passed=50, failed=10 if number == 90 else 0)

        stages = self.ramp(world, 200)
        assert stages[90:93] == [REJECT, 2, 2]
        assert min(stages[90:]) == 2
        assert stages[-1] == REJECT

    def test_what_still_fails_under_quarantine_brings_none_back(self) -> None:
        stages = self.ramp(lambda number, stage: Day(TODAY, passed=50, failed=10 if number > 90 else 0), 200)
        assert stages[90:93] == [REJECT, REJECT, 2]
        assert stages[-1] == 0

    def test_lost_state_only_makes_it_slower(self) -> None:
        stages = self.ramp(lambda number, stage: Day(TODAY, passed=50), 160, lose_state=(10, 35, 60))
        assert stages == sorted(stages)
        assert stages[84] < REJECT
        assert stages[-1] == REJECT

    @given(st.data())
    def test_whatever_happens_no_step_is_skipped(self, data: st.DataObject) -> None:
        kinds = st.sampled_from([None, Day(TODAY, 50), Day(TODAY, 50, 20), Day(TODAY, 50, 0, 50), Day(TODAY, 1)])
        history = data.draw(st.lists(kinds, min_size=20, max_size=120))
        lost = data.draw(st.sets(st.integers(0, 120), max_size=4))
        stages = self.ramp(lambda number, stage: history[number % len(history)], len(history), lose_state=lost)
        assert all(after - before <= 1 for before, after in zip(stages, stages[1:]))


def run(days_ago: int, *policies: tuple[str, str]) -> Run:
    return Run(ago(days_ago), frozenset(policies))


REACHED = [
    ("as recorded", 2, ("p=quarantine", ago(9)), [], 9),
    ("a record of another stage", 2, ("p=none", ago(90)), [], 0),
    ("nothing known", 0, None, [], 0),
    ("reports of the old form prove p=none", 0, None, [run(60, ("none", "")), run(30, ("none", "n"))], 60),
    ("another policy in between", 0, None, [run(60, ("none", "")), run(30, ("reject", "")), run(20, ("none", ""))], 20),
    ("both on one day", 0, None, [run(9, ("none", "")), run(5, ("none", ""), ("reject", "")), run(4, ("none", ""))], 4),
    ("the old form does not tell a trial", 1, None, [run(30, ("quarantine", ""))], 0),
    ("the new form does", 1, None, [run(30, ("quarantine", "n")), run(12, ("quarantine", "y"))], 12),
    ("and tells its end", 2, None, [run(30, ("quarantine", "y")), run(12, ("quarantine", "n"))], 12),
    ("another stage than published", 4, None, [run(30, ("none", "n"))], 0),
]


@pytest.mark.parametrize(("name", "stage", "recorded", "seen", "days"), REACHED, ids=[row[0] for row in REACHED])
def test_since_when_is_rebuilt_from_facts(name, stage, recorded, seen, days) -> None:
    assert reached(stage, recorded, seen, TODAY) == ago(days)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"passrate": 1}, "gate.passrate: is no option"),
        ({"days": "many"}, "gate.days: 'many' is no number"),
        ({"pass_rate": 101}, "gate.pass_rate: is no percentage"),
        ({"messages": 0}, "gate.messages: is less than 1"),
        ({"rollback_rate": 99.9}, "gate.rollback_rate: is above gate.pass_rate"),
        ({"days": 15}, "gate.window: is shorter"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(options, words) -> None:
    with pytest.raises(ValueError, match="Remedy") as caught:
        gate_of(options)
    assert words in str(caught.value)


def test_a_gate_takes_numbers_as_text() -> None:
    assert gate_of({"messages": "20", "pass_rate": "99"}) == GATE._replace(messages=20, pass_rate=99.0)


@pytest.mark.parametrize(
    ("text", "stage"),
    [
        ("v=DMARC1; p=none", 0),
        ("v=DMARC1; p=none; t=y", 0),
        ("v=DMARC1; p=quarantine; t=y", 1),
        ("v=DMARC1; p=quarantine; pct=50", 1),
        ("v=DMARC1; p=Quarantine; pct=100; t=n", 2),
        ("v=DMARC1; p=reject; t=Y", 3),
        ("v=DMARC1; p=reject", 4),
        ("v=DMARC1; rua=mailto:d@example.com", 0),
    ],
)
def test_stages_are_read_from_records(text: str, stage: int) -> None:
    assert stage_of(parse_dmarc(text)) == stage


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        (0, "v=DMARC1; p=none; sp=none; rua=mailto:d@example.com"),
        (1, "v=DMARC1; p=quarantine; sp=none; rua=mailto:d@example.com; np=reject; t=y"),
        (4, "v=DMARC1; p=reject; sp=none; rua=mailto:d@example.com; np=reject"),
    ],
)
def test_stages_are_written_to_records(stage: int, text: str) -> None:
    before = parse_dmarc("v=DMARC1; p=quarantine; pct=20; sp=none; rua=mailto:d@example.com; t=y; ri=3600")
    assert build_dmarc(at_stage(before, stage)) == text
    assert stage_of(at_stage(before, stage)) == stage
    declared = parse_dmarc("v=DMARC1; p=none; np=none")
    assert ("np", "none") in at_stage(declared, stage).other
