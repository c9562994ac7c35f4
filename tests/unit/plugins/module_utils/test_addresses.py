# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._addresses import (
    AddressError,
    choose,
    plan,
    shown,
    unit_text,
    unusable,
)


def nic(name: str, *addresses: str, up: bool = True) -> dict[str, Any]:
    return {"ifname": name, "flags": ["UP"] if up else [], "addr_info": [{"local": item} for item in addresses]}


HOST = [nic("lo", "127.0.0.1", "::1"), nic("eth0", "198.51.100.11", "198.51.100.20", "2001:db8::20"), nic("eth1")]
OURS = {"interface": "eth0", "owned": {"198.51.100.20": "eth0", "2001:db8::20": "eth0"}, "adopted": []}


@pytest.mark.parametrize(
    ("desired", "state", "options", "expected"),
    [
        pytest.param(["198.51.100.20", "2001:DB8:0::20"], OURS, {}, {}, id="nothing to do"),
        pytest.param(["198.51.100.20", "2001:db8::20", "198.51.100.9", "198.51.100.100"], OURS, {},
                     {"add": ("198.51.100.9", "198.51.100.100"),
                      "commands": ("address replace 198.51.100.9/32 dev eth0 scope host",
                                   "address replace 198.51.100.100/32 dev eth0 scope host")}, id="add, in order"),
        pytest.param(["2001:db8::99"], {}, {},
                     {"add": ("2001:db8::99",),
                      "commands": ("address replace 2001:db8::99/128 dev eth0 nodad preferred_lft 0 valid_lft forever",
                                   )}, id="add IPv6"),
        pytest.param(["198.51.100.11", "198.51.100.20"], {}, {},
                     {"adopted": ("198.51.100.11", "198.51.100.20"), "owned": {}}, id="adopt what is there"),
        pytest.param(["127.0.0.1"], {}, {}, {"adopted": ("127.0.0.1",)}, id="adopt on another interface"),
        pytest.param([], {"adopted": ["198.51.100.11"]}, {"remove": True}, {}, id="never remove what was adopted"),
        pytest.param([], {}, {"remove": True}, {}, id="never remove what is not in our state"),
        pytest.param(["2001:db8::20"], OURS, {},
                     {"removable": ("198.51.100.20",), "owned": OURS["owned"]}, id="without remove it stays ours"),
        pytest.param(["2001:db8::20"], OURS, {"remove": True},
                     {"remove": ("198.51.100.20",), "owned": {"2001:db8::20": "eth0"},
                      "commands": ("address del 198.51.100.20/32 dev eth0",)}, id="remove"),
        pytest.param(["2001:db8::20"], OURS, {"remove": True, "protected": "198.51.100.20"},
                     {"kept": ("198.51.100.20",), "owned": OURS["owned"]}, id="never the address of this connection"),
        pytest.param(["198.51.100.20", "2001:db8::20"], {"owned": {**OURS["owned"], "198.51.100.5": "eth0"}},
                     {"remove": True}, {"remove": ("198.51.100.5",), "commands": ()}, id="already gone by itself"),
        pytest.param(["198.51.100.20", "2001:db8::20", "198.51.100.5"],
                     {"owned": {**OURS["owned"], "198.51.100.5": "eth0"}}, {},
                     {"add": ("198.51.100.5",)}, id="somebody removed ours"),
        pytest.param(["198.51.100.20"], {"owned": {"198.51.100.20": "eth0"}}, {"interface": "eth1"},
                     {"add": ("198.51.100.20",), "owned": {"198.51.100.20": "eth1"},
                      "commands": ("address replace 198.51.100.20/32 dev eth1 scope host",
                                   "address del 198.51.100.20/32 dev eth0")}, id="another interface: add first"),
        pytest.param(["198.51.100.5"], {"adopted": ["198.51.100.5"]}, {},
                     {"add": ("198.51.100.5",), "adopted": ()}, id="what was adopted is gone"),
    ],
)  # fmt: skip
def test_plan(desired: list, state: dict, options: dict, expected: dict) -> None:
    arguments = {"interface": "eth0", "protected": "198.51.100.11", "remove": False, **options}
    got = plan(desired, state=state, actual=HOST, **arguments)
    fields = {"add": (), "remove": (), "removable": (), "adopted": (), "kept": (), **expected}
    if "commands" not in expected and not got.add:
        fields["commands"] = ()
    assert {name: getattr(got, name) for name in fields} == fields


def test_state_and_batch_survive_the_next_run() -> None:
    first = plan(["198.51.100.30", "2001:db8::30", "198.51.100.11"], "eth0", {}, HOST, None, False)
    assert first.batch == (
        "address replace 198.51.100.30/32 dev eth0 scope host\n"
        "address replace 2001:db8::30/128 dev eth0 nodad preferred_lft 0 valid_lft forever\n"
    )
    host = [nic("eth0", "198.51.100.11", "198.51.100.30", "2001:db8::30")]
    second = plan(["198.51.100.30", "2001:db8::30", "198.51.100.11"], "eth0", json.loads(first.state), host, None, True)
    assert (second.commands, second.state, second.batch) == ((), first.state, first.batch)


@pytest.mark.parametrize("address", ["198.51.100.0/24", "mta.example.com", "", "198.51.100.256"])
def test_no_address(address: str) -> None:
    with pytest.raises(AddressError, match="is no IP address"):
        plan([address], "eth0", {}, HOST, None, False)


@pytest.mark.parametrize(
    ("wanted", "state", "default", "expected"),
    [
        ("eth1", {"interface": "eth0"}, "lo", "eth1"),
        (None, {"interface": "eth1"}, "eth0", "eth1"),
        (None, {"interface": "gone0"}, "eth0", "eth0"),
        (None, {}, "eth0", "eth0"),
    ],
)
def test_choose(wanted: str | None, state: dict, default: str | None, expected: str) -> None:
    assert choose(wanted, state, default, HOST) == expected


@pytest.mark.parametrize(
    ("wanted", "actual", "message"),
    [
        ("eth9", HOST, "The host has no interface eth9. It has lo (127.0.0.1), eth0 (198.51.100.11), eth1: correct"),
        (None, HOST, "No default route or SSH connection tells the interface. It has lo"),
        ("eth1", [nic("eth1", up=False)], "The interface eth1 is down. Bring it up"),
    ],
)
def test_choose_refuses(wanted: str | None, actual: list, message: str) -> None:
    with pytest.raises(AddressError) as error:
        choose(wanted, {}, None, actual)
    assert str(error.value).startswith(message)


def test_unusable() -> None:
    actual = [{"ifname": "eth0", "addr_info": [
        {"local": "2001:db8::1", "tentative": True}, {"local": "2001:db8::2", "dadfailed": True},
        {"local": "2001:db8::3"}, {}]}]  # fmt: skip
    wanted = ["2001:db8::1", "2001:db8::2", "2001:db8:0::3", "192.0.2.1"]
    assert unusable(wanted, actual) == {
        "2001:db8::1": "is still tentative",
        "2001:db8::2": "is used by another host",
        "192.0.2.1": "is missing",
    }


def test_shown() -> None:
    assert shown({"192.0.2.10": "e", "192.0.2.9": "e"}, ["::1"]) == (
        "192.0.2.9 on e\n192.0.2.10 on e\n::1 was there already\n"
    )


def test_unit_watches_only_its_interface() -> None:
    text = unit_text("host0", "/b")
    assert '"^Deleted [0-9]*: host0 "' in text
    assert "ExecStartPre=-ip -force -batch /b\n" in text
    assert "kill $$$$" in text  # systemd makes $$ of it, the shell its own process id


def test_at_boot_addresses_come_after_the_network_managers_and_before_the_mail() -> None:
    """A manager that is done with the link afterwards has taken them away when Postfix begins to send."""
    order = dict(line.split("=", 1) for line in unit_text("host0", "/b").splitlines() if line[:2] in ("Af", "Be"))
    assert order["Before"] == "network-online.target"
    assert {
        "systemd-networkd-wait-online.service", "systemd-networkd-wait-online@host0.service",
        "ifupdown-wait-online.service", "NetworkManager-wait-online.service",
    } <= set(order["After"].split())  # fmt: skip
    postfix = Path(__file__).parents[4] / "roles/postfix/templates/tree/units/mailfleet-postfix@.service.j2"
    powermta = Path(__file__).parents[4] / "roles/powermta/templates/tree/units/pmta.conf.j2"
    assert all("After=network-online.target" in unit.read_text() for unit in (postfix, powermta))


def test_an_address_that_cannot_be_put_there_leaves_the_others_watched(host: Path) -> None:
    (host / "batch").write_text("one address\nanother one\n")
    (host / "ip").write_text(SLOW_IP.replace(">> kernel ;;", ">> kernel; exit 1 ;;"))
    prepare(host)
    with watching(host) as unit:
        until(lambda: calm(host), 15)
        assert unit.poll() is None


# As slow as a loaded host: what the kernel says before anybody listens is lost.
SLOW_IP = """#!/bin/sh
cd "${0%/*}"
case "$*" in
    *-batch*) touch present; echo "2: host0    inet 198.51.100.20/32" >> kernel ;;
    *monitor*) sleep 0.5; exec tail -n 0 -f kernel ;;
esac
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    for name, text in {"ip": SLOW_IP, "kernel": "", "batch": ""}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "ip").chmod(0o755)
    return tmp_path


def commands(host: Path, name: str) -> list[list[str]]:
    lines = unit_text("host0", str(host / "batch")).splitlines()
    found = [line.partition("=")[2].removeprefix("-") for line in lines if line.startswith(f"{name}=")]
    return [shlex.split(command.replace("$$", "$")) for command in found]


def prepare(host: Path) -> None:
    lines = unit_text("host0", str(host / "batch")).splitlines()
    may_fail = [line.startswith("ExecStartPre=-") for line in lines if line.startswith("ExecStartPre=")]
    for command, either in zip(commands(host, "ExecStartPre"), may_fail, strict=True):
        done = subprocess.run(command, env=environment(host), check=False, timeout=10)
        assert either or done.returncode == 0, command


@contextmanager
def watching(host: Path) -> Iterator[subprocess.Popen[bytes]]:
    (command,) = commands(host, "ExecStart")
    unit = subprocess.Popen(command, env=environment(host), start_new_session=True)
    try:
        yield unit
    finally:
        with suppress(ProcessLookupError):
            os.killpg(unit.pid, signal.SIGKILL)
        unit.wait()


def environment(host: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{host}:{os.environ['PATH']}"}


def puts(host: Path) -> int:
    return (host / "kernel").read_text().count("inet")


def calm(host: Path) -> bool:
    """Whether nothing was put there for longer than the unit pauses in between."""
    before = puts(host)
    time.sleep(1.5)
    return puts(host) == before


def test_an_address_that_goes_before_the_unit_watches_comes_back(host: Path) -> None:
    (host / "batch").write_text("one address\n")
    prepare(host)
    present = host / "present"
    present.unlink()
    with watching(host) as unit:
        until(present.exists)
        until(lambda: calm(host), 15)
        assert unit.poll() is None
        with (host / "kernel").open("a") as said:
            said.write("Deleted 3: other    inet 198.51.100.99/32\nDeleted 2: host0    inet 198.51.100.20/32\n")
        assert unit.wait(5) == -signal.SIGTERM


def test_the_first_address_of_a_host_is_watched_without_a_restart(host: Path) -> None:
    prepare(host)
    before = puts(host)
    with watching(host) as unit:
        assert calm(host), "it puts nothing, again and again"
        (host / "batch").write_text("one address\n")
        until(lambda: puts(host) > before, 10)
        until(lambda: calm(host), 15)
        assert unit.poll() is None
        with (host / "kernel").open("a") as said:
            said.write("Deleted 2: host0    inet 198.51.100.20/32\n")
        assert unit.wait(5) == -signal.SIGTERM


def until(there: Callable[[], bool], seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)
