# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Found, Problem, RRset, Wanted
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_plan import Limits, limit_problems, make_plan

D = ("example.com",)
SPF = Wanted(
    "example.com",
    "TXT",
    3600,
    ("v=spf1 ip4:192.0.2.1 -all",),
    "value",
    "v=spf1",
    "spf",
    D,
    ("192.0.2.8", "2001:db8::8"),
)
DKIM = Wanted("s._domainkey.example.com", "TXT", 3600, ("v=DKIM1; k=rsa; p=QUJD",), rule="dkim", domains=D)
DMARC = Wanted("_dmarc.example.com", "TXT", 3600, ("v=DMARC1; p=reject",), rule="dmarc", domains=D)
KEPT = DMARC._replace(values=("v=DMARC1; p=none; rua=mailto:d@example.com",), rule="dmarc_kept")
STEP = DMARC._replace(rule="dmarc_step", match="v=DMARC1; p=reject; t=y")
MX = Wanted("example.com", "MX", 3600, ("10 mx1.example.com.",), "value", "", "mx", D)
BOUNCE = Wanted("bounce.example.com", "MX", 3600, ("10 mx1.example.com.",), "rrset", "", "mx", D)
A = Wanted("www.example.com", "A", 3600, ("192.0.2.1",))
NULL = Wanted("example.com", "MX", 3600, ("0 .",), rule="null_mx", domains=D)
ALIAS = Wanted("s._domainkey.example.com", "CNAME", 3600, ("s.keys.example.",), rule="cname", domains=D)
STS = Wanted("_mta-sts.example.com", "TXT", 3600, ("v=STSv1; id=2",), "value", "STSv1", "tagged", D)
PERMIT = Wanted("example.com._report._dmarc.r.example", "TXT", 3600, ("v=DMARC1",), "value", "DMARC1", "present", D)
SHARED = Wanted("example.com", "TXT", 3600, ("ours=2",), "value", "ours=")


def plan(want, *values, ttl=3600, phase="add", release=(), cname=""):
    rrset = RRset(ttl, tuple(values)) if values else None
    return make_plan([want], {want.key: Found(rrset, cname)}, phase, release)


@pytest.mark.parametrize(
    ("want", "have", "after"),
    [
        (SPF, [], ["v=spf1 ip4:192.0.2.1 -all"]),
        (SPF, ["site=1"], ["site=1", "v=spf1 ip4:192.0.2.1 -all"]),
        (SPF, ["v=spf1 ip4:192.0.2.1 -all", "site=1"], None),
        (SPF, ["v=spf1 ip4:192.0.2.1 include:x.example -all"], None),
        (SPF, ["v=spf1 ip4:192.0.2.1/32 -all"], None),
        (SPF, ["v=spf1 mx ~all", "site=1"], ["v=spf1 mx ip4:192.0.2.1 -all", "site=1"]),
        (SPF, ["v=spf1 ip4:192.0.2.8 -all"], ["v=spf1 ip4:192.0.2.8 ip4:192.0.2.1 -all"]),
        (SPF, ["v=spf1 redirect=x.example ?all"], ["v=spf1 redirect=x.example ip4:192.0.2.1 -all"]),
        (DKIM, [], ["v=DKIM1; k=rsa; p=QUJD"]),
        (DKIM, ["v=DKIM1; p=QU JD;"], None),
        (DKIM, ["v=DKIM1; k=rsa; t=y; p=QUJD"], ["v=DKIM1; k=rsa; p=QUJD"]),
        (DMARC, [], ["v=DMARC1; p=reject"]),
        (DMARC, ["v=DMARC1;p=reject;"], None),
        (DMARC, ["v=DMARC1; p=none", "neighbour"], ["v=DMARC1; p=reject", "neighbour"]),
        (DMARC, ["v=DMARC1; p=fnord"], ["v=DMARC1; p=reject"]),
        (DMARC, ["neighbour"], ["neighbour", "v=DMARC1; p=reject"]),
        (DMARC._replace(declared=False), ["v=DMARC1; p=quarantine; rua=mailto:x@y.example"], None),
        (DMARC._replace(declared=False), [], ["v=DMARC1; p=reject"]),
        (KEPT, [], ["v=DMARC1; p=none; rua=mailto:d@example.com"]),
        (KEPT, ["v=DMARC1; p=fnord"], ["v=DMARC1; p=none; rua=mailto:d@example.com"]),
        (KEPT, ["v=DMARC1; p=reject; np=reject; rua=mailto:d@example.com", "neighbour"], None),
        (KEPT, ["v=DMARC1; p=reject; t=y"], ["v=DMARC1; p=reject; rua=mailto:d@example.com; np=reject; t=y"]),
        (KEPT, ["v=DMARC1; p=quarantine; pct=9"], ["v=DMARC1; p=quarantine; rua=mailto:d@example.com; np=reject; t=y"]),
        (STEP, ["v=DMARC1; p=reject; t=y", "neighbour"], ["v=DMARC1; p=reject", "neighbour"]),
        (STEP, ["v=DMARC1; p=reject"], None),
        (MX, [], ["10 mx1.example.com."]),
        (MX, ["20 mx1.example.com."], ["10 mx1.example.com."]),
        (MX, ["10 mail.other.example."], ["10 mail.other.example.", "10 mx1.example.com."]),
        (BOUNCE, ["10 old.example.com."], ["10 old.example.com.", "10 mx1.example.com."]),
        (MX, ["0 ."], ["10 mx1.example.com."]),
        (NULL, [], ["0 ."]),
        (NULL, ["0 ."], None),
        (ALIAS, [], ["s.keys.example."]),
        (ALIAS, ["s.keys.example."], None),
        (STS, [], ["v=STSv1; id=2"]),
        (STS, ["v=STSv1;id=2;"], None),
        (STS, ["v=STSv1; id=1", "neighbour"], ["v=STSv1; id=2", "neighbour"]),
        (STS, ["v=STSv1; broken", "v=STSv10; id=1"], ["v=STSv1; id=2", "v=STSv10; id=1"]),
        (PERMIT, [], ["v=DMARC1"]),
        (PERMIT, ["v=DMARC1; rua=mailto:other@r.example"], None),
        (A, ["192.0.2.9"], ["192.0.2.1"]),
        (A, ["192.0.2.1"], None),
        (A._replace(absent=True, values=()), ["192.0.2.1", "192.0.2.2"], []),
        (A._replace(absent=True), ["192.0.2.1", "192.0.2.2"], ["192.0.2.2"]),
        (A._replace(absent=True), [], None),
        (SHARED, ["ours=1", "theirs"], ["theirs", "ours=2"]),
        (SHARED._replace(match=""), ["ours=1"], ["ours=1", "ours=2"]),
        (SHARED._replace(absent=True, values=()), ["ours=1", "theirs"], ["theirs"]),
    ],
)
def test_what_the_rrset_becomes_in_the_add_phase(want, have, after):
    result = plan(want, *have)
    assert not result.problems
    assert [list(change.after) for change in result.changes] == ([] if after is None else [after])
    for change in result.changes:
        assert set(have) - set(change.delete) | set(change.add) == set(after)


@pytest.mark.parametrize(
    ("want", "have", "release", "after", "loses"),
    [
        (SPF, ["v=spf1 ip4:192.0.2.1 ip4:192.0.2.8 -all"], D, ["v=spf1 ip4:192.0.2.1 -all"], True),
        (SPF, ["v=spf1 ip6:2001:db8::8 ip4:192.0.2.9 a -all"], D, ["v=spf1 ip4:192.0.2.9 a ip4:192.0.2.1 -all"], True),
        (SPF, ["v=spf1 ip4:192.0.2.1 ip4:192.0.2.8 -all"], ("example.net",), None, False),
        (
            SPF,
            ["v=spf1 ip4:192.0.2.1 ip4:192.0.2.8/30 -all"],
            D,
            ["v=spf1 ip4:192.0.2.1 ip4:192.0.2.9 ip4:192.0.2.10/31 -all"],
            True,
        ),
        (SPF, ["v=spf1 ip4:192.0.2.1 -all"], D, None, False),
        (BOUNCE, ["10 old.example.com.", "10 mx1.example.com."], (), ["10 mx1.example.com."], True),
        (MX, ["10 old.example.com.", "10 mx1.example.com."], D, None, False),
    ],
)
def test_what_the_final_phase_takes_away(want, have, release, after, loses):
    result = plan(want, *have, phase="final", release=release)
    assert [list(change.after) for change in result.changes] == ([] if after is None else [after])
    assert [change.loses for change in result.changes] == ([] if after is None else [loses])


@pytest.mark.parametrize(
    ("want", "have", "pending"),
    [
        (SPF, ["v=spf1 ip4:192.0.2.1 ip4:192.0.2.8 -all"], {"ips": ["192.0.2.8"], "others": []}),
        (SPF, ["v=spf1 ip6:2001:db8:0::8 ip4:192.0.2.1 -all"], {"ips": ["2001:db8::8"], "others": []}),
        (SPF, ["v=spf1 ip4:192.0.2.1 ip4:192.0.2.9 -all"], None),
        (BOUNCE, ["10 old.example.com.", "10 mx1.example.com."], {"ips": [], "others": ["10 old.example.com."]}),
        (MX, ["10 old.example.com.", "10 mx1.example.com."], None),
    ],
)
def test_the_add_phase_says_what_could_go(want, have, pending):
    result = plan(want, *have)
    where = {"domain": "example.com", "name": want.name, "type": want.type}
    assert result.pending_removals == ([{**where, **pending}] if pending else [])
    assert result.changes == []


@pytest.mark.parametrize(
    ("want", "have", "values"),
    [
        (SPF, ["v=spf1 ip4:192.0.2.1 ip4:203.0.113.5 include:x.example a -all"],
         ["ip4:203.0.113.5", "include:x.example", "a"]),
        (SPF, ["v=spf1 ip4:192.0.2.1 ip4:192.0.2.8 -all"], None),
        (MX, ["10 mail.other.example."], ["10 mail.other.example."]),
        (DMARC._replace(declared=False), ["v=DMARC1; p=none"], ["v=DMARC1; p=none"]),
    ],
)  # fmt: skip
def test_what_others_published_is_reported(want, have, values):
    where = {"domain": "example.com", "name": want.name, "type": want.type}
    assert plan(want, *have).foreign == ([{**where, "values": values}] if values else [])


@pytest.mark.parametrize(
    ("want", "have", "words"),
    [
        (SPF, ["v=spf1 a -all", "v=spf1 mx -all"], ["example.com has 2 SPF records", "delete all but one"]),
        (SPF, ["v=spf1 redirect=x.example"], ["hands over to x.example", "include:x.example"]),
        (SPF, ["v=spf1 fnord -all"], ["cannot be read: 'fnord'", "correct or delete"]),
        (SPF, ["v=spf1 -ip4:192.0.2.0/24 -all"], ["'-ip4:192.0.2.0/24' fails ip4:192.0.2.1"]),
        (SPF, ["v=spf1 a mx " + " ".join(f"include:i{i}.example" for i in range(9)) + " -all"],
         ["11 or more DNS lookups", "stop at 10", "[a (1)]", "[include:i8.example (1 or more)]"]),
        (DKIM, ["v=DKIM1; p=QUJD", "v=DKIM1; p=REVG"], ["s._domainkey.example.com has 2 TXT records"]),
        (DKIM, ["v=DKIM1; p=REVG"], ["another DKIM key (p=...REVG", "p=...QUJD", "new selector"]),
        (DKIM, ["v=DKIM1; k=ed25519; p=QUJD"], ["another DKIM key"]),
        (DKIM, ["v=DKIM1; p="], ["revoked", "new selector"]),
        (DKIM, ["hello"], ["no DKIM key"]),
        (KEPT, ["v=DMARC1; p=none", "v=DMARC1; p=reject"], ["_dmarc.example.com has 2 DMARC records"]),
        (STEP, ["v=DMARC1; p=none"], ["changed while the step was decided", "run again"]),
        (STEP, [], ["changed while the step was decided"]),
        (DMARC, ["v=DMARC1; p=none", "v=DMARC1; p=reject"], ["_dmarc.example.com has 2 DMARC records"]),
        (NULL, ["10 mail.example.com."], ["example.com has mail hosts", "[10 mail.example.com.]", "another profile"]),
        (ALIAS, ["s.other.example."], ["is a CNAME to s.other.example, not to s.keys.example", "delete the one"]),
        (STS, ["v=STSv1; id=1", "v=STSv1; id=2"], ["has 2 records 'v=STSv1'", "delete all but one"]),
    ],
)  # fmt: skip
def test_what_is_refused(want, have, words):
    result = plan(want, *have)
    assert result.changes == []
    [problem] = result.problems["example.com"]
    sentence = f"{problem.subject} {problem.text}"
    assert all(word in sentence for word in words), sentence
    assert "Remedy: " in sentence


@pytest.mark.parametrize("want", [SPF, DKIM, DMARC, BOUNCE])
def test_a_cname_at_our_name_is_refused(want):
    [problem] = plan(want, cname="else.example").problems["example.com"]
    assert problem.subject == want.name
    assert "is a CNAME to else.example" in problem.text


def test_a_problem_leaves_its_domain_alone_and_finishes_the_others():
    other = SPF._replace(name="example.net", domains=("example.net",))
    both = SPF._replace(name="bounce.example", domains=("example.com", "example.net"))
    existing = {DKIM.key: Found(RRset(60, ("hello",))), SPF.key: Found(), other.key: Found(), both.key: Found()}
    result = make_plan([DKIM, SPF, other, both], existing, "add")
    assert [change.name for change in result.changes] == ["example.net", "bounce.example"]
    assert list(result.problems) == ["example.com"]


def test_names_that_could_not_be_read_are_not_planned():
    assert make_plan([SPF, DKIM], {DKIM.key: Found()}).changes[0].name == DKIM.name
    result = make_plan([SPF, DKIM], {DKIM.key: Found()}, unread={SPF.key: "is far away."})
    assert result.problems == {"example.com": [Problem("example.com", "is far away.")]}
    assert result.changes == []


@pytest.mark.parametrize(
    ("want", "have", "had", "ttl", "add"),
    [
        (SPF, ["site=1"], 300, 300, ["v=spf1 ip4:192.0.2.1 -all"]),  # a shared RRset keeps its TTL
        (SPF, [], 0, 3600, ["v=spf1 ip4:192.0.2.1 -all"]),
        (DKIM, ["v=DKIM1; k=rsa; p=QUJD"], 300, 3600, ["v=DKIM1; k=rsa; p=QUJD"]),
        (DKIM, ["v=DKIM1; p=QUJD"], 300, None, []),  # somebody else's spelling is left alone altogether
        (SPF, ["v=spf1 ip4:192.0.2.1 -all"], 300, None, []),
        (DMARC._replace(declared=False), ["v=DMARC1; p=none"], 300, None, []),
    ],
)
def test_ttl(want, have, had, ttl, add):
    changes = plan(want, *have, ttl=had).changes
    assert [(c.ttl, list(c.add)) for c in changes] == ([] if ttl is None else [(ttl, add)])


def test_what_a_replaced_record_was_is_reported():
    assert plan(STS, "v=STSv1; id=1").notes["example.com"] == ["its record _mta-sts.example.com was 'v=STSv1; id=1'"]


@pytest.mark.parametrize("ending", ["~all", "?all", "+all", ""])
def test_a_soft_ending_becomes_hard_and_is_reported(ending):
    result = plan(SPF, f"v=spf1 a {ending}".strip())
    assert result.changes[0].after == ("v=spf1 a ip4:192.0.2.1 -all",)
    assert result.notes["example.com"] == [
        f"its SPF record ended in {repr(ending) if ending else 'no ' + repr('all')}, now in '-all'"
    ]


values = st.lists(
    st.sampled_from([*SPF.values, "site=1", "v=spf1 a ~all", "v=spf1 ip4:192.0.2.8 ?all", "x"]), unique=True
)


@given(values, st.sampled_from(["add", "final"]), st.sampled_from([(), D]))
def test_a_plan_carried_out_leaves_nothing_to_plan(have, phase, release):
    first = plan(SPF, *have, phase=phase, release=release)
    if first.problems:
        return
    after = first.changes[0].after if first.changes else have
    assert plan(SPF, *after, phase=phase, release=release).changes == []
    assert {v for v in have if not v.startswith("v=spf1")} <= set(after)


@pytest.mark.parametrize(
    ("limits", "call", "zones"),
    [
        (Limits(), "", []),
        (Limits(changes=1), "2 changes are planned and limits.changes allows 1", []),
        (Limits(deletes=0), "1 deletes are planned and limits.deletes allows 0", []),
        (Limits(zone_changes=0), "", ["a", "b"]),
        (Limits(zone_deletes=0), "", ["a"]),
    ],
)
def test_limits(limits, call, zones):
    gone = plan(A._replace(absent=True, values=()), "192.0.2.1").changes
    sentence, by_zone = limit_problems({"a": gone, "b": plan(SPF).changes}, limits)
    assert sentence.startswith(call)
    assert bool(sentence) == bool(call)
    assert list(by_zone) == zones
    assert all("limits.zone_" in text and "Remedy" in text for text in by_zone.values())
