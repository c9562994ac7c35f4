# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_task import _with_retired
from ansible_collections.mailfleet.mta.plugins.module_utils._retire import retirement

COMPILED = {
    "views": {"mx1": {}, "mx2": {}},
    "domains": [{"domain": "shop.example.org", "pool": "trans"}, {"domain": "example.com", "pool": "campaign"}],
}
PENDING = [
    {"domain": "shop.example.org", "name": "shop.example.org", "type": "TXT", "ips": ["192.0.2.1"]},
    {"domain": "shop.example.org", "name": "bounce.shop.example.org", "type": "TXT", "ips": ["192.0.2.1"]},
]
NONE: dict[str, Any] = {"trans": {"shop.example.org": 0}, "campaign": {"shop.example.org": 0}}
STAY = "its old DNS records stay until a run finds none."


@pytest.mark.parametrize(
    ("queued", "waiting"),
    [
        ({"mx1": {}, "mx2": NONE}, ""),
        # Mail in its own pool leaves by its own addresses, however much there is.
        ({"mx1": {"trans": {"shop.example.org": 9}}, "mx2": NONE}, ""),
        ({"mx1": {"campaign": {"shop.example.org": 1}}, "mx2": NONE},
         f"shop.example.org: mx1 has 1 message of it in pool campaign; {STAY}"),
        ({"mx1": NONE, "mx2": {"campaign": {"shop.example.org": 1, "bounce.shop.example.org": 2}}},
         f"shop.example.org: mx2 has 3 messages of it in pool campaign; {STAY}"),
        ({"mx1": NONE}, "shop.example.org: its old DNS records stay, because mx2 was not asked for mail."),
    ],
)  # fmt: skip
def test_retirement(queued: dict[str, Any], waiting: str) -> None:
    assert retirement(PENDING, COMPILED, queued) == {
        "release": [] if waiting else ["shop.example.org"],
        "waiting": [waiting] if waiting else [],
    }


def test_domains_are_released_one_by_one() -> None:
    pending = [*PENDING, {"domain": "example.com", "name": "example.com", "type": "TXT", "ips": ["192.0.2.1"]}]
    queued = {"mx1": {"campaign": {"shop.example.org": 1, "example.com": 5}}, "mx2": {}}
    assert retirement(pending, COMPILED, queued)["release"] == ["example.com"]


def test_records_that_no_mail_needs_wait_for_none() -> None:
    other = {"domain": "example.com", "name": "_smtp._tls.example.com", "type": "TXT", "ips": [], "others": ["x"]}
    assert retirement([other], COMPILED, {}) == {"release": [], "waiting": []}


def test_addresses_that_left_the_fleet_are_like_those_of_other_pools() -> None:
    auth = {"domain": "example.com", "other_fleet_ips": {"ip4": ["192.0.2.1"], "ip6": []}}
    assert _with_retired(auth, ["192.0.2.9", "2001:db8::9"])["other_fleet_ips"] == {
        "ip4": ["192.0.2.1", "192.0.2.9"],
        "ip6": ["2001:db8::9"],
    }
    assert _with_retired(auth, []) is auth
