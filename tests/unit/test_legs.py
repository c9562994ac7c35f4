# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The closing line of a test run says what happened, no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

LEGS = Path(__file__).resolve().parents[1] / "tools" / "legs.py"
PROGRAM = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("legs", sys.argv[1])
legs = sys.modules["legs"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(legs)
legs.CHECK = [legs.Leg(*words) for words in eval(sys.argv[2])]
legs.LAB_UP = legs.Leg("lab-up", "[ $MAILFLEET_LAB_NAME != BROKEN ] && echo $MAILFLEET_LAB_NAME is up")
legs.LAB_DOWN = legs.Leg("lab-down", "true")
legs.os.geteuid = lambda: 0
sys.argv[1:] = ["check", *sys.argv[3:]]
sys.exit(legs.main())
"""


def run(folder: Path, legs: list[tuple[Any, ...]], *arguments: str, program: str = PROGRAM) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", program, LEGS, repr(legs), *arguments],
        env={"MAILFLEET_CACHE": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("legs", "code", "closing"),
    [
        ([("lint", "true")], 0, "1 passed, 0 failed, 0 skipped"),
        ([("lint", "false")], 1, "0 passed, 1 failed, 0 skipped"),
        ([("a", "true"), ("b", "false")], 1, "1 passed, 1 failed, 0 skipped"),
        ([("unit", "echo 5 passed, 2 skipped in 0.10s")], 0, "5 passed, 0 failed, 2 skipped"),
        ([("unit", "echo === 5 passed, 1 error in 61.10s ===; false")], 1, "5 passed, 1 failed, 0 skipped"),
        ([("two", "echo 1 passed in 1s; echo 2 failed, 3 passed in 1s; exit 1")], 1, "4 passed, 2 failed, 0 skipped"),
        # All tests passed, and yet the command failed.
        ([("unit", "echo 5 passed in 0.10s; exit 1")], 1, "5 passed, 1 failed, 0 skipped"),
        ([("newest", "echo no Python for it; exit 75"), ("lint", "true")], 0, "1 passed, 0 failed, 1 skipped"),
        # Nothing at all passed: not a success.
        ([("newest", "echo no Python for it; exit 75")], 1, "0 passed, 0 failed, 1 skipped"),
        # Each worker's lab counts, too: once up and once down.
        ([("e2e", "sleep 1", True), ("molecule", "sleep 1", True)], 0, "6 passed, 0 failed, 0 skipped"),
    ],
)
def test_closing_line(tmp_path: Path, legs: list[tuple[Any, ...]], code: int, closing: str) -> None:
    found, output = run(tmp_path, legs)
    assert output.rstrip().rpartition("\n")[2].startswith(closing + " in ")
    assert found == code


def test_without_its_lab_a_leg_does_not_run(tmp_path: Path) -> None:
    program = PROGRAM.replace("BROKEN", "test")
    code, output = run(tmp_path, [("e2e", "true", True), ("lint", "sleep 1")], program=program)
    assert code == 1
    assert "e2e: not run, test is not up" in output
    assert "2 passed, 2 failed, 0 skipped" in output


def test_a_failure_shows_its_last_words_and_hides_nobody(tmp_path: Path) -> None:
    _code, output = run(tmp_path, [("bad", "echo the reason; false"), ("good", "true")])
    assert "    the reason\n" in output
    assert "good  passed" in output


def test_a_leg_that_hangs_is_stopped(tmp_path: Path) -> None:
    code, output = run(tmp_path, [("slow", "sleep 40", False, 0.005)])
    assert code == 1
    assert "stopped after 0.005 minutes" in output


def test_an_unknown_leg_is_named(tmp_path: Path) -> None:
    code, output = run(tmp_path, [("lint", "true")], "lint", "nope")
    assert (code, output) == (2, "No leg is called nope; there are: lint\n")
