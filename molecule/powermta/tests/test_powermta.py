# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A sender on PowerMTA, for which the lab's stand-in serves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from testinfra.host import Host

from tests.support import lab
from tests.support.inject import Message
from tests.support.traffic import Source, arrived

CONVERGE = Path(__file__).resolve().parents[1] / "converge.yml"


def state(host: Host) -> tuple[str, str]:
    """The process of the server, and what it may read."""
    return host.check_output("systemctl show -p MainPID pmta"), host.check_output(
        "readlink /etc/mailfleet/powermta/live"
    )


def in_one_line(words: str) -> str:
    return " ".join(words.split())


def run(local: str = "", **options: str) -> lab.Play:
    """The scenario's playbook once more, with other values of the role's variables."""
    values = {f"powermta_{name}": value for name, value in {"local": local, **options}.items()}
    return lab.play(lab.INVENTORY, "-e", json.dumps(values), playbook=CONVERGE)


def test_the_service_runs_and_greets_on_the_ports_of_its_pools(host: Host, here: list[Source]) -> None:
    assert host.service("pmta").is_running
    assert host.service("pmta").is_enabled
    assert all(host.socket(f"tcp://0.0.0.0:{port}").is_listening for port in {source.port for source in here} | {587})
    assert not host.socket("tcp://0.0.0.0:25").is_listening


def test_secrets_are_for_the_server_only(host: Host) -> None:
    wanted = {
        "/etc/pmta/license": ("pmta", "pmta", 0o600),
        "/etc/pmta/users.conf": ("root", "pmta", 0o640),
        "/etc/mailfleet/tls/powermta.pem": ("pmta", "pmta", 0o600),
        "/var/lib/mailfleet/dkim/example.com/mf1.private": ("root", "pmta", 0o640),
    }
    for path, owned in wanted.items():
        file = host.file(host.check_output("readlink -f %s", path))
        assert (file.user, file.group, file.mode) == owned, path


def test_limits_and_kernel_settings_are_set(host: Host) -> None:
    assert host.check_output("systemctl show -p LimitNOFILE --value pmta") == "65536"
    assert host.check_output("cat /proc/sys/net/ipv4/ip_local_port_range").split() == ["10240", "65535"]


def test_mail_leaves_from_an_address_of_its_pool_by_the_sender_domain(here: list[Source]) -> None:
    sent = []
    for source in here:
        domain = source.domains[0]
        message = Message(f"bounces@bounce.{domain}", "anna@generic.example", f"news@{domain}")
        sent += [(source.pool, done) for done in lab.submit(source.submission, source.port, [message])]
    got = {delivery.identity: delivery for delivery in arrived(message for _pool, message in sent)}
    own = {(pool, address) for pool in {source.pool for source in here} for address in addresses(here, pool)}
    assert {(pool, got[message.identity].source) for pool, message in sent} <= own


def addresses(here: list[Source], pool: str) -> list[str]:
    return [address for source in here if source.pool == pool for address in source.addresses]


def test_a_sender_of_no_pool_goes_nowhere(host: Host, here: list[Source]) -> None:
    message = Message("x@nowhere.example", "anna@generic.example")
    (done,) = lab.submit(here[0].submission, here[0].port, [message])
    assert done.accepted
    assert "generic.example/no-pool" in host.check_output("pmta show queues")
    assert done.identity not in {delivery.identity for delivery in lab.deliveries()}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"local": "<domain x.example>\n  max-smtp-uot 3\n</domain>"},
            '/etc/pmta/local.conf:4: error: "max-smtp-uot" is not a directive of PowerMTA. Did you mean max-smtp-out?',
        ),
        (
            {"local": "include /etc/pmta/mine.conf", "license": "product: PowerMTA\nexpires: 2020-01-31"},
            "powermta_license expired on 2020-01-31. Set the new one; "
            "local.conf:3: include /etc/pmta/mine.conf: there is no such file on this host.",
        ),
        ({"license": "mine"}, "PowerMTA refused its new configuration and has the previous one again: License error:"),
        ({"local": "smtp-listener 0/0:22"}, "has the previous one again: Error: smtp-listener 0.0.0.0:22"),
    ],
    ids=["directive", "include and licence", "no licence", "taken port"],
)
def test_what_is_wrong_is_named_and_the_server_goes_on(host: Host, options: dict[str, str], words: str) -> None:
    before = state(host)
    refused = run(**options)
    assert refused.code != 0
    assert words in in_one_line(refused.words)
    assert state(host) == before


def test_a_change_is_reloaded_and_only_some_need_a_restart(host: Host) -> None:
    before, _live = state(host)
    assert run("<domain x.example>\n  max-smtp-out 3\n</domain>").code == 0
    assert state(host)[0] == before
    assert run(http_port="8081").code == 0
    assert state(host)[0] != before
