# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.mailfleet.mta.plugins.action.dkim_rotate import ActionModule
from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_steps import unpack
from tests.support.hostvars import Hostvars

DOMAINS = [
    {"domain": domain, "pool": "p", "selector": "mf1", "signers": ["mx1", "mx2"]} for domain in ("a.test", "b.test")
]
VIEW: dict[str, Any] = {"backend": "postfix", "addresses": [], "pools": [], "signing": DOMAINS}
COMPILED = {"domains": DOMAINS, "views": {"mx1": VIEW, "mx2": VIEW}}


def report(**changes: Any) -> dict[str, Any]:
    public = {item["domain"]: {"mf1": "KEY"} for item in DOMAINS}
    return {
        "public": public, "orphans": {}, "exchange": "X", "pace": 1, "rotation": {},
        "signing": {domain: ["mf1"] for domain in public}, **changes,
    }  # fmt: skip


def act(hostvars: Hostvars, diff: bool = False, **arguments: Any) -> tuple[dict[str, Any], list[Any]]:
    """The result, and the jobs that went to the sender mx1."""
    jobs: list[Any] = []

    def execute(name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        assert name == "mailfleet.mta.dkim_rotate"
        jobs.append(unpack(module_args["job"]))
        return {"changed": True, "invocation": {"module_args": module_args}}

    task = MagicMock(args=arguments, async_val=0, check_mode=False, diff=diff)
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())
    action._execute_module = execute
    variables = {"inventory_hostname": "mx1", "hostvars": hostvars, "fleet_compiled": COMPILED, **hostvars["mx1"]}
    return action.run(None, variables), jobs


def decide(hostvars: Hostvars, **options: Any) -> dict[str, Any]:
    decided, _jobs = act(
        hostvars, step="decide", domains="fleet_compiled.domains", now="2026-11-22T10:00:00Z", **options
    )
    return decided


def test_a_sender_looks_at_what_it_signs_for() -> None:
    result, (job,) = act(Hostvars(mx1={}), step="look", views="fleet_compiled")
    assert job == {"host": "mx1", "pairs": DOMAINS, "backend": "postfix"}
    assert "invocation" not in result


def test_every_sender_keeps_what_was_decided() -> None:
    hostvars = Hostvars(mx1={"__dkim_read": report()}, mx2={"__dkim_read": report()})
    decided = decide(hostvars)
    assert sorted(decided["decisions"]["copies"]) == ["mx1", "mx2"]
    assert "diff" not in decided
    assert "diff" in decide(hostvars, diff=True)
    hostvars["mx1"]["dkim_decided"] = decided
    _result, (job,) = act(hostvars, step="keep")
    assert sorted(job["states"]) == ["a.test", "b.test"]


def test_where_nothing_was_decided_no_sender_is_called() -> None:
    hostvars = Hostvars(mx1={"dkim_decided": {"decisions": {"copies": {}, "shred": {}, "probes": {}}}})
    for step in ("keep", "probe"):
        result, jobs = act(hostvars, step=step)
        assert (result["changed"], jobs) == (False, [])


def test_nothing_is_decided_while_a_sender_has_the_other_mta() -> None:
    words = r"mx2 still has PowerMTA and is in the group postfix\. Run site\.yml first; nothing was changed\."
    with pytest.raises(AnsibleActionFail, match=words):
        decide(Hostvars(mx1={"__dkim_read": report(other_mta="")}, mx2={"__dkim_read": report(other_mta="powermta")}))


@pytest.mark.parametrize("said", [None, {}, report(failed=True), report(unreachable=True), {"skipped": True}])
def test_a_sender_that_failed_said_nothing(said: Any) -> None:
    """Its copies are neither read nor written."""
    hostvars = Hostvars(mx1={"__dkim_read": report()}, mx2={"__dkim_read": said})
    assert list(decide(hostvars)["decisions"]["copies"]) == ["mx1"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"step": "jump"}, "step: 'jump' is none of look, decide"),
        ({"step": "look", "pears": []}, "pears: is no option"),
        ({"step": "look", "views": "nowhere"}, "there is no variable 'nowhere.views'"),
        ({"step": "decide", "domains": "nowhere"}, "domains: there is no variable 'nowhere'"),
        ({"step": "decide", "domains": {"a": 1}}, "domains: is no list"),
        ({"step": "keep"}, "decided: there is no variable 'dkim_decided.decisions'"),
        ({"step": "publish", "keys": "nowhere.keys"}, "keys: there is no variable"),
    ],
)
def test_sentences(options: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleActionFail, match=words):
        act(Hostvars(mx1={}), **options)
