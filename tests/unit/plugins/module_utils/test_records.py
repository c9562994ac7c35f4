# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils import _records as records
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import DkimKey, build_dkim, parse_dkim
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import (
    Dmarc,
    build_dmarc,
    dmarc_from_options,
    is_dmarc,
    parse_dmarc,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._txt import (
    build_tags,
    parse_tags,
    parse_txt_rdata,
    printable,
    to_text,
    txt_rdata,
)

tag_names = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
tag_values = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";"), max_size=20)


@given(st.binary(max_size=1200))
def test_txt_rdata_mirrors_parse(data):
    value = to_text(data)
    rdata = txt_rdata(value)
    assert parse_txt_rdata(rdata) == value
    assert len(rdata) == len(data) + max(1, -(-len(data) // 255))
    printable(value).encode()


def test_txt_rdata_that_is_cut_off_is_refused():
    with pytest.raises(ValueError, match="past the end"):
        parse_txt_rdata(b"\x05abc")


@given(st.dictionaries(tag_names, tag_values, max_size=6))
def test_tags_mirror(tags):
    assert parse_tags(build_tags(tags)) == tags


@pytest.mark.parametrize(
    ("text", "reason"), [("v=1; p", "'p' is not"), ("a=1; a=2", "'a' is there twice"), ("=x", "'=x'")]
)
def test_bad_tags_say_why(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_tags(text)


@given(
    st.binary(max_size=400).map(lambda data: base64.b64encode(data).decode()),
    st.sampled_from(["rsa", "ed25519"]),
    st.dictionaries(st.sampled_from(["h", "s", "t", "n"]), tag_values.map(str.strip)),
)
def test_dkim_parse_mirrors_build(public_key, key_type, other):
    key = DkimKey(public_key, key_type, tuple(sorted(other.items())))
    assert parse_dkim(build_dkim(key)) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("p=QUJD", DkimKey("QUJD")),
        ("v=DKIM1; k=rsa; p=QU JD;", DkimKey("QUJD")),
        ("v=DKIM1;p=", DkimKey("")),
        ("v=DKIM1; p=QUJD; t=y; h=sha256", DkimKey("QUJD", other=(("h", "sha256"), ("t", "y")))),
    ],
)
def test_dkim_reads_other_peoples_spelling(text, key):
    assert parse_dkim(text) == key


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("v=DKIM2; p=QUJD", "DKIM1"),
        ("p=QUJD; v=DKIM1", "not first"),
        ("v=DKIM1; k=rsa", "p .* missing"),
        ("v=DKIM1; p=%%%", "base64"),
        ("hello", "tag=value"),
    ],
)
def test_bad_dkim_says_why(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_dkim(text)


@given(
    st.sampled_from(["none", "quarantine", "reject"]),
    st.dictionaries(st.sampled_from(["sp", "np", "t", "adkim", "fo", "rua", "ruf", "x"]), tag_values.map(str.strip)),
)
def test_dmarc_parse_mirrors_build(policy, other):
    record = Dmarc(policy, tuple(other.items()))
    assert parse_dmarc(build_dmarc(record)) == record


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "v=DMARC1; p=none"),
        ({"policy": "none", "rua": ["mailto:a@example.com", "mailto:b@example.com"]},
         "v=DMARC1; p=none; rua=mailto:a@example.com,mailto:b@example.com"),
        ({"policy": "reject", "sp": "reject", "testing": True, "rua": []},
         "v=DMARC1; p=reject; sp=reject; t=y"),
        ({"policy": "quarantine", "adkim": "s"}, "v=DMARC1; p=quarantine; adkim=s"),
    ],
)  # fmt: skip
def test_dmarc_from_options(options, text):
    assert build_dmarc(dmarc_from_options(options)) == text


@pytest.mark.parametrize(("options", "reason"), [({"polcy": "none"}, "'polcy'"), ({"policy": "nope"}, "'nope'")])
def test_bad_dmarc_options_say_why(options, reason):
    with pytest.raises(ValueError, match=reason):
        dmarc_from_options(options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("v=DMARC1; p=none", True), ("v = DMARC1;p=none", True), ("v=DMARC12; p=none", False), ("v=spf1 -all", False)],
)
def test_is_dmarc(text, expected):
    assert is_dmarc(text) is expected


def auth(domain="example.com", **more):
    return {
        "domain": domain,
        "pool": "trans",
        "selector": "mf1",
        "signers": ["mx1"],
        "ips": {"ip4": ["192.0.2.10"], "ip6": ["2001:db8::10"]},
        "other_fleet_ips": {"ip4": ["192.0.2.20"], "ip6": []},
        "spf_extra": [],
        "mx": [],
        "dmarc": {},
        "return_path": f"bounce.{domain}",
        "bounce_mx": [],
        **more,
    }


def texts(wanted):
    return [f"{w.name} {w.type} {' | '.join(w.values)}" for w in wanted]


SPF = "v=spf1 ip4:192.0.2.10 ip6:2001:db8::10"


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        pytest.param(
            auth(),
            [
                f"example.com TXT {SPF} -all",
                "mf1._domainkey.example.com TXT v=DKIM1; k=rsa; p=QUJD",
                "_dmarc.example.com TXT v=DMARC1; p=none",
                f"bounce.example.com TXT {SPF} -all",
            ],
            id="smallest",
        ),
        pytest.param(
            auth(
                mx=[{"host": "MX1.example.com", "preference": 5}, {"host": "mx2.example.com."}],
                spf_extra=["include:_spf.example.net"],
                bounce_mx=["mx1.example.com"],
                dmarc={"policy": "reject"},
            ),
            [
                "example.com MX 5 mx1.example.com. | 10 mx2.example.com.",
                f"example.com TXT {SPF} include:_spf.example.net -all",
                "mf1._domainkey.example.com TXT v=DKIM1; k=rsa; p=QUJD",
                "_dmarc.example.com TXT v=DMARC1; p=reject",
                "bounce.example.com MX 10 mx1.example.com.",
                f"bounce.example.com TXT {SPF} -all",
            ],
            id="everything",
        ),
        pytest.param(
            auth(return_path="example.com", mx=["a.example.com"], bounce_mx=["b.example.com"]),
            [
                "example.com MX 10 a.example.com. | 10 b.example.com.",
                f"example.com TXT {SPF} -all",
                "mf1._domainkey.example.com TXT v=DKIM1; k=rsa; p=QUJD",
                "_dmarc.example.com TXT v=DMARC1; p=none",
            ],
            id="return path is the domain",
        ),
        pytest.param(
            auth(signers=[]),
            [
                f"example.com TXT {SPF} -all",
                "_dmarc.example.com TXT v=DMARC1; p=none",
                f"bounce.example.com TXT {SPF} -all",
            ],
            id="nobody signs",
        ),
    ],
)
def test_records_of_a_domain(domain, expected):
    wanted, problems = records.fleet_records([domain], {"example.com": {"mf1": "QUJD"}}, lambda name: 3600)
    assert not problems
    assert texts(wanted) == expected
    assert {w.domains for w in wanted} == {("example.com",)}


def values_of(domain, **more):
    wanted, problems = records.fleet_records([auth(domain, **more)], {domain: {"mf1": "QUJD"}}, lambda name: 60)
    assert not problems
    return {(w.name, w.type): w.values for w in wanted}


def test_a_parked_name_says_that_it_is_empty():
    nobody = {"signers": [], "ips": {"ip4": [], "ip6": []}, "return_path": "old.example", "dmarc": {"policy": "reject"}}
    assert values_of("old.example", profile="parked", **nobody) == {
        ("old.example", "MX"): ("0 .",),
        ("old.example", "TXT"): ("v=spf1 -all",),
        ("*._domainkey.old.example", "TXT"): ("v=DKIM1; k=rsa; p=",),
        ("_dmarc.old.example", "TXT"): ("v=DMARC1; p=reject",),
    }


def test_a_delegated_key_is_in_our_zone_and_an_alias_in_the_domain():
    found = values_of("a.example", dkim_zone="_dk.ours.example")
    assert found["mf1._domainkey.a.example", "CNAME"] == ("mf1.a.example._dk.ours.example.",)
    assert found["mf1.a.example._dk.ours.example", "TXT"] == ("v=DKIM1; k=rsa; p=QUJD",)
    assert ("mf1._domainkey.a.example", "TXT") not in found


def test_everything_for_receivers():
    policy = {"mode": "enforce", "mx": ["mail.a.example"], "max_age": 86400, "host": "www.a.example"}
    logo = {"logo": "https://a.example/logo.svg", "certificate": ""}
    more = {"mta_sts": policy, "tls_rpt": ["mailto:t@a.example", "https://a.example/t"], "bimi": logo}
    found = values_of("a.example", **more, report_permits=["reports.example"])
    [file] = records.policy_files([auth("a.example", **more), auth("b.example")])
    assert found["_mta-sts.a.example", "TXT"] == (f"v=STSv1; id={file['id']}",)
    assert found["mta-sts.a.example", "CNAME"] == ("www.a.example.",)
    assert found["_smtp._tls.a.example", "TXT"] == ("v=TLSRPTv1; rua=mailto:t@a.example,https://a.example/t",)
    assert found["default._bimi.a.example", "TXT"] == ("v=BIMI1; l=https://a.example/logo.svg; a=",)
    assert found["a.example._report._dmarc.reports.example", "TXT"] == ("v=DMARC1",)
    assert file["url"] == "https://mta-sts.a.example/.well-known/mta-sts.txt"
    assert file["text"] == "version: STSv1\r\nmode: enforce\r\nmx: mail.a.example\r\nmax_age: 86400\r\n"


@pytest.mark.parametrize(("change", "same"), [({}, True), ({"host": ""}, True), ({"mode": "none"}, False)])
def test_the_id_of_a_policy_changes_with_its_text_only(change, same):
    policy = {"mode": "testing", "mx": ["mail.a.example"], "max_age": 86400, "host": "www.a.example"}
    key = ("_mta-sts.a.example", "TXT")
    one, other = (values_of("a.example", mta_sts=said)[key] for said in (policy, {**policy, **change}))
    assert (one == other) is same


def test_a_policy_that_moves_is_kept():
    wanted = records.fleet_records([auth(progression={"goal": "reject"})], {}, lambda name: 60)[0]
    assert [w.rule for w in wanted if w.name.startswith("_dmarc.")] == ["dmarc_kept"]


@pytest.mark.parametrize(("dmarc", "declared"), [({}, False), ({"policy": "none"}, True), ({"policy": "reject"}, True)])
def test_a_policy_nobody_wrote_down_is_not_declared(dmarc, declared):
    [wanted] = [w for w in records.fleet_records([auth(dmarc=dmarc)], {}, lambda name: 60)[0] if w.rule == "dmarc"]
    assert wanted.declared is declared


def test_two_domains_with_one_return_path_share_its_spf():
    one = auth("a.example", return_path="bounce.example", ips={"ip4": ["192.0.2.1"]})
    two = auth(
        "b.example",
        return_path="bounce.example",
        ips={"ip4": ["192.0.2.2"]},
        other_fleet_ips={"ip4": ["192.0.2.1", "192.0.2.3"]},
    )
    [shared] = [w for w in records.fleet_records([one, two], {}, lambda name: 60)[0] if w.name == "bounce.example"]
    assert shared.values == ("v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 -all",)
    assert shared.domains == ("a.example", "b.example")
    assert shared.removable == ("192.0.2.20", "192.0.2.3")


def test_missing_keys_are_named_unless_nobody_signs():
    fleet = [auth("a.example"), auth("b.example"), auth("c.example", signers=[])]
    assert records.missing_keys(fleet, {"a.example": {"mf1": "QUJD"}}) == [("b.example", "mf1")]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (auth("a.example", dmarc={"policy": "x"}), "DMARC policy 'x' is none of"),
        (auth("a.example", spf_extra=["fnord"]), "'fnord' is no SPF mechanism"),
        (auth("a.example", return_path="bouncé.example"), "xn-- form"),
        (auth("a.example", selector="x" * 64), "too long for DNS"),
    ],
)
def test_a_domain_that_makes_no_sense_does_not_stop_the_others(broken, reason):
    keys = {"a.example": {broken["selector"]: "QUJD"}}
    wanted, problems = records.fleet_records([broken, auth("b.example")], keys, lambda name: 60)
    assert {w.domains for w in wanted} == {("b.example",)}
    [problem] = problems["a.example"]
    assert reason in problem.text
