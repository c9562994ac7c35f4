# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import parse_settings

SECRET = "bWFpbGZsZWV0LXRlc3Qta2V5LW5vdC1hLXNlY3JldA=="
COMMON = {"server": "192.0.2.53", "key_name": "k", "key_secret": SECRET}


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("example.com", "192.0.2.1"),
        ("Mail.Example.COM.", "192.0.2.1"),
        ("a.sub.example.com", "192.0.2.2"),
        ("notexample.com", "192.0.2.53"),
        ("com", "192.0.2.53"),
    ],
)
def test_the_longest_zone_wins(name, server):
    zones = {"example.com": {"server": "192.0.2.1", "ttl": 60}, "Sub.Example.com.": {"server": "192.0.2.2"}}
    settings = parse_settings({**COMMON, "zones": zones})
    found = settings.server_for(name)
    assert found.server == server
    assert found.key_name == "k"
    assert settings.ttl_for(name) == (60 if server == "192.0.2.1" else 3600)


@pytest.mark.parametrize("raw", [None, {}, {"ttl": 60}])
def test_without_a_server_nothing_is_managed(raw):
    assert parse_settings(raw).server_for("example.com") is None


def test_only_zones_are_managed():
    settings = parse_settings({"key_name": "k", "key_secret": SECRET, "zones": {"a.example": {"server": "192.0.2.1"}}})
    assert settings.server_for("x.a.example").server == "192.0.2.1"
    assert settings.server_for("b.example") is None


def test_the_secret_is_in_no_text():
    server = parse_settings(COMMON).server_for("example.com")
    assert SECRET not in f"{server} {server!r} {parse_settings(COMMON)!r}"
    assert SECRET not in repr(parse_settings({"backends": BACKENDS}))


BACKENDS = {"cf": {"provider": "cloudflare", "settings": {"token": SECRET}}, "files": {"directory": "/srv/zones"}}


def test_zones_map_to_backends_and_inherit_no_server():
    zones = {"a.example": {"backend": "cf", "ttl": 300}, "b.example": {"backend": "files"}}
    settings = parse_settings({**COMMON, "wait": 7, "backends": BACKENDS, "zones": zones})
    found = settings.server_for("x.a.example")
    assert (found.backend, found.server, found.key_name, found.ttl, found.wait) == ("cf", "", "", 300, 7)
    assert settings.server_for("b.example").backend == "files"
    assert settings.server_for("c.example").server == "192.0.2.53"
    assert settings.zones_of("cf") == ["a.example"]
    assert str(found) == "DNS backend cf"
    assert settings.backends["files"].file == "{zone}.zone"


def test_a_zone_with_a_server_leaves_the_common_backend():
    zones = {"a.example": {"server": "192.0.2.1"}}
    settings = parse_settings({"backend": "cf", "backends": BACKENDS, "zones": zones})
    assert settings.server_for("a.example").backend == ""
    assert settings.server_for("other.example").backend == "cf"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"server": "ns1.example.com"}, "dns.server: 'ns1.example.com' is no IP address"),
        ({"resolver": "x"}, "dns.resolver: 'x' is no IP address"),
        ({"port": "x"}, "dns.port: 'x' is no number"),
        ({"key_algorithm": "hmac-md5"}, "dns.key_algorithm: is not supported"),
        ({"key_secret": ""}, "dns: key_name and key_secret go together"),
        ({"key_secret": "***"}, "dns.key_secret: is not base64"),
        ({"keyname": "x"}, "dns.keyname: is no setting"),
        ({"zones": {"a.example": {"port": "x"}}}, "dns.zones[a.example].port: 'x' is no number"),
        ({"server": None, "zones": {"a.example": {"ttl": 5}}}, "dns.zones[a.example].server: is missing"),
        ({"zones": {"a.example": {"backend": "x"}}}, "dns.zones[a.example].backend: 'x' is not in dns.backends"),
        ({"backend": "cf", "backends": BACKENDS}, "dns: has a server and a backend"),
        ({"backends": {"x": {}}}, "dns.backends.x: is neither an octoDNS provider nor a directory"),
        ({"backends": {"x": {"directory": "/z", "file": "db"}}}, "dns.backends.x.file: has no {zone}"),
        ({"backends": {"x": {"directory": "zones"}}}, "dns.backends.x.directory: 'zones' is no full path"),
        ({"backends": {"x": {"provider": "ovh", "allow_gaps": "no"}}}, "dns.backends.x.allow_gaps: is no bool"),
        ({"backends": {"x": {"provider": "ovh", "settings": SECRET}}}, "dns.backends.x.settings: is no mapping"),
        ({"backends": {"x": {"token": "x"}}}, "dns.backends.x.token: is no setting"),
    ],
)
def test_bad_settings_name_their_place_and_the_remedy(change, words):
    with pytest.raises(ValueError, match=r"Remedy: ") as caught:
        parse_settings({**COMMON, **change})
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)
