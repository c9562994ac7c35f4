# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils import _spf as spf

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
domains = st.from_regex(r"[a-z0-9_]{1,8}(\.[a-z0-9-]{1,8}){1,2}", fullmatch=True)
terms = st.one_of(
    st.builds(
        lambda q, t: q + t, st.sampled_from(["", "+", "-", "~", "?"]), addresses.map(lambda a: spf.ip_term(a).text)
    ),
    st.builds(
        lambda q, n, d: f"{q}{n}:{d}", st.sampled_from(["", "~"]), st.sampled_from(["include", "a", "exists"]), domains
    ),
    st.sampled_from(["a", "mx", "mx/24", "a/24//64", "ptr", "exp=x.example", "x-new=1", "include:%{d}.x.example"]),
).map(spf.parse_term)
records = st.lists(terms, max_size=12, unique_by=lambda t: t.name if t.name == "exp" else t).map(
    lambda found: spf.Spf((*found, spf.parse_term("~all")))
)


@given(records)
def test_parse_mirrors_build(record):
    assert spf.parse_spf(spf.build_spf(record)) == record


@given(records, st.lists(addresses, max_size=5))
def test_merge_keeps_everything_and_adds_what_is_wanted(record, ips):
    merged = spf.merge(record, spf.wanted_spf(ips))
    keys = {term.key for term in merged.terms}
    assert {term.key for term in record.terms if term.name != "all"} <= keys
    assert set(ips) <= set(spf.single_addresses(merged))
    assert merged.terms[-1].text == "-all"
    assert spf.merge(merged, spf.wanted_spf(ips)) == merged


@given(records, st.lists(addresses, min_size=1, max_size=5))
def test_without_takes_only_the_named_addresses(record, ips):
    merged = spf.merge(record, spf.wanted_spf(ips))
    left = spf.without(merged, ips[:1])
    assert {t.key for t in merged.terms} - {t.key for t in left.terms} == {spf.ip_term(ips[0]).key}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("v=spf2 -all", "v=spf1"),
        ("v=spf1a -all", "v=spf1"),
        ("v=spf1 ip4:192.0.2.300 -all", "'ip4:192.0.2.300' is no valid address"),
        ("v=spf1 ip4:2001:db8::1 -all", "no valid address"),
        ("v=spf1 ip6:192.0.2.1 -all", "no valid address"),
        ("v=spf1 ip4 -all", "'ip4'"),
        ("v=spf1 include: -all", "'include:'"),
        ("v=spf1 include -all", "'include'"),
        ("v=spf1 all:x", "all:x"),
        ("v=spf1 fnord -all", "'fnord'"),
        ("v=spf1 redirect=", "names no domain"),
        ("v=spf1 redirect=a.example redirect=b.example", "more than once"),
    ],
)
def test_unreadable_records_say_why(text, reason):
    with pytest.raises(ValueError, match=reason.replace(".", r"\.")):
        spf.parse_spf(text)


@pytest.mark.parametrize(
    ("have", "want", "merged"),
    [
        ("v=spf1 -all", "v=spf1 ip4:192.0.2.1 -all", "v=spf1 ip4:192.0.2.1 -all"),
        ("v=spf1", "v=spf1 ip4:192.0.2.1 -all", "v=spf1 ip4:192.0.2.1 -all"),
        ("v=spf1 mx ~all", "v=spf1 ip4:192.0.2.1 -all", "v=spf1 mx ip4:192.0.2.1 -all"),
        ("V=SPF1 +MX ?all", "v=spf1 mx -all", "v=spf1 +MX -all"),
        ("v=spf1 ip4:192.0.2.1/32 -all", "v=spf1 ip4:192.0.2.1 -all", "v=spf1 ip4:192.0.2.1/32 -all"),
        ("v=spf1 ip6:2001:DB8:0::1 -all", "v=spf1 ip6:2001:db8::1 -all", "v=spf1 ip6:2001:DB8:0::1 -all"),
        ("v=spf1 -all exp=e.example", "v=spf1 a -all", "v=spf1 a -all exp=e.example"),
        # what is there twice, or passed by a network already, costs nothing more
        ("v=spf1 mx include:x.example include:X.example -all", "v=spf1 mx -all", "v=spf1 mx include:x.example -all"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "v=spf1 ip4:192.0.2.1 -all", "v=spf1 ip4:192.0.2.0/24 -all"),
        ("v=spf1 ip4:192.0.2.1 -all", "v=spf1 ip4:192.0.2.0/24 -all", "v=spf1 ip4:192.0.2.1 ip4:192.0.2.0/24 -all"),
        ("v=spf1 -all", "v=spf1 ip4:192.0.2.1 ip4:192.0.2.0/24 -all", "v=spf1 ip4:192.0.2.0/24 -all"),
        ("v=spf1 ~ip4:198.51.100.0/24 -all", "v=spf1 ip4:198.51.100.1 -all",
         "v=spf1 ~ip4:198.51.100.0/24 ip4:198.51.100.1 -all"),
        # behind `all` nothing is evaluated, so the address is not there yet
        ("v=spf1 -all ip4:192.0.2.1", "v=spf1 ip4:192.0.2.1 -all", "v=spf1 ip4:192.0.2.1 -all ip4:192.0.2.1"),
    ],
)  # fmt: skip
def test_merge(have, want, merged):
    assert spf.build_spf(spf.merge(spf.parse_spf(have), spf.parse_spf(want))) == merged


@pytest.mark.parametrize(
    ("text", "costs"),
    [
        ("v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all", []),
        ("v=spf1 a mx:x.example include:y.example ptr exists:z.example -all", ["a", "mx", "include", "ptr", "exists"]),
        ("v=spf1 redirect=x.example", ["redirect"]),
        ("v=spf1 redirect=x.example -all", []),
    ],
)
def test_lookups(text, costs):
    assert [term.name for term in spf.lookups(spf.parse_spf(text))] == costs


@pytest.mark.parametrize(
    ("text", "against"),
    [
        ("v=spf1 -ip4:192.0.2.0/24 -all", "-ip4:192.0.2.0/24"),
        ("v=spf1 ~ip4:192.0.2.1 -all", "~ip4:192.0.2.1"),
        ("v=spf1 ip4:192.0.2.1 -ip4:192.0.2.0/24 -all", None),
        ("v=spf1 -ip4:198.51.100.0/24 -all", None),
        ("v=spf1 -all -ip4:192.0.2.1", None),
    ],
)
def test_refusing_term(text, against):
    found = spf.refusing_term(spf.parse_spf(text), "192.0.2.1")
    assert (found.text if found else None) == against
