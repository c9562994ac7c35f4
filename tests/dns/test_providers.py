# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Each provider class that the documentation names, driven through a whole run against a stand-in for its API."""

from __future__ import annotations

import json

import pytest
from api_standins import STANDINS, ZONE, Cloudflare, Hetzner, Ovh, Route53
from conftest import SPF, auth_of

from ansible_collections.mailfleet.mta.plugins.module_utils import _dns_octodns, _dns_task
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_task import publish_auth, publish_records
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_visible import Seen

VERIFICATION = "google-site-verification=abc"
DKIM = "v=DKIM1; k=rsa; p=" + "A" * 392
COMMON = {"limits": {}, "skip_name_servers": [], "name_server_port": 53}


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch):
    """No name server stands behind a stand-in."""
    monkeypatch.setattr(_dns_task, "wait_until_visible", lambda *_args, **_options: Seen({}, {}, []))


@pytest.fixture(params=STANDINS, ids=lambda kind: kind.__name__)
def api(request, monkeypatch):
    with request.param() as standin:
        for name, value in standin.environment.items():
            monkeypatch.setenv(name, value)
        yield standin


@pytest.fixture
def cloudflare():
    with Cloudflare() as standin:
        yield standin


@pytest.fixture
def hetzner():
    with Hetzner() as standin:
        yield standin


@pytest.fixture
def ovh():
    with Ovh() as standin:
        yield standin


def dns_of(api, ttl=3600, allow_gaps=True, **settings):
    place = {"provider": api.provider, "settings": {**api.settings, **settings}, "allow_gaps": allow_gaps}
    return {"backends": {"there": place}, "zones": {ZONE: {"backend": "there", "ttl": ttl}}}


def run_auth(api, *domains, check=False, phase="add", release=(), dns=None):
    domains = domains or (auth_of(ZONE),)
    keys = {auth["domain"]: {"mf1": "A" * 392} for auth in domains}
    options = {"domains": list(domains), "keys": keys, "phase": phase, "release": list(release)}
    options |= {"retired": [], "leftovers": "keep"}
    return publish_auth({**COMMON, **options, "dns": dns or dns_of(api)}, check, lambda text: None)


def run_records(api, *records, dns=None):
    return publish_records({**COMMON, "records": list(records), "dns": dns or dns_of(api)}, False, lambda text: None)


def test_a_domain_is_published_changed_and_left_alone(api):
    api.add("", "TXT", api.quoted(VERIFICATION))
    api.add("www", "A", "192.0.2.80")
    planned = run_auth(api, check=True)
    assert planned["changed"]
    assert api.writes == []

    done = run_auth(api)
    assert not done.get("failed"), done["msg"]
    assert api.writes != []
    assert api.values("", "TXT") == sorted([SPF, VERIFICATION])
    assert api.values("mf1._domainkey", "TXT") == [DKIM]
    assert [value.rstrip(".") for value in api.values("bounce", "MX")] == ["10 mx1.example.com"]
    assert api.values("www", "A") == ["192.0.2.80"]
    assert api.secret not in json.dumps(done)

    del api.writes[:]
    again = run_auth(api)
    assert not again["changed"], again["zones"]
    assert api.writes == []

    moved = auth_of(ZONE, ips={"ip4": ["192.0.2.20"], "ip6": []}, other_fleet_ips={"ip4": ["192.0.2.10"], "ip6": []})
    done = run_auth(api, moved, phase="final", release=[ZONE])
    assert not done.get("failed"), done["msg"]
    assert api.values("", "TXT") == sorted(["v=spf1 ip6:2001:db8::10 ip4:192.0.2.20 -all", VERIFICATION])
    gone = run_records(api, {"name": f"mf1._domainkey.{ZONE}", "type": "TXT", "state": "absent"})
    assert not gone.get("failed"), gone["msg"]
    assert api.values("mf1._domainkey", "TXT") == []
    assert api.values("www", "A") == ["192.0.2.80"]


@pytest.mark.parametrize("status", [429, 500])
def test_a_refusal_in_the_middle_of_writing_is_a_sentence_and_a_rerun_completes(api, status):
    done = {"writes": 0}

    def fault(method, _path):
        done["writes"] += method != "GET"
        return status if method != "GET" and done["writes"] > 2 else None

    api.fault = fault if api.provider != "route53" else lambda method, _path: status if method != "GET" else None
    stopped = run_auth(api)
    assert stopped["failed"]
    words = "answers 429 (too many requests)" if status == 429 or api.provider == "route53" else "answers 5"
    assert f"zone {ZONE}: DNS backend there ({api.provider}) {words}" in stopped["msg"]
    assert "a re-run completes what is missing" in stopped["msg"]
    assert api.secret not in json.dumps(stopped)
    api.fault = lambda method, path: None
    again = run_auth(api)
    assert not again.get("failed"), again["msg"]
    assert api.values("", "TXT") == [SPF]
    assert api.values("mf1._domainkey", "TXT") == [DKIM]
    assert api.values("bounce", "TXT") == [SPF]


# octodns-ovh lists no zones; dns.zones names them.
@pytest.mark.parametrize("api", [Cloudflare, Hetzner, Route53], indirect=True)
def test_what_a_provider_lists_is_the_zone_and_nothing_is_created(api):
    dns = dns_of(api)
    done = run_auth(api, auth_of("other.example"), dns={"backend": "there", "backends": dns["backends"]})
    assert "DNS backend there has no zone for it. Remedy: create the zone there" in done["msg"]
    assert api.writes == []


def test_cloudflare_keeps_what_it_does_its_own_way(cloudflare):
    cloudflare.add("", "TXT", f'"{VERIFICATION}"', ttl=1)  # "automatic"
    cloudflare.add("mta-sts", "CNAME", "host.example.net", proxied=True)
    done = run_auth(cloudflare)
    assert not done.get("failed"), done["msg"]
    assert {row["ttl"] for row in cloudflare.rows if (row["name"], row["type"]) == ("", "TXT")} == {1}
    record = {"name": f"mta-sts.{ZONE}", "type": "CNAME", "values": ["other.example.net"]}
    refused = run_records(cloudflare, record)
    assert "is proxied, so the DNS shows other values. Remedy: switch its proxy off" in refused["msg"]


def test_a_ttl_below_the_least_one_is_reported_with_the_remedy(cloudflare):
    record = {"name": f"new.{ZONE}", "type": "A", "values": ["192.0.2.1"]}
    done = run_records(cloudflare, record, dns=dns_of(cloudflare, ttl=60))
    assert f"new.{ZONE} A has the TTL 120 now, and 60 was asked for. Remedy: set ttl: 120" in done["msg"]
    done = run_records(cloudflare, record, dns=dns_of(cloudflare, ttl=120))
    assert not done["changed"]
    assert not done.get("failed")


def test_values_that_would_come_back_with_other_escapes_are_not_touched(cloudflare):
    cloudflare.add("", "TXT", '"with \\"quotes\\""')
    done = run_auth(cloudflare)
    assert "which this provider would write back with other escapes" in done["msg"]
    assert cloudflare.values("", "TXT") == ['with \\"quotes\\']


def test_a_failed_read_at_hetzner_is_no_empty_zone(hetzner):
    """Its adapter takes it for one."""
    hetzner.add("", "TXT", f'"{VERIFICATION}"')
    hetzner.fault = lambda method, path: 500 if path.endswith("/rrsets") and method == "GET" else None
    done = run_auth(hetzner)
    assert done["failed"]
    assert "answers 500" in done["msg"]
    assert hetzner.writes == []
    assert hetzner.values("", "TXT") == [VERIFICATION]


def test_a_change_that_hetzner_shows_late_is_waited_for(hetzner, monkeypatch):
    slept = []
    monkeypatch.setattr(_dns_octodns.OctoDns.__init__, "__defaults__", (slept.append,))
    record = {"name": f"new.{ZONE}", "type": "A", "values": ["192.0.2.1"]}
    hetzner.lag = 3
    done = run_records(hetzner, record)
    assert not done.get("failed"), done["msg"]
    assert len(slept) == 3
    hetzner.lag = 99
    late = run_records(hetzner, {**record, "values": ["192.0.2.2"]})
    assert f"accepted the update, but does not show new.{ZONE} A" in late["msg"]


def test_an_spf_record_that_octodns_does_not_see_at_ovh_gets_no_second_one(ovh):
    ovh.add("", "SPF", "v=spf1 a -all")
    done = run_auth(ovh)
    assert f"{ZONE}: has a record of OVH's own type SPF, which octoDNS does not show" in done["msg"]
    assert ovh.writes == []


def test_values_of_others_are_safe_where_a_provider_deletes_first(ovh):
    ovh.add("", "TXT", VERIFICATION)
    done = run_auth(ovh, dns=dns_of(ovh, allow_gaps=False))
    assert f"{ZONE} TXT also holds {VERIFICATION}" in done["msg"]
    assert ovh.writes == []
    assert ovh.values("", "TXT") == [VERIFICATION]


def test_a_zone_that_ovh_does_not_serve(ovh):
    ovh.fault = lambda method, path: 404 if "/domain/zone/" in path else None
    done = run_auth(ovh)
    assert done["failed"]
    assert ovh.writes == []


@pytest.mark.parametrize("api", [Route53], indirect=True)
def test_route53_writes_a_zone_in_one_batch(api):
    done = run_auth(api)
    assert done["zones"][0]["atomic"]
    assert len(api.writes) == 1
