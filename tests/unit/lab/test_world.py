# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the lab writes for its hosts, and what it reads from its receivers."""

from __future__ import annotations

import re

import dns.name
import dns.reversename
import dns.zone
import pytest
from mailfleet_lab import bind, hostfiles, world, zones
from mailfleet_lab.cache import built, digest, fingerprint
from mailfleet_lab.mirror import _debian_uris
from mailfleet_lab.settings import HOSTS
from mailfleet_lab.verdicts import parse_results, verdicts

MAIL = b"""\
Return-Path: <b@bounce.example.com>
X-Original-To: anna@x.golden.example
Received: from mta21.example.net (mta21.example.net [%s])
\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))
\tby mx.golden.example (Postfix) with ESMTPS id 1 for <anna@x.golden.example>; Sat, 21 Nov 2026 23:32:47 +0000
Authentication-Results: mx.golden.example;
\tdkim=pass header.d=example.com header.s=mf1 header.b=Yx;
\tdmarc=pass (policy=reject) header.from=example.com;
\tspf=pass (mx.golden.example: domain of b@bounce.example.com designates x as permitted sender; y) smtp.mailfrom=b@b.c
From: Shop <news@example.com>
Message-ID: <1@example.com>
X-Mailfleet-Injected: 1000.5

hello
"""


def parsed(text, name):
    return dns.zone.from_text(text, origin=name, relativize=False)


def test_zones_parse_and_have_both_servers():
    for name, text in {**zones.dynamic(), ".": zones.static(world._personas())}.items():
        rdatas = parsed(text, name).get_rdataset(dns.name.from_text(name), "NS")
        assert {str(rdata) for rdata in rdatas} == {"ns1.dns.example.", "ns2.dns.example."}


def test_every_mail_exchanger_has_an_address_with_a_name():
    zone = parsed(zones.static(world._personas()), ".")
    addresses = {str(name): rdata for name, _ttl, rdata in zone.iterate_rdatas("A")}
    pointers = {str(name) for name, _ttl, _rdata in zone.iterate_rdatas("PTR")}
    exchangers = {str(rdata.exchange) for _name, _ttl, rdata in zone.iterate_rdatas("MX")} - {"."}
    assert exchangers <= set(addresses)
    lacking = {
        name for name in exchangers if dns.reversename.from_address(addresses[name].address).to_text() not in pointers
    }
    assert lacking <= {"mx.nowhere.example.", "ns1.dns.example."}


@pytest.mark.parametrize("number", [20, 99])
def test_a_sender_name_and_its_pointer_agree(number):
    made = zones.dynamic()
    assert f"mta{number} A 198.51.100.{number}\n" in made["example.net"]
    assert f"\n{number} PTR mta{number}.example.net.\n" in made[zones.REVERSE_V4]
    assert dns.reversename.from_address(f"2001:db8:100::{number}").to_text() in made[zones.REVERSE_V6]


@pytest.mark.parametrize(("role", "word"), [("primary", "allow-update"), ("secondary", "primaries")])
def test_statements(role, word):
    lines = bind.statements(role, zones.bench_zones(2)).splitlines()
    assert [re.match(r'zone "(\S+)"', line)[1] for line in lines] == ["b0001.bench.example", "b0002.bench.example"]
    assert all(word in line for line in lines)


def test_a_host_routes_only_to_the_other_prefixes():
    text = hostfiles.common(HOSTS["mx1"], "key", {"private": "", "public": ""})[
        "etc/systemd/network/10-host0.network"
    ].text
    assert re.findall(r"Destination=(\S+)", text) == ["192.0.2.0/24", "203.0.113.0/24"]
    assert "Gateway" not in text


def test_writing_files_replaces_links(tmp_path):
    (tmp_path / "resolv.conf").symlink_to("/nonexistent")
    hostfiles.write(
        tmp_path, {"resolv.conf": hostfiles.File("x", 0o600), "a/b": hostfiles.File("/dev/null", link=True)}
    )
    assert (tmp_path / "resolv.conf").read_text() == "x"
    assert (tmp_path / "resolv.conf").stat().st_mode & 0o777 == 0o600
    assert str((tmp_path / "a/b").readlink()) == "/dev/null"


@pytest.mark.parametrize("source", [b"198.51.100.21", b"IPv6:2001:db8:100::21"])
def test_verdicts(source):
    found = verdicts(MAIL % source, stored=1002.0)
    assert found == {
        "message_id": "<1@example.com>", "source": source.decode().removeprefix("IPv6:"), "helo": "mta21.example.net",
        "ptr": "mta21.example.net", "tls": "TLSv1.3", "mail_from": "b@bounce.example.com",
        "rcpt": "anna@x.golden.example", "from": "example.com", "spf": "pass", "dmarc": "pass",
        "dkim": [{"result": "pass", "d": "example.com", "s": "mf1"}], "headers": {"x-mailfleet-injected": "1000.5"},
        "stored": 1002.0, "seconds": 1.5,
    }  # fmt: skip


def test_results_of_two_signatures():
    found = parse_results("mx; dkim=fail (bad; hash) header.d=a header.s=1; dkim=pass header.d=b header.s=2")
    assert [(r["result"], r["header.d"]) for r in found["dkim"]] == [("fail", "a"), ("pass", "b")]
    assert (found["spf"], found["dmarc"]) == ([], [])


def test_the_mirror_is_the_main_archive():
    listing = (
        "http://m/debian-security/ Debian Debian-Security\nhttp://m/debian/ Debian Debian\nhttp://n/ node nodistro\n"
    )
    assert _debian_uris(listing) == ["http://m/debian/"]


def test_a_cached_build_is_used_until_it_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr("mailfleet_lab.cache.CACHE", tmp_path)
    builds = []

    def build(root):
        builds.append(root)
        (root / "file").write_text("x")

    def get():
        return built("kind", "label", {"a": 1}, build)

    assert get() == get() == tmp_path / "kind" / f"label-{digest({'a': 1})}" / "root"
    before = fingerprint(get())
    (get() / "file").write_text("damaged")
    assert (get() / "file").read_text() == "x"
    assert len(builds) == 2
    assert fingerprint(get()) != before
