# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The shape of the collection: roles have the same doors, specs and defaults agree, only what belongs is packed."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (CHECKOUT / "roles").iterdir() if path.is_dir())
PLAYBOOKS = sorted((CHECKOUT / "playbooks").glob("*.yml"))
TASK_FILES = sorted((CHECKOUT / "roles").glob("*/tasks/**/*.yml"))
SOURCES = sorted(path for path in (CHECKOUT / "plugins").rglob("*.py"))

DOORS = ["README.md", "defaults", "meta/argument_specs.yml", "meta/main.yml", "tasks/main.yml"]
PACKED = {"CHANGELOG.rst", "LICENSE", "README.md", "changelogs", "docs", "meta", "playbooks", "plugins", "roles"}
PLUGIN_KINDS = {"action", "doc_fragments", "filter", "lookup", "module_utils", "modules", "plugin_utils"}
JUNK = [
    ".venv/bin/python",
    ".cache/x",
    "venv/bin/python",
    "build/x",
    "dist/mailfleet-mta-0.9.0.tar.gz",
    "run.log",
    "tmp/x",
]


def relative(path: Path) -> str:
    return str(path.relative_to(CHECKOUT))


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def defaults(role: Path) -> set[str]:
    files = [*role.glob("defaults/*.yml"), *role.glob("defaults/main/*.yml")]
    return {name for path in files for name in (load(path) or {})}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
class TestRole:
    def test_has_the_doors_of_every_role(self, role: Path) -> None:
        assert [door for door in DOORS if not (role / door).exists()] == []

    def test_every_default_is_specified_and_every_option_has_a_default(self, role: Path) -> None:
        specs = load(role / "meta/argument_specs.yml")["argument_specs"]
        options = {name: option for entry in specs.values() for name, option in entry.get("options", {}).items()}
        public = {name for name in defaults(role) if not name.startswith("_")}
        assert public - options.keys() == set(), "defaults without an entry in argument_specs"
        wanting = {name for name, option in options.items() if not option.get("required")} - public
        # An option of a host that has no sensible value for all of them says so in its description.
        wanting = {name for name in wanting if "no default" not in str(options[name]["description"]).lower()}
        assert wanting == set(), "options without a default; add one, or 'No default' and the reason to the description"

    def test_names_carry_the_role(self, role: Path) -> None:
        assert [name for name in defaults(role) if not name.lstrip("_").startswith(role.name + "_")] == []


def tasks_of(document: Any) -> list[dict[str, Any]]:
    """Every task of a task file, with those inside blocks."""
    found = []
    for task in document or []:
        found.append(task)
        for part in ("block", "rescue", "always"):
            found += tasks_of(task.get(part))
    return found


@pytest.mark.parametrize("path", TASK_FILES, ids=relative)
class TestTaskFile:
    def test_never_loops(self, path: Path) -> None:
        loops = [
            task for task in tasks_of(load(path)) if any(word == "loop" or word.startswith("with_") for word in task)
        ]
        assert [task.get("name") for task in loops] == []

    def test_is_small(self, path: Path) -> None:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.parametrize("path", PLAYBOOKS, ids=relative)
def test_a_playbook_can_be_called_by_its_name(path: Path) -> None:
    assert re.fullmatch(r"\w+", path.stem)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_sources_are_licensed_and_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "GPL-3.0-or-later" in text[:300]
    assert len(text.splitlines()) <= 300


def test_plugins_are_of_kinds_that_ansible_knows() -> None:
    assert {path.name for path in (CHECKOUT / "plugins").iterdir() if path.is_dir()} <= PLUGIN_KINDS


def test_module_utils_are_private() -> None:
    public = [path.name for path in (CHECKOUT / "plugins/module_utils").glob("*.py") if not path.name.startswith("_")]
    assert public == []


def test_execution_environment_names_the_requirements() -> None:
    environment = load(CHECKOUT / "meta/execution-environment.yml")
    assert (CHECKOUT / environment["dependencies"]["python"]).exists()


def test_no_check_is_ignored() -> None:
    """ansible-test's ignore files and ansible-lint's would hide what we promise to keep."""
    ignores = [*CHECKOUT.glob("tests/sanity/ignore*.txt"), CHECKOUT / ".ansible-lint-ignore"]
    assert [relative(path) for path in ignores if path.exists() and path.read_text(encoding="utf-8").strip()] == []
    assert "skip_list" not in load(CHECKOUT / ".ansible-lint")


def test_the_tarball_holds_only_what_belongs(tmp_path: Path) -> None:
    copy = subprocess.run(
        [CHECKOUT / "tests/tools/tree", tmp_path], check=True, capture_output=True, text=True
    ).stdout.strip()
    for name in JUNK:
        junk = Path(copy, name)
        junk.parent.mkdir(parents=True, exist_ok=True)
        junk.write_text("not for users", encoding="utf-8")
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    subprocess.run([galaxy, "collection", "build", "--output-path", tmp_path, copy], check=True, capture_output=True)
    [tarball] = tmp_path.glob("*.tar.gz")
    with tarfile.open(tarball) as archive:
        names = {name for name in archive.getnames() if name not in ("MANIFEST.json", "FILES.json")}
    assert {name.partition("/")[0] for name in names} <= PACKED
    assert {name for name in names if name.endswith(tuple(JUNK)) or "__pycache__" in name} == set()
    for needed in ("README.md", "LICENSE", "meta/runtime.yml", "meta/execution-environment.yml", "playbooks/site.yml"):
        assert needed in names
    for role in ROLES:
        assert f"roles/{role.name}/tasks/main.yml" in names
