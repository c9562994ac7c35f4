# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the PowerMTA role decides by its variables, read by Ansible itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROOT = Path(__file__).resolve().parents[3]
MARKER = "/run/mailfleet-powermta-restart"
PMTAD = "/usr/sbin/pmtad"
OURS = {PMTAD: {"package": "powermta", "version": "5.0r8-1"}}
HALF = {PMTAD: {"package": "powermta", "version": ""}}


def decided(name: str, **known: Any) -> Any:
    loader = DataLoader()
    shipped = loader.load_from_file(str(ROOT / "roles/powermta/vars/main.yml"), trusted_as_template=True)
    variables = {**shipped, "powermta_package": "powermta", "__powermta_change": {"step": "install"}, **known}
    return Templar(loader=loader, variables=variables).template(shipped[name])


@pytest.mark.parametrize(
    ("restarts", "changed", "inactive", "restarted"),
    [
        (False, ["keys.conf"], [], False),
        (True, ["server.conf"], [], True),
        (False, ["keys.conf"], ["pmta.service"], True),
        (False, [], ["pmta.service"], False),
    ],
)
def test_a_server_that_was_just_starting_reads_its_configuration_again(
    restarts: bool, changed: list[str], inactive: list[str], restarted: bool
) -> None:
    """As when a run meets a host that boots: it is asked for a reload only where it ran before."""
    loader = DataLoader()
    (whole,) = loader.load_from_file(str(ROOT / "roles/powermta/tasks/service.yml"), trusted_as_template=True)
    (start,) = (
        task["mailfleet.mta.units"] for task in whole["block"] if "started" in task.get("mailfleet.mta.units", {})
    )
    known = {
        "__powermta_restarts": restarts,
        "__powermta_changed": changed,
        "__powermta_generation": {"inactive_units": inactive},
    }
    assert Templar(loader=loader, variables=known).template(start["restart"]) == ["pmta.service"] * restarted


def survey(*missing: str, owners: Any = None) -> dict[str, Any]:
    return {"paths_missing": list(missing), "owners": OURS if owners is None else owners}


@pytest.mark.parametrize(
    ("known", "outdated"),
    [
        ({}, False),  # as where keys are rotated
        ({"survey_state": survey(MARKER)}, False),
        ({"survey_state": survey()}, True),
        ({"survey_state": survey(), "__powermta_works": {}}, False),
        ({"survey_state": survey(MARKER), "__powermta_packed": {}}, True),
        ({"survey_state": survey(MARKER, owners=HALF), "__powermta_packed": {}}, True),
        ({"survey_state": survey(MARKER, PMTAD, owners={}), "__powermta_packed": {}}, False),
    ],
)
def test_when_the_server_that_runs_is_not_the_package(known: dict[str, Any], outdated: bool) -> None:
    assert decided("__powermta_outdated", **known) is outdated
