# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What a profile brings besides: parked names, delegated keys, MTA-STS, TLS-RPT, BIMI, permits in another zone."""

from __future__ import annotations

import itertools

import pytest
from conftest import ZoneUnderTest, auth_of, run_auth

from ansible_collections.mailfleet.mta.plugins.module_utils._records import policy_files

POLICY = {"mode": "testing", "mx": ["mail.example.com"], "max_age": 86400, "host": "www.example.com"}
_places = itertools.count()


@pytest.fixture
def place(server):
    """A domain of its own below a zone that is not used otherwise."""
    return ZoneUnderTest(server, f"d{next(_places)}.places.test")


def parked(name):
    nothing = {"ips": {"ip4": [], "ip6": []}, "signers": [], "mx": [], "bounce_mx": [], "return_path": name}
    return auth_of(name, profile="parked", dmarc={"policy": "reject"}, **nothing)


def test_a_whole_record_set_is_published_once(server, zone):
    reports = f"reports.{zone.name}"
    domain = auth_of(
        zone.name,
        mta_sts=POLICY,
        tls_rpt=["mailto:tls@example.com"],
        bimi={"logo": "https://example.com/logo.svg", "certificate": ""},
        report_permits=[reports],
    )
    done = run_auth(server, domain)
    assert (done["changed"], done["summary"]["failed"]) == (True, 0), done["msg"]
    [policy] = policy_files([domain])
    assert zone.values("_mta-sts", "TXT") == [f"v=STSv1; id={policy['id']}"]
    assert zone.values("mta-sts", "CNAME") == ["www.example.com."]
    assert zone.values("_smtp._tls", "TXT") == ["v=TLSRPTv1; rua=mailto:tls@example.com"]
    assert zone.values("default._bimi", "TXT") == ["v=BIMI1; l=https://example.com/logo.svg; a="]
    assert zone.values(f"{zone.name}._report._dmarc.reports", "TXT") == ["v=DMARC1"]
    assert zone.serial == 2

    assert not run_auth(server, domain)["changed"]
    stricter = {**domain, "mta_sts": {**POLICY, "mode": "enforce"}}
    changed = run_auth(server, stricter)
    assert [zone["changes"] for zone in changed["zones"]] == [[f"change _mta-sts.{zone.name} TXT"]]
    assert zone.values("_mta-sts", "TXT") == [f"v=STSv1; id={policy_files([stricter])[0]['id']}"]


def test_a_logo_waits_for_a_policy_in_force(server, place):
    place.server, zone, label = server, ZoneUnderTest(server, "places.test"), place.name.partition(".")[0]
    moving = {"progression": {"goal": "reject"}, "dmarc": {"rua": ["mailto:dmarc@example.com"]}}
    domain = auth_of(place.name, bimi={"logo": "https://example.com/logo.svg", "certificate": ""}, **moving)
    for policy, shown in (("none", False), ("quarantine; t=y", False), ("quarantine", True), ("none", True)):
        zone.put(f"_dmarc.{label}", "TXT", f'"v=DMARC1; p={policy}; rua=mailto:dmarc@example.com; np=reject"')
        done = run_auth(server, domain, phase="final")
        assert done["summary"]["failed"] == 0, done["msg"]
        assert bool(place.values("default._bimi", "TXT")) is shown
        waits = f"its logo would not be shown while its DMARC policy is p={policy},"
        assert any(waits in text for text in done["warnings"]) is (policy != "quarantine")
        assert not run_auth(server, domain, phase="final")["changed"]
        zone.take(f"_dmarc.{label}", "TXT", *(f'"{value}"' for value in place.values("_dmarc", "TXT")))
    pinned = auth_of(f"pinned.{place.name}", bimi=domain["bimi"], dmarc={"policy": "reject"})
    run_auth(server, pinned)
    assert place.values("default._bimi.pinned", "TXT") != []


def test_a_parked_name_is_published_and_mail_from_before_still_passes(server, zone):
    zone.put("mf1._domainkey", "TXT", '"v=DKIM1; k=rsa; p=QUJD"')
    zone.put("", "TXT", '"v=spf1 ip4:192.0.2.20 -all"')
    domain = parked(zone.name)
    done = run_auth(server, domain)
    assert done["summary"]["failed"] == 0, done["msg"]
    assert zone.values("", "MX") == ["0 ."]
    assert zone.values("", "TXT") == ["v=spf1 ip4:192.0.2.20 -all"]
    assert [pending["ips"] for pending in done["pending_removals"]] == [["192.0.2.20"]]
    assert zone.values("_dmarc", "TXT") == ["v=DMARC1; p=reject"]
    assert zone.values("anything._domainkey", "TXT") == ["v=DKIM1; k=rsa; p="]
    assert zone.values("mf1._domainkey", "TXT") == ["v=DKIM1; k=rsa; p=QUJD"]

    assert run_auth(server, domain, phase="final", release=[zone.name])["changed"]
    assert zone.values("", "TXT") == ["v=spf1 -all"]
    assert not run_auth(server, domain)["changed"]

    again = run_auth(server, auth_of(zone.name, selector="mf2"))
    assert again["summary"]["failed"] == 0, again["msg"]
    assert zone.values("", "MX") == ["10 mx1.example.com."]


def test_a_parked_name_with_mail_hosts_is_a_sentence_and_the_others_are_finished(server, zone):
    zone.put("", "MX", "10 mail.elsewhere.example.")
    done = run_auth(server, parked(zone.name), auth_of(f"ok.{zone.name}"))
    assert done["failed"]
    assert f"{zone.name}: has mail hosts, so it is no parked name [10 mail.elsewhere.example.]" in done["msg"]
    assert zone.values("", "MX") == ["10 mail.elsewhere.example."]
    assert zone.values("ok", "TXT") != []


def test_a_delegated_key_needs_nothing_but_a_cname_in_the_customers_zone(server, zone):
    ours = f"keys.{zone.name}"
    customer = auth_of("customer.example", dkim_zone=ours)
    settings = {"zones": {zone.name: {"server": server.address, "port": server.port}}, "server": None}
    done = run_auth(server, customer, dns=settings)
    assert done["summary"]["failed"] == 0, done["msg"]
    assert zone.values("mf1.customer.example.keys", "TXT") == [f"v=DKIM1; k=rsa; p={'A' * 392}"]
    by_hand = {(record["name"], record["type"]): record["values"] for record in done["manual"]}
    assert by_hand["mf1._domainkey.customer.example", "CNAME"] == [f"mf1.customer.example.{ours}."]
    assert not run_auth(server, customer, dns=settings)["changed"]


def test_a_delegated_key_in_a_zone_that_we_write(server, zone, place):
    domain = auth_of(place.name, dkim_zone=f"keys.{zone.name}")
    done = run_auth(server, domain)
    assert done["summary"]["failed"] == 0, done["msg"]
    assert place.values("mf1._domainkey", "CNAME") == [f"mf1.{place.name}.keys.{zone.name}."]
    assert not run_auth(server, domain)["changed"]


@pytest.mark.parametrize(
    ("name", "rdtype", "value", "words"),
    [
        ("mf1._domainkey", "CNAME", "mf1.other.example.", "is a CNAME to mf1.other.example, not to mf1."),
        ("mf1._domainkey", "TXT", '"v=DKIM1; p=QUJD"', "or stand where one shall be"),
        ("_mta-sts", "CNAME", "sts.other.example.", "is a CNAME to sts.other.example, and no TXT"),
        ("mta-sts", "CNAME", "web.other.example.", "is a CNAME to web.other.example, not to www.example.com"),
        ("mta-sts", "A", "192.0.2.80", "or stand where one shall be"),
        ("_smtp._tls", "CNAME", "tls.other.example.", "is a CNAME to tls.other.example"),
        ("default._bimi", "CNAME", "bimi.other.example.", "is a CNAME to bimi.other.example"),
    ],
)
def test_what_others_put_at_our_names_is_a_sentence(server, place, name, rdtype, value, words):
    place.server, zone = server, ZoneUnderTest(server, "places.test")
    zone.put(f"{name}.{place.name.partition('.')[0]}", rdtype, value)
    domain = auth_of(
        place.name,
        dkim_zone="keys.places.test",
        mta_sts=POLICY,
        tls_rpt=["mailto:tls@example.com"],
        bimi={"logo": "https://example.com/logo.svg", "certificate": ""},
    )
    done = run_auth(server, domain)
    assert done["failed"]
    assert words in done["msg"]
    assert "Remedy: " in done["msg"]
