# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils import _spf as spf
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Found, RRset, Wanted
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_plan import make_plan

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
    assert set(ips) <= set(spf.addresses(merged))
    assert merged.terms[-1].text == "-all"
    assert spf.merge(merged, spf.wanted_spf(ips)) == merged


@given(records, st.lists(addresses, min_size=1, max_size=5))
def test_without_takes_only_what_is_named(record, ips):
    merged = spf.merge(record, spf.wanted_spf(ips))
    left = spf.without(merged, [spf.ip_term(ips[0])])
    assert {t.key for t in merged.terms} - {t.key for t in left.terms} == {spf.ip_term(ips[0]).key}


fleet = st.sets(st.integers(0, 127), min_size=1).map(lambda some: sorted(f"192.0.2.{one}" for one in some))


@given(fleet, st.sets(st.integers(0, 64)))
def test_networks_hold_exactly_the_addresses(four, six):
    own = [*four, *(f"2001:db8::{one:x}" for one in six - {0})]
    networks = [ipaddress.ip_network(text) for text in spf.collapsed(own)]
    assert sorted(str(ip) for net in networks for ip in net) == sorted(own)
    assert len(networks) <= len(own)


def test_a_large_network_is_named_in_parts():
    own = [f"10.0.{third}.{last}" for third in range(8) for last in range(256)]
    assert spf.collapsed(own) == ["10.0.0.0/22", "10.0.4.0/22"]


def test_only_a_record_that_is_too_long_has_networks():
    short, long = ([f"192.0.2.{last}" for last in range(32, 32 + number)] for number in (22, 32))
    assert "/" not in spf.build_spf(spf.wanted_spf(short))
    assert spf.build_spf(spf.wanted_spf(long, ["mx"])) == "v=spf1 ip4:192.0.2.32/27 mx -all"


def passed(text: str) -> set[str]:
    nets = [net for term in spf.parse_spf(text).terms if (net := spf.network(term))]
    return {str(ip) for net in nets for ip in net}


@settings(deadline=None)
@given(st.data())
def test_a_published_network_loses_what_left_the_pool_and_never_anything_else(data):
    """Whatever mixture of single addresses and networks is there: first all is passed, at last what is wanted."""
    everything = [f"192.0.2.{last}" for last in range(64)]
    own = set(data.draw(st.sets(st.sampled_from(everything), min_size=1)))
    former = data.draw(st.sets(st.sampled_from(everything))) - own
    theirs = data.draw(st.sets(st.sampled_from(["ip4:192.0.2.0/26", "ip4:203.0.113.0/24", "ip4:198.51.100.7", "mx"])))
    before = [*data.draw(st.sampled_from([list, spf.collapsed]))(sorted(own | former))]
    published = "v=spf1 " + " ".join([*(spf.ip_term(one).text for one in before), *sorted(theirs), "-all"])
    text = spf.build_spf(spf.wanted_spf(data.draw(st.sampled_from([list, spf.collapsed]))(sorted(own))))
    want = Wanted("a.example", "TXT", 60, (text,), "value", "v=spf1", "spf", ("a.example",), tuple(sorted(former)))

    def after(values: str, phase: str) -> str:
        existing = {want.key: Found(RRset(60, (values,)))}
        plan = make_plan([want], existing, phase, ["a.example"])
        assert not plan.problems
        return plan.changes[0].after[0] if plan.changes else values

    first = after(published, "add")
    assert passed(first) == passed(published) | own
    last = after(first, "final")
    assert passed(last) == passed(published) - former | own
    assert theirs - {"ip4:192.0.2.0/26"} <= set(last.split())
    assert after(last, "add") == last
    assert after(last, "final") == last


@settings(deadline=None)
@given(st.data())
def test_networks_change_like_records_of_single_addresses(data):
    """Addresses come, leave for other pools, and some leave the inventory unseen: then nobody knows them any more."""
    everything = [f"192.0.2.{last}" for last in range(32)]
    own = set(data.draw(st.sets(st.sampled_from(everything), min_size=1)))
    others = set(everything) - own
    published = spf.build_spf(spf.wanted_spf([])._replace(terms=tuple(map(spf.ip_term, spf.collapsed(sorted(own))))))
    single = set(own)
    for _step in range(data.draw(st.integers(1, 4))):
        others |= (left := data.draw(st.sets(st.sampled_from(everything))) & own)
        came = data.draw(st.sets(st.sampled_from(everything)))
        own = own - left | came
        forgotten = data.draw(st.sets(st.sampled_from(everything)))
        own, others = own - forgotten, others - own - forgotten
        form = data.draw(st.sampled_from([list, spf.collapsed]))
        text = spf.build_spf(spf.wanted_spf(form(sorted(own))))
        want = Wanted("a.example", "TXT", 60, (text,), "value", "v=spf1", "spf", ("a.example",), tuple(sorted(others)))
        for phase in ("add", "final", "add"):
            plan = make_plan([want], {want.key: Found(RRset(60, (published,)))}, phase, ["a.example"])
            single |= own
            if phase == "add":
                pending = {ip for one in plan.pending_removals for ip in one["ips"]}
                assert pending == single & others
            single -= others if phase == "final" else set()
            published = plan.changes[0].after[0] if plan.changes else published
            assert passed(published) == single
        assert not make_plan([want], {want.key: Found(RRset(60, (published,)))}, "final", ["a.example"]).changes


def test_what_a_network_keeps_stays_before_what_fails_it():
    published = "v=spf1 ip4:192.0.2.0/30 -ip4:192.0.2.1 -all"
    want = Wanted("a.example", "TXT", 60, ("v=spf1 ip4:192.0.2.1 -all",), rule="spf", removable=("192.0.2.2",))
    plan = make_plan([want], {want.key: Found(RRset(60, (published,)))}, "final")
    assert plan.changes[0].after == ("v=spf1 ip4:192.0.2.1 ip4:192.0.2.0 ip4:192.0.2.3 -ip4:192.0.2.1 -all",)


def test_a_network_that_would_fall_into_too_many_pieces_stays():
    odd = tuple(f"192.0.2.{last}" for last in range(1, 128, 2))
    want = Wanted("a.example", "TXT", 60, ("v=spf1 ip4:198.51.100.1 -all",), rule="spf", removable=odd)
    plan = make_plan([want], {want.key: Found(RRset(60, ("v=spf1 ip4:192.0.2.0/25 ip4:192.0.2.1 -all",)))}, "final")
    assert plan.changes[0].after == ("v=spf1 ip4:192.0.2.0/25 ip4:198.51.100.1 -all",)


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
