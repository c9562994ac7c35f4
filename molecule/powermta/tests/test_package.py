# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Another version of the package over the installed one."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from testinfra.host import Host

from tests.support import lab
from tests.support.inject import Message
from tests.support.traffic import Source, arrived

CONVERGE = Path(__file__).resolve().parents[1] / "converge.yml"
NEWER = "5.0.9-1"


@pytest.fixture(name="newer")
def _newer(tmp_path: Path) -> str:
    """The lab's package with another version."""
    tree, package = tmp_path / "tree", tmp_path / "newer.deb"
    subprocess.run(["dpkg-deb", "--raw-extract", os.environ["MAILFLEET_LAB_STANDIN"], tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {NEWER}", control.read_text()))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", tree, package], check=True)
    return str(package)


@pytest.fixture(name="waiting")
def _waiting(here: list[Source]) -> Iterator[Message]:
    """A message that its receiver puts off; later it gets all."""
    lab.lab("persona", "generic", "refuse=temporary")
    source = here[0]
    news = Message(f"b@bounce.{source.domains[0]}", "anna@generic.example", f"news@{source.domains[0]}")
    (sent,) = lab.submit(source.submission, source.port, [news])
    assert sent.accepted
    yield sent
    lab.lab("persona", "generic", "refuse=")


def run(*options: str, **values: object) -> lab.Play:
    return lab.play(lab.INVENTORY, "-e", json.dumps(values), *options, playbook=CONVERGE)


def version(host: Host) -> str:
    return host.check_output("dpkg-query -W -f '${Version}' powermta-standin")


def starts(host: Host) -> int:
    return int(host.check_output("grep -c ' started$' /var/log/pmta/log"))


def kept(host: Host) -> str:
    """The configuration, and what the queues hold."""
    return host.check_output("readlink -f /etc/pmta/config; sha256sum /etc/pmta/*.conf; ls /var/spool/pmta")


def test_a_newer_version_is_installed_with_one_restart_and_an_older_one_only_if_asked_for(
    host: Host, name: str, newer: str, waiting: Message
) -> None:
    before, started, has = version(host), starts(host), kept(host)
    change = f"PowerMTA: powermta-standin {NEWER} instead of powermta-standin {before}, with one restart"

    shown = run("--check", "--diff", powermta_package=newer)
    assert f"{name} would get {change}" in shown.words
    assert shown.changed[name] > 0
    assert (version(host), starts(host)) == (before, started)

    done = run(powermta_package=newer)
    assert (done.code, version(host), starts(host)) == (0, NEWER, started + 1), done.output
    assert f"{name} gets {change}" in done.words
    assert kept(host) == has
    assert host.check_output("systemctl is-active pmta") == "active"

    again = run(powermta_package=newer)
    assert (again.changed[name], starts(host)) == (0, started + 1), again.output

    refused = run()
    assert refused.code != 0
    assert f"{name} has powermta-standin {NEWER}, and powermta-standin {before} is older. Name that" in refused.words
    assert (version(host), starts(host)) == (NEWER, started + 1)

    lab.lab("persona", "generic", "refuse=")
    back = run(powermta_downgrade=True)
    assert (back.code, version(host), starts(host)) == (0, before, started + 2), back.output
    assert [delivery.identity for delivery in arrived([waiting])] == [waiting.identity]
