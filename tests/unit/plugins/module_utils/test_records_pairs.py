# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Pairs of builder and parser: MTA-STS and its policy file, TLS-RPT, BIMI, DMARC reports to another domain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils import _records_bimi as bimi
from ansible_collections.mailfleet.mta.plugins.module_utils import _records_dmarc as dmarc
from ansible_collections.mailfleet.mta.plugins.module_utils import _records_sts as sts
from ansible_collections.mailfleet.mta.plugins.module_utils import _records_tlsrpt as tlsrpt

names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z][a-z0-9]{0,6}){1,2}", fullmatch=True)
tag_values = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";"), max_size=20)


def others(*taken):
    """Tags that a later version of the standard may bring: they survive."""
    tags = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True).filter(lambda tag: tag not in ("v", *taken))
    return st.dictionaries(tags, tag_values, max_size=3).map(lambda found: tuple(found.items()))


stss = st.builds(sts.Sts, st.from_regex(r"[A-Za-z0-9]{1,32}", fullmatch=True), others("id"))
patterns = st.one_of(names, names.map(lambda name: f"*.{name}"))
policies = st.builds(
    sts.StsPolicy,
    st.sampled_from(sts.MODES),
    st.lists(patterns, min_size=1, max_size=5).map(tuple),
    st.integers(0, sts.MOST_AGE),
    others("version", "mode", "mx", "max_age"),
)
uris = st.one_of(names.map(lambda name: f"mailto:tls@{name}"), names.map(lambda name: f"https://{name}/report?a=b"))
reports = st.builds(tlsrpt.TlsRpt, st.lists(uris, min_size=1, max_size=4).map(tuple), others("rua"))
addresses = st.one_of(st.just(""), names.map(lambda name: f"https://{name}/logo.svg"))
logos = st.builds(bimi.Bimi, addresses, addresses, others("l", "a"))


@given(stss)
def test_sts_record_mirrors(record):
    assert sts.parse_sts(sts.build_sts(record)) == record


@given(policies, st.booleans())
def test_sts_policy_mirrors_with_either_line_end(policy, crlf):
    text = sts.build_policy(policy)
    assert sts.parse_policy(text if crlf else text.replace("\r\n", "\n")) == policy


@given(policies, policies)
def test_the_id_changes_with_the_policy_and_only_then(one, other):
    assert (sts.policy_id(one) == sts.policy_id(other)) == (sts.build_policy(one) == sts.build_policy(other))
    assert sts.parse_sts(sts.build_sts(sts.Sts(sts.policy_id(one)))).id == sts.policy_id(one)


@given(reports)
def test_tlsrpt_mirrors(record):
    assert tlsrpt.parse_tlsrpt(tlsrpt.build_tlsrpt(record)) == record


@given(logos)
def test_bimi_mirrors(record):
    assert bimi.parse_bimi(bimi.build_bimi(record)) == record


def test_a_policy_as_google_serves_it():
    hosts = ("gmail-smtp-in.l.google.com", "*.gmail-smtp-in.l.google.com")
    lines = ["version: STSv1", "mode: enforce", *(f"mx: {host}" for host in hosts), "max_age: 86400", ""]
    assert sts.parse_policy("\r\n".join(lines)) == sts.StsPolicy("enforce", hosts, 86400)


@pytest.mark.parametrize(
    ("parse", "text", "reason"),
    [
        (sts.parse_sts, "v=STSv2; id=1", "v=STSv1"),
        (sts.parse_sts, "id=1; v=STSv1", "v=STSv1"),
        (sts.parse_sts, "v=STSv1;", "1 to 32 letters"),
        (sts.parse_sts, "v=STSv1; id=2026-11-22", "1 to 32 letters"),
        (sts.parse_sts, "v=STSv1; id=" + "1" * 33, "1 to 32 letters"),
        (sts.parse_policy, "", "no 'version: STSv1'"),
        (sts.parse_policy, "<html>", "'<html>' is not of the form"),
        (sts.parse_policy, "version: STSv1\nmode: on\nmx: a.example\nmax_age: 1", "mode 'on'"),
        (sts.parse_policy, "version: STSv1\nmode: enforce\nmax_age: 1", "no mx"),
        (sts.parse_policy, "version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1", "mx 'a.*.example'"),
        (sts.parse_policy, "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 31557601", "max_age '31557601'"),
        (sts.parse_policy, "version: STSv1\nmode: enforce\nmx: a.example", "max_age ''"),
        (tlsrpt.parse_tlsrpt, "v=TLSRPTv2; rua=mailto:a@b.example", "v=TLSRPTv1"),
        (tlsrpt.parse_tlsrpt, "v=TLSRPTv1; rua=", "rua .* missing"),
        (tlsrpt.parse_tlsrpt, "v=TLSRPTv1; rua=mailto:a@b.example,http://x.example", "'http://x.example'"),
        (bimi.parse_bimi, "v=BIMI2; l=", "v=BIMI1"),
        (bimi.parse_bimi, "v=BIMI1; a=https://x.example", "tag l"),
        (bimi.parse_bimi, "v=BIMI1; l=http://x.example/logo.svg", "tag l 'http://"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_why(parse, text, reason):
    with pytest.raises(ValueError, match=reason.replace("*", r"\*").replace(r".\*", ".*")):
        parse(text)


def test_a_mode_of_none_needs_no_mx():
    assert sts.parse_policy("version: STSv1\nmode: none\nmax_age: 86400\n").mx == ()


@pytest.mark.parametrize(
    ("mx", "host", "allowed"),
    [
        (["mail.example.com"], "Mail.Example.com.", True),
        (["*.example.com"], "mail.example.com", True),
        (["*.example.com"], "a.mail.example.com", False),
        (["*.example.com"], "example.com", False),
        (["mail.example.com"], "mail2.example.com", False),
    ],
)
def test_which_hosts_a_policy_allows(mx, host, allowed):
    assert (sts.uncovered(mx, [host]) == []) is allowed


def test_a_domain_can_decline_bimi():
    assert bimi.parse_bimi("v=BIMI1; l=; a=;").declined
    assert not bimi.parse_bimi("v=BIMI1; l=https://example.com/logo.svg").declined


@pytest.mark.parametrize(
    ("uris", "receivers"),
    [
        (["mailto:dmarc@example.net"], ("example.net",)),
        (["MAILTO:a@Example.NET!10m", "mailto:b@example.net", "mailto:c@e.example?x=y"], ("example.net", "e.example")),
        (["https://example.net/report", "mailto:", "nonsense"], ()),
    ],
)  # fmt: skip
def test_who_gets_reports(uris, receivers):
    assert dmarc.report_receivers(uris) == receivers


def test_the_permission_to_send_reports_is_a_dmarc_record():
    assert dmarc.authorisation_name("example.com", "example.net") == "example.com._report._dmarc.example.net"
    assert dmarc.is_dmarc(dmarc.AUTHORISATION)
    record = dmarc.parse_dmarc("v=DMARC1; p=none; rua=mailto:a@example.net, mailto:b@example.com")
    assert record.addresses("rua") == ("mailto:a@example.net", "mailto:b@example.com")
    assert record.addresses("ruf") == ()
