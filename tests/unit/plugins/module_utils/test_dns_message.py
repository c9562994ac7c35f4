# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Our reader of DNS messages against dnspython's writer, and the other way round."""

from __future__ import annotations

import contextlib

import dns.flags
import dns.message
import dns.name
import dns.rdata
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils import _dns_message as message
from ansible_collections.mailfleet.mta.plugins.module_utils._dns import found_in, zone_in
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rdata import canonical, rdata_text, rdata_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import DNSPYTHON_ERROR, require_dnspython

names = st.from_regex(r"[a-z0-9_]{1,12}(\.[a-z0-9_-]{1,12}){0,4}", fullmatch=True)
octets = st.integers(0, 255)
values = st.one_of(
    st.tuples(st.just("TXT"), st.lists(st.binary(max_size=255), min_size=1, max_size=4).map(
        lambda parts: " ".join('"' + "".join(f"\\{b:03d}" for b in part) + '"' for part in parts))),
    st.tuples(st.just("MX"), st.tuples(st.integers(0, 65535), names).map(lambda v: f"{v[0]} {v[1]}.")),
    st.tuples(st.sampled_from(["CNAME", "NS", "PTR"]), names.map(lambda name: f"{name}.")),
    st.tuples(st.just("A"), st.ip_addresses(v=4).map(str)),
    st.tuples(st.just("AAAA"), st.ip_addresses(v=6).map(str)),
    st.tuples(st.just("SOA"), st.tuples(names, names, st.integers(0, 2**32 - 1)).map(
        lambda v: f"{v[0]}. {v[1]}. {v[2]} 1 2 3 4")),
    st.tuples(st.just("CAA"), st.just('0 issue "ca.example"')),
)  # fmt: skip
records = st.lists(st.tuples(names, st.integers(0, 2**31 - 1), values), max_size=5)


def answer_to(name, rdtype, answer=(), authority=(), flags=dns.flags.AA):
    reply = dns.message.make_response(dns.message.make_query(f"{name}.", rdtype))
    reply.flags |= flags
    for section, entries in ((reply.answer, answer), (reply.authority, authority)):
        for owner, ttl, (kind, text) in entries:
            section.append(dns.rrset.from_text(f"{owner}.", ttl, "IN", kind, text))
    return reply.to_wire()


@given(names, st.sampled_from(["TXT", "MX", "SOA"]), records, records)
def test_what_dnspython_writes_is_read(name, rdtype, answer, authority):
    read = message.parse_message(answer_to(name, rdtype, answer, authority))
    assert read.question == (name, rdtype)
    assert read.authoritative
    for section, entries in ((read.answer, answer), (read.authority, authority)):
        assert len(section) == len(entries)
        for record, (owner, ttl, (kind, text)) in zip(section, entries):
            expected = dns.rdata.from_text("IN", kind, text).to_wire()
            assert (record.name, record.type, record.ttl, record.rdata) == (owner, kind, ttl, expected)


@given(names, st.sampled_from(sorted(message.TYPES)), st.booleans(), st.integers(0, 65535))
def test_what_we_ask_dnspython_reads(name, rdtype, recursion, number):
    question = dns.message.from_wire(message.question_wire(number, name, rdtype, recursion))
    assert question.id == number
    assert question.question[0].name == dns.name.from_text(f"{name}.")
    assert question.question[0].rdtype == dns.rdatatype.from_text(rdtype)
    assert bool(question.flags & dns.flags.RD) is recursion
    assert question.payload == 1232


@given(st.data(), records)
def test_noise_is_refused_and_never_hangs(data, answer):
    wire = bytearray(answer_to("example.com", "TXT", answer))
    for _flip in range(data.draw(st.integers(0, 6))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(octets)
    with contextlib.suppress(ValueError):
        message.parse_message(bytes(wire[: data.draw(st.integers(0, len(wire)))]))


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b"", "cut off"),
        (b"\x00" * 12, "no answer"),
        (bytes.fromhex("000180000001000000000000c00c00010001"), "forward"),
        (bytes.fromhex("0001800000010000000000004000"), "label type"),
    ],
)
def test_broken_messages(wire, reason):
    with pytest.raises(ValueError, match=reason):
        message.parse_message(wire)


def test_a_cut_answer_is_not_read_any_further():
    answer = [("a.example", 1, ("A", "192.0.2.1"))]
    read = message.parse_message(answer_to("a.example", "A", answer, flags=dns.flags.TC))
    assert read.truncated
    assert read.answer == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Example.COM", "example.com"),
        (r"a\.b.example", r"a\046b.example"),
        (r"\255.example", r"\255.example"),
        ("", ""),
    ],
)
def test_name_text(name, text):
    assert message.name_text(dns.name.from_text(f"{name}.").to_wire()) == text


@pytest.mark.parametrize("name", ["x" * 64 + ".example", "x." * 130, "bücher.example"])
def test_names_that_dns_cannot_hold(name):
    with pytest.raises(ValueError, match="DNS"):
        message.name_wire(name)


@given(values)
def test_rdata_mirrors(value):
    rdtype, text = value
    if rdtype == "SOA":
        return
    wire = dns.rdata.from_text("IN", rdtype, text).to_wire()
    back = rdata_text(rdtype, wire)
    assert rdata_text(rdtype, rdata_wire(rdtype, back)) == back
    if rdtype not in ("TXT", "CAA"):
        assert back == canonical(rdtype, text)


@pytest.mark.parametrize(
    ("rdtype", "text", "expected"),
    [
        ("MX", "10 Mail.Example.COM", "10 mail.example.com."),
        ("CNAME", "Target.example.", "target.example."),
        ("AAAA", "2001:DB8:0:0::1", "2001:db8::1"),
        ("TLSA", "3 1 0 ABCD", "3 1 0 abcd"),
        ("TXT", 'as it "is"', 'as it "is"'),
    ],
)
def test_canonical(rdtype, text, expected):
    assert canonical(rdtype, text) == expected


@pytest.mark.parametrize(("rdtype", "text"), [("A", "x"), ("MX", "mail.example"), ("SRV", "1 2"), ("TLSA", "zz")])
def test_bad_values(rdtype, text):
    with pytest.raises(ValueError, match=f"is no {rdtype} value"):
        rdata_wire(rdtype, text)


@pytest.mark.parametrize(
    ("rdtype", "answer", "values_found", "cname"),
    [
        ("TXT", [], None, ""),
        ("TXT", [("a.example", 9, ("TXT", '"b"')), ("a.example", 9, ("TXT", '"a" "c"'))], ("ac", "b"), ""),
        ("TXT", [("a.example", 9, ("CNAME", "b.example.")), ("b.example", 9, ("TXT", '"x"'))], None, "b.example"),
        ("CNAME", [("a.example", 9, ("CNAME", "b.example."))], ("b.example.",), ""),
        ("TXT", [("other.example", 9, ("TXT", '"x"'))], None, ""),
    ],
)
def test_found_in(rdtype, answer, values_found, cname):
    found = found_in(message.parse_message(answer_to("a.example", rdtype, answer)))
    assert (found.rrset.values if found.rrset else None) == values_found
    assert found.cname == cname


SOA = ("example", 9, ("SOA", "ns.example. h.example. 1 2 3 4 5"))
NS = ("example", 9, ("NS", "ns.example."))


@pytest.mark.parametrize(
    ("answer", "authority", "zone"),
    [
        ([], [SOA], "example"),
        ([("a.example", 9, ("TXT", '"x"'))], [NS], "example"),
        ([("a.example", 9, ("TXT", '"x"'))], [], ""),
        ([("a.example", 9, ("CNAME", "b.elsewhere."))], [NS], ""),
        ([], [NS], ""),
    ],
)
def test_zone_in(answer, authority, zone):
    assert zone_in(message.parse_message(answer_to("a.example", "TXT", answer, authority))) == zone


def test_a_missing_dnspython_is_a_sentence(monkeypatch):
    assert DNSPYTHON_ERROR == ""
    require_dnspython()
    module = "ansible_collections.mailfleet.mta.plugins.module_utils._dns_update.DNSPYTHON_ERROR"
    monkeypatch.setattr(module, "No module named 'dns'")
    with pytest.raises(ValueError, match=r"lacks dnspython .* Remedy: install"):
        require_dnspython()
