# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unusual inventories that are right: the rules must not be stricter than they say."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures/fleet"
BASE: dict[str, Any] = yaml.safe_load((FIXTURES / "base.yml").read_text(encoding="utf-8"))

CASES: dict[str, Any] = yaml.safe_load((FIXTURES / "accepted.yml").read_text(encoding="utf-8"))


def overlay(base: Any, edit: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(edit, dict):
        return edit
    return {**base, **{key: overlay(base.get(key), value) for key, value in edit.items()}}


@pytest.mark.parametrize(("name", "edit"), CASES.items(), ids=str)
def test_is_accepted(name: str, edit: dict[str, Any]) -> None:
    compiled, problems = _fleet.compile_fleet(overlay(copy.deepcopy(BASE), edit))
    assert [str(problem) for problem in problems] == []
    assert compiled["views"]


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("netaddr_missing", ["has no netaddr.", "pip install netaddr"]),
        ("suffix_list_missing", ["has no publicsuffixlist.", "pip install publicsuffixlist"]),
    ],
)
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, library: str, words: list[str]) -> None:
    for module in (_fleet.addresses, _fleet.names):
        monkeypatch.setattr(module, library, lambda: True, raising=False)
    with pytest.raises(_fleet.MissingLibraryError) as caught:
        _fleet.compile_fleet(BASE)
    assert [word for word in words if word not in str(caught.value)] == []
