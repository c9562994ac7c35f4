# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench (a): what a run of site.yml costs that has nothing to do, against an empty play on the same hosts."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "tests/lab/lab"
EMPTY_PLAY = [{"hosts": "senders", "gather_facts": True}]
REPEATS = 3


def run(sizes: tuple[int, ...] = (10, 100, 1000)) -> dict[str, object]:
    """Seconds of a no-op for each number of domains, as medians, and their ratios."""
    subprocess.run([LAB, "up"], check=True)
    subprocess.run([LAB, "rebuild", "mx1", "mx2", "world"], check=True)
    subprocess.run([LAB, "zones", str(max(sizes))], check=True)
    rows = {}
    for size in sizes:
        with tempfile.TemporaryDirectory() as place:
            inventory = _inventory(Path(place), size)
            first = _seconds(inventory, ROOT / "site.yml")
            empty = Path(place) / "empty.yml"
            empty.write_text(yaml.safe_dump(EMPTY_PLAY))
            baseline, ours = [], []
            for _turn in range(REPEATS):  # taken in turns, so that a busy minute hits both
                baseline.append(_seconds(inventory, empty))
                ours.append(_seconds(inventory, ROOT / "site.yml", unchanged=True))
            rows[size] = {
                "first_run_s": round(first, 1),
                "empty_play_s": round(statistics.median(baseline), 2),
                "noop_s": round(statistics.median(ours), 2),
                "ratio_to_empty_play": round(statistics.median(ours) / statistics.median(baseline), 2),
            }
    return {
        "rows": rows,
        "ratio_largest_to_smallest": round(rows[max(sizes)]["noop_s"] / rows[min(sizes)]["noop_s"], 2),
        "floors": {"ratio_to_empty_play": 4.0, "ratio_largest_to_smallest": 1.5},
    }


def _inventory(place: Path, domains: int) -> Path:
    """The lab's inventory with this many domains more, each one a zone of its own."""
    inventory = place / "inventory"
    shutil.copytree(ROOT / "inventories/lab", inventory)
    pools = inventory / "group_vars/all/pools.yml"
    model = yaml.safe_load(pools.read_text())
    for number in range(1, domains + 1):
        model["fleet_domains"][f"b{number:04d}.bench.example"] = {"pool": "trans" if number % 5 == 0 else "campaign"}
    pools.write_text(yaml.safe_dump(model))
    return inventory


def _seconds(inventory: Path, playbook: Path, unchanged: bool = False) -> float:
    start = time.monotonic()
    done = subprocess.run(
        [LAB, "run", "ansible-playbook", "-i", inventory, playbook],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    seconds = time.monotonic() - start
    if done.returncode:
        raise RuntimeError(done.stdout[-20000:] + done.stderr[-1000:])
    if unchanged and any("changed=0" not in line for line in done.stdout.splitlines() if " ok=" in line):
        raise RuntimeError("the run was meant to change nothing:\n" + done.stdout[-3000:])
    return seconds
