# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils import _addresses_host as module
from ansible_collections.mailfleet.mta.plugins.module_utils._addresses import UNIT, AddressError
from ansible_collections.mailfleet.mta.plugins.module_utils._addresses_host import converge
from ansible_collections.mailfleet.mta.plugins.module_utils._command import Answer


class Host:
    """A host whose ``ip`` and ``systemctl`` do what the real ones do to one interface and one unit."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.active = "inactive"
        self.refuse = ""
        self.changes: list[str] = []
        self.announced: list[str] = []

    def run(self, argv: Sequence[str], stdin: str | None = None, timeout: float = 60) -> Answer:
        if argv[:2] == ["ip", "-json"]:
            infos = [{"local": address} for address in self.addresses]
            return Answer(0, json.dumps([{"ifname": "host0", "flags": ["UP"], "addr_info": infos}]), "")
        if argv[0] == "ip":
            return self._batch((stdin or "").splitlines())
        if argv[1] == "show":
            file = "enabled" if self.active == "active" else "disabled"
            return Answer(0, f"LoadState=loaded\nActiveState={self.active}\nSubState=x\nUnitFileState={file}\n", "")
        self.changes.append(" ".join(argv[1:]))
        self.active = "active" if argv[1] in ("start", "restart") else self.active
        return Answer(0, "", "")

    def _batch(self, lines: list[str]) -> Answer:
        for line in lines:
            self.changes.append(line)
            address = line.split()[2].split("/")[0]
            if address == self.refuse:
                return Answer(2, "", "RTNETLINK answers: Permission denied")
            if line.startswith("address replace"):
                self.addresses.append(address)
            else:
                self.addresses.remove(address)
        return Answer(0, "", "")


@pytest.fixture(autouse=True)
def no_network_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "default_interface", lambda actual, run: "host0")
    monkeypatch.setattr(module, "ssh_address", lambda: "198.51.100.11")
    monkeypatch.setattr(module, "_WAIT", 0)


def apply(host: Host, root: Path, *addresses: str, dry: bool = False, remove: bool = False) -> dict[str, Any]:
    params = {"addresses": [{"address": item} for item in addresses], "interface": None, "remove": remove}
    return converge(str(root), params, dry, host.run, lambda interface, added: host.announced.extend(added))


def test_life_of_an_address(tmp_path: Path) -> None:
    host = Host("198.51.100.11")
    first = apply(host, tmp_path, "198.51.100.20", "198.51.100.21", "198.51.100.11")
    assert (first["changed"], first["added"]) == (True, ["198.51.100.20", "198.51.100.21"])
    assert first["adopted"] == ["198.51.100.11"]
    assert host.changes[-3:] == ["daemon-reload", f"enable -- {UNIT}", f"start -- {UNIT}"]

    host.changes.clear()
    second = apply(host, tmp_path, "198.51.100.20", "198.51.100.21", "198.51.100.11")
    assert (second["changed"], host.changes) == (False, [])
    assert host.announced == ["198.51.100.20", "198.51.100.21"], "the new ones, once"

    kept = apply(host, tmp_path, "198.51.100.20", "198.51.100.11")
    assert (kept["changed"], kept["removable"], host.changes) == (False, ["198.51.100.21"], [])

    gone = apply(host, tmp_path, "198.51.100.20", "198.51.100.11", remove=True)
    assert (gone["changed"], gone["removed"]) == (True, ["198.51.100.21"])
    assert host.changes == ["address del 198.51.100.21/32 dev host0", f"restart -- {UNIT}"]
    assert host.addresses == ["198.51.100.11", "198.51.100.20"]
    batch = tmp_path / "etc/mailfleet/addresses/addresses.batch"
    assert batch.read_text() == "address replace 198.51.100.20/32 dev host0 scope host\n"
    assert apply(host, tmp_path, "198.51.100.20", "198.51.100.11", remove=True)["changed"] is False


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    host = Host("198.51.100.11")
    result = apply(host, tmp_path, "198.51.100.20", dry=True)
    assert (result["changed"], result["added"]) == (True, ["198.51.100.20"])
    assert result["diff"]["after"] == "198.51.100.20 on host0\n"
    assert (host.changes, host.announced, list(tmp_path.iterdir())) == ([], [], [])


@pytest.mark.parametrize("remove", [False, True])
def test_a_run_that_fails_half_way_forgets_nothing(tmp_path: Path, remove: bool) -> None:
    host = Host()
    apply(host, tmp_path, "198.51.100.20", "198.51.100.21")
    wanted = ["198.51.100.20"] if remove else ["198.51.100.20", "198.51.100.21", "198.51.100.22"]
    host.refuse = "198.51.100.21" if remove else "198.51.100.22"
    with pytest.raises(AddressError, match="Not every address could be changed: RTNETLINK answers: Permission denied"):
        apply(host, tmp_path, *wanted, remove=remove)
    host.refuse = ""
    result = apply(host, tmp_path, *wanted, remove=remove)
    assert (result["added"], result["removed"]) == (([], ["198.51.100.21"]) if remove else (["198.51.100.22"], []))
    assert sorted(host.addresses) == wanted
    assert apply(host, tmp_path, *wanted, remove=remove)["changed"] is False


def test_two_runs_at_the_same_time_forget_nothing(tmp_path: Path) -> None:
    """One of an older inventory looks while the other one adds an address, and writes after it."""
    host, one, other = Host(), Host(), Host()
    apply(host, tmp_path, "198.51.100.20")
    one.addresses = other.addresses = host.addresses
    looked, added = threading.Event(), threading.Event()
    see, change = other.run, one.run

    def look(argv: Sequence[str], **options: Any) -> Answer:
        seen = see(argv, **options)
        if argv[:2] == ["systemctl", "show"]:
            looked.set()
            added.wait(0.5)
        return seen

    def add(argv: Sequence[str], **options: Any) -> Answer:
        looked.wait(0.5)
        return change(argv, **options)

    one.run, other.run = add, look  # type: ignore[method-assign]
    with ThreadPoolExecutor() as both:
        older = both.submit(apply, other, tmp_path, "198.51.100.20", "198.51.100.19")
        newer = both.submit(apply, one, tmp_path, "198.51.100.20", "198.51.100.21")
        newer.result(10)
        added.set()
        older.result(10)
    state = json.loads((tmp_path / "etc/mailfleet/addresses/state.json").read_text())
    assert sorted(state["owned"]) == sorted(host.addresses) == ["198.51.100.19", "198.51.100.20", "198.51.100.21"]


def test_address_that_does_not_appear(tmp_path: Path) -> None:
    host = Host()
    host._batch = lambda lines: Answer(0, "", "")  # type: ignore[method-assign]
    with pytest.raises(AddressError, match=r"After the change 198\.51\.100\.20 is missing"):
        apply(host, tmp_path, "198.51.100.20")


def test_damaged_state(tmp_path: Path) -> None:
    apply(Host(), tmp_path, "198.51.100.20")
    (tmp_path / "etc/mailfleet/addresses/state.json").write_text("{")
    with pytest.raises(AddressError, match=r"state\.json is damaged"):
        apply(Host(), tmp_path, "198.51.100.20")
