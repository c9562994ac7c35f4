# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import contextlib
import grp
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.mailfleet.mta.plugins.action.dkim_keys import ActionModule
from ansible_collections.mailfleet.mta.plugins.module_utils import _keystore
from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_steps import STEPS, unpack
from ansible_collections.mailfleet.mta.plugins.module_utils._keystore import Keystore
from tests.support.hostvars import Hostvars

GROUP = grp.getgrgid(os.getegid()).gr_name


@pytest.fixture(autouse=True)
def small_keys_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_keystore, "_BITS", 1024)
    monkeypatch.setattr(_keystore, "_EXCHANGE_BITS", 1024)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)


class Fleet:
    """Senders as directories; the tasks of the role in their order."""

    def __init__(self, root: Path, domains: dict[str, list[str]]) -> None:
        self.stores = {host: Keystore(str(root / host), GROUP) for host in sorted(set().union(*domains.values()))}
        self.domains = [
            {"domain": domain, "pool": "p", "selector": "mf1", "signers": domains[domain]} for domain in sorted(domains)
        ]
        self.vars = Hostvars({host: {} for host in self.stores})

    def task(self, host: str, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
        task = MagicMock(args=arguments, async_val=0, check_mode=check_mode)
        action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), MagicMock())

        def execute(name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
            job = unpack(module_args["job"])
            result = STEPS[module_args.get("step", "read")](self.stores[host], job, check_mode)
            return {**json.loads(json.dumps(result)), "invocation": {"module_args": module_args}}

        action._execute_module = execute
        return action.run(None, {"inventory_hostname": host, "hostvars": self.vars})

    def read(self, hosts: list[str], check_mode: bool = False) -> dict[str, Any]:
        for host in hosts:
            pairs = [item for item in self.domains if host in item["signers"]]
            self.vars[host]["__dkim_read"] = self.task(host, check_mode, pairs=pairs)
        return self.task(hosts[0], check_mode, step="plan", domains=self.domains)

    def run(self, hosts: list[str] | None = None, check_mode: bool = False) -> dict[str, Any]:
        hosts = hosts or list(self.stores)
        for variables in self.vars.values():
            variables.clear()
        state = self.read(hosts, check_mode)
        if state.get("failed") or not state["pending"]:
            return state
        plan = state["plan"]
        for host in hosts:
            if host in plan["make"] or host in plan["seal"]:
                pairs, orders = plan["make"].get(host, []), plan["seal"].get(host, {})
                self.vars[host]["__dkim_made"] = self.task(host, check_mode, step="make", pairs=pairs, seal=orders)
        for host in hosts:
            if host in plan["store"]:
                self.task(host, check_mode, step="store", receive=plan["store"][host])
        return state if check_mode else self.read(hosts, check_mode)

    def files(self) -> dict[str, bytes]:
        found = {}
        for host, store in self.stores.items():
            for path in Path(store.directory).glob("*/*"):
                found[f"{host}:{path.parent.name}/{path.name}"] = path.read_bytes()
        return found


@pytest.fixture
def new_fleet(tmp_path: Path) -> Callable[[dict[str, list[str]]], Fleet]:
    return lambda domains: Fleet(tmp_path, domains)


SHARED = {"a.example": ["mx1", "mx2", "mx3"], "b.example": ["mx2", "mx1"], "c.example": ["mx3"]}


def test_first_and_second_run(new_fleet: Callable[..., Fleet]) -> None:
    fleet = new_fleet(SHARED)
    state = fleet.run()
    assert state["pending"] is False
    files = fleet.files()
    assert len(files) == 2 * (3 + 2 + 1)
    for item in fleet.domains:
        public = state["public_keys"][item["domain"]]["mf1"]
        assert {files[f"{host}:{item['domain']}/mf1.public"] for host in item["signers"]} == {public.encode() + b"\n"}
        assert len({files[f"{host}:{item['domain']}/mf1.private"] for host in item["signers"]}) == 1
    again = fleet.run()
    assert again == state
    assert [fleet.vars[host]["__dkim_read"]["changed"] for host in fleet.stores] == [False] * 3
    assert fleet.files() == files


def test_check_mode_makes_nothing(new_fleet: Callable[..., Fleet], tmp_path: Path) -> None:
    state = new_fleet(SHARED).run(check_mode=True)
    assert state["pending"] is True
    assert state["public_keys"]["a.example"] == {"mf1": None}
    assert list(tmp_path.iterdir()) == []


def test_no_private_key_passes_the_controller(new_fleet: Callable[..., Fleet]) -> None:
    fleet = new_fleet(SHARED)
    fleet.run()
    seen = json.dumps(fleet.vars)
    private = [text.decode().splitlines()[1] for name, text in fleet.files().items() if name.endswith(".private")]
    assert private
    assert not any(line in seen for line in private)


def test_limit_refuses_a_second_key_and_later_shares_the_first(new_fleet: Callable[..., Fleet]) -> None:
    fleet = new_fleet({"a.example": ["mx1", "mx2"], "b.example": ["mx1"]})
    refused = fleet.run(["mx1"])
    assert refused["failed"]
    assert refused["problems"] == [
        "a.example/mf1: no key may be made, because mx2 also signs for it and did not report its keys. "
        "Run without --limit, bring the host back, or take it out of the inventory."
    ]
    assert fleet.files() == {}
    complete = fleet.run()
    assert fleet.run(["mx2"])["public_keys"] == {**complete["public_keys"], "b.example": {"mf1": None}}


def test_a_sender_that_joins_gets_the_key(new_fleet: Callable[..., Fleet]) -> None:
    before = new_fleet({"a.example": ["mx2"]}).run()["public_keys"]
    joined = new_fleet({"a.example": ["mx1", "mx2"]})
    assert joined.run()["public_keys"] == before
    assert joined.files()["mx1:a.example/mf1.private"] == joined.files()["mx2:a.example/mf1.private"]


def test_two_keys_are_a_sentence(new_fleet: Callable[..., Fleet]) -> None:
    fleet = new_fleet({"a.example": ["mx1", "mx2"]})
    for store in fleet.stores.values():
        store.make([("a.example", "mf1")])
    assert "mx1 and mx2 hold different keys" in fleet.run()["msg"]


def test_an_owner_that_failed_is_named(new_fleet: Callable[..., Fleet]) -> None:
    fleet = new_fleet({"a.example": ["mx1", "mx2"]})
    fleet.vars["mx1"]["__dkim_made"] = {"failed": True, "msg": "disk full"}
    with pytest.raises(AnsibleActionFail, match="mx2: mx1 sealed no keys for this host"):
        fleet.task("mx2", step="store", receive={"mx1": [{"domain": "a.example", "selector": "mf1"}]})


class KilledError(BaseException):
    pass


def mortal(real: Callable[..., Any], calls: Iterator[int]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if next(calls, None) is None:
            raise KilledError
        return real(*arguments, **options)

    return call


@pytest.mark.parametrize("seed", range(12))
def test_runs_killed_anywhere(new_fleet: Callable[..., Fleet], monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Kill runs at random system calls: no key that was seen ever changes, and a whole run ends with shared keys."""
    fleet, chance = new_fleet(SHARED), random.Random(seed)
    seen: dict[str, bytes] = {}
    for _attempt in range(4):
        calls = iter(range(chance.randrange(60)))
        with monkeypatch.context() as patch, contextlib.suppress(KilledError):
            for name in ("link", "unlink", "fsync", "mkdir", "chmod"):
                patch.setattr(os, name, mortal(getattr(os, name), calls))
            fleet.run()
        now = {name: text for name, text in fleet.files().items() if not name.endswith(".new")}
        assert {name: now[name] for name in seen} == seen
        seen = now
    assert fleet.run()["pending"] is False
    # A second name of a finished public file may stay; of a private one never.
    files = {name: text for name, text in fleet.files().items() if not name.endswith("public.new")}
    assert {name: files[name] for name in seen} == seen
    assert len(files) == 12
    assert len({text for name, text in files.items() if name.endswith("private")}) == 3
