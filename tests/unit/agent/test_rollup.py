# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from typing import Any

import pytest
from mailfleet.rollup import Rollup, domain_of

ISPS: list[dict[str, Any]] = [
    {"name": "gmail", "mx": ["*.google.com", "*.googlemail.com"], "domains": ["gmail.com"], "rollup": "provider"},
    {"name": "outlook", "mx": ["*.olc.protection.outlook.com"], "domains": ["hotmail.com"], "rollup": "provider"},
    {"name": "microsoft365", "mx": ["*.mail.protection.outlook.com", "*.mx.microsoft"], "domains": []},
    {"name": "wide", "mx": ["*.outlook.com"], "domains": []},
    {"name": "strato", "mx": ["smtpin.rzone.de"], "domains": []},
    {"name": "mimecast", "mx": ["*.mimecast.com"], "domains": [], "rollup": "site"},
    {"name": "other", "mx": [], "domains": []},
]


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("anna@example.com", "example.com"),
        ("Anna@EXAMPLE.Com", "example.com"),
        ("anna@example.com.", "example.com"),
        ('"an@na"@example.com', "example.com"),
        ("a@b@example.com", "example.com"),
        ("anna@bücher.example", "xn--bcher-kva.example"),
        ("anna@BÜCHER.example", "xn--bcher-kva.example"),
        ("anna@straße.example", "xn--strae-oqa.example"),
        ("anna@例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("anna@xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("anna@[192.0.2.1]", "[192.0.2.1]"),
        ("anna@[IPv6:2001:db8::1]", "[ipv6:2001:db8::1]"),
        ("anna@\udcff.example", ""),
        ("anna@", ""),
        ("anna", ""),
        ("*", ""),
        ("", ""),
    ],
)
def test_domain_of(address: str, domain: str) -> None:
    assert domain_of(address) == domain


@pytest.mark.parametrize(
    ("hosts", "isp"),
    [
        pytest.param(("gmail-smtp-in.l.google.com",), "gmail", id="below"),
        pytest.param(("a.google.com", "b.googlemail.com"), "gmail", id="all of one provider"),
        pytest.param(("a.google.com", "mx.own.example"), "other", id="mixed with an own host"),
        pytest.param(("a.google.com", "b.mimecast.com"), "other", id="mixed providers"),
        pytest.param(("google.com",), "other", id="not the suffix itself"),
        pytest.param(("notgoogle.com",), "other", id="not a part of a label"),
        pytest.param(("x.olc.protection.outlook.com",), "outlook", id="longest suffix wins"),
        pytest.param(("x.mail.protection.outlook.com",), "microsoft365", id="two groups of one company"),
        pytest.param(("x.outlook.com",), "wide", id="shorter suffix"),
        pytest.param(("smtpin.rzone.de",), "strato", id="exact host"),
        pytest.param(("a.smtpin.rzone.de",), "other", id="below an exact host"),
        pytest.param(("mx.example.com",), "other", id="nobody's"),
        pytest.param((), "other", id="no hosts"),
    ],
)
def test_of_hosts(hosts: tuple[str, ...], isp: str) -> None:
    rollup = Rollup(ISPS)
    assert [rollup.of_hosts(hosts) for _each in range(2)] == [isp, isp]


def test_by_name_and_by_site() -> None:
    rollup = Rollup(ISPS)
    assert [rollup.of_domain(domain) for domain in ("gmail.com", "example.com")] == ["gmail", "other"]
    assert [rollup.by_site(isp) for isp in ("gmail", "mimecast", "other")] == [False, True, True]
