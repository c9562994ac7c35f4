# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped defaults of the role fleet: they are valid, and the seed numbers are theirs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import compile_fleet

CHECKOUT = Path(__file__).resolve().parents[4]
BASE: dict[str, Any] = yaml.safe_load((CHECKOUT / "tests/unit/fixtures/fleet/base.yml").read_text(encoding="utf-8"))
DEFAULTS: dict[str, Any] = {
    name: value
    for path in (CHECKOUT / "roles/fleet/defaults/main").glob("*.yml")
    for name, value in yaml.safe_load(path.read_text(encoding="utf-8")).items()
}
PROFILES: dict[str, Any] = DEFAULTS["fleet_isp_profiles"]


def isps() -> dict[str, dict[str, Any]]:
    raw = copy.deepcopy(BASE)
    raw["fleet"]["fleet_isp_profiles"] = PROFILES
    result, problems = compile_fleet(raw)
    assert [str(problem) for problem in problems] == []
    return {isp["name"]: isp for isp in result["views"]["mx1"]["isps"]}


@pytest.mark.parametrize(
    ("name", "connections", "retry_after"),
    [("gmail", 8, "15m"), ("outlook", 5, "20m"), ("yahoo", 6, "15m"), ("orange", 2, "10m"), ("other", 5, "10m")],
)
def test_seed_numbers(name: str, connections: int, retry_after: str) -> None:
    found = isps()[name]
    assert (found["connections"], found["retry_after"]) == (connections, retry_after)


def test_all_groups_are_there() -> None:
    named = {"gmail", "yahoo", "outlook", "microsoft365", "apple", "gmx", "webde", "t-online", "ovh", "orange", "other"}
    assert named <= set(PROFILES)
    assert len(PROFILES) == 75


def test_every_profile_matches_something_and_says_its_limits() -> None:
    for name, profile in PROFILES.items():
        assert {"connections", "messages_per_connection", "retry_after", "tls"} <= set(profile), name
        assert name == "other" or profile.get("mx") or profile.get("domains"), name


def test_a_new_fleet_starts_with_the_seed_pools() -> None:
    raw = copy.deepcopy(BASE)
    del raw["hosts"]["cold1"], raw["fleet"]["fleet_domains"]["example-outreach.com"]
    raw["fleet"]["fleet_pools"] = DEFAULTS["fleet_pools"]
    result, problems = compile_fleet(raw)
    assert problems == []
    pools = {pool["name"]: pool["connections_per_ip"] for pool in result["views"]["mx1"]["pools"]}
    assert pools == {"trans": 10, "campaign": 8}
    assert DEFAULTS["fleet_warming_connections"] in (2, 3)
