# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What people copy works: examples of modules fit their options, snippets of the pages are what they seem."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

CHECKOUT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for path in (CHECKOUT / "plugins/modules").glob("*.py"))
PAGES = sorted(
    [CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *CHECKOUT.glob("docs/**/*.rst"), *CHECKOUT.glob("docs/*.md")]
)
ROLES = sorted(path.name for path in (CHECKOUT / "roles").iterdir() if path.is_dir())
SAMPLES: dict[str, Any] = {"bool": True, "dict": {}, "float": 1.0, "int": 1, "list": []}


def strings_of(path: Path) -> dict[str, str]:
    """The module's documentation strings, read without importing it."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found[getattr(node.targets[0], "id", "")] = node.value.value
    return found


def documented_options(path: Path) -> dict[str, Any]:
    """The module's options with those of its documentation fragments."""
    documentation = yaml.safe_load(strings_of(path)["DOCUMENTATION"])
    options = dict(documentation.get("options", {}))
    for name in documentation.get("extends_documentation_fragment", []):
        fragment = CHECKOUT / "plugins/doc_fragments" / f"{name.rpartition('.')[2]}.py"
        if name.startswith("mailfleet.mta."):
            options |= yaml.safe_load(strings_of(fragment)["DOCUMENTATION"]).get("options", {})
    return options


def spec_of(options: dict[str, Any]) -> dict[str, Any]:
    """An argument spec from documented options; ansible-test sees to it that the module's own is the same."""
    kept = ("aliases", "choices", "default", "elements", "required", "type")
    spec = {}
    for name, option in options.items():
        spec[name] = {word: option[word] for word in kept if word in option}
        if "suboptions" in option:
            spec[name]["options"] = spec_of(option["suboptions"])
    return spec


def filled(value: Any, option: dict[str, Any]) -> Any:
    """A value with sample values where the example has a template."""
    if isinstance(value, str) and "{{" in value:
        return option["choices"][0] if "choices" in option else SAMPLES.get(option.get("type", "str"), value)
    if isinstance(value, list):
        inner = {"type": option.get("elements", "str"), "options": option.get("options", {})}
        return [filled(item, inner) for item in value]
    if isinstance(value, dict) and "options" in option:
        return {key: filled(item, option["options"].get(key, {})) for key, item in value.items()}
    return value


def module_tasks(path: Path) -> list[tuple[str, dict[str, Any]]]:
    strings = strings_of(path)
    examples = yaml.safe_load(strings.get("EXAMPLES", "")) or []
    return [(task.get("name", "?"), task) for task in examples]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_examples_fit_the_options(path: Path) -> None:
    spec = spec_of(documented_options(path))
    fqcn = f"mailfleet.mta.{path.stem}"
    used = [(name, task[fqcn] or {}) for name, task in module_tasks(path) if fqcn in task]
    assert used, f"EXAMPLES show no task with {fqcn}"
    for name, arguments in used:
        given = {key: filled(value, spec.get(key, {})) for key, value in arguments.items()}
        assert ArgumentSpecValidator(spec).validate(given).error_messages == [], name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_examples_name_every_task_and_module_in_full(path: Path) -> None:
    for name, task in module_tasks(path):
        assert name != "?"
        assert any("." in word for word in task), f"{name}: no module with its full name"


def snippets(path: Path) -> list[tuple[str, str]]:
    """(language, text) of every code block of a Markdown or reStructuredText page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    blocks = re.findall(r"^\.\. code-block:: (\S+)\n(?:   +:.*\n)*\n((?:(?:    .*)?\n)+)", text, re.MULTILINE)
    return [(language, re.sub(r"^    ", "", block, flags=re.MULTILINE)) for language, block in blocks]


def fleet_names() -> set[str]:
    specs = yaml.safe_load((CHECKOUT / "roles/fleet/meta/argument_specs.yml").read_text(encoding="utf-8"))
    return {name for entry in specs["argument_specs"].values() for name in entry.get("options", {})}


@pytest.mark.parametrize("path", [page for page in PAGES if page.exists()], ids=lambda path: path.name)
class TestPage:
    def test_yaml_is_yaml_and_names_what_exists(self, path: Path) -> None:
        for language, text in snippets(path):
            if language not in ("yaml", "yml", "yaml+jinja"):
                continue
            list(yaml.safe_load_all(text))
            assert set(re.findall(r"^(fleet_\w+):", text, re.MULTILINE)) <= fleet_names()
            assert set(re.findall(r"role: mailfleet\.mta\.(\w+)", text)) <= set(ROLES)

    def test_commands_exist(self, path: Path) -> None:
        targets = set(re.findall(r"^([a-z-]+):", (CHECKOUT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        text = path.read_text(encoding="utf-8")
        shell = "\n".join(block for language, block in snippets(path) if language in ("sh", "shell", "bash", "console"))
        quoted = "\n".join(re.findall(r"``?([^`\n]+)``?", text))
        commands = shell + "\n" + quoted
        assert set(re.findall(r"^\s*(?:\$ )?make ([a-z-]+)", commands, re.MULTILINE)) <= targets
        named = set(re.findall(r"(?<!\S)(?:bash )?((?:tests|\.ci)/[\w./-]+)", commands))
        assert [name for name in sorted(named) if not (CHECKOUT / name).exists()] == []
        called = set(re.findall(r"ansible-playbook [^\n#]*mailfleet\.mta\.(\w+)", commands))
        assert called <= {playbook.stem for playbook in (CHECKOUT / "playbooks").glob("*.yml")}
