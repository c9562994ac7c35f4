# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A sender moves from PowerMTA to Postfix and back, with mail that its receiver puts off."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from testinfra.host import Host

from tests.support import lab
from tests.support.inject import Message
from tests.support.traffic import Source, arrived

MOVE = Path(__file__).resolve().parents[1] / "move.yml"
Run = Callable[[str, bool], lab.Play]


@pytest.fixture(name="run")
def _run(name: str, tmp_path: Path) -> Run:
    """The play with this host in a group, and draining or not."""

    def run(group: str, draining: bool) -> lab.Play:
        inventory = tmp_path / f"{group}-{draining}"
        if not inventory.exists():
            shutil.copytree(lab.INVENTORY, inventory)
            hosts = yaml.safe_load((inventory / "hosts.yml").read_text())
            groups = hosts["senders"]["children"]
            groups[group]["hosts"][name] = groups["powermta"]["hosts"].pop(name)
            (inventory / "hosts.yml").write_text(yaml.safe_dump(hosts))
            with (inventory / f"host_vars/{name}.yml").open("a") as own:
                own.write(f"fleet_draining: {str(draining).lower()}\n")
        return lab.play(inventory, "-e", f"moved={name}", playbook=MOVE)

    return run


@pytest.fixture(name="refusing")
def _refusing() -> Iterator[None]:
    lab.lab("persona", "generic", "refuse=temporary")
    yield
    lab.lab("persona", "generic", "refuse=")


def send(source: Source) -> Message:
    news = Message(f"b@bounce.{source.domains[0]}", "anna@generic.example", f"news@{source.domains[0]}")
    (sent,) = lab.submit(source.submission, source.port, [news])
    assert sent.accepted, sent.reply
    return sent


def left_signed(here: list[Source], message: Message) -> None:
    """Once, from an address of its pool, with a signature of its domain."""
    (got,) = arrived([message])
    (pool,) = {source.pool for source in here if message.header_from.partition("@")[2] in source.domains}
    assert got.source in [address for source in here if source.pool == pool for address in source.addresses]
    assert [f"news@{domain}" for domain, _selector in got.signed] == [message.header_from]


def listens(host: Host, source: Source) -> bool:
    return bool(host.socket(f"tcp://0.0.0.0:{source.port}").is_listening)


def test_a_host_moves_to_the_other_mta_and_back_when_nothing_is_queued(
    host: Host, name: str, here: list[Source], run: Run, refusing: None
) -> None:
    source = next(source for source in here if source.pool == "campaign")
    waiting = send(source)
    closed = run("powermta", True)
    assert closed.code == 0, closed.output
    news = Message(f"b@bounce.{source.domains[0]}", "anna@generic.example", f"news@{source.domains[0]}")
    assert not lab.submit(source.submission, source.port, [news])[0].accepted
    refused = run("postfix", False)
    assert "but its PowerMTA still has 1 queued (" in refused.words
    assert refused.changed[name] == 0
    lab.lab("persona", "generic", "refuse=")
    host.check_output("pmta schedule --retry-recipients '*/*'")
    left_signed(here, waiting)

    moved = run("postfix", False)
    assert moved.code == 0, moved.output
    assert not host.service("pmta").is_running
    assert not host.service("pmta").is_enabled
    assert not host.file("/etc/pmta/config").exists
    left_signed(here, send(source))
    assert run("postfix", False).changed[name] == 0

    assert run("postfix", True).code == 0
    assert not listens(host, source)
    back = run("powermta", False)
    assert back.code == 0, back.output
    assert not host.service("mailfleet-postfix@campaign").is_running
    assert not host.service("mailfleet-steer").is_running
    assert not host.file("/etc/postfix-campaign").exists
    left_signed(here, send(source))
