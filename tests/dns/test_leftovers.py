# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the inventory once wanted and wants no more, in a real BIND: what is ours goes, what is not stays."""

from __future__ import annotations

import pytest
from conftest import auth_of, run_auth
from test_profiles import POLICY, parked

LOGO = {"logo": "https://example.com/logo.svg", "certificate": ""}
OPTIONS = {"tls_rpt": ["mailto:tls@example.com"], "bimi": LOGO}
THEIRS = "v=TLSRPTv1;rua=mailto:theirs@example.net"


def changes(done):
    return sorted(change for zone in done["zones"] for change in zone["changes"])


def test_what_left_the_inventory_leaves_the_dns_and_nothing_else_does(server, zone):
    reports = f"reports.{zone.name}"
    more = {**OPTIONS, "report_permits": [reports], "report_receivers": [reports]}
    run_auth(server, auth_of(zone.name, **more))
    zone.put("_smtp._tls", "TXT", '"a neighbour"')
    edited = auth_of(zone.name, report_permits=[], report_receivers=[reports])

    added = run_auth(server, edited, leftovers="remove")
    assert not added["changed"]  # phase add takes nothing away
    assert sorted(pending["name"] for pending in added["pending_removals"]) == sorted(
        f"{name}.{zone.name}" for name in ("_smtp._tls", "default._bimi", f"{zone.name}._report._dmarc.reports")
    )
    planned = run_auth(server, edited, leftovers="remove", phase="final", check=True)
    assert planned["changed"]
    assert changes(planned) == sorted(
        [
            f"change _smtp._tls.{zone.name} TXT",
            f"remove default._bimi.{zone.name} TXT",
            f"remove {zone.name}._report._dmarc.reports.{zone.name} TXT",
        ]
    )
    assert "v=TLSRPTv1; rua=mailto:tls@example.com" in planned["diff"][0]["before"]
    assert "v=TLSRPTv1" not in planned["diff"][0]["after"]
    assert zone.values("default._bimi", "TXT") != []

    done = run_auth(server, edited, leftovers="remove", phase="final")
    assert (done["diff"], done["summary"]["failed"]) == (planned["diff"], 0), done["msg"]
    assert zone.values("_smtp._tls", "TXT") == ["a neighbour"]
    assert zone.values("default._bimi", "TXT") == []
    assert zone.values(f"{zone.name}._report._dmarc.reports", "TXT") == []
    assert zone.values("_dmarc", "TXT") != []
    again = run_auth(server, edited, leftovers="remove", phase="final")
    assert (again["changed"], again["pending_removals"], again["results"]) == (False, [], [])


def test_a_record_of_somebody_else_stays_with_a_sentence(server, zone):
    zone.put("_smtp._tls", "TXT", f'"{THEIRS}"')
    done = run_auth(server, auth_of(zone.name), phase="final")
    assert done["summary"]["failed"] == 0
    assert zone.values("_smtp._tls", "TXT") == [THEIRS]
    assert f"_smtp._tls.{zone.name} '{THEIRS}' is neither in the inventory nor of our making" in done["warnings"][0]


def test_what_others_write_in_the_same_words_is_kept_unless_it_may_go(server, zone):
    run_auth(server, auth_of(zone.name, **OPTIONS))
    done = run_auth(server, auth_of(zone.name), phase="final")
    assert not done["changed"]
    assert "may be somebody else's, so it stays" in done["warnings"][0]
    assert len(changes(run_auth(server, auth_of(zone.name), phase="final", leftovers="remove"))) == 2


def test_a_policy_ends_before_its_record_goes(server, zone):
    """RFC 8461 section 8.3: senders that know a policy keep to it, whatever the DNS says later."""
    run_auth(server, auth_of(zone.name, mta_sts={**POLICY, "mode": "enforce"}))
    refused = run_auth(server, auth_of(zone.name), phase="final")
    assert not refused["changed"]
    assert "Remedy: write mta_sts: {mode: none}" in refused["warnings"][0]
    assert zone.values("_mta-sts", "TXT") != []

    ending = auth_of(zone.name, mta_sts={**POLICY, "mode": "none"})
    assert changes(run_auth(server, ending, phase="final")) == [f"change _mta-sts.{zone.name} TXT"]
    assert not run_auth(server, ending, phase="final")["changed"]
    done = run_auth(server, auth_of(zone.name), phase="final")
    assert changes(done) == [f"remove _mta-sts.{zone.name} TXT", f"remove mta-sts.{zone.name} CNAME"]
    assert zone.values("_mta-sts", "TXT") == []
    assert zone.values("mta-sts", "CNAME") == []


def test_a_name_that_is_no_longer_parked_takes_part_again(server, zone):
    run_auth(server, parked(zone.name))
    primary = auth_of(zone.name, mx=[], bounce_mx=[], return_path=zone.name, signers=[])
    done = run_auth(server, primary, phase="final")
    assert done["summary"]["failed"] == 0, done["msg"]
    assert zone.values("", "MX") == []
    assert zone.values("anything._domainkey", "TXT") == []
    assert not run_auth(server, primary, phase="final")["changed"]


def test_a_domain_that_left_the_inventory_keeps_its_records(server, zone):
    gone, stays = auth_of(zone.name, **OPTIONS), auth_of(f"sub.{zone.name}")
    run_auth(server, gone, stays)
    assert not run_auth(server, stays, phase="final", leftovers="remove")["changed"]
    assert zone.values("_smtp._tls", "TXT") != []


@pytest.mark.parametrize("limits", [{"deletes": 1}, {"zone_deletes": 1}])
def test_more_removals_than_allowed_are_refused_as_a_whole(server, zone, limits):
    run_auth(server, auth_of(zone.name, **OPTIONS))
    done = run_auth(server, auth_of(zone.name), phase="final", limits=limits, leftovers="remove")
    assert done["failed"]
    [name] = limits
    assert f"2 deletes are planned and limits.{name} allows 1, so nothing was written" in done["msg"]
    assert zone.values("default._bimi", "TXT") != []


def test_a_place_below_a_delegation_is_nobodys_problem(server, zone):
    zone.put("_tls", "NS", "ns.elsewhere.example.")
    assert run_auth(server, auth_of(zone.name), phase="final", leftovers="remove")["summary"]["failed"] == 0


def test_what_a_wildcard_shows_is_not_removed(server, zone):
    zone.put("*", "TXT", '"v=TLSRPTv1; rua=mailto:tls@example.com"')
    done = run_auth(server, auth_of(zone.name), phase="final", leftovers="remove")
    assert done["summary"]["failed"] == 0, done["msg"]
    assert zone.values("*", "TXT") == ["v=TLSRPTv1; rua=mailto:tls@example.com"]
    assert not run_auth(server, auth_of(zone.name), phase="final", leftovers="remove")["changed"]
