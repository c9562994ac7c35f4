# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._command import Answer
from ansible_collections.mailfleet.mta.plugins.module_utils._systemd import (
    State,
    Systemd,
    UnitError,
    Wish,
    parse_show,
    plan,
    predicted,
)

ON = State("loaded", "active", "running", "enabled")
OFF = State("loaded", "inactive", "dead", "disabled")
NONE = State()
STATIC = State("loaded", "active", "running", "static")
COMING = State("loaded", "activating", "start-pre", "enabled")
LOOP = State("loaded", "activating", "auto-restart", "enabled")


@pytest.mark.parametrize(
    ("state", "wish", "steps"),
    [
        (ON, {"started": ["u"]}, {}),
        (OFF, {"started": ["u"]}, {"enable": ["u"], "start": ["u"]}),
        (NONE, {"started": ["u"]}, {"enable": ["u"], "start": ["u"]}),
        (STATIC, {"started": ["u"]}, {}),
        (LOOP, {"started": ["u"]}, {"start": ["u"]}),
        (replace(ON, file="disabled"), {"started": ["u"]}, {"enable": ["u"]}),
        (ON, {"reload": ["u"]}, {"reload": ["u"]}),
        (OFF, {"reload": ["u"]}, {}),
        (OFF, {"reload": ["u"], "started": ["u"]}, {"enable": ["u"], "start": ["u"]}),
        (OFF, {"restart": ["u"]}, {}),
        (ON, {"restart": ["u"], "reload": ["u"]}, {"restart": ["u"]}),
        (COMING, {"started": ["u"]}, {"start": ["u"]}),
        (COMING, {"reload": ["u"]}, {"restart": ["u"]}),
        (COMING, {"started": ["u"], "reload": ["u"]}, {"restart": ["u"]}),
        (COMING, {"started": ["u"], "restart": ["u"], "reload": ["u"]}, {"restart": ["u"]}),
        (LOOP, {"reload": ["u"], "started": ["u"]}, {"start": ["u"]}),
        (LOOP, {"reload": ["u"], "restart": ["u"]}, {}),
        (ON, {"stopped": ["u"]}, {"disable": ["u"], "stop": ["u"]}),
        (OFF, {"stopped": ["u"]}, {}),
        (LOOP, {"stopped": ["u"]}, {"disable": ["u"], "stop": ["u"]}),
        (ON, {"started": ["u"], "daemon_reload": True}, {"daemon-reload": ["systemd"]}),
        (replace(ON, stale=True), {"started": ["u"]}, {"daemon-reload": ["systemd"]}),
        (ON, {"reload": ["u", "u"]}, {"reload": ["u"]}),
    ],
)
def test_plan(state: State, wish: dict, steps: dict) -> None:
    assert list(plan({"u": state}, Wish(**wish)).items()) == list(steps.items())


@pytest.mark.parametrize(
    ("state", "steps", "words"),
    [
        (ON, {}, "active (running), enabled"),
        (ON, {"reload": ["u"]}, "active (running), enabled, reloaded"),
        (ON, {"restart": ["u"]}, "active (running), enabled, restarted"),
        (OFF, {"enable": ["u"], "start": ["u"]}, "active (running), enabled"),
        (NONE, {}, "inactive (dead), not-found"),
        (ON, {"stop": ["u"], "disable": ["u"]}, "inactive (dead), disabled"),
    ],
)
def test_predicted(state: State, steps: dict, words: str) -> None:
    assert predicted({"u": state}, steps) == {"u": words}


def show(*states: State) -> Answer:
    blocks = [
        f"NeedDaemonReload={'yes' if state.stale else 'no'}\nLoadState={state.load}\nActiveState={state.active}\n"
        f"SubState={state.sub}\nUnitFileState={state.file}\n"
        for state in states
    ]
    return Answer(0, "\n".join(blocks), "")


def test_parse_show_keeps_the_order() -> None:
    states = [ON, NONE, replace(STATIC, stale=True)]
    assert list(parse_show(["a", "b", "c"], show(*states).out).values()) == states
    assert parse_show(["a"], "") == {"a": State(load="not-found")}


def scripted(answers: dict[str, list[Answer]]) -> Any:
    """Answers by verb; what is not scripted succeeds."""

    def run(argv: Sequence[str], timeout: float = 60) -> Answer:
        run.asked.append(" ".join(argv))  # type: ignore[attr-defined]
        verb = argv[1] if argv[0] == "systemctl" else argv[0]
        return answers[verb].pop(0) if answers.get(verb) else Answer(0, "", "")

    run.asked = []  # type: ignore[attr-defined]
    return run


def test_one_call_per_verb() -> None:
    run = scripted({"show": [show(ON, ON, ON)]})
    Systemd(run, settle=0).carry_out({"daemon-reload": ["systemd"], "enable": ["a"], "start": ["a", "b"]}, ["a", "b"])
    assert run.asked[:3] == ["systemctl daemon-reload", "systemctl enable -- a", "systemctl start -- a b"]


@pytest.mark.parametrize(
    ("verb", "answers", "message"),
    [
        ("start", {"start": [Answer(1, "", "Job failed.")], "show": [show(ON, replace(OFF, active="failed"))],
                   "journalctl": [Answer(0, "fatal: bad\n\nexit 1\n", "")]},
         "b could not start and is failed. Its last log lines: fatal: bad; exit 1"),
        ("start", {"start": [Answer(5, "", "Unit a not found.")], "show": [show(NONE, NONE)]},
         "a (and 1 more) is not installed, so it could not start: Unit a not found."),
        ("start", {"show": [show(ON, LOOP), show(LOOP)], "journalctl": [Answer(0, "", "")]},
         "b could not start and is activating. Its last log lines: it ended at once"),
        ("stop", {"stop": [Answer(1, "", "timed out")], "show": [show(ON, ON)]},
         "a (and 1 more) could not stop and is active. Its last log lines: timed out"),
    ],
)  # fmt: skip
def test_failure_names_the_unit_and_its_last_words(verb: str, answers: dict, message: str) -> None:
    with pytest.raises(UnitError) as error:
        Systemd(scripted(answers), settle=0).carry_out({verb: ["a", "b"]}, ["a", "b"])
    assert str(error.value) == message


def test_failing_daemon_reload() -> None:
    run = scripted({"daemon-reload": [Answer(1, "", "no bus")]})
    with pytest.raises(UnitError, match="could not read its units again: no bus"):
        Systemd(run, settle=0).carry_out({"daemon-reload": ["systemd"]}, [])


def test_no_units_no_call() -> None:
    run = scripted({})
    assert Systemd(run).inactive([]) == []
    assert run.asked == []
