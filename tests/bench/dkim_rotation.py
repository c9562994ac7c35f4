# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench: a step of the DKIM rotation of 500 domains in the lab, and a simulated year of rotations with faults."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import Policy
from tests.support import lab, site
from tests.support.rotation_world import Fleet, year

DOMAINS = 500
POLICY = {"dkim_rotation": {"soak": "1h", "verify": "preflight", "starts": DOMAINS}}


def run() -> dict[str, object]:
    start = time.monotonic()
    fleet = Fleet(DOMAINS, policy=Policy(starts=DOMAINS // 20))
    rotations = year(fleet)
    simulated = time.monotonic() - start
    if fleet.faults:
        raise RuntimeError("\n".join(fleet.faults[:20]))
    rows = steps()
    return {
        "rows": {name: {"step_s": seconds} for name, seconds in rows.items()},
        "simulated_year_s": round(simulated, 1),
        "simulated_rotations": rotations,
        "floors": {"step_s": 30, "simulated_year_s": 120},
    }


def steps() -> dict[str, float]:
    """Every step for all domains at once, as the playbook takes it on two signers and two name servers."""
    lab.lab("up")
    lab.lab("rebuild", "mx1", "mx2", "world")
    lab.lab("zones", str(DOMAINS))
    with tempfile.TemporaryDirectory() as place:
        inventory = Path(shutil.copytree(lab.INVENTORY, Path(place) / "inventory"))
        with site.edit(inventory / "group_vars/all/pools.yml") as model:
            for number in range(1, DOMAINS + 1):
                model["fleet_domains"][f"b{number:04d}.bench.example"] = {"pool": "campaign"}
        site.run(inventory)
        found = {}
        for name, hours, action in (
            ("remember the state", 0, "rotate"),
            ("make new keys", 0, "step"),
            ("publish them", 0, "step"),
            ("see them everywhere", 0, "step"),
            ("prove them", 2, "step"),
            ("switch a canary", 2, "step"),
            ("switch the rest", 2, "step"),
            ("retire the old keys", 2, "step"),
            ("nothing to do", 2, "step"),
            ("revoke the old keys", 200, "step"),
        ):
            options = {**POLICY, "dkim_rotation_now": f"+{hours}h", "dkim_rotation_action": action}
            done = lab.play(inventory, "-e", json.dumps(options), playbook=lab.ROOT / "playbooks/dkim_rotate.yml")
            if done.code:
                raise RuntimeError(done.output[-3000:])
            found[name] = round(done.seconds, 1)
    return found
