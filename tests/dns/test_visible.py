# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Waiting for every authoritative address, with a real secondary that keeps up, lags, is stopped or is lost."""

from __future__ import annotations

import signal
import socket
import time

import bind
import dns.query
import dns.update
import pytest
from conftest import KEY, ZoneUnderTest, auth_of, params, run_auth, run_records

from ansible_collections.mailfleet.mta.plugins.module_utils import _dns_read, _dns_visible
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_task import publish_auth

TWO_SERVERS = "@ NS ns2\nns2 AAAA ::1\n"
ZONES = ("example.test", "example2.test")


class Pair:
    def __init__(self, port, primary, secondary):
        self.port, self.primary, self.secondary = port, primary, secondary


def pair_of(directory, notify=True):
    port = bind.free_port()
    zones = dict.fromkeys(ZONES, TWO_SERVERS)
    return Pair(
        port,
        bind.Bind(directory / "primary", port, zones, secondary=bind.SECONDARY if notify else ""),
        bind.Bind(directory / "secondary", port, zones, bind.SECONDARY, primary=bind.PRIMARY),
    )


def until_transferred(pair):
    for zone in ZONES:
        deadline = time.monotonic() + 10
        while not ZoneUnderTest(pair.secondary, zone).values("", "SOA"):
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def pair(server, tmp_path):
    both = pair_of(tmp_path)
    with both.primary, both.secondary:
        until_transferred(both)
        yield both


@pytest.fixture
def silent_pair(server, tmp_path):
    """The primary never tells the secondary, which asks by itself only after hours."""
    both = pair_of(tmp_path, notify=False)
    with both.primary, both.secondary:
        until_transferred(both)
        yield both


def test_it_returns_when_the_secondary_shows_the_change(pair):
    done = run_auth(pair.primary, auth_of(ZONES[0]))
    assert not done.get("failed"), done["msg"]
    seen = ZoneUnderTest(pair.secondary, ZONES[0])
    assert seen.values("", "TXT") == ["v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 -all"]
    assert seen.values("bounce", "MX") == ["10 mx1.example.com."]
    again = run_auth(pair.primary, auth_of(ZONES[0]))
    assert not again["changed"]
    assert not again.get("failed")


def test_a_secondary_that_lags_is_named_until_it_has_caught_up(silent_pair):
    pair = silent_pair
    for expect_changed in (True, False):  # the second run finds nothing to write and still waits
        done = run_auth(pair.primary, auth_of(ZONES[0]), dns={"wait": 1})
        assert done["changed"] is expect_changed
        assert done["failed"]
        assert f"name server ns2.{ZONES[0]} (::1 port {pair.port}) still shows another" in done["msg"]
        assert "(serial 1, the primary has 2), and nothing moved for 1 s" in done["msg"]
        assert "zone transfers from 127.0.0.1" in done["msg"]
    other = run_auth(pair.primary, auth_of(ZONES[0], signers=[]), auth_of(ZONES[1]), dns={"wait": 1})
    assert other["summary"]["failed"] == 2


def test_a_secondary_that_is_behind_in_other_names_only_is_no_reason_to_wait(silent_pair):
    for server in (silent_pair.primary, silent_pair.secondary):
        assert ZoneUnderTest(server, ZONES[0]).serial == 1
    ZoneUnderTest(silent_pair.primary, ZONES[0]).put("unrelated", "A", "192.0.2.1")
    gone = {"name": f"not-there.{ZONES[0]}", "type": "A", "state": "absent"}
    done = run_records(silent_pair.primary, gone)
    assert not done.get("failed")
    assert done["duration_s"] < 1


@pytest.mark.parametrize("how", ["stopped", "gone"])
def test_a_secondary_that_does_not_answer_is_named(pair, how):
    if how == "stopped":
        pair.secondary.process.send_signal(signal.SIGSTOP)
    else:
        pair.secondary.stop()
    try:
        done = run_auth(pair.primary, auth_of(ZONES[0]), auth_of(ZONES[1]), dns={"wait": 1, "timeout": 1})
    finally:
        pair.secondary.process.send_signal(signal.SIGCONT)
    assert done["changed"]
    reason = "did not answer within 1 s" if how == "stopped" else "nothing listens there"
    for zone in ZONES:
        assert f"name server ns2.{zone} (::1 port {pair.port})" in done["msg"]
    assert reason in done["msg"]
    skipped = run_auth(pair.primary, auth_of(ZONES[0]), auth_of(ZONES[1]), skip_name_servers=["::1"])
    assert not skipped.get("failed")
    assert not skipped["changed"]


def test_a_secondary_that_lost_the_zone_is_named(server, zone, tmp_path):
    port = bind.free_port()
    with (
        bind.Bind(tmp_path / "one", port, {zone.name: TWO_SERVERS}) as primary,
        bind.Bind(tmp_path / "two", port, {"another.test": ""}, bind.SECONDARY),
    ):
        done = run_auth(primary, auth_of(zone.name), dns={"wait": 0})
        assert "does not serve the zone" in done["msg"]


def test_a_name_server_without_an_address_is_named_with_the_remedy(server, zone):
    zone.put("", "NS", "ns.unknown.example.")
    done = run_auth(server, auth_of(zone.name))
    assert done["changed"]
    assert "no address of its name server ns.unknown.example was found" in done["msg"]
    assert "Remedy: set dns.resolver" in done["msg"]


def test_an_address_without_a_route_is_a_warning_beside_another_address(server, tmp_path, zone, monkeypatch):
    """A controller without IPv6; the kernel's word is imitated, because some test machines have a route."""

    class Socket(socket.socket):
        def connect(self, address):
            if address[0].startswith("2001:db8:"):
                raise OSError(101, "Network is unreachable")
            return super().connect(address)

    monkeypatch.setattr(_dns_read.socket, "socket", Socket)
    port = bind.free_port()
    both = "@ NS ns2\nns2 A 127.0.0.1\nns2 AAAA 2001:db8::53\n"
    only = "@ NS ns2\nns2 AAAA 2001:db8::53\n"
    with bind.Bind(tmp_path / "one", port, {zone.name: both, "alone.test": only}) as primary:
        done = run_auth(primary, auth_of(zone.name), dns={"wait": 1})
        assert not done.get("failed")
        assert [text for text in done["warnings"] if "Network is unreachable), so it was not checked" in text]
        alone = run_auth(primary, auth_of("alone.test"), dns={"wait": 1})
        assert "name server ns2.alone.test (2001:db8::53" in alone["msg"]


def test_the_wait_says_what_it_waits_for(silent_pair, monkeypatch):
    monkeypatch.setattr(_dns_visible, "_TELL_EVERY", 0.3)
    told: list[str] = []
    task = {
        "domains": [auth_of(ZONES[0])],
        "keys": {ZONES[0]: {"mf1": "QUJD"}},
        "phase": "add",
        "release": [],
        "retired": [],
        "leftovers": "keep",
    }
    options = params(silent_pair.primary, dns={"wait": 1}, **task)
    publish_auth(options, False, told.append)
    assert told
    assert f"zone {ZONES[0]}: name server ns2.{ZONES[0]} (::1 port {silent_pair.port}) still shows" in told[0]


def test_a_rollback_on_the_primary_is_published_again(pair):
    run_auth(pair.primary, auth_of(ZONES[0]))
    zone = ZoneUnderTest(pair.primary, ZONES[0])
    update = dns.update.UpdateMessage(f"{zone.name}.", keyring=KEY)
    update.delete(f"mf1._domainkey.{zone.name}.")
    dns.query.tcp(update, zone.server.address, port=zone.server.port)
    assert zone.values("mf1._domainkey", "TXT") == []
    done = run_auth(pair.primary, auth_of(ZONES[0]))
    assert done["results"][0]["actions"] == [f"add mf1._domainkey.{zone.name} TXT"]
    assert not done.get("failed")
    assert ZoneUnderTest(pair.secondary, ZONES[0]).values("mf1._domainkey", "TXT") != []
