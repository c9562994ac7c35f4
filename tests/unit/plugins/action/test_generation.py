# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template

from ansible_collections.mailfleet.mta.plugins.action.generation import ActionModule
from ansible_collections.mailfleet.mta.plugins.module_utils._generation import seal, unpack, wanted


@pytest.fixture
def act(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the action on templates in tmp_path; the module call only remembers its arguments."""
    monkeypatch.setattr(ActionBase, "run", lambda self, tmp, task_vars: {})

    def act(
        answer: dict[str, Any] | None = None, task_vars: dict[str, Any] | None = None, **arguments: Any
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        asked: list[dict[str, Any]] = []

        def execute(name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
            asked.append(module_args)
            return answer or {"changed": False, "invocation": {"module_args": module_args}}

        action = ActionModule.__new__(ActionModule)
        action._task = SimpleNamespace(args=arguments)
        action._find_needle = lambda directory, name: str(tmp_path / name)
        action._execute_module = execute
        return action.run(None, {"inventory_hostname": "mx1", **(task_vars or {})}), asked

    return act


def test_renders_here_and_asks_the_host_once(act: Any, tmp_path: Path) -> None:
    (tmp_path / "tree" / "{pool}").mkdir(parents=True)
    (tmp_path / "tree" / "{pool}" / "main.cf.j2").write_text("{{ pool.port }} {{ view.host }}\n")
    view = {"host": trust_as_template("mx1"), "pools": [{"name": trust_as_template("trans"), "port": 2587}]}
    result, asked = act(name="postfix", vars={"view": view}, each={"pool": "view.pools"}, keep=3)
    assert result == {"changed": False}
    assert len(asked) == 1
    assert unpack(asked[0].pop("tree")) == {"trans/main.cf": "2587 mx1\n"}
    assert asked[0] == {"name": "postfix", "keep": 3}


def test_files_go_into_the_tree_as_they_are(act: Any, tmp_path: Path) -> None:
    for path in ("tree/a", "program/b.py", "program/part/c.py", "program/__pycache__/b.pyc", "program/.cache/d"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("{{ nothing }}" if path.startswith("program") else "text\n")
    result, asked = act(name="agent", files={"lib/program": "program"})
    assert result == {"changed": False}
    assert unpack(asked[0]["tree"]) == {
        "a": "text\n",
        "lib/program/b.py": "{{ nothing }}",
        "lib/program/part/c.py": "{{ nothing }}",
    }


@pytest.mark.parametrize(
    ("other", "asks"),
    [
        ({}, False),
        ({"links": {"/etc/b": "a"}}, True),
        ({"units": ["b.service"]}, True),
        ({"secret": ["*"]}, True),
        ({"owners": [{"pattern": "a", "group": "mail"}]}, True),
        ({"name": "y"}, True),
        ({"known": {}}, True),
        ({"rollback": True}, True),
    ],
)
def test_a_host_that_is_known_to_agree_is_not_asked(
    act: Any, tmp_path: Path, other: dict[str, Any], asks: bool
) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a").write_text("text\n")
    made = seal(wanted({"a": "text\n"}, [], []), {"/etc/a": "a"}, ["a.service"])
    known = {"x": {"seal": made, "generation": "000002", "previous": "000001"}}
    options = {"name": "x", "links": {"/etc/a": "a"}, "units": ["a.service"], "known": known, **other}
    result, asked = act(**options)
    assert bool(asked) is asks
    if not asks:
        assert result == {
            "changed": False, "changed_files": [], "removed_files": [], "summary": [], "inactive_units": [],
            "generation": "000002", "previous": "000001",
        }  # fmt: skip


def test_the_view_comes_from_the_compiled_fleet(act: Any, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.j2").write_text("{{ view.host }} {{ more }}\n")
    variables = {"compiled": {"views": {"mx1": {"host": trust_as_template("mx1")}}}, "other": {"views": {}}}
    _result, asked = act(name="x", views="compiled", vars={"more": 1}, task_vars=variables)
    assert unpack(asked[0]["tree"]) == {"a": "mx1 1\n"}
    for name, message in (("other", "other has no view of this host"), ("none", "there is no variable 'none.views'")):
        result, asked = act(name="x", views=name, vars={"more": 1}, task_vars=variables)
        assert (result["failed"], asked) == (True, [])
        assert result["msg"].startswith(f"mx1: views: {message}")


def test_rollback_needs_no_templates(act: Any) -> None:
    assert act(name="postfix", rollback=True)[1] == [{"name": "postfix", "rollback": True}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n{{ missing }}", "mx1: a.j2 line 2: 'missing' is undefined."),
        (b"\xff", "mx1: 'utf-8' codec can't decode"),
    ],
)
def test_a_broken_template_never_reaches_the_host(act: Any, tmp_path: Path, text: Any, message: str) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.j2").write_bytes(text if isinstance(text, bytes) else text.encode())
    result, asked = act(name="x")
    assert result["failed"] is True
    assert result["msg"].startswith(message)
    assert asked == []


def test_templates_that_do_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(self: Any, directory: str, name: str) -> str:
        raise AnsibleError(f"Could not find or access '{name}'")

    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(args={"name": "x"})
    monkeypatch.setattr(ActionBase, "run", lambda self, tmp, task_vars: {})
    monkeypatch.setattr(ActionModule, "_find_needle", find)
    result = action.run(None, {"inventory_hostname": "mx1"})
    assert result == {"failed": True, "msg": "mx1: Could not find or access 'tree'"}


def test_full_disk_before_the_module_runs(act: Any, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    result, _calls = act({"failed": True, "module_stderr": "OSError: [Errno 28] No space left on device"}, name="x")
    assert result["msg"].startswith("mx1: the disk is full")
