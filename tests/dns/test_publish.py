# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Publishing against a real BIND: the traps of RFC 2136 and of the tools before us, each as a test."""

from __future__ import annotations

import json
import socket
import threading
import time

import bind
import dns.query
import pytest
from conftest import SPF, ZoneUnderTest, auth_of, params, run_auth, run_records

from ansible_collections.mailfleet.mta.plugins.module_utils import _dns, _dns_update

VERIFICATION = "google-site-verification=abc"


def test_a_domain_is_published_and_the_second_run_changes_nothing(server, zone):
    planned = run_auth(server, auth_of(zone.name), check=True)
    assert planned["changed"]
    assert zone.serial == 1
    assert zone.values("", "MX") == []

    done = run_auth(server, auth_of(zone.name))
    assert done["changed"]
    assert not done.get("failed")
    assert done["results"][0]["actions"] == planned["results"][0]["actions"]
    assert done["diff"] == planned["diff"]
    assert zone.values("", "MX") == ["10 mx1.example.com."]
    assert zone.values("", "TXT") == [SPF]
    assert zone.values("mf1._domainkey", "TXT") == ["v=DKIM1; k=rsa; p=" + "A" * 392]
    assert zone.values("_dmarc", "TXT") == ["v=DMARC1; p=none; rua=mailto:dmarc@example.com"]
    assert zone.values("bounce", "MX") == ["10 mx1.example.com."]
    assert zone.values("bounce", "TXT") == [SPF]
    assert zone.serial == 2  # one atomic update, so one step
    assert done["zones"][0]["atomic"]
    assert done["zones"][0]["serial"] == 2

    again = run_auth(server, auth_of(zone.name))
    assert not again["changed"]
    assert again["results"] == []
    assert zone.serial == 2


def test_neighbours_in_the_apex_txt_and_its_ttl_survive(server, zone):
    zone.put(
        "",
        "TXT",
        f'"{VERIFICATION}"',
        '"with \\"quotes\\"; and \\\\"',
        '"v=spf1 include:_spf.example.net ~all"',
        ttl=123,
    )
    done = run_auth(server, auth_of(zone.name))
    merged = "v=spf1 include:_spf.example.net ip4:192.0.2.10 ip6:2001:db8::10 -all"
    assert zone.look("", "TXT") == (123, sorted([VERIFICATION, 'with "quotes"; and \\', merged]))
    assert done["foreign"] == [
        {"domain": zone.name, "name": zone.name, "type": "TXT", "values": ["include:_spf.example.net"]}
    ]
    assert any("'~all'" in text for text in done["warnings"])
    assert not run_auth(server, auth_of(zone.name))["changed"]


def test_moving_a_domain_adds_first_and_removes_only_what_is_released(server, zone):
    old = auth_of(zone.name, ips={"ip4": ["192.0.2.20"], "ip6": []}, other_fleet_ips={"ip4": ["192.0.2.10"], "ip6": []})
    run_auth(server, old)
    zone.put("", "TXT", f'"{VERIFICATION}"', ttl=3600)
    new = auth_of(zone.name, ips={"ip4": ["192.0.2.10"], "ip6": []})

    added = run_auth(server, new)
    both = "v=spf1 ip4:192.0.2.20 ip4:192.0.2.10 -all"
    assert zone.values("", "TXT") == sorted([both, VERIFICATION])
    assert zone.values("bounce", "TXT") == [both]
    assert [(p["name"], p["ips"]) for p in added["pending_removals"]] == [
        (zone.name, ["192.0.2.20"]),
        (f"bounce.{zone.name}", ["192.0.2.20"]),
    ]
    kept = run_auth(server, new, phase="final")
    assert not kept["changed"]
    assert len(kept["pending_removals"]) == 2
    done = run_auth(server, new, phase="final", release=[zone.name])
    assert done["changed"]
    assert done["pending_removals"] == []
    assert zone.values("", "TXT") == sorted(["v=spf1 ip4:192.0.2.10 -all", VERIFICATION])
    assert zone.values("bounce", "TXT") == ["v=spf1 ip4:192.0.2.10 -all"]


def test_old_return_path_hosts_go_in_the_final_phase(server, zone):
    run_auth(server, auth_of(zone.name, bounce_mx=["old.example.com"]))
    [pending] = run_auth(server, auth_of(zone.name))["pending_removals"]
    assert pending["others"] == ["10 old.example.com."]
    assert zone.values("bounce", "MX") == ["10 mx1.example.com.", "10 old.example.com."]
    run_auth(server, auth_of(zone.name), phase="final")
    assert zone.values("bounce", "MX") == ["10 mx1.example.com."]


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("", '"v=spf1 a -all"|"v=spf1 mx -all"', "has 2 SPF records"),
        ("", '"v=spf1 redirect=_spf.example.net"', "hands over to _spf.example.net"),
        ("_dmarc", '"v=DMARC1; p=none"|"v=DMARC1; p=reject"', "has 2 DMARC records"),
        ("mf1._domainkey", '"v=DKIM1; p=REVG"', "publishes another DKIM key"),
        ("mf1._domainkey", '"v=DKIM1; p="', "revoked"),
        ("mf1._domainkey", '"v=DKIM1; p=QUJD"|"v=DKIM1; p=REVG"', "has 2 TXT records"),
    ],
)
def test_a_trap_in_one_domain_is_a_sentence_and_the_others_are_finished(server, zone, name, value, words):
    zone.put(name, "TXT", *value.split("|"))
    before = zone.serial
    # a subdomain in the same zone, so in the same update
    done = run_auth(server, auth_of(zone.name), auth_of(f"sub.{zone.name}"))
    assert done["failed"]
    assert words in done["msg"]
    assert "Remedy: " in done["msg"]
    assert "1 of 2 domains have problems" in done["msg"]
    assert done["summary"] == {"total": 2, "changed": 1, "failed": 1, "ok": 1}
    assert zone.values("", "MX") == []  # the broken domain is left alone altogether
    assert zone.values("sub", "TXT") == [SPF]
    assert zone.serial == before + 1


@pytest.mark.parametrize("name", ["_dmarc", "mf1._domainkey", "bounce"])
def test_a_cname_at_our_name_is_a_sentence_not_a_silent_drop(server, zone, name):
    zone.put(name, "CNAME", "else.example.")
    for check in (True, False, False):
        done = run_auth(server, auth_of(zone.name), check=check)
        assert f"{name}.{zone.name}: is a CNAME to else.example" in done["msg"]
        assert not done["changed"]
    assert zone.values("", "MX") == []


def test_a_cname_that_appears_after_the_read_makes_the_update_fail_as_a_whole(server, zone, monkeypatch):
    apply = _dns_update.apply_zone

    def late(name, *rest):
        if not zone.values("_dmarc", "CNAME"):
            zone.put("_dmarc", "CNAME", "else.example.")
        return apply(name, *rest)

    monkeypatch.setattr(_dns, "apply_zone", late)
    done = run_auth(server, auth_of(zone.name))
    assert "is a CNAME to else.example" in done["msg"]
    assert not done["changed"]
    assert zone.values("", "MX") == []


def test_noerror_is_no_proof(server, zone, monkeypatch):
    """Without the guard BIND drops a TXT beside a CNAME and answers NOERROR; reading back finds out."""
    original = _dns_update._add_change

    class Unguarded:
        def __init__(self, message):
            self.message = message

        def absent(self, *args):
            pass

        def __getattr__(self, name):
            return getattr(self.message, name)

    apply = _dns_update.apply_zone

    def late(name, *rest):
        zone.put("_dmarc", "CNAME", "else.example.")
        return apply(name, *rest)

    monkeypatch.setattr(_dns_update, "_add_change", lambda message, change: original(Unguarded(message), change))
    monkeypatch.setattr(_dns, "apply_zone", late)
    done = run_auth(server, auth_of(zone.name))
    assert f"accepted the update, but does not show _dmarc.{zone.name} TXT" in done["msg"]
    [result] = done["results"]
    assert result["failed"]
    assert result["changed"]  # and says so: the other records are there
    assert f"add _dmarc.{zone.name} TXT" not in result["actions"]


def race(monkeypatch, action, times=1):
    apply, left = _dns_update.apply_zone, [times]

    def late(name, *rest):
        if left[0]:
            left[0] -= 1
            action(times - left[0])
        return apply(name, *rest)

    monkeypatch.setattr(_dns, "apply_zone", late)


def test_an_update_between_read_and_write_is_not_lost(server, zone, monkeypatch):
    zone.put("", "TXT", '"v=spf1 a -all"')
    race(monkeypatch, lambda number: zone.put("", "TXT", f'"{VERIFICATION}"'))
    done = run_auth(server, auth_of(zone.name))
    assert not done.get("failed")
    assert zone.values("", "TXT") == sorted(["v=spf1 a ip4:192.0.2.10 ip6:2001:db8::10 -all", VERIFICATION])
    assert done["zones"][0]["attempts"] == 2


def test_an_update_between_read_and_write_of_a_new_name_is_not_lost(server, zone, monkeypatch):
    race(monkeypatch, lambda number: zone.put("", "TXT", f'"{VERIFICATION}"'))
    done = run_auth(server, auth_of(zone.name))
    assert not done.get("failed")
    assert zone.values("", "TXT") == sorted([SPF, VERIFICATION])
    assert zone.values("_dmarc", "TXT")


def test_a_race_that_never_ends_is_a_sentence(server, zone, monkeypatch):
    race(monkeypatch, lambda number: zone.put("", "TXT", f'"{number}"'), times=9)
    done = run_auth(server, auth_of(zone.name))
    assert "refused the update 3 times, because somebody else changes the same records" in done["msg"]
    assert not done["changed"]
    assert zone.values("", "TXT") == ["1", "2", "3"]


def test_a_wildcard_does_not_stand_in_the_way(server, zone):
    zone.put("*", "CNAME", "www.example.com.")
    done = run_auth(server, auth_of(zone.name))
    assert not done.get("failed"), done.get("msg")
    assert zone.values("_dmarc", "TXT") == ["v=DMARC1; p=none; rua=mailto:dmarc@example.com"]
    assert zone.values("bounce", "MX") == ["10 mx1.example.com."]
    assert zone.values("anything", "CNAME") == ["www.example.com."]
    assert not run_auth(server, auth_of(zone.name))["changed"]


def test_a_wildcard_of_our_own_type_is_not_edited(server, zone):
    zone.put("*", "TXT", '"v=spf1 -all"')
    done = run_auth(server, auth_of(zone.name))
    assert not done.get("failed"), done["msg"]
    assert zone.values("bounce", "TXT") == [SPF]
    assert zone.values("*", "TXT") == ["v=spf1 -all"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key_secret": "d3JvbmctLXdyb25nLS13cm9uZy0td3Jvbmc="}, ["(BADSIG)", "correct key_secret"]),
        ({"key_name": "nobody"}, ["'nobody' (BADKEY)", "correct key_name"]),
        ({"key_name": "other-key"}, ["REFUSED", "allow key 'other-key' in the zone's update-policy"]),
        ({"key_name": "", "key_secret": ""}, ["REFUSED", "allow unsigned requests"]),
    ],
)
def test_a_wrong_key_is_an_error_with_its_remedy(server, zone, change, words):
    done = run_auth(server, auth_of(zone.name), dns=change)
    assert done["failed"]
    assert not done["changed"]
    assert f"zone {zone.name}: DNS server 127.0.0.1 port {server.port}" in done["msg"]
    for word in words:
        assert word in done["msg"]


def test_a_wrong_clock_is_an_error_with_its_remedy(server, zone, monkeypatch):
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 4000)
    done = run_auth(server, auth_of(zone.name))
    assert "(BADTIME)" in done["msg"]
    assert "clocks" in done["msg"]


@pytest.mark.parametrize("state", ["present", "absent"])
@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("www.not-served.example", ["answers REFUSED", "serve the zone there, or name its primary in dns.zones"]),
        ("www.broken.test", ["answers SERVFAIL", "look into the server's log"]),
        ("www.child.parent.test", ["delegates child.parent.test to ns.elsewhere.example"]),
    ],
)
def test_a_zone_that_is_not_served_is_an_error_never_ok(server, name, words, check, state):
    record = {"name": name, "type": "A", "values": ["192.0.2.1"], "state": state}
    done = run_records(server, record, check=check)
    assert done["failed"]
    assert not done["changed"]
    for word in [f"{name}: DNS server 127.0.0.1 port {server.port}", *words]:
        assert word in done["msg"]


def test_a_zone_that_takes_no_updates_is_an_error(server):
    zone = ZoneUnderTest(server, "read-only.test")
    done = run_auth(server, auth_of("read-only.test"))
    assert "zone read-only.test" in done["msg"]
    assert "REFUSED" in done["msg"]
    assert zone.serial == 1


def test_a_server_that_is_no_primary_is_an_error(server, tmp_path, zone):
    port = bind.free_port()
    with bind.Bind(tmp_path / "secondary", port, {zone.name: ""}, bind.SECONDARY, primary=bind.PRIMARY) as other:
        # it never gets the zone: its primary listens on another port
        done = run_auth(other, auth_of(zone.name))
        assert "answers SERVFAIL" in done["msg"]


@pytest.mark.parametrize("kind", ["silent", "closed"])
def test_a_dead_server_is_one_sentence_in_bounded_time(kind):
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        if kind == "closed":
            silent.close()
        domains = [auth_of(f"d{number}.example") for number in range(500)]
        keys = {auth["domain"]: {"mf1": "QUJD"} for auth in domains}
        dead = bind.Bind.__new__(bind.Bind)
        dead.address, dead.port = "127.0.0.1", port
        start = time.monotonic()
        done = run_auth(dead, *domains, keys=keys, dns={"timeout": 1})
        assert time.monotonic() - start < 10, "not a second for each domain"
    assert done["summary"]["failed"] == 500
    assert len(done["msg"].splitlines()) == 2
    assert f"DNS server 127.0.0.1 port {port}" in done["msg"]
    assert ("did not answer within 1 s" if kind == "silent" else "nothing listens there") in done["msg"]


def test_a_server_that_dies_after_the_read_is_an_error(server, zone, monkeypatch):
    def lost(*args, **options):
        raise ConnectionResetError("gone")

    monkeypatch.setattr(dns.query, "tcp", lost)
    done = run_auth(server, auth_of(zone.name))
    assert "cannot be reached" in done["msg"]
    assert not done["changed"]


def test_a_server_that_takes_no_tcp_costs_its_timeout_a_few_times_only(server, zone, tmp_path, monkeypatch):
    tried = []

    def lost(*args, **options):
        tried.append(1)
        raise dns.exception.Timeout

    port = bind.free_port()
    names = [f"n{number}.test" for number in range(50)]
    with bind.Bind(tmp_path / "many", port, dict.fromkeys(names, "")) as many:
        monkeypatch.setattr(dns.query, "tcp", lost)
        done = run_auth(many, *(auth_of(name) for name in names))
    assert done["summary"]["failed"] == 50
    assert len(tried) <= _dns.LOST_MESSAGES + _dns.WRITERS


def test_a_write_whose_answer_is_lost_counts_when_it_is_there(server, zone, monkeypatch):
    send = dns.query.tcp

    def mute(*args, **options):
        send(*args, **options)
        raise dns.exception.Timeout

    monkeypatch.setattr(_dns_update.dns.query, "tcp", mute)
    done = run_auth(server, auth_of(zone.name))
    monkeypatch.undo()
    assert not done.get("failed"), done
    assert done["changed"]
    assert zone.values("", "TXT") == [SPF]


def test_long_and_odd_txt_values(server, zone):
    values = ["x" * 255, "y" * 256, 'quote " semicolon ; backslash \\ dollar $', "", "ünïcode"]
    record = {"name": zone.full("odd"), "type": "TXT", "values": values}
    assert run_records(server, record)["changed"]
    assert zone.values("odd", "TXT") == sorted(values)
    assert not run_records(server, record)["changed"]


def test_a_value_that_somebody_split_elsewhere_is_the_same_value(server, zone):
    key = "A" * 392
    zone.put("mf1._domainkey", "TXT", f'"v=DKIM1; k=rsa; " "p={key[:150]}" "{key[150:]}"', ttl=3600)
    done = run_auth(server, auth_of(zone.name))
    assert not done.get("failed")
    assert f"mf1._domainkey.{zone.name}" not in json.dumps(done["results"])


def test_bytes_that_are_no_text_survive(server, zone):
    zone.put("", "TXT", '"\\255\\000x"')
    run_auth(server, auth_of(zone.name))
    question = dns.message.make_query(f"{zone.name}.", "TXT")
    answer = dns.query.tcp(question, server.address, port=server.port)
    assert (b"\xff\x00x",) in [rdata.strings for rdata in answer.answer[0]]


def test_an_answer_that_does_not_fit_into_udp_is_read_over_tcp(server, zone):
    zone.put("", "TXT", *(f'"neighbour-{number}-{"x" * 200}"' for number in range(12)))
    assert run_auth(server, auth_of(zone.name))["changed"]
    assert len(zone.values("", "TXT")) == 13
    assert not run_auth(server, auth_of(zone.name))["changed"]


def test_a_change_of_more_than_64_kib_is_split_and_says_so(server, zone):
    names = [zone.full(f"s{number}._domainkey") for number in range(200)]
    records = [{"name": name, "type": "TXT", "values": ["v=DKIM1; k=rsa; p=" + "A" * 392]} for name in names]
    done = run_records(server, *records)
    assert not done.get("failed")
    assert zone.serial == 3
    assert not done["zones"][0]["atomic"]
    assert any("was not atomic" in text for text in done["warnings"])
    assert not run_records(server, *records)["changed"]


def test_two_hundred_domains_in_one_zone_go_in_one_message(server, zone):
    domains = [auth_of(f"d{number}.{zone.name}", signers=[]) for number in range(100)]
    done = run_auth(server, *domains)
    assert zone.serial == 2
    assert done["summary"]["changed"] == 100


def test_a_name_in_a_zone_of_its_own_is_written_there(server, zone, tmp_path):
    child = f"bounce.{zone.name}"
    zone.put("bounce", "NS", "ns1.elsewhere.example.")
    port = bind.free_port()
    with bind.Bind(tmp_path / "child", port, {child: ""}) as other:
        done = run_auth(server, auth_of(zone.name), dns={"zones": {child: {"port": port}}})
        assert not done.get("failed"), done["msg"]
        assert sorted(entry["zone"] for entry in done["zones"]) == sorted([zone.name, child])
        assert ZoneUnderTest(other, child).values("", "TXT") == [SPF]


def test_names_without_a_server_are_left_to_the_operator(server, zone):
    settings = {name: value for name, value in server.settings.items() if name not in ("server", "port")}
    here = {zone.name: {"server": server.address, "port": server.port}}
    done = run_auth(
        server, auth_of(zone.name), auth_of("elsewhere.example"), dns={**settings, "server": None, "zones": here}
    )
    assert not done.get("failed")
    assert {record["name"] for record in done["manual"]} == {
        "elsewhere.example",
        "mf1._domainkey.elsewhere.example",
        "_dmarc.elsewhere.example",
        "bounce.elsewhere.example",
    }
    assert zone.values("", "TXT") == [SPF]


def test_a_server_that_says_only_what_is_asked(zone, tmp_path):
    port = bind.free_port()
    with bind.Bind(tmp_path / "terse", port, {zone.name: ""}, options="minimal-responses yes;") as terse:
        assert run_auth(terse, auth_of(zone.name))["changed"]
        assert not run_auth(terse, auth_of(zone.name))["changed"]
        there = ZoneUnderTest(terse, zone.name)
        there.put("", "TXT", f'"{VERIFICATION}"', ttl=3600)
        assert run_auth(terse, auth_of(zone.name, ips={"ip4": ["192.0.2.99"]}))["changed"]
        assert VERIFICATION in there.values("", "TXT")


@pytest.mark.parametrize(
    ("limits", "words", "written"),
    [
        ({"changes": 11}, "12 changes are planned and limits.changes allows 11", []),
        ({"zone_changes": 5}, "6 changes are planned and limits.zone_changes allows 5", []),
        ({"changes": 12, "zone_changes": 6}, "", [SPF]),
    ],
)
def test_limits(server, zone, tmp_path, limits, words, written):
    port = bind.free_port()
    with bind.Bind(tmp_path / "other", port, {"other.test": ""}):
        zones = {"other.test": {"port": port}}
        done = run_auth(server, auth_of(zone.name), auth_of("other.test"), dns={"zones": zones}, limits=limits)
        assert words in done.get("msg", "")
        assert zone.values("", "TXT") == written


def test_a_mass_removal_is_refused_and_says_how_to_raise(server, zone):
    zone.put("a", "A", "192.0.2.1")
    zone.put("b", "A", "192.0.2.1")
    gone = [{"name": zone.full(name), "type": "A", "state": "absent"} for name in "ab"]
    done = run_records(server, *gone, limits={"zone_deletes": 1})
    assert "if it is right, set limits.zone_deletes: 2" in done["msg"]
    assert zone.values("a", "A") == ["192.0.2.1"]
    assert run_records(server, *gone)["summary"]["changed"] == 2
    assert zone.values("a", "A") == []


@pytest.mark.parametrize(
    "record",
    [
        {"type": "CNAME", "values": ["target.example"]},
        {"type": "A", "values": ["192.0.2.1", "192.0.2.2"]},
        {"type": "AAAA", "values": ["2001:DB8:0::1"]},
        {"type": "MX", "values": ["10 MX.Example.com"]},
        {"type": "SRV", "values": ["0 5 587 mx.example.com."]},
        {"type": "SRV", "values": ["0 5 587 mx1.example.com.", "0 5 587 mx2.example.com."]},
        {"type": "TLSA", "values": ["3 1 1 " + "ab" * 32]},
        {"type": "CAA", "values": ['0 issue "ca.example"']},
        {"type": "PTR", "values": ["host.example"]},
    ],
)
def test_every_type_converges(server, zone, record):
    record = {"name": zone.full("one"), "ttl": 60, **record}
    done = run_records(server, record)
    assert done["changed"], done["msg"]
    ttl, values = zone.look("one", record["type"])
    assert (ttl, len(values)) == (60, len(record["values"]))
    assert not run_records(server, record)["changed"]
    assert run_records(server, {**record, "state": "absent"})["changed"]
    assert zone.values("one", record["type"]) == []


def test_a_cname_over_other_records_is_an_error_every_time(server, zone):
    zone.put("www", "A", "192.0.2.1")
    record = {"name": zone.full("www"), "type": "CNAME", "values": ["target.example"]}
    for _run in range(2):
        done = run_records(server, record)
        assert done["failed"]
        assert not done["changed"]
        assert "look for records that hide" in done["msg"]
    assert zone.values("www", "A") == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({"type": "A", "values": ["nope"]}, "'nope' is no A value"),
        ({"type": "A", "values": []}, "values is empty"),
        ({"type": "FNORD", "values": ["x"]}, "type 'FNORD' is none of"),
        ({"type": "NS", "values": ["ns.example"]}, "type 'NS' is none of"),  # a server drops such a change silently
        ({"type": "A", "value": ["192.0.2.1"]}, "'value' is no option"),
        ({"type": "A", "values": "192.0.2.1"}, "values is no list"),
        ({"type": "A", "values": ["192.0.2.1"], "name": ""}, "name is missing"),
    ],
)
def test_bad_records_name_their_place(server, record, words):
    good = {"name": "a.example", "type": "A", "values": ["192.0.2.1"]}
    with pytest.raises(ValueError, match=r"^records\[1\]: ") as caught:
        run_records(server, good, {"name": "b.example", **record})
    assert words in str(caught.value)


def test_keys_that_do_not_exist_yet_are_a_remark_in_check_mode_and_an_error_otherwise(server, zone):
    planned = run_auth(server, auth_of(zone.name), keys={"other": {}}, check=True)
    assert not planned.get("failed")
    assert "DKIM key mf1 does not exist yet" in planned["results"][0]["msg"]
    done = run_auth(server, auth_of(zone.name), keys={"other": {}})
    assert "no signer has shown a public key for selector mf1" in done["msg"]
    assert zone.values("", "TXT") == []


def test_no_result_holds_the_secret(server, zone):
    for change in ({}, {"key_name": "nobody"}, {"key_algorithm": "hmac-sha512"}):
        done = run_auth(server, auth_of(zone.name), dns=change)
        assert bind.KEY_SECRET not in json.dumps(done)


def test_other_records_are_written_while_one_zone_hangs(server, zone, tmp_path):
    """A zone whose server accepts connections and never answers costs its timeout, not the other zones."""
    with socket.create_server(("127.0.0.1", 0)) as hung:
        port = hung.getsockname()[1]
        answering = threading.Event()
        with socket.socket(type=socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", port))
            zones = {"hung.test": {"port": port, "timeout": 1}}
            done = run_auth(server, auth_of(zone.name), auth_of("hung.test"), dns={"zones": zones, "timeout": 1})
        answering.set()
    assert done["summary"] == {"total": 2, "changed": 1, "failed": 1, "ok": 1}
    assert zone.values("", "TXT") == [SPF]
    assert params(server)["name_server_port"] == server.port
