# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""DMARC policies that move, against a real BIND: twelve weeks, rollback, somebody else's hands, and site runs."""

from __future__ import annotations

import datetime

import dns.update
import pytest
from conftest import KEY, auth_of, params, run_auth

from ansible_collections.mailfleet.mta.plugins.module_utils import _dmarc_task

TODAY = datetime.date(2026, 11, 22)
RUA = {"rua": ["mailto:dmarc@example.com"]}
WISHES = {"goal": "reject", "hold": False, "senders": [], "foreign": []}


def moving(zone, name: str = "", **wishes: object) -> dict[str, object]:
    return auth_of(zone.full(name), dmarc=RUA, progression={**WISHES, **wishes})


def good(today: datetime.date = TODAY, failed: int = 0) -> list[list[object]]:
    return [[str(today - datetime.timedelta(days=age)), 100, failed, 0, 0, 0] for age in range(14, 0, -1)]


def since(stage: str, days: int) -> list[str]:
    return [stage, str(TODAY - datetime.timedelta(days=days))]


def run(server, *domains, evidence=None, check=False, today=TODAY, **more):
    given = params(server, domains=list(domains), evidence=evidence or {}, gate={}, most_steps=50, today=str(today))
    return _dmarc_task.publish_steps({**given, **more}, check, lambda text: None)


def replace(zone, *values: str) -> None:
    """What somebody else does at _dmarc."""
    update = dns.update.UpdateMessage(f"{zone.name}.", keyring=KEY)
    update.delete(f"_dmarc.{zone.name}.", "TXT")
    for value in values:
        update.add(f"_dmarc.{zone.name}.", 300, "TXT", f'"{value}"')
    answer = dns.query.tcp(update, zone.server.address, port=zone.server.port, timeout=5)
    assert answer.rcode() == 0


def test_twelve_weeks_with_a_site_run_every_day(server, zone):
    domain = moving(zone)
    run_auth(server, domain)
    serial = zone.serial
    recorded, seen = None, []
    for day in range(85):
        today = TODAY + datetime.timedelta(days=day)
        evidence = {zone.name: {"days": good(today), "recorded": recorded}}
        done = run(server, domain, evidence=evidence, today=today)
        assert not done.get("failed"), done["msg"]
        recorded = done["stages"][zone.name]
        if done["changed"]:
            seen.append((day, zone.values("_dmarc", "TXT")[0]))
            assert not run_auth(server, domain)["changed"]
    rua = "rua=mailto:dmarc@example.com; np=reject"
    assert seen == [
        (28, f"v=DMARC1; p=quarantine; {rua}; t=y"),
        (42, f"v=DMARC1; p=quarantine; {rua}"),
        (63, f"v=DMARC1; p=reject; {rua}; t=y"),
        (84, f"v=DMARC1; p=reject; {rua}"),
    ]
    assert zone.serial == serial + 4


def test_check_mode_says_the_same_and_writes_nothing(server, zone):
    run_auth(server, moving(zone))
    zone.put("_dmarc", "TXT", '"neighbour"')
    serial = zone.serial
    evidence = {zone.name: {"days": good(), "recorded": since("p=none", 28)}}
    planned = run(server, moving(zone), evidence=evidence, check=True)
    assert zone.serial == serial
    done = run(server, moving(zone), evidence=evidence)
    assert zone.serial == serial + 1
    assert (planned["changed"], planned["lines"], planned["diff"]) == (True, done["lines"], done["diff"])
    assert "neighbour" in zone.values("_dmarc", "TXT")


def test_failing_mail_goes_back_and_the_next_run_stays(server, zone):
    run_auth(server, moving(zone))
    replace(zone, "v=DMARC1; p=reject; rua=mailto:dmarc@example.com; np=reject")
    evidence = {zone.name: {"days": good(failed=20), "recorded": since("p=reject", 60)}}
    done = run(server, moving(zone), evidence=evidence)
    assert zone.values("_dmarc", "TXT") == ["v=DMARC1; p=quarantine; rua=mailto:dmarc@example.com; np=reject"]
    assert done["lines"][0].startswith(f"{zone.name} GOES BACK from p=reject to p=quarantine: only 83.33 % of 840 own")
    assert done["stages"] == {zone.name: ["p=quarantine", str(TODAY)]}
    evidence = {zone.name: {"days": good(failed=20), "recorded": done["stages"][zone.name]}}
    assert not run(server, moving(zone), evidence=evidence, today=TODAY + datetime.timedelta(days=1))["changed"]
    assert not run_auth(server, moving(zone))["changed"]


def test_lost_state_waits_and_long_known_reports_count(server, zone):
    run_auth(server, moving(zone))
    fresh = run(server, moving(zone), evidence={zone.name: {"days": good()}})
    assert fresh["domains"][0]["since"] == str(TODAY)
    proof = [[str(TODAY - datetime.timedelta(days=40)), ["none "]]]
    assert run(server, moving(zone), evidence={zone.name: {"days": good(), "seen": proof}})["changed"]


def test_the_inventory_has_the_last_word(server, zone):
    ready = {"days": good(), "recorded": since("p=none", 90)}
    run_auth(server, moving(zone))
    held = run(server, moving(zone, hold=True), evidence={zone.name: ready})
    assert held["domains"][0]["decided_by"] == "the inventory holds it"
    pinned = auth_of(zone.name, dmarc={"policy": "reject", **RUA})
    done = run(server, pinned, evidence={zone.name: ready})
    assert (done["changed"], done["domains"][0]["move"], done["lines"]) == (False, "pinned", [])
    run_auth(server, pinned)
    assert zone.values("_dmarc", "TXT") == ["v=DMARC1; p=reject; rua=mailto:dmarc@example.com"]


def test_a_record_that_somebody_changes_meanwhile_is_not_overwritten(server, zone, monkeypatch):
    run_auth(server, moving(zone))
    decided = _dmarc_task._wanted

    def meanwhile(step, settings):
        replace(zone, "v=DMARC1; p=none; rua=mailto:somebody@example.net")
        return decided(step, settings)

    monkeypatch.setattr(_dmarc_task, "_wanted", meanwhile)
    evidence = {zone.name: {"days": good(), "recorded": since("p=none", 28)}}
    done = run(server, moving(zone), evidence=evidence)
    assert "changed while the step was decided" in done["msg"]
    assert zone.values("_dmarc", "TXT") == ["v=DMARC1; p=none; rua=mailto:somebody@example.net"]
    assert done["stages"] == {zone.name: since("p=none", 28)}
    assert done["domains"][0]["move"] == "failed"


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (["v=DMARC1; p=none", "v=DMARC1; p=reject"], "has 2 DMARC records, so its policy cannot be moved"),
        (["v=DMARC1; p=rejekt"], "no readable DMARC record is published"),
        ([], "no readable DMARC record is published"),
    ],
)
def test_a_broken_neighbour_keeps_no_other_domain_from_its_step(server, zone, records, words):
    broken, sound = moving(zone), moving(zone, "ok")
    run_auth(server, broken, sound)
    replace(zone, *records)
    ready = {"days": good(), "recorded": since("p=none", 28)}
    done = run(server, broken, sound, evidence={zone.name: ready, f"ok.{zone.name}": ready})
    said = [*done["lines"], done.get("msg", "")]
    assert any(words in line for line in said)
    assert zone.values("_dmarc.ok", "TXT")[0].startswith("v=DMARC1; p=quarantine;")
    assert zone.values("_dmarc", "TXT") == sorted(records)


def test_not_all_domains_step_on_one_day(server, zone):
    domains = [moving(zone, f"d{number}") for number in range(5)]
    run_auth(server, *domains)
    ready = {"days": good(), "recorded": since("p=none", 28)}
    evidence = {auth["domain"]: ready for auth in domains}
    done = run(server, *domains, evidence=evidence, most_steps=2)
    assert [row["move"] for row in done["domains"]] == ["forward", "forward", "hold", "hold", "hold"]
    assert done["domains"][2]["decided_by"] == "2 other domains take a step in this run"


def test_a_server_that_does_not_answer_is_a_sentence(server, zone):
    done = run(server, moving(zone), dns={**server.settings, "port": 1, "timeout": 1})
    assert done["failed"]
    assert "Remedy: check dns.server" in done["msg"]
    assert done["stages"] == {}


def test_without_dns_nothing_moves(server, zone):
    done = run(server, moving(zone), dns={})
    assert (done["changed"], done["domains"][0]["move"], done["stages"]) == (False, "hold", {})
