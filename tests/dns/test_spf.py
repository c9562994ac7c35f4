# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""SPF records with includes: followed through the DNS, counted, refused with the costs, and the others finished."""

from __future__ import annotations

from conftest import ZoneUnderTest, auth_of, run_auth


def nest(server, depth):
    """A zone of somebody else whose SPF record needs so many lookups."""
    zone = ZoneUnderTest(server, "spf.test")
    for number in range(depth):
        zone.put(f"n{number}", "TXT", f'"v=spf1 include:n{number + 1}.spf.test -all"')
    zone.put(f"n{depth}", "TXT", '"v=spf1 ip4:203.0.113.1 -all"')
    zone.put("alias", "CNAME", f"n{depth - 2}.spf.test.")
    return zone


def test_includes_are_followed_and_too_many_are_refused_for_their_domain_only(server, zone):
    nest(server, 8)
    zone.put("", "TXT", '"v=spf1 include:n0.spf.test mx ~all"', '"site=1"')
    broken, fine = auth_of(zone.name, spf_extra=["include:alias.spf.test"]), auth_of(f"ok.{zone.name}")
    done = run_auth(server, broken, fine)
    assert (done["summary"]["failed"], done["summary"]["ok"]) == (1, 1)
    assert f"{zone.name}: would have an SPF record that does not work: needs 13 DNS lookups" in done["msg"]
    assert "[include:n0.spf.test (9)] [mx (1, 1 void)] [include:alias.spf.test (3)]" in done["msg"]
    assert "Remedy: remove some of these, or list their addresses as ip4 and ip6." in done["msg"]
    assert zone.values("", "TXT") == ["site=1", "v=spf1 include:n0.spf.test mx ~all"]
    assert zone.values("mf1._domainkey", "TXT") == []
    assert zone.values("ok", "TXT") != []

    again = run_auth(server, {**broken, "spf_extra": []}, fine)
    assert again["summary"]["failed"] == 0, again["msg"]
    assert "include:n0.spf.test mx" in zone.values("", "TXT")[1]
    assert not run_auth(server, {**broken, "spf_extra": []}, fine)["changed"]


def test_an_include_without_a_record_is_refused(server, zone):
    done = run_auth(server, auth_of(zone.name, spf_extra=["include:gone.spf.test"]))
    assert "gone.spf.test has no SPF record to include [include:gone.spf.test (1, 1 void)]" in done["msg"]
    assert zone.values("", "TXT") == []


def test_a_name_that_nobody_answers_for_is_a_remark(server, zone):
    done = run_auth(server, auth_of(zone.name, spf_extra=["include:spf.elsewhere.example"]))
    assert done["summary"]["failed"] == 0, done["msg"]
    [warning] = [text for text in done["warnings"] if "DNS lookups" in text]
    assert "needs 1 or more DNS lookups, because spf.elsewhere.example was not answered" in warning
    assert "Remedy: set dns.resolver" in warning
    assert not run_auth(server, auth_of(zone.name, spf_extra=["include:spf.elsewhere.example"]))["warnings"]


def test_an_include_that_refuses_our_addresses_is_found(server, zone):
    other = ZoneUnderTest(server, "spf.test")
    other.put("ours", "TXT", '"v=spf1 ip4:192.0.2.0/24 -all"')
    zone.put("", "TXT", '"v=spf1 -include:ours.spf.test mx -all"')
    zone.put("", "MX", "10 mail.spf.test.")
    done = run_auth(server, auth_of(zone.name))
    assert "answers fail for 192.0.2.10 (-include:ours.spf.test)" in done["msg"]
    assert zone.values("", "TXT") == ["v=spf1 -include:ours.spf.test mx -all"]
