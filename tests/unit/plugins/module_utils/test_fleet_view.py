# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The views of inventories/example against goldens, and single values of a view.

After a wanted change, write the goldens anew with UPDATE_GOLDENS=1 and read the difference.
"""

from __future__ import annotations

import copy
import json
import os
import random
import runpy
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import compile_fleet
from ansible_collections.mailfleet.mta.plugins.module_utils._records import fleet_records, policy_files

CHECKOUT = Path(__file__).resolve().parents[4]
FIXTURES = CHECKOUT / "tests/unit/fixtures/fleet"
BASE: dict[str, Any] = yaml.safe_load((FIXTURES / "base.yml").read_text(encoding="utf-8"))
# Lanes are IPs times profiles: a few profiles show everything.
GOLDEN_PROFILES = ("gmail", "mimecast", "other")


def variables(*paths: Path) -> dict[str, Any]:
    return {key: value for path in paths for key, value in yaml.safe_load(path.read_text(encoding="utf-8")).items()}


def shipped_profiles() -> dict[str, Any]:
    profiles: dict[str, Any] = variables(CHECKOUT / "roles/fleet/defaults/main/isps.yml")["fleet_isp_profiles"]
    return profiles


def example() -> dict[str, Any]:
    folder = CHECKOUT / "inventories/example"
    hosts = variables(folder / "hosts.yml")["senders"]["children"]["postfix"]["hosts"]
    return {
        "fleet": {
            "fleet_isp_profiles": {name: shipped_profiles()[name] for name in GOLDEN_PROFILES},
            "fleet_today": "2026-12-01",
            **variables(*sorted(folder.glob("group_vars/all/*.yml"))),
        },
        "hosts": {name: {**own, **variables(folder / f"host_vars/{name}.yml")} for name, own in hosts.items()},
        "management": {name: own["ansible_host"] for name, own in hosts.items()},
    }


def compiled(raw: dict[str, Any]) -> dict[str, Any]:
    result, problems = compile_fleet(raw)
    assert [str(problem) for problem in problems] == []
    return result


def view(host: str, fleet: dict[str, Any] | None = None, own: dict[str, Any] | None = None) -> dict[str, Any]:
    """The view of one host of the base fleet with other variables."""
    raw = copy.deepcopy(BASE)
    raw["fleet"].update(fleet or {})
    raw["hosts"][host].update(own or {})
    found: dict[str, Any] = compiled(raw)["views"][host]
    return found


def pool(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in found["pools"] if entry["name"] == name)


def lane(found: dict[str, Any], pool_name: str, name: str) -> dict[str, Any]:
    return next(entry for entry in pool(found, pool_name)["lanes"] if entry["name"] == name)


@pytest.mark.parametrize("name", ["mx1", "mx2", "cold1", "domains"])
def test_example_has_its_golden(name: str) -> None:
    result = compiled(example())
    found = json.loads(json.dumps(result["domains"] if name == "domains" else result["views"][name]))
    path = FIXTURES / "golden" / f"{name}.yml"
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(yaml.safe_dump(found, sort_keys=False, width=120, allow_unicode=True), encoding="utf-8")
    assert found == yaml.safe_load(path.read_text(encoding="utf-8"))


def test_example_publishes_its_golden_records() -> None:
    domains = compiled(example())["domains"]
    keys = {domain["domain"]: {domain["selector"]: "QUJD"} for domain in domains}
    wanted, problems = fleet_records(domains, keys, lambda name: 3600)
    assert problems == {}
    lines = [f"{record.name}. {record.type} {value}" for record in wanted for value in record.values]
    lines += [f"\n{file['url']}\n{file['text']}" for file in policy_files(domains)]
    text = "\n".join(lines).replace("\r\n", "\n")
    path = FIXTURES / "golden/records.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def shuffled(value: Any, order: random.Random) -> Any:
    """The same inventory written in another order."""
    if isinstance(value, dict):
        keys = list(value)
        order.shuffle(keys)
        return {key: shuffled(value[key], order) for key in keys}
    return value


def test_the_order_of_the_inventory_means_nothing() -> None:
    expected = json.dumps(compiled(example()))
    for seed in range(5):
        assert json.dumps(compiled(shuffled(example(), random.Random(seed)))) == expected


def test_the_input_stays_as_it_was() -> None:
    raw = example()
    before = copy.deepcopy(raw)
    compiled(raw)
    assert raw == before


@pytest.mark.parametrize(
    ("fleet", "host", "pool_name", "name", "connections"),
    [
        ({}, "mx1", "trans", "gmail-192-0-2-10", 8),
        ({}, "mx1", "trans", "gmx-192-0-2-10", 4),
        ({}, "mx1", "trans", "other-192-0-2-10", 5),
        ({}, "cold1", "outreach", "gmail-203-0-113-10", 2),
        ({}, "mx2", "campaign", "gmail-198-51-100-20", 2),
        ({"fleet_warming_connections": 3}, "mx2", "campaign", "gmail-198-51-100-20", 3),
        ({"fleet_isps": {"gmail": {"connections": 1}}}, "mx2", "campaign", "gmail-198-51-100-20", 1),
        ({"fleet_isps": {"gmail": {"connections": 50}}}, "mx1", "trans", "gmail-192-0-2-10", 10),
        ({"fleet_isps": {"other": {"connections": 3}}}, "mx1", "trans", "other-192-0-2-10", 3),
    ],
)
def test_connections_are_the_least_of_pool_profile_and_warmup(
    fleet: dict[str, Any], host: str, pool_name: str, name: str, connections: int
) -> None:
    assert lane(view(host, fleet), pool_name, name)["connections"] == connections


@pytest.mark.parametrize(
    ("rate", "delay"),
    [("1/s", 1), ("60/min", 1), ("59/min", 2), ("1/min", 60), ("100/h", 36), ("7/h", 515), ("2/s", 0), ("61/min", 0)],
)
def test_rates_of_one_a_second_and_less_become_a_delay(rate: str, delay: int) -> None:
    found = view("mx1", {"fleet_isps": {"gmail": {"message_rate": rate}}})
    assert lane(found, "trans", "gmail-192-0-2-10")["rate_delay"] == delay
    assert lane(found, "trans", "gmx-192-0-2-10")["rate_delay"] == 0
    assert [isp["message_rate"] for isp in found["isps"] if isp["name"] == "gmail"] == [rate]


def test_an_ipv6_address_shares_the_lane_of_its_ipv4_partner() -> None:
    found = lane(view("mx1"), "campaign", "gmail-192-0-2-20")
    assert (found["bind4"], found["bind6"]) == ("192.0.2.20", "2001:db8:1::20")
    assert lane(view("mx1"), "trans", "gmail-192-0-2-10")["bind6"] is None


def test_weights_repeat_lanes_in_routes() -> None:
    own = {
        "fleet_ips": {
            "192.0.2.10": {"helo": "mta10.example.com", "pool": "trans", "weight": 2},
            "192.0.2.9": {"helo": "mta9.example.com", "pool": "trans"},
        }
    }
    routes = pool(view("mx1", own=own), "trans")["routes"]
    assert routes[0] == {
        "isp": "gmail",
        "domains": ["gmail.com"],
        "lanes": ["gmail-192-0-2-9", "gmail-192-0-2-10", "gmail-192-0-2-10"],
    }
    assert (routes[-1]["isp"], routes[-1]["domains"]) == ("other", [])


def test_traffic_classes_give_what_a_pool_does_not_say() -> None:
    values = {
        name: (found["connections_per_ip"], found["port"], found["cpu_weight"])
        for host in ("mx1", "cold1")
        for found in view(host)["pools"]
        for name in [found["traffic"]]
    }
    assert values == {"transactional": (10, 2587, 1000), "marketing": (8, 2588, 50), "cold": (2, 2589, 20)}


@pytest.mark.parametrize(
    ("own", "endpoints"),
    [
        ({}, ["192.0.2.2:2588", "198.51.100.2:2588"]),
        ({"fleet_submission_address": "submit.example.com"}, ["submit.example.com:2588", "198.51.100.2:2588"]),
        ({"fleet_submission_address": "2001:DB8::2"}, ["[2001:db8::2]:2588", "198.51.100.2:2588"]),
        ({"fleet_submission_address": "", "ansible_host": None}, ["mx1:2588", "198.51.100.2:2588"]),
    ],
)
def test_every_domain_knows_where_it_is_accepted(own: dict[str, Any], endpoints: list[str]) -> None:
    for row in view("mx1", own=own)["elsewhere"]:
        if row["pool"] == "campaign":
            assert row["endpoints"] == endpoints


def test_a_host_signs_for_its_pools_only() -> None:
    assert [row["domain"] for row in view("mx1")["signing"]] == ["example.com", "tx.example.com"]
    assert [row["domain"] for row in view("mx2")["signing"]] == ["example.com"]
    assert [row["domain"] for row in view("cold1")["signing"]] == ["example-outreach.com"]


def test_domains_are_lower_case_and_ascii() -> None:
    found = view("mx1", {"fleet_domains": {"Bücher.Example": {"pool": "trans", "return_path": "RP.bücher.example"}}})
    assert pool(found, "trans")["domains"] == [
        {"name": "xn--bcher-kva.example", "selector": "mf1", "return_path": "rp.xn--bcher-kva.example"}
    ]


def test_a_profile_can_be_dropped_changed_and_added() -> None:
    overlay = {
        "gmx": None,
        "gmail": {"retry_after": "3600s"},
        "mine": {"domains": ["customer.example"], "rollup": "site"},
    }
    found = {isp["name"]: isp for isp in view("mx1", {"fleet_isps": overlay})["isps"]}
    assert list(found) == ["gmail", "mine", "other"]
    assert (found["gmail"]["retry_after"], found["gmail"]["connections"], found["gmail"]["mx"]) == (
        "1h",
        8,
        ["*.google.com"],
    )
    assert (found["mine"]["connections"], found["mine"]["rollup"], found["mine"]["domains"]) == (
        5,
        "site",
        ["customer.example"],
    )


def test_the_general_endpoint_knows_local_pools_only() -> None:
    assert view("mx2")["entry"] is None
    entry = view("mx2", {"fleet_entry": {"port": 587}})["entry"]
    assert entry["port"] == 587
    assert [(route["domain"], route["port"]) for route in entry["routes"]] == [("example.com", 2588)]


def test_a_sender_without_addresses_has_an_empty_view() -> None:
    raw = copy.deepcopy(BASE)
    raw["hosts"]["mx3"] = {"ansible_host": "192.0.2.3", "fleet_ips": {}}
    found = compiled(raw)["views"]["mx3"]
    assert (found["addresses"], found["pools"], found["signing"]) == ([], [], [])
    assert len(found["elsewhere"]) == 3


def test_domain_auth_tells_own_addresses_from_others() -> None:
    found = {entry["domain"]: entry for entry in compiled(BASE)["domains"]}["example.com"]
    assert found["signers"] == ["mx1", "mx2"]
    assert found["ips"] == {"ip4": ["192.0.2.20", "198.51.100.20"], "ip6": ["2001:db8:1::20"]}
    assert found["other_fleet_ips"] == {"ip4": ["192.0.2.10", "203.0.113.10"], "ip6": []}
    assert found["mx"] == [{"host": "mail.example.com", "preference": 10}]
    assert found["dmarc"] == {}


def test_cold_instances_may_be_allowed_on_a_host() -> None:
    raw = copy.deepcopy(BASE)
    raw["hosts"]["mx2"]["fleet_ips"]["198.51.100.30"] = {"helo": "d.example-outreach.com", "pool": "outreach"}
    raw["hosts"]["mx2"]["fleet_cold_instances"] = True
    assert [entry["name"] for entry in compiled(raw)["views"]["mx2"]["pools"]] == ["campaign", "outreach"]


def test_one_host_of_the_largest_size_is_quick() -> None:
    """The floor of compile and render together is one second."""
    files = runpy.run_path(str(CHECKOUT / "inventories/large/generate.py"))["inventory"](
        hosts=1, addresses=50, domains=1000, isps=25
    )
    raw = {"fleet": files["group_vars/all.json"], "hosts": {"mx1": files["host_vars/mx1.json"]}}
    start = time.process_time()
    assert compiled(raw)["summary"] == {
        "hosts": 1,
        "pools": 2,
        "addresses": 50,
        "domains": 1000,
        "isps": 26,
        "lanes": 1300,
    }
    assert time.process_time() - start < 0.5
