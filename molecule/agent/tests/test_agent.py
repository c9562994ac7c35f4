# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The agent's services and its command, without a mail server that asks them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from testinfra.host import Host

from tests.support.lab import wait_for
from tests.support.traffic import Source

UNITS = (
    "mailfleet-steer.socket",
    "mailfleet-steer.service",
    "mailfleet-ledger.service",
    "mailfleet-metrics.service",
    "mailfleet-policy.socket",
    "mailfleet-policy.service",
    "mailfleet-requests.socket",
)


def asked(host: Host, command: str) -> Any:
    return json.loads(host.check_output(f"mailfleet {command} --json"))


@pytest.mark.parametrize("unit", UNITS)
def test_units_run_now_and_after_a_reboot(host: Host, unit: str) -> None:
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


@pytest.mark.parametrize("service", ["steer", "ledger", "metrics", "policy"])
def test_services_have_a_user_of_their_own_and_few_rights(host: Host, service: str) -> None:
    words = host.check_output(f"systemctl show mailfleet-{service} -p User -p NoNewPrivileges -p ProtectSystem -p Type")
    assert {"User=mailfleet", "NoNewPrivileges=yes", "ProtectSystem=strict", "Type=notify"} <= set(words.splitlines())


def test_the_ledger_is_not_for_everybody(host: Host) -> None:
    ledger = host.file("/var/lib/mailfleet/agent/ledger.db")
    assert (ledger.user, ledger.mode) == ("mailfleet", 0o640)
    assert host.file("/var/lib/mailfleet/agent").mode == 0o750
    for name in ("steer", "policy"):
        assert host.file(f"/run/mailfleet/{name}.sock").group == "postfix"
    assert "password" not in host.file("/etc/mailfleet/agent/live/agent.json").content_string


def test_every_pool_has_lanes_of_its_own_addresses(host: Host, here: list[Source]) -> None:
    found = {row["pool"]: row for row in asked(host, "explain anna@gmail.com")}
    assert set(found) == {source.pool for source in here}
    for pool, row in found.items():
        own = {address for source in here if source.pool == pool for address in source.addresses}
        assert row["isp"] == "gmail"
        assert {address["ip"] for address in row["addresses"]} == {address for address in own if ":" not in address}


def test_a_pause_counts_at_once_and_leaves_transactional_mail_alone(host: Host) -> None:
    host.check_output("mailfleet pause isp gmail --reason 'a test'")
    try:
        time.sleep(1)
        answers = {row["pool"]: row["answer"] for row in asked(host, "explain anna@gmail.com")}
        assert answers["campaign"].startswith("retry:4.7.1 ")
        assert "a test" in answers["campaign"]
        assert answers["trans"].startswith("gmail-")
        assert "1 paused by an operator" in host.check_output("mailfleet status").splitlines()[0]
    finally:
        host.check_output("mailfleet resume isp gmail")
    assert asked(host, "status")["pauses"] == []


@pytest.mark.parametrize("service", ["steer", "ledger", "metrics", "policy"])
def test_a_service_that_dies_comes_back(host: Host, service: str) -> None:
    pid = host.check_output(f"systemctl show -P MainPID mailfleet-{service}")
    host.check_output(f"kill -9 {pid}")

    def back() -> bool:
        """Another process, and it is ready."""
        new = host.check_output(f"systemctl show -P MainPID mailfleet-{service}")
        return new not in ("0", pid) and host.service(f"mailfleet-{service}").is_running

    wait_for("its next process", back, 30)
    assert asked(host, "explain anna@gmail.com")


def test_prometheus_finds_its_page_and_nobody_else_does(host: Host) -> None:
    script = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9587/metrics').read().decode())"
    assert 'mailfleet_queue_messages{pool="campaign"} 0.0' in host.check_output("python3 -c %s", script)
    assert host.check_output("ss -Hltn 'sport = :9587'").split()[3] == "127.0.0.1:9587"


def test_the_helper_of_root_does_only_what_it_knows(host: Host) -> None:
    script = (
        "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM);"
        "s.connect('/run/mailfleet/requests.sock');"
        "[s.send(line.encode()) for line in ('reload ../x', 'stop campaign', 'try campaign ;id -h', '', '\\0')]"
    )
    host.check_output("python3 -c %s", script)
    time.sleep(1)
    assert host.check_output("systemctl show -P Result mailfleet-requests.service") == "success"
    host.run("systemctl is-active mailfleet-requests.socket")
    assert host.service("mailfleet-requests.socket").is_running
