# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""A real BIND for every test here; each test takes a zone that nobody used before it."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import dns.rdatatype
import dns.tsig
import dns.update
import pytest

sys.path.insert(0, str(Path(__file__).parent))

import bind

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_task import publish_auth, publish_records

ZONES = 120
SPF = "v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 -all"  # of auth_of() below
KEY = dns.tsig.Key(bind.KEY_NAME, bind.KEY_SECRET, "hmac-sha256")


class ZoneUnderTest:
    """What a test does to a zone behind our back, and what it sees there; by dnspython, not by our reader."""

    def __init__(self, server: bind.Bind, name: str) -> None:
        self.server, self.name = server, name

    def full(self, name: str) -> str:
        return f"{name}.{self.name}" if name else self.name

    def put(self, name: str, rdtype: str, *values: str, ttl: int = 300) -> None:
        update = dns.update.UpdateMessage(f"{self.name}.", keyring=KEY)
        for value in values:
            update.add(f"{self.full(name)}.", ttl, rdtype, value)
        answer = dns.query.tcp(update, self.server.address, port=self.server.port, timeout=5)
        assert answer.rcode() == 0

    def take(self, name: str, rdtype: str, *values: str) -> None:
        update = dns.update.UpdateMessage(f"{self.name}.", keyring=KEY)
        for value in values:
            update.delete(f"{self.full(name)}.", rdtype, value)
        answer = dns.query.tcp(update, self.server.address, port=self.server.port, timeout=5)
        assert answer.rcode() == 0

    def look(self, name: str, rdtype: str) -> tuple[int, list[str]]:
        """TTL and sorted values; TXT strings joined."""
        question = dns.message.make_query(f"{self.full(name)}.", rdtype, flags=0)
        answer = dns.query.tcp(question, self.server.address, port=self.server.port, timeout=5)
        for rrset in answer.answer:
            if rrset.rdtype == dns.rdatatype.from_text(rdtype):
                if rdtype == "TXT":
                    return rrset.ttl, sorted(b"".join(rdata.strings).decode() for rdata in rrset)
                return rrset.ttl, sorted(rdata.to_text() for rdata in rrset)
        return 0, []

    def values(self, name: str, rdtype: str) -> list[str]:
        return self.look(name, rdtype)[1]

    @property
    def serial(self) -> int:
        return int(self.values("", "SOA")[0].split()[2])


def params(server: bind.Bind, **more: object) -> dict[str, object]:
    return {
        "dns": {**server.settings, **more.pop("dns", {})},
        "limits": {},
        "name_server_port": server.port,
        "skip_name_servers": [],
        **more,
    }


def auth_of(domain: str, **more: object) -> dict[str, object]:
    return {
        "domain": domain,
        "pool": "trans",
        "selector": "mf1",
        "signers": ["mx1"],
        "ips": {"ip4": ["192.0.2.10"], "ip6": ["2001:db8::10"]},
        "other_fleet_ips": {"ip4": ["192.0.2.20"], "ip6": []},
        "spf_extra": [],
        "mx": [{"host": "mx1.example.com", "preference": 10}],
        "dmarc": {"policy": "none", "rua": ["mailto:dmarc@example.com"]},
        "return_path": f"bounce.{domain}",
        "bounce_mx": ["mx1.example.com"],
        **more,
    }


def run_auth(server, *domains, keys=None, check=False, phase="add", release=(), retired=(), **more):
    keys = keys or {auth["domain"]: {auth["selector"]: "A" * 392} for auth in domains}
    lists = {"domains": list(domains), "release": list(release), "retired": list(retired)}
    options = params(server, **{"leftovers": "keep", **lists, "keys": keys, "phase": phase, **more})
    return publish_auth(options, check, lambda text: None)


def run_records(server, *records, check=False, **more):
    return publish_records(params(server, records=list(records), **more), check, lambda text: None)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bind.Bind]:
    if bind.NAMED is None:
        pytest.skip("named is not installed (Debian package bind9)")
    zones = {f"z{number:02}.test": "" for number in range(ZONES)}
    zones["read-only.test"] = ""
    zones |= dict.fromkeys(("several.test", "places.test", "spf.test", "traps.test"), "")
    zones["broken.test"] = "this is no zone file\n"
    zones["parent.test"] = "child NS ns.elsewhere.example.\n"
    directory = tmp_path_factory.mktemp("bind") / "primary"
    with bind.Bind(directory, bind.free_port(), zones, read_only=["read-only.test"]) as running:
        yield running


_numbers = itertools.count()


@pytest.fixture
def zone(server: bind.Bind) -> ZoneUnderTest:
    return ZoneUnderTest(server, f"z{next(_numbers):02}.test")
