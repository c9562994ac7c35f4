# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._command import Answer
from ansible_collections.mailfleet.mta.plugins.module_utils._network import (
    NetworkError,
    carrier,
    default_route,
    read_addresses,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._probe import (
    installed,
    missing_packages,
    missing_paths,
    owners,
    release,
)

HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
LAN = "eth0\t006433C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
DEFAULT = "{}\t00000000\t016433C6\t0003\t0\t0\t{}\t00000000\t0\t0\t0\n"
ZERO = "0" * 32
DEFAULT6 = ZERO + " 00 " + ZERO + " 00 20010db8000000000000000000000001 {:08x} 00000001 00000000 00000003 {:>8}\n"


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "interface"),
    [
        (HEAD + LAN, "", None),
        ("", "", None),
        (HEAD + LAN + DEFAULT.format("eth1", 0), "", "eth1"),
        (HEAD + DEFAULT.format("wlan0", 600) + DEFAULT.format("eth0", 100), "", "eth0"),
        (HEAD + LAN, DEFAULT6.format(0xFFFFFFFF, "lo"), None),
        (HEAD + LAN, DEFAULT6.format(0xFFFFFFFF, "lo") + DEFAULT6.format(1024, "eth6"), "eth6"),
        (HEAD + DEFAULT.format("eth1", 0), DEFAULT6.format(0, "eth6"), "eth1"),
    ],
)
def test_default_route(ipv4: str, ipv6: str, interface: str | None) -> None:
    assert default_route(ipv4, ipv6) == interface


def test_carrier() -> None:
    interfaces = [{"ifname": "lo"}, {"ifname": "host0", "addr_info": [{"local": "192.0.2.1"}, {}]}]
    assert carrier(interfaces, "192.0.2.1") == "host0"
    assert carrier(interfaces, "192.0.2.2") is None


def test_ssh_address_is_found_behind_a_changed_environment() -> None:
    """As with sudo: the process itself has no such variable, its parent has."""
    look = (
        "from ansible_collections.mailfleet.mta.plugins.module_utils._network import ssh_address; print(ssh_address())"
    )
    path = next(entry for entry in sys.path if (Path(entry) / "ansible_collections" / "mailfleet").exists())
    shell = f"env -u SSH_CONNECTION PYTHONPATH={path} {sys.executable} -c '{look}'; true"
    environment = {"SSH_CONNECTION": "198.51.100.1 50000 fe80::1%host0 22", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", shell], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "fe80::1\n", done.stderr


def test_without_ip_there_is_a_sentence() -> None:
    with pytest.raises(NetworkError, match=r"ip is not installed\. Install iproute2"):
        read_addresses(lambda argv: Answer(127, "", "ip is not installed"))


STATUS = """\
Package: bash
Essential: yes
Status: install ok installed
Description: shell
 Package: not-this

Package: postfix
Status: deinstall ok config-files

Package: half
Status: install ok half-configured

Package: held
Status: hold ok installed
"""


def test_installed() -> None:
    assert installed(STATUS) == {"bash", "held"}


def test_missing(tmp_path: Path) -> None:
    (tmp_path / "status").write_text(STATUS)
    (tmp_path / "dangling").symlink_to("nowhere")
    status = str(tmp_path / "status")
    assert missing_packages(["postfix", "bash"], status) == ["postfix"]
    assert missing_packages(["bash"], str(tmp_path / "none")) == ["bash"]
    assert missing_paths([status, str(tmp_path / "dangling")]) == [str(tmp_path / "dangling")]


def test_owners(tmp_path: Path) -> None:
    program, own = tmp_path / "pmtad", tmp_path / "own"
    for path in (program, own):
        path.touch()
    (tmp_path / "info").mkdir()
    (tmp_path / "info/powermta:amd64.list").write_text(f"/.\n{program}\n{program}.conf\n")
    (tmp_path / "info/other.list").write_text(f"/.\n{own}.d\n")
    (tmp_path / "status").write_text(
        "Package: powermta\nStatus: install ok installed\nVersion: 5.0r8-1\n\nPackage: z\nVersion: 1\n"
    )
    paths = [str(program), str(own), str(tmp_path / "none")]
    assert owners(paths, str(tmp_path)) == {str(program): {"package": "powermta", "version": "5.0r8-1"}}
    assert owners(paths, str(tmp_path / "no-dpkg")) == {}


def test_a_package_that_is_not_wholly_installed_has_no_version(tmp_path: Path) -> None:
    program = tmp_path / "pmtad"
    program.touch()
    (tmp_path / "info").mkdir()
    (tmp_path / "info/powermta.list").write_text(f"/.\n{program}\n")
    for state in ("ok half-configured", "ok unpacked", "reinstreq half-installed"):
        (tmp_path / "status").write_text(
            f"Package: powermta\nStatus: install {state}\nVersion: 5.0r8-1\n\n"
            "Package: z\nStatus: install ok installed\nVersion: 1\n"
        )
        assert owners([str(program)], str(tmp_path)) == {str(program): {"package": "powermta", "version": ""}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('NAME="Debian"\nVERSION_ID="12"\nID=debian\n', {"id": "debian", "version_id": "12"}),
        ("ID=debian\n", {"id": "debian", "version_id": ""}),
        ("", {"id": "", "version_id": ""}),
    ],
)
def test_release(text: str, expected: dict) -> None:
    assert release(text) == expected
