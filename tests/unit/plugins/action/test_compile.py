# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role fleet in real Ansible runs: which hosts and variables are read, and what a failure says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.action import compile as action

CHECKOUT = Path(__file__).resolve().parents[4]
COLLECTIONS = Path(action.__file__).parents[5]
COMPILING = "Compile | Validate the inventory"
PLAYBOOK = [
    {"hosts": "senders", "gather_facts": False, "roles": ["mailfleet.mta.fleet"]},
    {
        "hosts": "senders",
        "gather_facts": False,
        "roles": ["mailfleet.mta.fleet"],
        "tasks": [
            {
                "ansible.builtin.copy": {"dest": "{{ result }}", "content": "{{ fleet_compiled | to_json }}"},
                "delegate_to": "localhost",
                "run_once": True,
            }
        ],
    },
]
INVENTORY: dict[str, Any] = {
    "all": {
        "vars": {
            "fleet_pools": {"trans": {"traffic": "transactional"}},
            "fleet_domains": {"example.com": {"pool": "trans"}},
        },
        "children": {
            "postfix": {"hosts": {"mx1": {}, "mx2": {}}},
            "senders": {
                "hosts": {
                    "mx1": {
                        "ansible_host": "192.0.2.2",
                        "fleet_ips": {"192.0.2.10": {"helo": "mta10.example.com", "pool": "trans"}},
                    },
                    "mx2": {
                        "ansible_host": "192.0.2.3",
                        "fleet_ips": {"192.0.2.20": {"helo": "mta20.example.com", "pool": "trans"}},
                    },
                }
            },
        },
        "hosts": {"web1": {"ansible_host": "192.0.2.200"}},
    }
}


class Run:
    """One ansible-playbook of the role fleet."""

    def __init__(self, folder: Path, inventory: Path, *arguments: str) -> None:
        playbook, self.result = folder / "play.yml", folder / "result.json"
        playbook.write_text(json.dumps(PLAYBOOK), encoding="utf-8")
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory), "-e", f"result={self.result}"]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOME": str(folder),
        }
        done = subprocess.run(
            [*command, *arguments, str(playbook)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        self.ok, self.output = done.returncode == 0, done.stdout + done.stderr

    @property
    def compiled(self) -> dict[str, Any]:
        assert self.ok, self.output
        found: dict[str, Any] = json.loads(self.result.read_text(encoding="utf-8"))
        return found


def run(folder: Path, edit: dict[str, Any], *arguments: str) -> Run:
    """With edit = {host or 'all': variables} laid over the inventory."""
    inventory = json.loads(json.dumps(INVENTORY))
    hosts = inventory["all"]["children"]["senders"]["hosts"]
    for name, variables in edit.items():
        target = inventory["all"]["vars"] if name == "all" else hosts.setdefault(name, {})
        target.update(variables)
    path = folder / "hosts.json"
    path.write_text(json.dumps(inventory), encoding="utf-8")
    return Run(folder, path, *arguments)


@pytest.mark.parametrize("name", ["example", "lab", "lab_mixed", "lab_powermta"])
def test_our_own_inventories_are_good(tmp_path: Path, name: str) -> None:
    found = Run(tmp_path, CHECKOUT / "inventories" / name, "--check")
    assert found.ok, found.output


def test_compiles_once_for_all_hosts_and_plays_also_outside_of_the_limit(tmp_path: Path) -> None:
    found = run(tmp_path, {}, "--limit", "mx2")
    assert sorted(found.compiled["views"]) == ["mx1", "mx2"]
    assert found.output.count("TASK [mailfleet.mta.fleet : compile | ") == 1


def test_values_may_be_templates(tmp_path: Path) -> None:
    found = run(
        tmp_path,
        {
            "all": {"brand": "example.com", "fleet_domains": {"{{ 'x' }}.example.com": {"pool": "trans"}}},
            "mx1": {"fleet_ips": {"192.0.2.10": {"helo": "{{ inventory_hostname }}.{{ brand }}", "pool": "trans"}}},
        },
    )
    # Ansible never templates keys, and a key that looks like a template is no domain.
    assert not found.ok
    assert "fleet_domains.{{ 'x' }}.example.com" in found.output
    found = run(
        tmp_path,
        {
            "all": {"brand": "example.com"},
            "mx1": {"fleet_ips": {"192.0.2.10": {"helo": "{{ inventory_hostname }}.{{ brand }}", "pool": "trans"}}},
        },
    )
    assert found.compiled["views"]["mx1"]["pools"][0]["ips"][0]["helo"] == "mx1.example.com"


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        pytest.param(
            {"all": {"fleet_domains": {"example.com": {"pool": "bulk"}}}},
            ["has 1 problem; no host was touched", "- fleet_domains.example.com.pool: pool 'bulk' does not exist."],
            id="one problem",
        ),
        pytest.param(
            {
                "all": {"fleet_domains": {"example.com": {"pool": "bulk"}}, "fleet_isps": {"gmail": {"tls": "yes"}}},
                "mx2": {"fleet_ips": {"192.0.2.10": {"helo": "mx", "pool": "trans"}}},
            },
            [
                "has 4 problems",
                "- fleet_domains.example.com.pool:",
                "- fleet_isps.gmail.tls: is 'yes'",
                "- mx2.fleet_ips.192.0.2.10: 192.0.2.10 is already used",
                "- mx2.fleet_ips.192.0.2.10.helo: 'mx' is a single word",
            ],
            id="several problems",
        ),
        pytest.param(
            {"mx2": {"fleet_domains": {"example.net": {"pool": "trans"}}}},
            ["mx2.fleet_domains: differs from what mx1 has"],
            id="a host with domains of its own",
        ),
        pytest.param(
            {"mx2": {"fleet_ips": {"192.0.2.200": {"helo": "mta20.example.com", "pool": "trans"}}}},
            ["is the management address of web1"],
            id="address of a host that is no sender",
        ),
        pytest.param(
            {"all": {"fleet_domains": "{{ nothing_of_that_name }}"}, "mx2": {"fleet_cold_instances": "{{ 1 / 0 }}"}},
            ["has 2 problems", "fleet_domains: cannot be read:", "nothing_of_that_name", "mx2.fleet_cold_instances"],
            id="templates that fail",
        ),
        pytest.param(
            {"all": {"fleet_domain": {}}},
            ["fleet_domain: is not a variable", "'fleet_domains'"],
            id="misspelt variable",
        ),
        pytest.param({"mx3": {}}, ["mx3.fleet_ips: is not defined, but the host is in the group senders."], id="idle"),
        pytest.param({"all": {"fleet_pools": 5}}, ["fleet_pools: is 5, not a mapping."], id="wrong type"),
    ],
)
def test_bad_inventories_end_before_any_host_is_touched(tmp_path: Path, edit: dict[str, Any], words: list[str]) -> None:
    found = run(tmp_path, edit)
    assert not found.ok
    flat = " ".join(found.output.replace("\\n", " ").split())
    assert [word for word in words if word not in flat] == [], found.output
    assert not found.result.exists()


def test_hashes_are_never_printed(tmp_path: Path) -> None:
    hashed = "$6$saltsalt$" + "a" * 86
    found = run(
        tmp_path, {"all": {"fleet_applications": {"shop": {"pool": "trans", "password_hash": hashed}}}}, "-vvvv"
    )
    assert found.compiled["views"]["mx1"]["pools"][0]["applications"] == [{"name": "shop", "password_hash": hashed}]
    compile_task = found.output.split("TASK [mailfleet.mta.fleet : compile | ")[1].split("PLAY [")[0]
    assert "saltsalt" not in compile_task
