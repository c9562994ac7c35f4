# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The way of records into a zone, with the zone in memory: what a server cannot be made to do at will."""

from __future__ import annotations

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._dns import Reading, Zone
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_converge import Options, converge
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import LEFTOVER, Found, Problem, RRset, Wanted
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_plan import Limits
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_report import report, sentences
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import parse_settings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import Applied
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_visible import Seen

SERVER = parse_settings({"server": "192.0.2.53"}).common
ZONE = Zone("example.com", SERVER)


class Memory:
    """A backend over a dictionary. `answers` are what apply() returns, one a call; then all is well."""

    def __init__(self, *answers, lands=True, **records):
        self.answers, self.lands, self.records, self.applied = list(answers), lands, dict(records), 0

    def read(self, keys):
        reading = Reading({}, {}, {}, set())
        for key in keys:
            reading.found[key] = self.records.get(f"{key[0]}/{key[1]}", Found())
            reading.zones[key[0]] = ZONE
        return reading

    def apply(self, zones):
        self.applied += 1
        answer = self.answers.pop(0) if self.answers else Applied()
        for change in (change for changes in zones.values() for change in changes):
            if self.lands and not answer.conflict:
                values = RRset(change.ttl, change.after) if change.after else None
                self.records[f"{change.name}/{change.type}"] = Found(values)
        return dict.fromkeys(zones, answer)


def a_record(name="www.example.com"):
    return Wanted(name, "A", 3600, ("192.0.2.1",), domains=(name,))


LOST = Applied(unknown=True, problem="did not answer.")


@pytest.mark.parametrize(
    ("backend", "problem", "changed", "calls"),
    [
        (Memory(), "", True, 1),
        (Memory(LOST), "", True, 1),
        (Memory(LOST, lands=False), "did not answer.", False, 1),
        (Memory(Applied(problem="refused."), lands=False), "refused.", False, 1),
        (Memory(Applied(conflict=True)), "", True, 2),
        (Memory(*[Applied(conflict=True)] * 9), "refused the update 3 times", False, 3),
        (Memory(lands=False), "accepted the update, but does not show www.example.com A", False, 1),
    ],
)
def test_what_a_write_comes_to(backend, problem, changed, calls):
    done = converge([a_record()], backend, Options())
    found = [p.text for p in done.problems.get("www.example.com", [])]
    assert bool(found) == bool(problem)
    assert problem in "".join(found)
    assert bool(done.zones) is changed
    assert backend.applied == calls


class Blind(Memory):
    """What was written cannot be read any more."""

    def read(self, keys):
        reading = super().read(keys)
        if self.applied:
            reading.problems.update(dict.fromkeys(reading.found, "is away. Remedy: wait."))
            reading.found.clear()
        return reading


def test_what_cannot_be_read_back_is_no_success():
    done = converge([a_record()], Blind(), Options())
    [problem] = done.problems["www.example.com"]
    assert "could not be read back: is away. Remedy: wait. A re-run tells what is there." in problem.text
    assert done.zones == {}


class Clamping(Memory):
    """Has a least TTL."""

    def read(self, keys):
        reading = super().read(keys)
        for key, found in reading.found.items():
            if found.rrset and found.rrset.ttl < 7200:
                reading.found[key] = Found(found.rrset._replace(ttl=7200))
        return reading


def test_a_ttl_that_the_server_does_not_take_is_named_with_the_remedy():
    done = converge([a_record()], Clamping(), Options())
    [problem] = done.problems["www.example.com"]
    assert "has the TTL 7200 now, and 3600 was asked for. Remedy: set ttl: 7200" in problem.text
    assert done.zones[ZONE].changes


class Spoiling(Memory):
    """Loses the value of a neighbour while it writes ours."""

    def apply(self, zones):
        applied = super().apply(zones)
        self.records["example.com/TXT"] = Found(RRset(60, ("ours",)))
        return applied


def test_a_neighbour_that_is_lost_on_the_way_is_noticed():
    backend = Spoiling(**{"example.com/TXT": Found(RRset(60, ("theirs",)))})
    want = Wanted("example.com", "TXT", 60, ("ours",), ownership="value", domains=("example.com",))
    done = converge([want], backend, Options())
    [problem] = done.problems["example.com"]
    assert "does not show example.com TXT" in problem.text


class Wild(Memory):
    """Shows what stands at *.example.com wherever nothing else does."""

    def read(self, keys):
        reading = super().read(keys)
        for name, rdtype in reading.found:
            star = self.records.get(f"*.example.com/{rdtype}", Found())
            reading.found[name, rdtype] = self.records.get(f"{name}/{rdtype}", star)
        return reading


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("phase", ["add", "final"])
def test_a_leftover_that_only_a_wildcard_shows_is_none(declared, phase):
    place = Wanted("a._report.example.com", "TXT", 60, ("v=DMARC1",), "value", "", LEFTOVER, ("d",), (), declared, True)
    records = {"*.example.com/TXT": Found(RRset(60, ("v=DMARC1",)))}
    shown = converge([place], Wild(**records), Options(phase))
    assert (shown.plan.notes, shown.plan.pending_removals, shown.zones) == ({}, [], {})
    there = {**records, "a._report.example.com/TXT": Found(RRset(60, ("v=DMARC1", "more")))}
    real = converge([place], Wild(**there), Options(phase)).plan
    assert real.notes or real.pending_removals


def test_limits_count_zones_of_one_name_apart():
    elsewhere = Zone("example.com", parse_settings({"server": "192.0.2.54"}).common)

    class Two(Memory):
        def read(self, keys):
            reading = super().read(keys)
            for name in reading.zones:
                reading.zones[name] = elsewhere if name.startswith("_") else ZONE
            return reading

    wanted = [a_record("_a.example.com"), a_record("_b.example.com"), a_record("c.example.com")]
    done = converge(wanted, Two(), Options(limits=Limits(zone_changes=1)))
    assert set(done.zones) == {ZONE}
    assert sorted(done.problems) == ["_a.example.com", "_b.example.com"]


def test_check_mode_never_writes():
    backend = Memory()
    done = converge([a_record()], backend, Options(check=True), wait=lambda watches: pytest.fail("waited"))
    assert backend.applied == 0
    assert [change.name for change in done.zones[ZONE].changes] == ["www.example.com"]


def test_the_wait_gets_sound_zones_only():
    seen = []

    def wait(watches):
        seen.extend(watches)
        return Seen({ZONE: 7}, {}, [])

    done = converge([a_record()], Memory(), Options(), wait)
    assert [(watch.zone, watch.changed, list(watch.truth)) for watch in seen] == [
        (ZONE, True, [("www.example.com", "A")])
    ]
    assert done.serials == {ZONE: 7}
    seen.clear()
    converge([a_record()], Memory(Applied(problem="refused."), lands=False), Options(), wait)
    assert seen == []


def test_a_zone_that_is_not_seen_is_a_problem_of_all_its_items():
    wanted = [a_record("a.example.com"), a_record("b.example.com")]
    done = converge(wanted, Memory(), Options(), lambda watches: Seen({}, {ZONE: ["ns2 lags."]}, []))
    result = report(["a.example.com", "b.example.com"], done, False, "records")
    assert result["changed"]
    assert result["summary"]["failed"] == 2
    assert result["msg"].splitlines()[1:] == ["- zone example.com: ns2 lags."]


def test_the_diff_shows_whole_record_sets_sorted():
    backend = Memory(**{"www.example.com/A": Found(RRset(60, ("192.0.2.9",), (b"\xc0\x00\x02\x09",)))})
    done = converge([a_record(), a_record("a.example.com")], backend, Options(check=True))
    [diff] = report(["www.example.com"], done, True, "records")["diff"]
    assert diff["before_header"] == "zone example.com"
    assert diff["before"] == "www.example.com. 60 A 192.0.2.9\n"
    assert diff["after"] == "a.example.com. 3600 A 192.0.2.1\nwww.example.com. 3600 A 192.0.2.1\n"


def test_many_equal_problems_are_one_sentence():
    problems = [Problem(f"d{number}.example", "is away.") for number in range(1000)]
    assert sentences([*problems, problems[0], Problem("x", "is odd.")]) == [
        "d0.example, d1.example, d2.example, d3.example, d4.example and 995 more: is away.",
        "x: is odd.",
    ]
