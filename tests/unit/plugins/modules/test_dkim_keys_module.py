# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import grp
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_steps import pack
from ansible_collections.mailfleet.mta.plugins.modules import dkim_keys

GROUP = grp.getgrgid(os.getegid()).gr_name
PAIRS = [{"domain": "example.com", "selector": "mf1"}]


def run(path: Path, job: dict[str, Any], check_mode: bool = False, **options: Any) -> dict[str, Any]:
    """Run the module as Ansible does: arguments on stdin, one JSON result."""
    arguments = {"directory": str(path), "group": GROUP, "job": pack({"host": "mx1", **job}), **options}
    arguments["_ansible_check_mode"] = check_mode
    done = subprocess.run(
        [sys.executable, dkim_keys.__file__],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_read_make_read(tmp_path: Path) -> None:
    store = tmp_path / "dkim"
    first = run(store, {"pairs": PAIRS})
    assert (first["changed"], first["public"]) == (True, {})
    assert first["exchange"]
    made = run(store, {"pairs": PAIRS, "seal": {}}, step="make")
    assert made["changed"]
    assert made["diff"][0]["after"] == "example.com mf1 made here\n"
    again = run(store, {"pairs": PAIRS})
    assert not again["changed"]
    assert len(again["public"]["example.com"]["mf1"]) == 392
    assert again["exchange"] == first["exchange"]


@pytest.mark.parametrize(
    ("step", "job"),
    [
        ("read", {"pairs": PAIRS}),
        ("make", {"pairs": PAIRS, "seal": {"mx2": {"exchange": None, "pairs": PAIRS}}}),
        ("store", {"receive": {"mx2": PAIRS}}),
    ],
)
def test_check_mode_writes_nothing(tmp_path: Path, step: str, job: dict[str, Any]) -> None:
    result = run(tmp_path / "dkim", job, check_mode=True, step=step)
    assert result["changed"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("job", "options", "words"),
    [
        ({"pairs": [{"domain": "../x", "selector": "s"}]}, {}, "no lower-case DNS name"),
        ({"pairs": [{"domain": "example.com"}]}, {}, "needs a 'domain' and a 'selector'"),
        ({"pairs": PAIRS}, {"group": "no-such-group"}, "Group no-such-group does not exist"),
        ({"pairs": PAIRS}, {"directory": "/proc/mailfleet/dkim"}, "/proc/mailfleet"),
    ],
)
def test_failures_are_sentences(tmp_path: Path, job: dict[str, Any], options: dict[str, Any], words: str) -> None:
    result = run(tmp_path, job, **options)
    assert result["failed"]
    assert words in result["msg"]
    assert "\n" not in result["msg"]
