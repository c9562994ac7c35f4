# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Broken inventories: every problem is named with path and remedy, and nothing else is."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import compile_fleet

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures/fleet"
BASE: dict[str, Any] = yaml.safe_load((FIXTURES / "base.yml").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = yaml.safe_load((FIXTURES / "broken.yml").read_text(encoding="utf-8"))


def overlay(base: Any, edit: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(edit, dict):
        return edit
    return {**base, **{key: overlay(base.get(key), value) for key, value in edit.items()}}


def broken(case: dict[str, Any]) -> dict[str, Any]:
    raw: dict[str, Any] = overlay(copy.deepcopy(BASE), case.get("set", {}))
    for *parents, last in case.get("drop", []):
        holder = raw
        for parent in parents:
            holder = holder[parent]
        del holder[last]
    return raw


def test_the_base_is_good() -> None:
    compiled, problems = compile_fleet(BASE)
    assert problems == []
    assert sorted(compiled["views"]) == ["cold1", "mx1", "mx2"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_names_every_problem(case: dict[str, Any]) -> None:
    compiled, problems = compile_fleet(broken(case))
    assert compiled == {}
    found = {problem.path: problem for problem in problems}
    assert sorted(found) == sorted(case["expect"]), [str(problem) for problem in problems]
    assert len(found) == len(problems)
    for path, words in case["expect"].items():
        sentence = str(found[path])
        assert [word for word in words if str(word) not in sentence] == [], sentence
        assert found[path].remedy.endswith((".", "?"))
        assert found[path].message.endswith(".")


def test_there_are_enough() -> None:
    assert len(CASES) >= 80
    assert len({case["name"] for case in CASES}) == len(CASES)


def test_secrets_are_never_repeated() -> None:
    raw = overlay(
        BASE,
        {
            "fleet": {
                "fleet_applications": {"shop": {"password_hash": "hunter2secret"}},
                "fleet_dns": {"server": "192.0.2.53", "key_name": "mf", "key_secret": "hunter2secret!"},
            }
        },
    )
    _compiled, problems = compile_fleet(raw)
    assert len(problems) == 2
    assert "hunter2" not in "".join(map(str, problems))
