# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The zones as their servers answer, after two runs."""

from __future__ import annotations

import dns.resolver
import pytest
from testinfra.host import Host

from tests.support.traffic import Source, sources

ZONES = ("example.com", "example.org", "example-outreach.com")
DOMAINS = sorted({domain for source in sources() for domain in source.domains})


@pytest.fixture(params=["192.0.2.53", "192.0.2.54"], ids=["primary", "secondary"])
def server(request: pytest.FixtureRequest) -> dns.resolver.Resolver:
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [request.param]
    return resolver


def texts(server: dns.resolver.Resolver, name: str) -> list[str]:
    return sorted(b"".join(rdata.strings).decode() for rdata in server.resolve(name, "TXT"))


@pytest.mark.parametrize("domain", DOMAINS)
def test_receivers_find_the_addresses_of_the_domains_pool_and_no_others(
    server: dns.resolver.Resolver, domain: str
) -> None:
    wanted = {address for source in sources() if domain in source.domains for address in source.addresses}
    for name in (domain, f"bounce.{domain}"):
        (spf,) = (text for text in texts(server, name) if text.startswith("v=spf1"))
        version, *allowed, end = spf.split()
        assert (version, end) == ("v=spf1", "-all")
        assert sorted(allowed) == sorted(f"ip{6 if ':' in address else 4}:{address}" for address in wanted)


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_has_a_policy(server: dns.resolver.Resolver, domain: str) -> None:
    (policy,) = texts(server, f"_dmarc.{domain}")
    assert policy.startswith("v=DMARC1; p=")


def test_receivers_find_the_keys_that_the_host_signs_with(
    host: Host, server: dns.resolver.Resolver, here: list[Source]
) -> None:
    for domain in {domain for source in here for domain in source.domains}:
        key = host.file(f"/var/lib/mailfleet/dkim/{domain}/mf1.public").content_string.strip()
        assert texts(server, f"mf1._domainkey.{domain}") == [f"v=DKIM1; k=rsa; p={key}"]


def test_a_neighbours_value_is_still_there(server: dns.resolver.Resolver) -> None:
    assert "google-site-verification=somebody-elses-value" in texts(server, "example.com")


@pytest.mark.parametrize("zone", ZONES)
def test_each_zone_was_updated_once_in_two_runs(server: dns.resolver.Resolver, zone: str) -> None:
    (soa,) = server.resolve(zone, "SOA")
    assert soa.serial == 2
