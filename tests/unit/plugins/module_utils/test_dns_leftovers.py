# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Records that the inventory does not want any more: which are ours, which stay, and what has to come first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils import _records_sts as sts
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Found, RRset
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_plan import make_plan
from ansible_collections.mailfleet.mta.plugins.module_utils._records_leftovers import leftovers

DOMAIN = {"domain": "a.example", "return_path": "b.a.example", "report_receivers": ["r.example"]}
POLICY = sts.StsPolicy("enforce", ("mail.a.example",), 86400)
RUNNING = sts.build_sts(sts.Sts(sts.policy_id(POLICY)))
ENDED = sts.build_sts(sts.Sts(sts.policy_id(POLICY._replace(mode="none"))))
NO_KEY = "v=DKIM1; k=rsa; p="
SELECTORS = "*._domainkey.a.example TXT"
PERMIT = "a.example._report._dmarc.r.example TXT"


def plan(records: dict[str, tuple[str, ...]], phase: str = "final", remove: bool = True, **auth: Any):
    wanted = leftovers([{**DOMAIN, **auth}], set(), lambda name: 3600, remove)
    existing = {want.key: Found() for want in wanted}
    for place, values in records.items():
        name, rdtype = place.split()
        existing[name, rdtype] = Found(RRset(300, values))
    return make_plan(wanted, existing, phase)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("_smtp._tls.a.example TXT", "v=TLSRPTv1; rua=mailto:tls@a.example,https://a.example/t"),
        ("default._bimi.a.example TXT", "v=BIMI1; l=https://a.example/logo.svg; a="),
        ("_mta-sts.a.example TXT", ENDED),
        (SELECTORS, NO_KEY),
        (PERMIT, "v=DMARC1"),
    ],
)
def test_what_is_ours_goes_in_the_final_phase_and_a_neighbour_stays(place, value):
    [pending] = plan({place: (value, "neighbour")}, "add").pending_removals
    assert (pending["domain"], pending["name"], pending["others"]) == ("a.example", place.split()[0], [value])
    assert plan({place: (value, "neighbour")}, "add").changes == []
    final = plan({place: (value, "neighbour")})
    [change] = final.changes
    assert (change.delete, change.after, change.ttl, change.loses) == ((value,), ("neighbour",), 300, True)
    assert any("the inventory does not name it" in note for note in final.notes["a.example"])
    assert [change.after for change in plan({place: (value,)}).changes] == [()]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("_smtp._tls.a.example TXT", "v=TLSRPTv1; rua=mailto:tls@a.example"),
        ("default._bimi.a.example TXT", "v=BIMI1; l=https://a.example/logo.svg; a="),
        (PERMIT, "v=DMARC1"),
    ],
)
@pytest.mark.parametrize("phase", ["add", "final"])
def test_what_others_write_in_the_same_words_stays_unless_the_operator_says_that_it_may_go(place, value, phase):
    kept = plan({place: (value,)}, phase, remove=False)
    assert (kept.changes, kept.pending_removals) == ([], [])
    [note] = kept.notes["a.example"]
    assert f"{place.split()[0]} '{value}' is not in the inventory and may be somebody else's, so it stays." in note
    assert "dns_leftovers=remove" in note


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("_smtp._tls.a.example TXT", "v=TLSRPTv1;rua=mailto:tls@a.example", True),
        ("_smtp._tls.a.example TXT", "v=TLSRPTv1; rua=mailto:tls@a.example; more=1", True),
        ("_smtp._tls.a.example TXT", "v=TLSRPTv1; fnord", True),
        ("_smtp._tls.a.example TXT", "v=TLSRPTv2; rua=mailto:tls@a.example", False),
        ("default._bimi.a.example TXT", "v=BIMI1; l=https://a.example/logo.svg", True),
        ("default._bimi.a.example TXT", "v=BIMI1; l=http://a.example/logo.svg; a=", True),
        ("_mta-sts.a.example TXT", "v=STSv1; id=20260101T000000", True),
        (SELECTORS, "v=DKIM1; p=", False),
        (PERMIT, "v=DMARC1; rua=mailto:x@r.example", False),
        ("a.example MX", "10 mail.a.example.", False),
        ("a.example MX", "0 .", False),  # no revoked key for every selector beside it: never parked here
        ("mta-sts.a.example CNAME", "www.a.example.", False),  # no policy of ours that ended beside it
    ],
)
def test_what_is_not_ours_stays_and_is_named_where_it_is_of_our_kind(place, value, said):
    final = plan({place: (value,)})
    assert (final.changes, final.problems) == ([], {})
    assert plan({place: (value,)}, "add").pending_removals == []
    notes = final.notes.get("a.example", [])
    assert len(notes) == said
    for note in notes:
        assert f"{place.split()[0]} '{value}' is neither in the inventory nor of our making, so it stays." in note


def test_a_policy_that_runs_stays_until_it_was_ended():
    records = {"_mta-sts.a.example TXT": (RUNNING,), "mta-sts.a.example CNAME": ("www.a.example.",)}
    for phase in ("add", "final"):
        held = plan(records, phase)
        assert (held.changes, held.pending_removals) == ([], [])
        [note] = held.notes["a.example"]
        assert "RFC 8461 section 8.3" in note
        assert "Remedy: write mta_sts: {mode: none}" in note
    ended = plan({**records, "_mta-sts.a.example TXT": (ENDED,)})
    assert sorted(change.name for change in ended.changes) == ["_mta-sts.a.example", "mta-sts.a.example"]
    assert all(change.after == () for change in ended.changes)


def test_the_alias_of_a_policy_that_is_still_served_stays():
    records = {"_mta-sts.a.example TXT": (ENDED,), "mta-sts.a.example CNAME": ("www.a.example.",)}
    assert [c.name for c in plan(records, mta_sts={"mode": "none"}).changes] == ["_mta-sts.a.example"]


def test_null_mx_goes_with_the_revoked_key_of_a_name_that_was_parked():
    changes = plan({"a.example MX": ("0 .",), SELECTORS: (NO_KEY,)}).changes
    assert sorted((change.name, change.type) for change in changes) == [
        ("*._domainkey.a.example", "TXT"),
        ("a.example", "MX"),
    ]


@pytest.mark.parametrize("phase", ["add", "final"])
def test_bounce_hosts_that_the_inventory_does_not_name_any_more_stay_and_are_named(phase):
    kept = plan({"b.a.example MX": ("10 mx.a.example.", "20 mx.r.example.")}, phase)
    assert (kept.changes, kept.pending_removals) == ([], [])
    [note] = kept.notes["a.example"]
    assert "its return path b.a.example keeps its bounce host mx.a.example, mx.r.example, which" in note
    assert "Remedy: write it into bounce_mx of the pool, or delete the MX records" in note
    assert plan({"b.a.example MX": ("0 .",)}, phase).notes == {}
    assert plan({"a.example MX": ("10 mx.a.example.",)}, phase, return_path="a.example").notes == {}


def test_a_name_that_cannot_be_is_not_asked_for():
    long = ".".join(["x" * 60] * 3)
    places = {
        want.name
        for want in leftovers(
            [{**DOMAIN, "report_receivers": [f"{long}.example"] * 2, "domain": f"{long}.test"}], set(), lambda name: 60
        )
    }
    assert f"_mta-sts.{long}.test" in places
    assert not [name for name in places if "_report" in name]


def test_what_somebody_wants_is_no_leftover():
    taken = {("_smtp._tls.a.example", "TXT"), ("a.example", "MX")}
    assert not taken & {want.key for want in leftovers([DOMAIN], taken, lambda name: 60)}


def test_a_place_that_cannot_be_read_is_nobodys_problem():
    wanted = leftovers([DOMAIN], set(), lambda name: 60)
    result = make_plan(wanted, {}, "final", (), {want.key: "is away. Remedy: wait." for want in wanted})
    assert (result.problems, result.changes) == ({}, [])


@pytest.mark.parametrize("place", ["_smtp._tls.a.example TXT", SELECTORS])
def test_an_alias_at_a_place_is_left_alone(place):
    name, rdtype = place.split()
    wanted = leftovers([DOMAIN], set(), lambda name: 60)
    result = make_plan(wanted, {(name, rdtype): Found(cname="else.example")}, "final")
    assert (result.problems, result.changes, result.notes) == ({}, [], {})


@given(st.lists(st.sampled_from([RUNNING, ENDED, NO_KEY, "v=DMARC1", "0 .", "v=TLSRPTv1; rua=mailto:a@b.c", "x", ""])))
def test_only_what_was_there_remains_and_nothing_is_added(values):
    have = tuple(dict.fromkeys(values))
    for want in leftovers([DOMAIN], set(), lambda name: 60, remove=True):
        for change in make_plan([want], {want.key: Found(RRset(60, have))}, "final").changes:
            assert change.add == ()
            assert set(change.after) | set(change.delete) == set(have)
