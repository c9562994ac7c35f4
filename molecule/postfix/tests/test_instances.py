# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""One Postfix instance per pool."""

from __future__ import annotations

import re

import pytest
from testinfra.host import Host

from tests.support.inject import Message
from tests.support.lab import submit, wait_for
from tests.support.traffic import Source, arrived

# enable_long_queue_ids of postconf(5): ten or more characters of time in base 52, "z", an inode number in base 51.
LONG_ID = re.compile(r"250 .* queued as [0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+")
# Connections to a receiver: what its profile and the pool's class both allow.
CONNECTIONS = {
    "transactional": {"gmail": 8, "outlook": 5, "yahoo": 6},
    "marketing": {"gmail": 8, "outlook": 5, "yahoo": 6},
    "cold": {"gmail": 2, "outlook": 2, "yahoo": 2},
}


@pytest.fixture
def entry(host: Host) -> int:
    """The port of the general endpoint."""
    return int(host.ansible.get_variables()["fleet_entry"]["port"])


@pytest.fixture
def ports(here: list[Source], entry: int) -> dict[str, int]:
    """The port of each instance of the host."""
    return {"entry": entry} | {source.pool: source.port for source in here}


def send(source: Source, sender: str = "", port: int = 0) -> Message:
    domain = source.domains[0]
    message = Message(sender or f"bounces@bounce.{domain}", "anna@generic.example", f"news@{domain}")
    (done,) = submit(source.submission, port or source.port, [message])
    return done


def test_every_instance_has_a_unit_and_debians_own_is_off(host: Host, ports: dict[str, int]) -> None:
    command = "systemctl list-units --plain --no-legend --state=active 'mailfleet-postfix@*'"
    units = [line.split()[0] for line in host.check_output(command).splitlines()]
    assert units == [f"mailfleet-postfix@{name}.service" for name in sorted(ports)]
    assert all(host.service(unit).is_enabled for unit in units)
    assert not host.service("postfix").is_running


def test_a_restart_of_one_instance_does_not_touch_another(host: Host, here: list[Source]) -> None:
    def started(pool: str) -> str:
        return host.check_output(f"systemctl show -p MainPID -p ActiveEnterTimestamp mailfleet-postfix@{pool}")

    before = {pool: started(pool) for pool in ("trans", "campaign")}
    host.check_output("systemctl restart --no-block mailfleet-postfix@campaign")
    assert send(by_pool(here)["trans"][0]).accepted
    wait_for("the restarted instance", lambda: started("campaign") != before["campaign"], 30)
    wait_for("its unit", lambda: host.service("mailfleet-postfix@campaign").is_running, 30)
    assert started("trans") == before["trans"]


def test_an_instance_that_is_killed_comes_back(host: Host, here: list[Source]) -> None:
    def restarts() -> int:
        return int(host.check_output("systemctl show -P NRestarts mailfleet-postfix@campaign"))

    before = restarts()
    host.check_output("systemctl kill -s KILL mailfleet-postfix@campaign")
    wait_for("its start", lambda: restarts() > before, 30)
    wait_for("its unit", lambda: host.service("mailfleet-postfix@campaign").is_running, 30)
    assert send(by_pool(here)["campaign"][0]).accepted


def test_every_instance_has_a_listener_and_nothing_listens_on_port_25(host: Host, ports: dict[str, int]) -> None:
    listening = host.check_output("ss -Hltn | awk '{ print $4 }'").split()
    for port in ports.values():
        assert {f"0.0.0.0:{port}", f"[::]:{port}"} <= set(listening)
    assert [address for address in listening if address.endswith(":25")] == []


def test_every_instance_has_a_queue_and_a_log_of_its_own(host: Host, ports: dict[str, int]) -> None:
    for name in ports:
        settings = "queue_directory data_directory maillog_file syslog_name enable_long_queue_ids"
        assert host.check_output(f"postconf -c /etc/postfix-{name} -h {settings}").split() == [
            f"/var/spool/postfix-{name}",
            f"/var/lib/postfix-{name}",
            f"/var/log/postfix/postfix-{name}.log",
            f"postfix-{name}",
            "yes",
        ]
        log = host.file(f"/var/log/postfix/postfix-{name}.log").content_string.splitlines()
        assert {line.split()[4].partition("/")[0] for line in log} == {f"postfix-{name}"}


def test_every_address_has_its_lanes_and_nothing_else_sends(host: Host, here: list[Source]) -> None:
    for pool in {source.pool for source in here}:
        lanes = lanes_of(host, pool)
        found = {
            (lane["smtp_helo_name"], lane["smtp_bind_address"], lane.get("smtp_bind_address6"))
            for lane in lanes.values()
        }
        assert found == {(source.helo, *by_family(source)) for source in here if source.pool == pool}


def test_a_lane_has_the_connections_that_class_and_receiver_allow(host: Host, here: list[Source]) -> None:
    for source in here:
        lanes = lanes_of(host, source.pool)
        address = by_family(source)[0].replace(".", "-")
        limits = CONNECTIONS[{2587: "transactional", 2588: "marketing", 2589: "cold"}[source.port]]
        assert {isp: int(lanes[f"{isp}-{address}"]["maxproc"]) for isp in limits} == limits


def by_family(source: Source) -> tuple[str, str | None]:
    """The IPv4 address of a source, and the IPv6 address if it has one."""
    (v4,) = (address for address in source.addresses if ":" not in address)
    return v4, next((address for address in source.addresses if ":" in address), None)


def lanes_of(host: Host, pool: str) -> dict[str, dict[str, str]]:
    """The settings of each service of the pool that delivers by SMTP."""
    lanes: dict[str, dict[str, str]] = {}
    for line in host.check_output(f"postconf -c /etc/postfix-{pool} -M").splitlines():
        words = line.split()
        if words[7] == "smtp":
            settings = (word.split("=", 1) for word in words[8:] if "=" in word)
            lanes[words[0]] = {"maxproc": words[6], **dict(settings)}
    return lanes


def test_a_message_leaves_by_its_pool_signed_and_with_a_long_queue_id(here: list[Source]) -> None:
    for pool, sources in by_pool(here).items():
        message = send(sources[0])
        assert LONG_ID.fullmatch(message.reply), message.reply
        (delivery,) = arrived([message])
        (source,) = (source for source in sources if delivery.source in source.addresses)
        assert (delivery.helo, delivery.signed) == (source.helo, ((source.domains[0], "mf1"),)), pool


def test_the_general_endpoint_relays_to_the_pool_of_the_sender_domain(here: list[Source], entry: int) -> None:
    for pool, sources in by_pool(here).items():
        message = send(sources[0], port=entry)
        assert LONG_ID.fullmatch(message.reply), message.reply
        (delivery,) = arrived([message])
        assert delivery.source in {address for source in sources for address in source.addresses}, pool
        assert delivery.signed == ((sources[0].domains[0], "mf1"),)


def by_pool(here: list[Source]) -> dict[str, list[Source]]:
    pools: dict[str, list[Source]] = {}
    for source in here:
        pools.setdefault(source.pool, []).append(source)
    return pools


def test_a_sender_domain_of_another_pool_is_refused_with_the_right_endpoint(here: list[Source]) -> None:
    trans, campaign = (by_pool(here)[pool][0] for pool in ("trans", "campaign"))
    for domain in campaign.domains:
        reply = send(trans, sender=f"bounces@bounce.{domain}").reply
        assert reply.startswith("553 5.7.1"), reply
        assert f"{domain} is sent by pool campaign: submit to" in reply
        assert f"{campaign.submission}:{campaign.port}" in reply
    assert send(trans, sender="anna@elsewhere.example").reply.startswith("553 5.7.1")


@pytest.mark.parametrize(
    ("tables", "status", "becomes"),
    [
        # A quota dressed as a permanent failure is tried again, a missing mailbox bounces at once.
        ("gmail every", "5.7.28 host x[192.0.2.1] said: 550-5.7.28 unusual rate of unsolicited mail", "4"),
        ("ovh every", "4.1.1 host x[192.0.2.1] said: 450 4.1.1 User unknown in virtual mailbox table", "5"),
        ("other", "4.7.1 host x[192.0.2.1] said: 450 4.7.1 Greylisted, try again later", "4"),
        ("gmail every", "2.0.0 host x[192.0.2.1] said: 250 OK", ""),
    ],
)
def test_postfix_reads_the_reply_rules(host: Host, tables: str, status: str, becomes: str) -> None:
    paths = [f"pcre:/etc/mailfleet/agent/live/filters/{name}.pcre" for name in tables.split()]
    answers = [host.run("postmap -q %s %s", f"{status} (in reply to RCPT TO command)", path) for path in paths]
    found = next((answer.stdout for answer in answers if answer.rc == 0), "")
    assert [answer.stderr for answer in answers] == [""] * len(paths)
    assert found[:1] == becomes
