# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What SPF records cost and what they answer, over a DNS that is a dictionary."""

from __future__ import annotations

import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils._spf_check import check_host
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_count import Answer, count, follow


class World:
    """Names are written {(name, type): values}; `dead` ones get no answer. It counts what it is asked."""

    def __init__(self, records, dead=()):
        self.records = {(name, rdtype): tuple(values) for (name, rdtype), values in records.items()}
        self.dead, self.rounds, self.asked = set(dead), 0, []

    def answer(self, key):
        return Answer(fault="did not answer") if key[0] in self.dead else Answer(self.records.get(key, ()))

    def ask(self, keys):
        self.rounds += 1
        self.asked += keys
        return {key: self.answer(key) for key in keys}


def world(dead=(), **texts):
    """world(a="v=spf1 ...") is a world in which a.example has this SPF record."""
    return World({(f"{name}.example", "TXT"): [text] for name, text in texts.items()}, dead)


def counted(text, where, name="example.com"):
    return follow([(name, text)], where.ask)[name, text]


CHAIN = {f"n{i}": f"v=spf1 include:n{i + 1}.example -all" for i in range(9)} | {"n9": "v=spf1 ip4:192.0.2.1 -all"}


@pytest.mark.parametrize(
    ("text", "texts", "lookups"),
    [
        ("v=spf1 ip4:192.0.2.1 -all", {}, 0),
        ("v=spf1 include:n9.example -all", CHAIN, 1),
        ("v=spf1 include:n0.example -all", CHAIN, 10),
        ("v=spf1 include:n5.example include:n8.example -all", CHAIN, 7),
        ("v=spf1 include:a.example ?all", {"a": "v=spf1 redirect=n8.example", **CHAIN}, 3),
        ("v=spf1 include:a.example", {"a": "v=spf1 -all include:n0.example redirect=n0.example", **CHAIN}, 1),
        ("v=spf1 redirect=n7.example", CHAIN, 3),
        ("v=spf1 redirect=n7.example -all", CHAIN, 0),
        ("v=spf1 exists:%{i}.x.example ptr -all", {}, 2),
    ],
)
def test_lookups_are_counted_through_includes(text, texts, lookups):
    result = counted(text, world(**texts))
    assert (result.total.lookups, result.total.unknown, result.problem) == (lookups, (), "")


def test_too_many_lookups_come_with_the_cost_of_each_mechanism():
    result = counted("v=spf1 include:n2.example mx include:n6.example ip4:192.0.2.9 -all", world(**CHAIN))
    assert result.problem == "needs 13 DNS lookups, and receivers stop at 10"
    assert result.evidence == ["include:n2.example (8)", "mx (1, 1 void)", "include:n6.example (4)"]


@pytest.mark.parametrize(
    ("text", "records", "voids"),
    [
        ("v=spf1 a:gone.example -all", {}, 1),
        ("v=spf1 a:six.example -all", {("six.example", "AAAA"): ["2001:db8::1"]}, 0),
        ("v=spf1 mx -all", {("example.com", "MX"): ["10 mail.example.com."]}, 0),
        ("v=spf1 mx exists:gone.example a -all", {}, 3),
    ],
)
def test_lookups_that_find_nothing_are_counted(text, records, voids):
    result = counted(text, World(records))
    assert result.total.voids == voids
    assert bool(result.problem) == (voids > 2)


@pytest.mark.parametrize(
    ("text", "records", "words"),
    [
        ("v=spf1 include:gone.example -all", {}, "gone.example has no SPF record to include"),
        ("v=spf1 include:t.example", {("t.example", "TXT"): ["hello"]}, "t.example has no SPF record"),
        ("v=spf1 include:t.example", {("t.example", "TXT"): ["v=spf1 -all", "v=spf1"]}, "t.example has 2 SPF records"),
        ("v=spf1 include:t.example", {("t.example", "TXT"): ["v=spf1 ipv4:1.2.3.4"]}, "SPF record of t.example cannot"),
        ("v=spf1 include:t.example", {("t.example", "TXT"): ["v=spf1 include:t.example"]}, "t.example includes itself"),
        ("v=spf1 include:example.com -all", {}, "example.com includes itself"),
        ("v=spf1 mx -all", {("example.com", "MX"): [f"10 m{i}.example." for i in range(11)]}, "has 11 MX hosts"),
        ("v=spf1 ip4:nonsense", {}, "cannot be read"),
    ],
)
def test_what_receivers_answer_with_permerror_is_named(text, records, words):
    result = counted(text, World(records))
    assert words in result.problem
    addresses = check_host("198.51.100.1", "example.com", World(records).answer, text)
    assert addresses.result == "permerror"


def test_what_cannot_be_asked_makes_the_count_the_least():
    where = world(dead=["slow.example"], a="v=spf1 include:slow.example -all")
    result = counted("v=spf1 include:a.example a:slow.example -all", where)
    assert result.evidence == ["include:a.example (2 or more)", "a:slow.example (1 or more)"]
    assert result.total.unknown == ("slow.example did not answer",)
    assert result.problem == ""


def test_many_records_ask_each_question_once_and_a_level_at_a_time():
    where = world(**CHAIN)
    follow([(f"d{i}.example", "v=spf1 include:n7.example include:n8.example -all") for i in range(500)], where.ask)
    assert (where.rounds, len(where.asked)) == (2, 3)


def test_a_record_that_leads_everywhere_does_not_take_forever():
    texts = {f"n{i}": "v=spf1 " + " ".join(f"include:n{j}.example" for j in range(i + 1, 60)) for i in range(60)}
    where = world(**texts)
    result = counted("v=spf1 include:n0.example -all", where)
    assert result.total.lookups > 10
    assert len(where.asked) <= 60


networks = st.one_of(
    st.builds(lambda a, p: ipaddress.ip_network((a, p), strict=False), st.integers(0, 2**32 - 1), st.integers(0, 32)),
    st.ip_addresses(v=6).map(ipaddress.ip_network),
)
ip_terms = st.builds(lambda q, n: f"{q}ip{n.version}:{n}", st.sampled_from(["", "+", "-", "~", "?"]), networks)
includes = st.builds(
    lambda q, name: f"{q}include:{name}.example", st.sampled_from(["", "-"]), st.sampled_from(["a", "b", "c", "gone"])
)
texts = st.lists(st.one_of(ip_terms, includes, st.sampled_from(["a", "mx", "exists:x.example"])), max_size=6)
endings = st.sampled_from(["", " -all", " ~all", " redirect=c.example"])
records_ = st.builds(lambda terms, ending: " ".join(["v=spf1", *terms]) + ending, texts, endings)


@given(records_, records_, records_, records_, st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str))
def test_a_record_without_a_problem_is_never_a_permerror(text, a, b, c, address):
    where = world(a=a, b=b, c=c)
    where.records["x.example", "A"] = ("127.0.0.2",)
    result = counted(text, where)
    verdict = check_host(address, "example.com", where.answer, text)
    if not result.problem:
        assert verdict.result != "permerror"


@pytest.mark.parametrize(
    ("address", "text", "expected"),
    [
        ("192.0.2.1", "v=spf1 ip4:192.0.2.0/24 -all", ("pass", "ip4:192.0.2.0/24")),
        ("192.0.2.1", "v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/24 -all", ("fail", "-ip4:192.0.2.1")),
        ("2001:db8::1", "v=spf1 ip4:192.0.2.0/24 ~all", ("softfail", "~all")),
        ("192.0.2.1", "v=spf1 ip4:192.0.2.2", ("neutral", "nothing matches")),
        ("192.0.2.7", "v=spf1 include:a.example -all", ("pass", "include:a.example")),
        ("192.0.2.8", "v=spf1 include:a.example ?all", ("neutral", "?all")),
        ("192.0.2.7", "v=spf1 redirect=a.example", ("pass", "ip4:192.0.2.7")),
        ("192.0.2.9", "v=spf1 a:host.example -all", ("pass", "a:host.example")),
        ("192.0.2.10", "v=spf1 a:host.example/24 -all", ("pass", "a:host.example/24")),
        ("2001:db8::9", "v=spf1 a:host.example/24//64 -all", ("pass", "a:host.example/24//64")),
        ("192.0.2.9", "v=spf1 mx -all", ("pass", "mx")),
        ("198.51.100.1", "v=spf1 mx/8 exists:host.example -all", ("pass", "exists:host.example")),
        ("192.0.2.1", "v=spf1 exists:%{i}.x.example ptr -all", ("fail", "-all")),
    ],
)
def test_check_host(address, text, expected):
    where = world(a="v=spf1 ip4:192.0.2.7 -all")
    where.records |= {
        ("host.example", "A"): ("192.0.2.9",),
        ("host.example", "AAAA"): ("2001:db8::1",),
        ("example.com", "MX"): ("10 host.example.",),
    }
    assert check_host(address, "example.com", where.answer, text) == expected


def test_check_host_reads_the_published_record():
    where = world(a="v=spf1 ip4:192.0.2.7 -all", two="x")
    assert check_host("192.0.2.7", "a.example", where.answer).result == "pass"
    assert check_host("192.0.2.7", "none.example", where.answer).result == "none"
    where.dead.add("a.example")
    assert check_host("192.0.2.7", "a.example", where.answer).result == "temperror"


def test_lookups_of_a_check_end_at_ten():
    text = "v=spf1 " + " ".join(f"exists:e{i}.example" for i in range(11)) + " -all"
    nothing = check_host("192.0.2.1", "example.com", World({}).answer, text)
    assert nothing == ("permerror", "exists:e2.example is one lookup too many that finds nothing")
    where = World(dict(zip(((f"e{i}.example", "MX") for i in range(11)), itertools.repeat(["10 m.example."]))))
    text = text.replace("exists:", "mx:")
    verdict = check_host("192.0.2.1", "example.com", where.answer, text)
    assert verdict == ("permerror", "mx:e10.example is one DNS lookup too many")
    assert count(text, "example.com", where.answer).problem.startswith("needs 11 DNS lookups")
