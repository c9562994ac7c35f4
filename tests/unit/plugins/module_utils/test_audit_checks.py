# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Every check is kept in a good world, and fails, alone or with those that belong to it, when one thing is broken."""

from __future__ import annotations

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import Answer
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_run import UNANSWERED
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_table import CHECKS
from tests.support.audit_world import (
    ADDRESS,
    ADDRESS6,
    DKIM,
    DMARC,
    HELO,
    KEY_512,
    KEY_1024,
    KEY_2048,
    KEY_ED25519,
    NS2,
    PTR,
    PTR6,
    SOA,
    SPF,
    STS,
    findings,
)

P = "parked.example"
E, B, K = "example.com", "bounce.example.com", "mf1._domainkey.example.com"
MANY = " ".join(f"include:s{number}.example.net" for number in range(11))
SPFS = {(f"s{number}.example.net", "TXT"): ["v=spf1 -all"] for number in range(11)}

# What is broken, and the checks that must find it: no other one may say a word.
CASES = [
    # source addresses
    ({(PTR, "PTR"): None}, "ptr"),
    ({(PTR6, "PTR"): None}, "ptr"),
    ({(PTR, "PTR"): ["mta99.example.net."], ("mta99.example.net", "A"): ["192.0.2.99"]}, "ptr-forward helo-ptr"),
    ({(PTR, "PTR"): ["mta99.example.net."]}, "ptr-forward helo-ptr"),
    ({(PTR, "PTR"): [f"{HELO}.", "www.example.net."]}, "ptr-one"),
    ({(PTR, "PTR"): ["static.example.net."], ("static.example.net", "A"): [ADDRESS]}, "ptr-generic helo-ptr"),
    ({(PTR, "PTR"): ["h192-0-2-10.example.net."], ("h192-0-2-10.example.net", "A"): [ADDRESS]}, "ptr-generic helo-ptr"),
    ({(PTR, "PTR"): ["010002000.example.net."], ("010002000.example.net", "A"): [ADDRESS]}, "ptr-generic helo-ptr"),
    ({(HELO, "AAAA"): None}, "ptr-forward helo-address helo-spf-pass"),
    ({(HELO, "A"): None, (HELO, "CNAME"): ["a.example.net"], ("a.example.net", "A"): [ADDRESS]}, "helo-alias"),
    ({(HELO, "A"): [ADDRESS, "192.0.2.77"]}, "helo-other-addresses"),
    ({(HELO, "AAAA"): [ADDRESS6, "2001:db8::77"]}, "helo-other-addresses"),
    ({(HELO, "TXT"): None}, "helo-spf"),
    ({(HELO, "TXT"): ["v=spf1 -all"]}, "helo-spf-pass"),
    ({(HELO, "TXT"): ["v=spf1 a -all", "v=spf1 -all"]}, "helo-spf-pass"),
    # the zone
    ({(E, "MX"): None}, "domain mx"),
    ({(B, "TXT"): None, (B, "MX"): None, (B, "CNAME"): [E]}, "alias"),
    ({(E, "NS"): ["ns1.example.net."]}, "name-servers"),
    ({("ns2.example.net", "A"): ["192.0.2.54"]}, "name-servers"),
    ({(E, "SOA", NS2): Answer(fault="answers REFUSED")}, "name-servers-answer"),
    ({(E, "SOA", NS2): Answer(fault="did not answer within 5 s")}, "name-servers-answer"),
    ({("_dmarc.example.com", "TXT", NS2): ["v=DMARC1; p=none"]}, "name-servers-agree"),
    ({(K, "TXT", NS2): Answer(exists=False)}, "name-servers-agree"),
    ({("ns2.example.net", "A"): None, ("ns2.example.net", "CNAME"): ["b.example.net"], ("b.example.net", "A"): [NS2]},
     "name-server-alias"),
    ({(E, "TXT"): Answer((SPF,), 172800)}, "ttl-long"),
    ({(K, "TXT"): Answer((DKIM,), 60)}, "ttl-short"),
    ({(E, "SOA"): Answer((SOA.replace("86400 3600", "86400 604800"),), 3600, zone=E)}, "ttl-negative"),
    # replies and bounces
    ({(B, "MX"): None}, "mx-return-path"),
    ({(E, "MX"): ["0 ."], ("_mta-sts.example.com", "TXT"): None}, "mx-null"),
    ({(B, "MX"): ["0 ."]}, "mx-null"),
    ({(B, "MX"): ["0 .", "10 mail.example.net."]}, "mx-null mx-null-alone"),
    ({(B, "MX"): ["10 gone.example.net."]}, "mx-host"),
    ({(B, "MX"): ["10 c.example.net."], ("c.example.net", "CNAME"): ["mail.example.net"]}, "mx-alias"),
    ({(B, "MX"): ["10 192.0.2.25."]}, "mx-host mx-name"),
    ({(B, "MX"): ["10 in.example.net."], ("in.example.net", "A"): ["10.0.0.1"]}, "mx-private"),
    ({(B, "MX"): ["10 in.example.net."], ("in.example.net", "AAAA"): ["fd00::1"]}, "mx-private"),
    # SPF
    ({(E, "TXT"): ["something else"]}, "spf"),
    ({(B, "TXT"): None}, "spf"),
    ({(B, "TXT"): [SPF, "v=spf1 -all"]}, "spf-one"),
    ({(B, "TXT"): ["v=spf1 ip4:192.0.2.300 -all"]}, "spf-syntax"),
    ({(B, "TXT"): [SPF.replace("-all", f"{MANY} -all")], **SPFS}, "spf-lookups"),
    ({(B, "TXT"): [f"v=spf1 {MANY} {SPF[7:]}"], **SPFS}, "spf-lookups spf-covers"),
    ({(B, "TXT"): [SPF.replace("-all", "a:x.example.net a:y.example.net a:z.example.net -all")]}, "spf-voids"),
    ({(B, "TXT"): [SPF.replace("-all", "include:gone.example.net -all")]}, "spf-includes"),
    ({("_spf.example.net", "TXT"): [SPF, "v=spf1 -all"]}, "spf-includes spf-covers"),
    ({("_spf.example.net", "TXT"): ["v=spf1 include:bounce.example.com -all"]}, "spf-includes spf-covers"),
    ({(B, "TXT"): [SPF.replace("-all", "+all")]}, "spf-open-end"),
    ({(B, "TXT"): [SPF.replace("-all", "?all")]}, "spf-open-end"),
    ({(B, "TXT"): [SPF.replace(" -all", "")]}, "spf-open-end"),
    ({(B, "TXT"): [SPF.replace("-all", "~all")]}, "spf-soft-end"),
    ({(B, "TXT"): [f"v=spf1 ip4:{ADDRESS} -all"]}, "spf-covers"),
    ({(B, "TXT"): [f"v=spf1 -ip4:{ADDRESS} ip4:192.0.2.0/28 ip6:{ADDRESS6} -all"]}, "spf-covers"),
    ({(B, "TXT"): [SPF.replace("-all", "ip4:192.0.2.20 -all")]}, "spf-other-pools"),
    ({(B, "TXT"): [SPF.replace("-all", "ip4:192.0.2.16/28 -all")]}, "spf-other-pools"),
    ({(B, "TXT"): [SPF.replace("-all", "ip4:172.0.0.0/8 -all")]}, "spf-wide"),
    ({(B, "TXT"): [SPF.replace("-all", "ip6:2000::/3 -all")]}, "spf-wide"),
    ({(B, "TXT"): [SPF.replace("-all", "ptr -all")]}, "spf-ptr"),
    ({(B, "TXT"): [f"{SPF} ip4:192.0.2.99"]}, "spf-unused-terms"),
    ({(B, "TXT"): [SPF.replace("-all", "redirect=_spf.example.net -all")]}, "spf-unused-terms"),
    ({(B, "TXT"): [SPF.replace("-all", " ".join(f"ip4:198.51.100.{n}" for n in range(30)) + " -all")]}, "spf-size"),
    # DKIM
    ({(K, "TXT"): None}, "dkim"),
    ({(K, "TXT"): [DKIM, f"v=DKIM1; p={KEY_2048}"]}, "dkim-one"),
    ({(K, "TXT"): ["v=spf1 -all"]}, "dkim-syntax"),
    ({(K, "TXT"): ["v=DKIM1; k=rsa"]}, "dkim-syntax"),
    ({(K, "TXT"): ["v=DKIM1; p="]}, "dkim-revoked"),
    ({(K, "TXT"): [f"v=DKIM1; p={KEY_2048[:-60]}"]}, "dkim-key dkim-other-key"),
    ({(K, "TXT"): ["v=DKIM1; p=MTIz"]}, "dkim-key dkim-other-key"),
    ({(K, "TXT"): [f"v=DKIM1; k=ed25519; p={KEY_1024}"]}, "dkim-key"),
    ({(K, "TXT"): [f"v=DKIM1; k=dsa; p={KEY_2048}"]}, "dkim-key"),
    ({(K, "TXT"): [f"v=DKIM1; p={KEY_512}"]}, "dkim-key-ignored dkim-other-key"),
    ({(K, "TXT"): [f"v=DKIM1; p={KEY_1024}"]}, "dkim-key-short dkim-other-key"),
    ({(K, "TXT"): [DKIM.replace("k=", "t=y; k=")]}, "dkim-test-mode"),
    ({(K, "TXT"): [DKIM.replace("k=", "t=s:y; k=")]}, "dkim-test-mode"),
    ({(K, "TXT"): [DKIM.replace("k=", "h=sha1; k=")]}, "dkim-scope"),
    ({(K, "TXT"): [DKIM.replace("k=", "s=other; k=")]}, "dkim-scope"),
    ({(K, "TXT"): [DKIM.replace("0ObD", "0ObE")]}, "dkim-other-key"),
    ({("mailfleet-audit-no-such-key._domainkey.example.com", "TXT"): ["v=DKIM1; p="]}, "dkim-wildcard"),
    # DMARC
    ({("_dmarc.example.com", "TXT"): None}, "dmarc bimi-policy"),
    ({("_dmarc.example.com", "TXT"): [DMARC, "v=DMARC1; p=none"]}, "dmarc-one bimi-policy"),
    ({("_dmarc.example.com", "TXT"): [DMARC.replace("reject", "block")]}, "dmarc-syntax bimi-policy"),
    ({("_dmarc.example.com", "TXT"): [f"{DMARC}; sp=block"]}, "dmarc-syntax bimi-policy"),
    ({("_dmarc.example.com", "TXT"): [f"{DMARC}; adkim=x"]}, "dmarc-syntax bimi-policy"),
    ({("_dmarc.example.com", "TXT"): [f"{DMARC}; fo=7"]}, "dmarc-syntax bimi-policy"),
    ({("_dmarc.example.com", "TXT"): ["v=DMARC1; p=reject; rua=dmarc@example.com"]}, "dmarc-syntax bimi-policy"),
    ({("_dmarc.example.com", "TXT"): [f"{DMARC.replace('reject', 'none')}; np=reject"]}, "dmarc-policy bimi-policy"),
    ({("_dmarc.example.com", "TXT"): [f"{DMARC.replace('reject', 'quarantine')}; np=reject; t=y"]},
     "dmarc-policy bimi-policy"),
    ({("_dmarc.example.com", "TXT"): [f"{DMARC}; sp=none; np=reject"]}, "dmarc-subdomains"),
    ({("_dmarc.example.com", "TXT"): [DMARC.replace("reject", "quarantine")]}, "dmarc-no-such-name"),
    ({("_dmarc.example.com", "TXT"): [f"{DMARC}; pct=100"]}, "dmarc-removed-tags"),
    ({("_dmarc.example.com", "TXT"): [f"{DMARC}; pct=20"]}, "dmarc-removed-tags bimi-policy"),
    ({("_dmarc.example.com", "TXT"): ["v=DMARC1; p=reject"]}, "dmarc-rua"),
    ({("example.com._report._dmarc.reports.example.org", "TXT"): None}, "dmarc-rua-authorised"),
    ({("reports.example.org", "MX"): None}, "dmarc-rua-mailbox"),
    ({("reports.example.org", "MX"): ["0 ."]}, "dmarc-rua-mailbox"),
    ({("_dmarc.example.com", "TXT"): [f"{DMARC}; aspf=s"]}, "alignment-return-path"),
    # BIMI
    ({("default._bimi.example.com", "TXT"): ["v=BIMI1; l=http://example.com/logo.svg"]}, "bimi"),
    ({("default._bimi.example.com", "TXT"): ["v=BIMI1; l=; a=", "v=BIMI1; l="]}, "bimi"),
    ({("default._bimi.example.com", "TXT"): ["v=BIMI1; l=https://example.com/logo.svg"]}, "bimi-certificate"),
    ({("default._bimi.example.com", "TXT"): ["v=BIMI1; l=https://a.example/l.png; a=https://a.example/v.pem"]},
     "bimi-certificate"),
    # TLS
    ({("_mta-sts.example.com", "TXT"): None}, "mta-sts"),
    ({("_mta-sts.example.com", "TXT"): ["v=STSv1; id=not-this"]}, "mta-sts-record"),
    ({("_mta-sts.example.com", "TXT"): ["v=STSv1; id=1", "v=STSv1; id=2"]}, "mta-sts-record"),
    ({("mta-sts.example.com", "A"): None}, "mta-sts-file"),
    ({("mta-sts.example.com", "POLICY"): Answer(fault="the certificate is not valid: expired")}, "mta-sts-file"),
    ({("mta-sts.example.com", "POLICY"): ["text/html", STS]}, "mta-sts-file"),
    ({("mta-sts.example.com", "POLICY"): ["text/plain", "<html>"]}, "mta-sts-file"),
    ({("mta-sts.example.com", "POLICY"): ["text/plain", STS.replace("enforce", "testing")]},
     "mta-sts-mode mta-sts-other-policy"),
    ({("mta-sts.example.com", "POLICY"): ["text/plain", STS.replace("mail.", "other.")]},
     "mta-sts-mx mta-sts-other-policy"),
    ({("mta-sts.example.com", "POLICY"): ["text/plain", STS.replace("604800", "60")]},
     "mta-sts-age mta-sts-other-policy"),
    ({("mta-sts.example.com", "POLICY"): ["text/plain", f"{STS}mx: b.example.net\n"]}, "mta-sts-other-policy"),
    ({("_smtp._tls.example.com", "TXT"): None}, "tls-rpt"),
    ({("_smtp._tls.example.com", "TXT"): ["v=TLSRPTv1; rua=tls@example.com"]}, "tls-rpt-record"),
    ({("_25._tcp.mail.example.net", "TLSA"): Answer(("1 1 1 " + "ab" * 32,), secure=True)}, "tlsa"),
    ({("_25._tcp.mail.example.net", "TLSA"): Answer(("3 1 1 abcd",), secure=True)}, "tlsa"),
    ({("_25._tcp.mail.example.net", "TLSA"): Answer(("3 1 1 " + "ab" * 32,))}, "tlsa-dnssec"),
    # names that send nothing
    ({(P, "TXT"): ["v=spf1 a -all"]}, "parked-spf"),
    ({(P, "TXT"): ["v=spf1"]}, "parked-spf"),
    ({(f"bounce.{P}", "TXT"): None}, "spf"),
    ({(f"_dmarc.{P}", "TXT"): ["v=DMARC1; p=reject; t=y; rua=mailto:dmarc@reports.example.org"]}, "parked-dmarc"),
    ({(f"_dmarc.{P}", "TXT"): None}, "dmarc"),
    ({(P, "MX"): None}, "parked-mx"),
    ({(P, "MX"): ["10 mail.example.net."]}, "parked-mx"),
    ({(f"mailfleet-audit-no-such-key._domainkey.{P}", "TXT"): None}, "parked-dkim"),
    ({(f"mailfleet-audit-no-such-key._domainkey.{P}", "TXT"): [DKIM]}, "parked-dkim"),
    ({(f"{P}", "TXT", NS2): ["v=spf1 +all"]}, "name-servers-agree"),
    # DNS that does not answer
    ({(PTR, "PTR"): Answer(fault="answers SERVFAIL")}, UNANSWERED),
    ({("_spf.example.net", "TXT"): Answer(fault="did not answer within 5 s")}, UNANSWERED),
]  # fmt: skip
LEVELS = {check.id: check.level for check in CHECKS}


def failing(changes, **domain):
    return {finding.check for finding in findings(changes, **domain) if finding.level != "ok"}


def test_a_good_world_keeps_every_check():
    assert [finding for finding in findings() if finding.level != "ok"] == []
    kept = {finding.check for finding in findings()}
    assert kept == set(LEVELS)
    assert all(finding.evidence for finding in findings())


@pytest.mark.parametrize(("changes", "expected"), CASES, ids=[f"{i}-{case[1]}" for i, case in enumerate(CASES)])
def test_one_broken_thing_is_found(changes, expected):
    assert failing(changes) == set(expected.split())
    for finding in findings(changes):
        if finding.level != "ok":
            assert finding.level == LEVELS.get(finding.check, "error")
            assert finding.evidence
            assert finding.text.endswith(".")
            assert finding.remedy
            assert finding.source
            assert "{" not in finding.remedy


def test_every_check_was_seen_to_fail():
    assert {name for _changes, names in CASES for name in names.split()} == {*LEVELS, UNANSWERED}


@pytest.mark.parametrize(
    ("changes", "domain"),
    [
        ({(K, "TXT"): [f"v=DKIM1; k=ed25519; p={KEY_ED25519}"]}, {}),
        ({(K, "TXT"): [DKIM.replace("p=", "h=sha1:sha256; s=email; t=s; p=")]}, {}),
        ({(E, "TXT"): ["v=spf1 redirect=_spf.example.net"]}, {}),
        ({(E, "TXT"): [f"v=spf1 ip4:192.0.2.0/28 ip6:{ADDRESS6}/64 -all"]}, {}),
        ({(E, "TXT"): [f"v=spf1 a:{HELO} -all"]}, {}),
        ({("_dmarc.example.com", "TXT"): [DMARC.replace("p=reject", "p=quarantine; np=reject")]}, {}),
        ({("default._bimi.example.com", "TXT"): None}, {}),
        ({("default._bimi.example.com", "TXT"): ["v=BIMI1; l=; a="]}, {}),
        (
            {("mta-sts.example.com", "POLICY"): ["text/plain; charset=utf-8", STS.replace("mail.", "*.")]},
            {"policy": None},
        ),
        ({("mta-sts.example.com", "POLICY"): ["text/plain", "\r\n".join(reversed(STS.split("\n"))) + "\nx: 1"]}, {}),
        ({("_25._tcp.mail.example.net", "TLSA"): None}, {}),
        ({}, {"keys": {}}),
        ({(PTR, "PTR"): [f"{HELO}."], (PTR, "CNAME"): ["10.0/25.2.0.192.in-addr.arpa"]}, {}),
        ({(E, "SOA", NS2): Answer(fault="cannot be reached (no route)", unreachable=True)}, {}),
    ],
)
def test_what_is_right_in_another_way_is_right(changes, domain):
    assert failing(changes, **domain) == set()


def test_a_subdomain_is_protected_by_the_domain_above():
    changes = {
        ("mf1._domainkey.tx.example.com", "TXT"): [DKIM],
        ("tx.example.com", "MX"): ["10 mail.example.net."],
        ("tx.example.com", "TXT"): [SPF],
    }
    below = {"name": "tx.example.com"}
    assert failing(changes, **below) == {"mta-sts", "tls-rpt"}
    weak = {**changes, ("_dmarc.example.com", "TXT"): [f"{DMARC}; sp=none"]}
    assert failing(weak, **below) == {"mta-sts", "tls-rpt", "dmarc-policy"}
    gone = {**changes, ("_dmarc.example.com", "TXT"): None}
    assert failing(gone, **below) == {"mta-sts", "tls-rpt", "dmarc"}


def test_another_organisation_in_the_return_path_is_no_match():
    changes = {("b.example.org", "MX"): ["10 mail.example.net."], ("b.example.org", "TXT"): [SPF]}
    assert failing(changes, return_path="b.example.org") == {"alignment-return-path"}


def test_every_selector_that_signs_must_be_published():
    both = {"selectors": ("mf1", "ed1")}
    assert failing({}, **both) == {"dkim"}
    assert failing({("ed1._domainkey.example.com", "TXT"): [f"v=DKIM1; k=ed25519; p={KEY_ED25519}"]}, **both) == set()


def test_a_key_beside_the_signing_one_is_looked_at_only_when_it_is_published():
    staged = {"keys": {"mf1": KEY_2048, "mf2": KEY_1024}}
    assert failing({}, **staged) == set()
    name = "mf2._domainkey.example.com"
    assert failing({(name, "TXT"): [f"v=DKIM1; p={KEY_1024}"]}, **staged) == {"dkim-key-short"}
    assert failing({(name, "TXT"): ["v=DKIM1; p="]}, **staged) == set()


def test_what_could_not_be_asked_is_told_with_the_checks_that_wanted_it():
    found = [one for one in findings({("_dmarc.example.com", "TXT"): Answer(fault="answers SERVFAIL")}) if one.remedy]
    assert [(one.check, one.subject) for one in found] == [(UNANSWERED, E)]
    assert found[0].evidence == ("_dmarc.example.com TXT: answers SERVFAIL",)
    assert "could not be made" in found[0].text
    assert "dmarc-policy" in found[0].text
