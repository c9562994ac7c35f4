# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What is refused or remarked before an SPF record is published, with zone and world in memory."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils import _spf
from ansible_collections.mailfleet.mta.plugins.module_utils._dns import Reading, Zone
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_converge import Options, converge
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Found, RRset, Wanted
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import parse_settings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import Applied
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_check import PASS, check_host
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_count import Answer
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_gate import SpfGate

NAME = "example.com"
ZONE = Zone(NAME, parse_settings({"server": "192.0.2.53"}).common)
IP = "192.0.2.10"
SIX = {f"s{i}": f"v=spf1 include:s{i + 1}.example -all" for i in range(6)} | {"s6": "v=spf1 ip4:203.0.113.1 -all"}


class Place:
    """The zone and the rest of the DNS."""

    def __init__(self, published="", **texts):
        self.values = (published,) if published else ()
        self.world = {(f"{name}.example", "TXT"): (text,) for name, text in texts.items()}
        self.asked = []

    def read(self, keys):
        reading = Reading({}, {}, {}, set())
        for key in keys:
            reading.found[key] = Found(RRset(300, self.values, self.values) if self.values else None)
            reading.zones[key[0]] = ZONE
        return reading

    def apply(self, zones):
        for change in (change for changes in zones.values() for change in changes):
            self.values = change.after
        return dict.fromkeys(zones, Applied())

    def ask(self, keys):
        self.asked += keys
        dead = Answer(fault="did not answer")
        return {key: dead if key[0] == "slow.example" else Answer(self.world.get(key, ())) for key in keys}

    def publish(self, *extra, ips=(IP,)):
        text = _spf.build_spf(_spf.wanted_spf(ips, extra))
        want = Wanted(NAME, "TXT", 300, (text,), "value", "v=spf1", "spf", (NAME,))
        done = converge([want], self, Options("add"), None, SpfGate(self.ask))
        return [problem.text for problem in done.problems.get(NAME, [])], done.plan.notes.get(NAME, [])


def test_a_record_without_lookups_asks_nobody():
    place = Place("v=spf1 ip4:198.51.100.1 -all")
    assert place.publish() == ([], [])
    assert place.values == (f"v=spf1 ip4:198.51.100.1 ip4:{IP} -all",)
    assert place.asked == []


def test_a_record_within_the_limits_is_published():
    place = Place("v=spf1 include:s0.example -all", **SIX)
    assert place.publish("include:s4.example") == ([], [])
    assert place.values == (f"v=spf1 include:s0.example ip4:{IP} include:s4.example -all",)


def test_a_record_that_would_pass_ten_lookups_is_refused_with_the_costs():
    place = Place("v=spf1 include:s0.example mx -all", t="v=spf1 include:s4.example -all", **SIX)
    place.world[NAME, "MX"] = ("10 mail.example.com.",)
    [problem], _notes = place.publish("include:t.example")
    assert "needs 12 DNS lookups, and receivers stop at 10" in problem
    assert "[include:s0.example (7)] [mx (1)] [include:t.example (4)]" in problem
    assert "Remedy: remove some of these, or list their addresses" in problem
    assert place.values == ("v=spf1 include:s0.example mx -all",)


def test_an_include_that_another_one_brings_is_left_out_when_there_is_no_room():
    place = Place("v=spf1 include:s0.example -all", **SIX)
    assert place.publish("include:s2.example") == ([], [])
    assert place.values == (f"v=spf1 include:s0.example ip4:{IP} -all",)
    assert place.publish("include:s2.example") == ([], [])
    assert place.values == (f"v=spf1 include:s0.example ip4:{IP} -all",)


@pytest.mark.parametrize(
    ("published", "texts", "words"),
    [
        ("v=spf1 include:gone.example -all", {}, "gone.example has no SPF record to include"),
        ("v=spf1 include:a.example -all", {"a": "v=spf1 redirect=a.example"}, "a.example includes itself"),
        ("v=spf1 a:x.example a:y.example a:z.example -all", {}, "needs 3 lookups that find nothing"),
        (
            "v=spf1 -include:a.example -all",
            {"a": f"v=spf1 ip4:{IP} -all"},
            f"answers fail for {IP} (-include:a.example)",
        ),
        ("v=spf1 ?exists:a.example -all", {"a": "v=spf1"}, None),
    ],
)
def test_what_receivers_could_not_evaluate_is_refused(published, texts, words):
    place = Place(published, **texts)
    problems, _notes = place.publish()
    assert bool(problems) == bool(words)
    assert (words or "") in "".join(problems)
    assert (place.values == (published,)) == bool(words)


def test_a_published_record_that_broke_since_is_a_remark_not_a_failure():
    place = Place(f"v=spf1 ip4:{IP} include:s0.example include:s1.example -all", **SIX)
    problems, [note] = place.publish()
    assert problems == []
    assert "needs 13 DNS lookups" in note
    assert "[include:s1.example (6)]" in note


def test_what_cannot_be_looked_up_is_published_and_said():
    place = Place("v=spf1 include:slow.example -all")
    problems, [note] = place.publish()
    assert problems == []
    assert "needs 1 or more DNS lookups, because slow.example did not answer. Remedy: set dns.resolver" in note
    assert place.publish() == ([], [])


terms = st.sampled_from(
    ["a", "mx", "-include:s0.example", "include:s5.example", "~include:s6.example", "include:gone.example",
     "-a:h.example", "ip4:192.0.2.0/28", "-ip4:192.0.2.0/24", "ip4:192.0.2.10", "?exists:h.example",
     "include:own.example", "ptr", "-include:own.example", "redirect=s0.example"]
)  # fmt: skip
endings = st.sampled_from(["", "-all", "~all", "?all", "+all"])
published = st.builds(
    lambda found, end: " ".join(["v=spf1", *found, end]).strip(), st.lists(terms, max_size=5), endings
)


@example("v=spf1 -include:s0.example -a:h.example", ("include:s3.example",))
@given(published, st.sampled_from([(), ("include:s3.example",), ("include:own.example", "ip4:192.0.2.8/29")]))
def test_what_is_published_passes_every_address_of_the_pool(record, extra):
    """Whatever was there before: a record that is published and not remarked on works for each wanted address."""
    place = Place(record, own="v=spf1 ip4:192.0.2.10 -all", **SIX)
    place.world["h.example", "A"] = (IP,)
    problems, notes = place.publish(*extra, ips=(IP, "192.0.2.40", "2001:db8::10"))
    if problems:
        assert place.values == (record,)
        return
    if any("does not work" in note for note in notes):
        return
    for address in (IP, "192.0.2.40", "2001:db8::10"):
        verdict = check_host(address, NAME, lambda key: place.ask([key])[key], place.values[0])
        assert verdict.result == PASS, (place.values, verdict)
