# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

"""The entry files of the modules that look at and change a host: options in, one JSON answer out."""

import errno
import getpass
import grp
import json
import os
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.mailfleet.mta.plugins.module_utils._addresses import AddressError
from ansible_collections.mailfleet.mta.plugins.module_utils._command import Answer
from ansible_collections.mailfleet.mta.plugins.module_utils._generation import pack
from ansible_collections.mailfleet.mta.plugins.module_utils._network import NetworkError
from ansible_collections.mailfleet.mta.plugins.module_utils._queue_host import QueueError
from ansible_collections.mailfleet.mta.plugins.modules import (
    generation,
    queue_info,
    sender_info,
    source_addresses,
    units,
)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(module: ModuleType, check: bool = False, **params: Any) -> dict[str, Any]:
        options = {**params, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(options), pytest.raises(SystemExit):
            module.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


def scripted(monkeypatch: pytest.MonkeyPatch, module: ModuleType, *answers: Answer) -> list[str]:
    """Let the module's commands answer by the script; what it asked is returned."""
    script, asked = list(answers), []

    def run(argv: list[str], stdin: str | None = None, timeout: float = 60) -> Answer:
        asked.append(" ".join(argv))
        return script.pop(0) if script else Answer(0, "", "")

    monkeypatch.setattr(module, "runner", lambda run_command: run)
    return asked


def raising(error: Exception) -> Any:
    def function(*args: Any) -> None:
        raise error

    return function


def test_generation(call: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(generation, "ROOT", str(tmp_path))
    me = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}
    options = {"name": "t", "tree": pack({"key": "hidden words\n", "a": "text\n"}), "secret": ["key"],
               "owners": [{"pattern": "*", **me}]}  # fmt: skip
    dry = call(generation, check=True, **options)
    assert (dry["changed"], os.listdir(tmp_path)) == (True, [])
    assert call(generation, **options)["changed"] is True
    assert (tmp_path / "t" / "live" / "key").stat().st_mode & 0o777 == 0o600
    again = call(generation, **options)
    assert (again["changed"], again["generation"]) == (False, "000001")
    assert "hidden" not in json.dumps([dry, again])
    assert options["tree"] not in json.dumps([dry, again])


@pytest.mark.parametrize(
    ("module", "name", "error", "params", "message"),
    [
        (generation, "generation", OSError(errno.EROFS, "Read-only file system", "/etc/x"), {"name": "t"},
         "h: /etc/x: Read-only file system. The live configuration is unchanged."),
        (source_addresses, "converge", AddressError("No interface."), {"addresses": []}, "h: No interface."),
        (source_addresses, "converge", NetworkError("No ip."), {"addresses": []}, "h: No ip."),
        (source_addresses, "converge", OSError(errno.EROFS, "Read-only file system", "/etc/x"), {"addresses": []},
         "h: /etc/x: Read-only file system. No address was changed."),
        (queue_info, "report", QueueError("No queue."), {}, "h: No queue."),
        (sender_info, "report", QueueError("No queue."), {}, "h: No queue."),
    ],
)  # fmt: skip
def test_errors_are_sentences(
    call: Any, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str, error: Exception, params: dict,
    message: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(module, name, raising(error))
    monkeypatch.setattr(module, "host", lambda: "h")
    answer = call(module, **params)
    assert (answer["failed"], answer["msg"]) == (True, message)


def test_sender_info_without_ip_reports_no_interface(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_info, "default_interface", raising(NetworkError("No ip.")))
    answer = call(sender_info, paths=["/no/such/path"])
    assert (answer["interface"], answer["paths_missing"]) == ("", ["/no/such/path"])


OFF = Answer(0, "LoadState=loaded\nActiveState=inactive\nSubState=dead\nUnitFileState=disabled\n", "")
ON = Answer(0, "LoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n", "")


def test_units_check_mode_only_looks(call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = scripted(monkeypatch, units, OFF)
    answer = call(units, check=True, started=["a.service"], confirm=["postfix"])
    assert answer["results"] == [
        {"verb": "enable", "units": ["a.service"]},
        {"verb": "start", "units": ["a.service"]},
    ]
    assert answer["diff"]["before"] == "a.service: inactive (dead), disabled\n"
    assert answer["diff"]["after"] == "a.service: active (running), enabled\n"
    assert len(asked) == 1


def test_units_confirm_after_success_only(call: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(units, "ROOT", str(tmp_path))
    pending = tmp_path / "postfix" / "pending.json"
    pending.parent.mkdir()
    pending.write_text("[]")
    scripted(monkeypatch, units, ON, Answer(1, "", "refused"), ON)
    assert call(units, reload=["a.service"], confirm=["postfix"])["failed"] is True
    assert pending.exists()
    scripted(monkeypatch, units, ON)
    assert call(units, started=["a.service"], confirm=["postfix"])["changed"] is False
    assert not pending.exists()
