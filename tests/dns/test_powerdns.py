# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The octoDNS backend against the HTTP API of a real PowerDNS, which also answers as the zones' name server."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys

import bind
import powerdns
import pytest
from conftest import SPF, ZoneUnderTest, auth_of
from unreliable import Unreliable

from ansible_collections.mailfleet.mta.plugins.module_utils import _dns_authorities, _dns_octodns
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_task import publish_auth, publish_records

VERIFICATION = "google-site-verification=abc"
COMMON = {"limits": {}, "skip_name_servers": []}


@pytest.fixture(scope="session")
def pdns(tmp_path_factory):
    if powerdns.PDNS is None:
        pytest.skip("pdns_server is not installed (Debian packages pdns-server and pdns-backend-sqlite3)")
    directory = tmp_path_factory.mktemp("pdns") / "pdns"
    with powerdns.PowerDns(directory, bind.free_port(), bind.free_port(), []) as running:
        yield running


_numbers = itertools.count()


class PowerDnsZone(ZoneUnderTest):
    def put(self, name, rdtype, *values, ttl=300):
        self.server.put(self.name, name, rdtype, *values, ttl=ttl)


@pytest.fixture
def new_zone(pdns, monkeypatch):
    """PowerDNS answers for its own zones where a resolver would be asked."""
    monkeypatch.setattr(_dns_authorities, "RESOLVER_PORT", pdns.port)

    def new_zone():
        zone = PowerDnsZone(pdns, f"p{next(_numbers):02}.test")
        pdns.add_zone(zone.name)
        return zone

    return new_zone


@pytest.fixture
def zone(new_zone):
    return new_zone()


def dns_of(pdns, provider="powerdns", allow_gaps=False, **settings):
    place = {"provider": provider, "settings": {**pdns.settings, **settings}, "allow_gaps": allow_gaps}
    common = {"backend": "pdns", "resolver": pdns.address, "timeout": 2, "wait": 3}
    return {**common, "backends": {"pdns": place}}


def run_auth(pdns, *domains, check=False, phase="add", release=(), dns=None, limits=None, leftovers="keep"):
    options = {
        **COMMON,
        "domains": list(domains),
        "keys": {auth["domain"]: {"mf1": "A" * 392} for auth in domains},
        "phase": phase,
        "release": list(release),
        "retired": [],
        "leftovers": leftovers,
        "dns": dns or dns_of(pdns),
        "name_server_port": pdns.port,
        "limits": limits or {},
    }
    return publish_auth(options, check, lambda text: None)


def run_records(pdns, *records, check=False, dns=None):
    options = {**COMMON, "records": list(records), "dns": dns or dns_of(pdns), "name_server_port": pdns.port}
    return publish_records(options, check, lambda text: None)


def before_writing(monkeypatch, action):
    """What somebody else does after the zone was planned; once."""
    carry_out, left = _dns_octodns.OctoDns._carry_out, [action]

    def late(self, *rest):
        if left:
            left.pop()()
        return carry_out(self, *rest)

    monkeypatch.setattr(_dns_octodns.OctoDns, "_carry_out", late)


def test_a_domain_is_published_and_the_second_run_changes_nothing(pdns, zone):
    planned = run_auth(pdns, auth_of(zone.name), check=True)
    assert planned["changed"]
    assert zone.values("", "MX") == []
    serial = zone.serial

    done = run_auth(pdns, auth_of(zone.name))
    assert not done.get("failed"), done["msg"]
    assert done["diff"] == planned["diff"]
    assert done["zones"][0]["server"] == "pdns"
    assert done["zones"][0]["atomic"]
    assert zone.values("", "MX") == ["10 mx1.example.com."]
    assert zone.values("", "TXT") == [SPF]
    assert zone.values("mf1._domainkey", "TXT") == ["v=DKIM1; k=rsa; p=" + "A" * 392]
    assert zone.values("_dmarc", "TXT") == ["v=DMARC1; p=none; rua=mailto:dmarc@example.com"]
    assert zone.values("bounce", "TXT") == [SPF]
    assert zone.serial == serial + 1  # one request, so one step

    again = run_auth(pdns, auth_of(zone.name))
    assert not again["changed"]
    assert not again.get("failed")


def test_many_zones_at_once(pdns, new_zone):
    """On SQLite PowerDNS answers 500 when two zones are written side by side."""
    zones = [new_zone() for _number in range(20)]
    done = run_auth(pdns, *(auth_of(zone.name) for zone in zones))
    assert not done.get("failed"), done["msg"]
    assert done["summary"]["changed"] == 20


def test_neighbours_and_their_ttl_survive(pdns, zone):
    odd = 'with "quotes"; and \\'
    zone.put(
        "", "TXT", f'"{VERIFICATION}"', '"with \\"quotes\\"; and \\\\"', '"v=spf1 include:_spf.x.org ~all"', ttl=123
    )
    zone.put("www", "A", "192.0.2.1")
    done = run_auth(pdns, auth_of(zone.name))
    assert not done.get("failed"), done["msg"]
    merged = "v=spf1 include:_spf.x.org ip4:192.0.2.10 ip6:2001:db8::10 -all"
    assert zone.look("", "TXT") == (123, sorted([VERIFICATION, odd, merged]))
    assert zone.values("www", "A") == ["192.0.2.1"]
    assert not run_auth(pdns, auth_of(zone.name))["changed"]


def test_moving_a_domain_adds_first_and_removes_only_what_is_released(pdns, zone):
    other = {"ip4": ["192.0.2.10"], "ip6": []}
    run_auth(pdns, auth_of(zone.name, ips={"ip4": ["192.0.2.20"], "ip6": []}, other_fleet_ips=other))
    new = auth_of(zone.name, ips={"ip4": ["192.0.2.10"], "ip6": []})
    assert run_auth(pdns, new)["pending_removals"]
    assert zone.values("", "TXT") == ["v=spf1 ip4:192.0.2.20 ip4:192.0.2.10 -all"]
    done = run_auth(pdns, new, phase="final", release=[zone.name])
    assert not done.get("failed"), done["msg"]
    assert zone.values("", "TXT") == ["v=spf1 ip4:192.0.2.10 -all"]


@pytest.mark.parametrize("before", [[], [f'"{SPF}"'], ['"v=spf1 a -all"']])
def test_a_change_between_plan_and_write_is_not_lost(pdns, zone, monkeypatch, before):
    if before:
        zone.put("", "TXT", *before)
    before_writing(monkeypatch, lambda: zone.put("", "TXT", *before, f'"{VERIFICATION}"'))
    done = run_auth(pdns, auth_of(zone.name))
    assert not done.get("failed"), done["msg"]
    assert VERIFICATION in zone.values("", "TXT")
    assert len(zone.values("", "TXT")) == 2
    assert zone.values("_dmarc", "TXT")


def test_a_neighbour_that_appears_or_goes_meanwhile_is_none_of_our_business(pdns, zone, monkeypatch):
    zone.put("gone", "A", "192.0.2.1")

    def meanwhile():
        zone.put("gone", "A")
        zone.put("new", "A", "192.0.2.2")

    before_writing(monkeypatch, meanwhile)
    assert not run_auth(pdns, auth_of(zone.name)).get("failed")
    assert zone.values("gone", "A") == []
    assert zone.values("new", "A") == ["192.0.2.2"]


@pytest.mark.parametrize("provider", ["meddling.MeddlingProvider", "meddling.WholeZoneProvider"])
def test_a_provider_that_would_change_what_is_not_ours_cannot(pdns, zone, provider):
    zone.put("www", "A", "192.0.2.1")
    zone.put("", "TXT", f'"{VERIFICATION}"')
    dns = dns_of(pdns, provider=provider, allow_gaps=True)
    done = run_auth(pdns, auth_of(zone.name), dns=dns)
    assert not done.get("failed"), done["msg"]
    assert zone.values("www", "A") == ["192.0.2.1"]
    assert zone.values("ns1", "A") == [pdns.address]
    assert zone.values("", "NS") == [f"ns1.{zone.name}."]
    assert zone.values("", "TXT") == sorted([SPF, VERIFICATION])
    run_records(pdns, {"name": f"bounce.{zone.name}", "type": "TXT", "state": "absent"}, dns=dns)
    assert zone.values("bounce", "TXT") == []
    assert zone.values("www", "A") == ["192.0.2.1"]


def test_a_provider_that_may_leave_a_gap_is_kept_from_the_values_of_others(pdns, zone):
    zone.put("", "TXT", f'"{VERIFICATION}"')
    done = run_auth(pdns, auth_of(zone.name), dns=dns_of(pdns, provider="meddling.MeddlingProvider"))
    assert f"{zone.name} TXT also holds {VERIFICATION}" in done["msg"]
    assert "allow_gaps: true" in done["msg"]
    assert zone.values("", "MX") == []


@pytest.mark.parametrize("late", [False, True])
def test_a_cname_at_our_name_is_a_sentence(pdns, zone, monkeypatch, late):
    if late:
        before_writing(monkeypatch, lambda: zone.put("_dmarc", "CNAME", "else.example."))
    else:
        zone.put("_dmarc", "CNAME", "else.example.")
    done = run_auth(pdns, auth_of(zone.name))
    assert f"_dmarc.{zone.name}: is a CNAME to else.example" in done["msg"]
    assert not done["changed"]
    assert zone.values("", "MX") == []


def test_a_cname_over_other_records_is_refused(pdns, zone):
    zone.put("www", "A", "192.0.2.1")
    done = run_records(pdns, {"name": zone.full("www"), "type": "CNAME", "values": ["target.example"]})
    assert done["failed"]
    assert zone.values("www", "A") == ["192.0.2.1"]


def test_a_name_that_is_delegated_and_a_zone_that_is_not_there(pdns, zone):
    zone.put("sub", "NS", "ns.elsewhere.example.")
    zones = pdns.api("GET", "zones")
    domains = [auth_of(zone.name), auth_of(f"sub.{zone.name}"), auth_of("nobody.example")]
    done = run_auth(pdns, *domains)
    assert done["summary"] == {"total": 3, "changed": 1, "failed": 2, "ok": 1}
    assert f"belongs to sub.{zone.name}, which is delegated" in done["msg"]
    assert "nobody.example" in done["msg"]
    assert "has no zone for it. Remedy: create the zone there" in done["msg"]
    assert [own["name"] for own in pdns.api("GET", "zones")] == [own["name"] for own in zones]
    assert zone.values("", "TXT") == [SPF]


@pytest.mark.parametrize(
    "record",
    [
        {"type": "CNAME", "values": ["target.example"]},
        {"type": "A", "values": ["192.0.2.1", "192.0.2.2"]},
        {"type": "AAAA", "values": ["2001:DB8:0::1"]},
        {"type": "MX", "values": ["10 MX.Example.com"]},
        {"type": "SRV", "values": ["0 5 587 mx.example.com."]},
        {"type": "TLSA", "values": ["3 1 1 " + "ab" * 32]},
        {"type": "CAA", "values": ['0 issue "ca.example"']},
        {"type": "PTR", "values": ["host.example"]},
        {"type": "TXT", "values": ["x" * 255, "y" * 600, "a=b; c=d"]},
    ],
    ids=lambda record: record["type"],
)
def test_every_type_converges(pdns, zone, record):
    record = {"name": zone.full("one"), "ttl": 60, **record}
    done = run_records(pdns, record)
    assert not done.get("failed"), done["msg"]
    ttl, values = zone.look("one", record["type"])
    assert (ttl, len(values)) == (60, len(record["values"]))
    assert not run_records(pdns, record)["changed"]
    assert run_records(pdns, {**record, "ttl": 120})["changed"]
    assert zone.look("one", record["type"])[0] == 120
    assert run_records(pdns, {**record, "state": "absent"})["changed"]
    assert zone.values("one", record["type"]) == []


@pytest.mark.parametrize("value", ['a "quote"', "back\\slash", "ünïcode", ""])
def test_what_providers_spell_differently_is_refused(pdns, zone, value):
    done = run_records(pdns, {"name": zone.full("odd"), "type": "TXT", "values": [value]})
    assert "octoDNS providers spell it differently. Remedy: add it by hand" in done["msg"]
    assert zone.values("odd", "TXT") == []


def test_a_wrong_key_is_a_sentence_without_it(pdns, zone):
    done = run_auth(pdns, auth_of(zone.name), dns=dns_of(pdns, api_key="wrong-key"))
    assert "DNS backend pdns (powerdns) rejects the credentials" in done["msg"]
    assert "correct dns.backends.pdns.settings" in done["msg"]
    for secret in ("wrong-key", powerdns.API_KEY):
        assert secret not in json.dumps(done)


def test_a_key_from_the_environment(pdns, zone, monkeypatch):
    dns = dns_of(pdns, api_key="env/MAILFLEET_TEST_PDNS")
    done = run_auth(pdns, auth_of(zone.name), dns=dns)
    assert "dns.backends.pdns.settings.api_key: the controller's environment has no MAILFLEET_TEST_PDNS" in done["msg"]
    monkeypatch.setenv("MAILFLEET_TEST_PDNS", powerdns.API_KEY)
    assert not run_auth(pdns, auth_of(zone.name), dns=dns).get("failed")


def test_a_provider_that_is_not_installed_or_takes_other_settings(pdns, zone):
    done = run_auth(pdns, auth_of(zone.name), dns=dns_of(pdns, provider="octodns_ns1.Ns1Provider"))
    assert "octodns_ns1.Ns1Provider cannot be loaded" in done["msg"]
    assert "Remedy: install octodns-ns1" in done["msg"]
    done = run_auth(pdns, auth_of(zone.name), dns=dns_of(pdns, fnord=1))
    assert "dns.backends.pdns.settings: PowerDnsProvider does not take them" in done["msg"]
    assert powerdns.API_KEY not in json.dumps(done)


@pytest.fixture
def unreliable(pdns):
    with Unreliable(f"http://{pdns.address}:{pdns.api_port}") as between:
        yield between


def faulty(pdns, unreliable, fault):
    unreliable.fault = fault
    return dns_of(pdns, port=unreliable.port, timeout=1)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (429, "answers 429 (too many requests). Remedy: run again in some minutes"),
        (500, "answers 500"),
        (503, "answers 503"),
        ("silent", "did not answer in time"),
    ],
)
def test_a_write_that_fails_is_a_sentence_the_rest_is_finished_and_a_rerun_completes(
    pdns, new_zone, unreliable, what, words
):
    broken, sound = new_zone(), new_zone()
    domains = [auth_of(broken.name), auth_of(sound.name)]
    dns = faulty(pdns, unreliable, lambda method, path: what if method == "PATCH" and broken.name in path else None)
    done = run_auth(pdns, *domains, dns=dns)
    assert f"zone {broken.name}: DNS backend pdns (powerdns) {words}" in done["msg"]
    assert done["summary"] == {"total": 2, "changed": 1, "failed": 1, "ok": 1}
    assert broken.values("", "TXT") == []
    assert sound.values("", "TXT") == [SPF]
    unreliable.fault = lambda method, path: None
    again = run_auth(pdns, *domains, dns=dns)
    assert not again.get("failed")
    assert again["summary"]["changed"] == 1
    assert broken.values("", "TXT") == [SPF]


def test_a_write_whose_answer_is_lost_counts_when_it_is_there(pdns, zone, unreliable):
    dns = faulty(pdns, unreliable, lambda method, path: "lost" if method == "PATCH" else None)
    done = run_auth(pdns, auth_of(zone.name), dns=dns)
    assert not done.get("failed"), done["msg"]
    assert done["changed"]
    assert zone.values("", "TXT") == [SPF]


def test_a_write_that_cannot_be_read_back_says_so(pdns, zone, unreliable):
    def fault(method, path):
        written = any(asked[0] == "PATCH" for asked in unreliable.asked)
        return 500 if method == "GET" and written and zone.name in path else None

    done = run_auth(pdns, auth_of(zone.name), dns=faulty(pdns, unreliable, fault))
    assert "the change was accepted, but could not be read back" in done["msg"]
    assert zone.values("", "TXT") == [SPF]
    unreliable.fault = lambda method, path: None
    assert not run_auth(pdns, auth_of(zone.name)).get("failed")


def test_a_read_that_fails_once_is_asked_again(pdns, zone, unreliable):
    failed = []

    def fault(method, path):
        if method == "GET" and zone.name in path and not failed:
            failed.append(path)
            return 502
        return None

    done = run_auth(pdns, auth_of(zone.name), dns=faulty(pdns, unreliable, fault))
    assert failed
    assert not done.get("failed"), done["msg"]


def test_an_api_that_is_away_is_one_sentence(pdns, unreliable):
    dns = dns_of(pdns, port=bind.free_port())
    done = run_auth(pdns, *(auth_of(f"d{number}.example") for number in range(50)), dns=dns)
    assert done["summary"]["failed"] == 50
    assert len(done["msg"].splitlines()) == 2
    assert "DNS backend pdns (powerdns) cannot be reached" in done["msg"]


def test_a_name_server_that_shows_something_else_is_named_with_the_remedy(pdns, zone, tmp_path):
    zone.put("", "NS", f"ns1.{zone.name}.", f"ns2.{zone.name}.")
    zone.put("ns2", "AAAA", bind.SECONDARY)
    with bind.Bind(tmp_path / "stale", pdns.port, {zone.name: ""}, bind.SECONDARY):
        done = run_auth(pdns, auth_of(zone.name), dns={**dns_of(pdns), "wait": 1})
        assert f"name server ns2.{zone.name} (::1 port {pdns.port}) still shows another" in done["msg"]
        assert "delegated to the DNS provider of backend pdns; a re-run goes on waiting" in done["msg"]
        unchanged = run_auth(pdns, auth_of(zone.name), dns={**dns_of(pdns), "wait": 1})
        assert not unchanged["changed"]
        assert "still shows another" in unchanged["msg"]


def test_a_zone_that_nobody_is_delegated_to_is_named(pdns, server, zone, monkeypatch):
    monkeypatch.setattr(_dns_authorities, "RESOLVER_PORT", server.port)  # a resolver that does not find it
    done = run_auth(pdns, auth_of(zone.name))
    assert done["changed"]
    assert "the resolver 127.0.0.1 finds no name servers of it. Remedy: delegate the zone" in done["msg"]


@pytest.mark.parametrize(
    ("limits", "words"), [({"changes": 3}, "limits.changes"), ({"zone_changes": 3}, "limits.zone_changes")]
)
def test_limits_hold_for_providers_too(pdns, zone, limits, words):
    done = run_auth(pdns, auth_of(zone.name), limits=limits)
    assert f"6 changes are planned and {words} allows 3, so nothing was written" in done["msg"]
    assert zone.values("", "MX") == []


def test_a_fleet_with_three_backends_is_finished_in_one_call(pdns, server, zone, tmp_path):
    on_bind = ZoneUnderTest(server, "several.test")
    place = {"directory": str(tmp_path / "zones")}
    dns = {
        **server.settings,
        "resolver": pdns.address,
        "backends": {**dns_of(pdns)["backends"], "files": place},
        "zones": {zone.name: {"backend": "pdns"}, "export.example": {"backend": "files"}},
    }
    domains = [auth_of(name) for name in (zone.name, on_bind.name, "export.example")]
    # Both name servers answer at 127.0.0.1, on ports of their own.
    done = run_auth(pdns, *domains, dns=dns)
    assert not done.get("failed"), done["msg"]
    assert {own["server"] for own in done["zones"]} == {"pdns", "files", server.address}
    assert zone.values("", "TXT") == on_bind.values("", "TXT") == [SPF]
    assert SPF in (tmp_path / "zones/export.example.zone").read_text()
    assert not run_auth(pdns, *domains, dns=dns)["changed"]
    whole = run_auth(pdns, *domains, dns={**dns, "ttl": 60}, limits={"changes": 2})
    assert "limits.changes allows 2, so nothing was written" in whole["msg"]
    assert not whole["changed"]


@pytest.mark.parametrize("key", [powerdns.API_KEY, "wrong-key"])
def test_a_play_shows_the_diff_and_no_credentials(pdns, zone, tmp_path, key):
    task = {"records": [{"name": zone.full("www"), "type": "A", "values": ["192.0.2.1"]}], "dns": "{{ given }}"}
    tasks = [{"mailfleet.mta.dns_records": task}]
    (tmp_path / "play.json").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    (tmp_path / "vars.json").write_text(json.dumps({"given": dns_of(pdns, api_key=key)}))
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "--check", "--diff"]
    command += ["-vvv", "-e", f"@{tmp_path / 'vars.json'}", str(tmp_path / "play.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    output = done.stdout + done.stderr
    assert (done.returncode == 0) is (key == powerdns.API_KEY)
    words = f"+www.{zone.name}. 3600 A 192.0.2.1" if done.returncode == 0 else "rejects the credentials"
    assert words in output
    assert key not in output
    assert "Traceback" not in output


def test_what_left_the_inventory_leaves_the_provider(pdns, zone):
    run_auth(pdns, auth_of(zone.name, tls_rpt=["mailto:tls@example.com"]))
    zone.put("default._bimi", "TXT", '"v=BIMI1; l=https://other.example/logo.svg"')
    assert zone.values("_smtp._tls", "TXT") == ["v=TLSRPTv1; rua=mailto:tls@example.com"]
    done = run_auth(pdns, auth_of(zone.name), phase="final", leftovers="remove")
    assert done["summary"]["failed"] == 0, done["msg"]
    assert zone.values("_smtp._tls", "TXT") == []
    assert zone.values("default._bimi", "TXT") == ["v=BIMI1; l=https://other.example/logo.svg"]
    assert not run_auth(pdns, auth_of(zone.name), phase="final", leftovers="remove")["changed"]


def test_a_zone_that_the_provider_has_not_is_nobodys_problem_where_nothing_is_wanted(pdns, zone):
    done = run_auth(pdns, auth_of(zone.name, report_receivers=["reports.nowhere.test", "elsewhere.example"]))
    assert done["summary"]["failed"] == 0, done["msg"]
    assert done["manual"] == []
