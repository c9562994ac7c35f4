# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The module that checks PowerMTA configurations: options in, one JSON answer out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.mailfleet.mta.plugins.modules import powermta_config_check


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Any:
    def check(**params: Any) -> dict[str, Any]:
        with patch_module_args({**params, "_ansible_check_mode": True}), pytest.raises(SystemExit):
            powermta_config_check.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return check


@pytest.mark.parametrize(
    ("text", "fail_on", "failed", "counts"),
    [
        ("thread-reuse yes", "warning", False, (0, 0)),
        ("thread-reuse YES", "error", False, (0, 1)),
        ("thread-reuse YES", "warning", True, (0, 1)),
        ("thread-reuse perhaps", "error", True, (1, 0)),
        ("thread-reuse perhaps", "never", False, (1, 0)),
    ],
)
def test_what_fails(check: Any, text: str, fail_on: str, failed: bool, counts: tuple[int, int]) -> None:
    answer = check(content=text, fail_on=fail_on)
    assert (answer.get("failed", False), answer["errors"], answer["warnings_found"]) == (failed, *counts)
    assert answer["changed"] is False
    if failed:
        assert answer["msg"].startswith("content:1: ")


def test_files_and_their_includes(check: Any, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/isps.conf").write_text("<domain *>\nmax-smtp-out 5\n</domain>\n", encoding="utf-8")
    config = tmp_path / "config"
    config.write_text("include /etc/pmta/isps.conf\n", encoding="utf-8")
    answer = check(files=[str(config)], base=str(tmp_path / "base"))
    assert answer["read"] == [str(config), str(tmp_path / "base/isps.conf")]
    assert answer["findings"] == []


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"files": ["/no/such/config"]}, "/no/such/config: No such file"),
        ({"content": "", "target": "five"}, "is not a version of PowerMTA"),
        ({"content": "use-mta-sts yes\n" * 50}, "and 30 more"),
    ],
)
def test_one_sentence_says_why(check: Any, params: dict[str, Any], words: str) -> None:
    answer = check(**params)
    assert answer["failed"]
    assert words in answer["msg"]
