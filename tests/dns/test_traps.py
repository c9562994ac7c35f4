# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""All traps in one run: a sentence for each domain, the rest of the fleet finished, and a re-run that completes it."""

from __future__ import annotations

import itertools

import pytest
from conftest import ZoneUnderTest, auth_of, run_auth

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Change
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import parse_settings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import apply_zone

# Where, what is there, what the sentence says.
TRAPS = {
    "alias": (
        "_dmarc",
        "CNAME",
        ["else.example."],
        "is a CNAME to else.example, and no TXT record can stand beside it",
    ),
    "doubt": ("_dmarc", "TXT", ['"v=DMARC1; p=none"', '"v=DMARC1; p=reject"'], "has 2 DMARC records"),
    "other": ("", "TXT", ['"v=spf1 redirect=_spf.example.net"'], "hands over to _spf.example.net"),
    "twice": ("", "TXT", ['"v=spf1 a -all"', '"v=spf1 mx -all"'], "has 2 SPF records"),
    "stale": ("mf1._domainkey", "TXT", ['"v=DKIM1; p=REVG"'], "publishes another DKIM key"),
    "greed": ("", "TXT", [f'"v=spf1 {" ".join(f"a:a{number}.example" for number in range(11))} -all"'], "11"),
    "voids": (
        "",
        "TXT",
        ['"v=spf1 a:x.traps.test a:y.traps.test mx:z.traps.test -all"'],
        "3 lookups that find nothing",
    ),
}
_runs = itertools.count()


@pytest.mark.parametrize("order", ["traps first", "traps last"])
def test_a_fleet_full_of_traps(server, order):
    place = ZoneUnderTest(server, "traps.test")
    number = next(_runs)
    names = {trap: f"{trap}{number}" for trap in TRAPS}
    for trap, (name, rdtype, values, _words) in TRAPS.items():
        place.put(f"{name}.{names[trap]}" if name else names[trap], rdtype, *values)
    domains = {trap: auth_of(place.full(name)) for trap, name in names.items()}
    sound = [auth_of(place.full(f"sound{number}")), auth_of(place.full(f"sane{number}"))]
    unserved, locked = auth_of(f"d{number}.not-served.example"), auth_of(f"d{number}.read-only.test")
    fleet = [*domains.values(), unserved, locked, *sound]
    fleet = fleet if order == "traps first" else fleet[::-1]

    done = run_auth(server, *fleet)
    assert done["summary"] == {"total": len(fleet), "changed": 2, "failed": len(TRAPS) + 2, "ok": 2}
    sentences = {result["item"]: result["msg"] for result in done["results"]}
    for trap, (_name, _rdtype, _values, words) in TRAPS.items():
        assert words in sentences[domains[trap]["domain"]], trap
        assert "Remedy: " in sentences[domains[trap]["domain"]], trap
    assert "answers REFUSED. Remedy: serve the zone there" in sentences[unserved["domain"]]
    assert "answers the update with REFUSED. Remedy: allow key" in sentences[locked["domain"]]
    for domain in sound:
        assert place.values(domain["domain"].partition(".")[0], "TXT") != []

    serial = place.serial
    assert run_auth(server, *fleet)["summary"]["changed"] == 0  # what is finished is not written again
    assert place.serial == serial

    for trap, (name, rdtype, values, _words) in TRAPS.items():
        place.take(f"{name}.{names[trap]}" if name else names[trap], rdtype, *values)
    done = run_auth(server, *domains.values(), *sound)
    assert done["summary"] == {"total": len(TRAPS) + 2, "changed": len(TRAPS), "failed": 0, "ok": len(TRAPS) + 2}
    assert not run_auth(server, *domains.values(), *sound)["changed"]


def test_one_name_outside_of_the_zone_and_nothing_is_applied(server, zone):
    names = (zone.full("inside"), "outside.example")
    changes = [Change(name, "A", 300, ("192.0.2.1",), (), ("192.0.2.1",), None) for name in names]
    applied = apply_zone(zone.name, changes, parse_settings(server.settings).common)
    assert "NOTZONE" in applied.problem
    assert "name the zone's own primary in dns.zones" in applied.problem
    assert zone.values("inside", "A") == []
    assert zone.serial == 1
