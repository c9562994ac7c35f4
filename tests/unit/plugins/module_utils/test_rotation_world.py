# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""A simulated fleet with random faults: in no state is a domain without a published key on every sender."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils import _rotation
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import DAY, Evidence, Policy
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_records import shown_by
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_run import Order
from tests.support import rotation_world
from tests.support.rotation_world import Fleet, begin, year

START = 1_800_000_000


@pytest.mark.parametrize("seed", range(4))
def test_months_of_faults_leave_nothing_unsigned_and_no_key_unpublished(seed: int) -> None:
    fleet = Fleet(12, seed=seed, policy=Policy(starts=2, rotate_after=40 * DAY))
    rotations = year(fleet, 150)
    assert fleet.faults == []
    assert rotations >= 12


def test_without_faults_every_domain_is_rotated_each_quarter_and_nothing_is_left_behind() -> None:
    fleet = Fleet(4, seed=1)
    begin(fleet, START)
    for day in range(300):
        fleet.rotate(START + day * DAY)
        fleet.mail(START + day * DAY + 60)
    assert fleet.faults == []
    assert [len(decision.state.history) for decision in fleet.decisions.values()] == [3] * 4
    assert all(len(keys) <= 2 for sender in fleet.senders.values() for keys in sender.keys.values())


def test_a_large_fleet_is_staggered() -> None:
    fleet = Fleet(30, seed=1, policy=Policy(starts=4))
    begin(fleet, START)
    fleet.rotate(START)
    open_ = []
    for day in range(90, 94):
        fleet.rotate(START + day * DAY)
        open_.append(sum(decision.state.stage != "idle" for decision in fleet.decisions.values()))
    assert open_ == [4, 8, 12, 16]


def test_an_emergency_ends_within_the_hour() -> None:
    fleet = Fleet(3, seed=1)
    begin(fleet, START)
    fleet.rotate(START)
    leaked = Order("emergency", {"d000.example"})
    for minute in range(0, 60, 5):
        fleet.rotate(START + 60 * minute, leaked if minute == 0 else Order())
    first, other = (fleet.decisions[domain].state for domain in ("d000.example", "d001.example"))
    assert (first.active, other.active) == ("mf202701a", "mf1")
    assert fleet.shown("d000.example", "mf1").what == "revoked"
    assert fleet.faults == []


def test_a_site_run_with_limit_keeps_what_the_rotation_decided() -> None:
    fleet = Fleet(6, seed=3, policy=Policy(rotate_after=0))
    begin(fleet, START)
    for day in range(14):
        fleet.rotate(START + day * DAY)
        fleet.mail(START + day * DAY + 60)
        live = {host: dict(sender.live) for host, sender in fleet.senders.items()}
        fleet.site(START + day * DAY + 120, ["mx2"])
        fleet.site(START + day * DAY + 180)
        assert {host: dict(sender.live) for host, sender in fleet.senders.items()} == live
    assert fleet.faults == []


# The world notices what it is there for.


def primary_only(answers: Mapping[str, Any]) -> Any:
    return shown_by({"primary": answers["primary"]})


def with_a_stuck_secondary() -> Fleet:
    fleet = Fleet(3, seed=1, policy=Policy(rotate_after=0))
    begin(fleet, START)
    fleet.stuck = {"second"}
    for day in range(14):
        fleet.rotate(START + day * DAY)
        fleet.mail(START + day * DAY + 60)
    return fleet


def test_a_stuck_secondary_stops_all_rotations_until_it_moves() -> None:
    fleet = with_a_stuck_secondary()
    assert {decision.state.stage for decision in fleet.decisions.values()} == {"published"}
    assert fleet.faults == []
    fleet.stuck = set()
    for day in range(14, 24):
        fleet.rotate(START + day * DAY)
        fleet.mail(START + day * DAY + 60)
    assert [len(decision.state.history) for decision in fleet.decisions.values()] == [1] * 3
    assert fleet.faults == []


def test_the_world_notices_a_rotation_that_looks_at_one_name_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation_world, "shown_by", primary_only)
    assert any("second does not show mf202701a" in fault for fault in with_a_stuck_secondary().faults)


def test_the_world_notices_a_drain_that_is_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(state: Any, evidence: Evidence, policy: Policy, now: int) -> Any:
        return retire(state, evidence, policy, now + 7 * DAY)

    retire = _rotation.retire
    monkeypatch.setattr(_rotation, "retire", hasty)
    fleet = Fleet(12, seed=1, policy=Policy(rotate_after=20 * DAY))
    year(fleet, 60)
    assert any("mail needs it" in fault for fault in fleet.faults)
