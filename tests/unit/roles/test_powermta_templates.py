# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the PowerMTA role prints for inventories/example and inventories/lab, read by the strict reader.

After a wanted change, write the goldens anew with UPDATE_GOLDENS=1 and read the difference.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import compile_fleet
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import check_text
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block, Config
from ansible_collections.mailfleet.mta.plugins.plugin_utils._render import RenderError
from ansible_collections.mailfleet.mta.plugins.plugin_utils._strict_reader import TreeFiles, read_strictly
from tests.support import render

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests/unit/fixtures/powermta/golden"
HOSTS = {"example": ["mx1", "mx2", "cold1"], "lab": ["mx1"]}
# The lab's other host carries cold mail beside the rest, which takes Postfix.
ON_POSTFIX = {"lab": ["mx2"]}
SHOWN = ("other", "gmail", "mimecast", "orange", "sfr", "strato", "yahoo-jp")
# Every pool needs a password in clear where PowerMTA serves it; no host has weights.
PASSWORD = "a-password-of-nobody"
# The ninth day of the warm-ups in inventories/example.
TODAY = "2026-12-01"


def inventory(name: str, profiles: tuple[str, ...] = SHOWN, today: str = TODAY) -> dict[str, Any]:
    """The variables of an inventory as the action collects them, on PowerMTA and with some of the profiles."""
    place = ROOT / "inventories" / name
    fleet: dict[str, Any] = {}
    for path in (*(ROOT / "roles/fleet/defaults/main").glob("*.yml"), *(place / "group_vars/all").glob("*.yml")):
        fleet.update(yaml.safe_load(path.read_text(encoding="utf-8")))
    hosts = {}
    for host in (*HOSTS[name], *ON_POSTFIX.get(name, [])):
        own = yaml.safe_load((place / f"host_vars/{host}.yml").read_text(encoding="utf-8"))
        for entry in own["fleet_ips"].values():
            entry.pop("weight", None)
        hosts[host] = {
            "ansible_host": f"192.0.2.{len(hosts) + 2}",
            "backend": "powermta" if host in HOSTS[name] else "postfix",
            **own,
        }
    for application in (fleet.get("fleet_applications") or {}).values():
        application["password"] = PASSWORD
    fleet.update(fleet_dns={}, fleet_today=today)
    if profiles:
        fleet["fleet_isp_profiles"] = {isp: fleet["fleet_isp_profiles"][isp] for isp in profiles}
    return {"fleet": fleet, "hosts": hosts, "management": {}, "strays": {}}


def view(name: str, host: str, profiles: tuple[str, ...] = SHOWN, today: str = TODAY) -> dict[str, Any]:
    compiled, problems = compile_fleet(inventory(name, profiles, today))
    assert problems == []
    found: dict[str, Any] = compiled["views"][host]
    return found


def checked(tree: dict[str, str]) -> Config:
    return check_text(tree["config"], "/etc/pmta/config", "5.0", TreeFiles(tree))


@pytest.fixture(name="mx1", scope="module")
def _mx1() -> dict[str, str]:
    return render.powermta(view("example", "mx1"))


@pytest.fixture(name="root", scope="module")
def _root(mx1: dict[str, str]) -> Block:
    return checked(mx1).root


def block(root: Block, tag: str, argument: str) -> Block:
    return next(found for found in root.all(tag) if found.argument == argument)


@pytest.mark.parametrize(("name", "host"), [(name, host) for name, hosts in HOSTS.items() for host in hosts])
def test_configuration_has_its_golden_and_the_reader_has_nothing_to_say(name: str, host: str) -> None:
    tree = render.powermta(view(name, host))
    shown = {path: text for path, text in tree.items() if not path.startswith(("patterns", "bin/"))}
    if name == "example" and host == "mx1":
        shown = tree
    printed = "".join(f"==== {path}\n{text}" for path, text in sorted(shown.items()))
    golden = GOLDEN / f"{name}-{host}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(printed, encoding="utf-8")
    assert printed == golden.read_text(encoding="utf-8")
    for version in ("5.0", "5.0r1"):
        config = check_text(tree["config"], "/etc/pmta/config", version, TreeFiles(tree))
        assert (config.findings, config.partial) == ([], False)


def test_a_host_that_drains_takes_no_mail() -> None:
    tree = render.powermta({**view("example", "mx1"), "draining": True})
    everybody = block(checked(tree).root, "source", "0/0")
    assert everybody.last("smtp-service") == "no"
    assert [
        source.argument for source in checked(tree).root.all("source") if source.last("smtp-service") == "yes"
    ] == []
    assert "PORTS = []" in tree["bin/verify"]
    assert json.loads(tree["view.json"])["draining"] is True


def test_all_shipped_profiles_are_read_without_a_word() -> None:
    tree = render.powermta(view("example", "mx2", ()))
    assert checked(tree).findings == []
    assert len(list(checked(tree).root.all("mx-rollup-list"))) == 1


def test_everything_optional_is_read_without_a_word() -> None:
    options: dict[str, Any] = {
        "license": "product: PowerMTA",
        "bounces": True,
        "feedback": ["fbl@bounce.example.com"],
        "connections": 500,
        "local": "<domain example.edu>\n    max-smtp-out 1\n</domain>",
    }
    tree = render.powermta(view("example", "mx1"), **options)
    assert checked(tree).findings == []
    assert tree["license"] == "product: PowerMTA\n"
    root = checked(tree).root
    assert block(root, "bounce-processor", "")
    assert "0/0:25 source={inbound}" in [setting.value for setting in root.of("smtp-listener")]
    assert block(root, "source", "{inbound}").last("always-allow-relaying") is None


def test_a_host_takes_the_bounces_of_domains_that_may_move_to_it_or_from_it() -> None:
    there = view("example", "cold1")
    rows = [("other.example", "cold"), ("brand.example", "marketing")]
    moving = [{"return_path": f"b.{name}", "traffic": traffic} for name, traffic in rows]
    shown = render.powermta({**there, "elsewhere": [*there["elsewhere"], *moving]}, bounces=True)["processors.conf"]
    relayed = [line.split()[1] for line in shown.splitlines() if line.startswith("relay-domain")]
    assert relayed == ["b.other.example", "bounce.example-outreach.com"]
    assert "relay-domain" not in render.powermta(there)["processors.conf"]


def test_connections_are_the_least_of_pool_profile_and_warming(root: Block) -> None:
    pool = block(root, "virtual-mta-pool", "campaign")
    limits = {found.argument: found.last("max-smtp-out") for found in pool.all("domain")}
    wanted = {"bigcustomer.rollup": "2", "$bigcustomer": "2", "gmail.rollup": "6", "strato.rollup": "3", "*": "5"}
    assert {queue: limits[queue] for queue in wanted} == wanted
    warming = block(root, "virtual-mta", "ip-192-0-2-21")
    assert {found.last("max-smtp-out") for found in warming.all("domain")} == {"2"}
    assert {found.last("max-smtp-out") for found in block(root, "virtual-mta", "ip-192-0-2-20").all("domain")} == {None}


def warmed(pools: dict[str, str], starts: dict[str, str], today: str = TODAY) -> Block:
    """The configuration of a host with addresses {number: pool}, of which those with a start warm up."""
    raw = inventory("example", ("other", "gmail", "outlook"), today)
    raw["fleet"].update(
        fleet_pools={name: {"traffic": name} for name in set(pools.values())},
        fleet_domains={},
        fleet_isps={},
        fleet_applications={},
    )
    ips = {
        number: {
            "helo": f"m{number}.example.com",
            "pool": pool,
            **({"warmup": {"plan": "six-weeks", "start": starts[number]}} if number in starts else {}),
        }
        for number, pool in pools.items()
    }
    raw["hosts"] = {
        "mx1": {**raw["hosts"]["mx1"], "fleet_ips": {f"192.0.2.{number}": ip for number, ip in ips.items()}}
    }
    compiled, problems = compile_fleet(raw)
    assert [str(problem) for problem in problems] == []
    config = checked(render.powermta(compiled["views"]["mx1"]))
    assert config.findings == []
    return config.root


def members(root: Block, pool: str = "marketing") -> list[str]:
    return [
        setting.value.removeprefix("ip-192-0-2-") for setting in block(root, "virtual-mta-pool", pool).of("virtual-mta")
    ]


def cold(root: Block, number: str) -> list[str]:
    found = block(root, "virtual-mta", f"ip-192-0-2-{number}").of("cold-virtual-mta")
    return [setting.value.removeprefix("ip-192-0-2-") for setting in found]


def queues(root: Block, number: str, directive: str) -> dict[str, str]:
    found = block(root, "virtual-mta", f"ip-192-0-2-{number}").all("domain")
    return {one.argument: value for one in found if (value := one.last(directive))}


MARKETING = dict.fromkeys("123", "marketing")


def test_an_address_that_warms_up_is_cold_beside_a_warm_one() -> None:
    root = warmed(MARKETING, {"3": "2026-11-23"})
    assert members(root) == ["1", "2"]
    assert (cold(root, "1"), cold(root, "2"), cold(root, "3")) == (["3"], [], [])
    # At the level of the rollup, and nothing for receivers that would count domain by domain.
    assert queues(root, "1", "max-cold-virtual-mta-msg") == {"gmail.rollup": "500/d", "outlook.rollup": "250/d"}
    assert queues(root, "2", "max-cold-virtual-mta-msg") == {}
    rates = queues(root, "3", "max-msg-rate")
    assert (rates["gmail.rollup"], rates["outlook.rollup"]) == ("42/h", "21/h")
    assert queues(root, "3", "backoff-max-msg-rate")["gmail.rollup"] == "42/h"
    # Outside of the pool, so what the pool says stands here, too.
    assert queues(root, "3", "bounce-after") == {"*": "3d"}
    assert set(queues(root, "3", "max-smtp-out").values()) == {"2"}


@pytest.mark.parametrize(
    ("today", "number"), [("2026-11-23", "50/d"), ("2026-11-26", "100/d"), ("2027-01-03", "1024000/d")]
)
def test_the_ceiling_is_that_of_the_day(today: str, number: str) -> None:
    root = warmed(MARKETING, {"3": "2026-11-23"}, today)
    assert queues(root, "1", "max-cold-virtual-mta-msg")["gmail.rollup"] == number


def test_an_address_is_an_ordinary_member_when_its_plan_is_over() -> None:
    root = warmed(MARKETING, {"3": "2026-11-23"}, "2027-01-04")
    assert members(root) == ["1", "2", "3"]
    assert not any(list(block(root, "virtual-mta", f"ip-192-0-2-{number}").blocks) for number in MARKETING)


def test_an_address_waits_for_its_start_and_hands_over_what_it_has() -> None:
    root = warmed(MARKETING, {"2": "2026-11-23", "3": "2026-12-02"})
    assert members(root) == ["1"]
    assert cold(root, "1") == ["2"]
    assert queues(root, "3", "reroute-to-virtual-mta") == {"*": "marketing"}


def test_each_cold_address_has_one_warm_one_which_gives_the_least_of_its_own() -> None:
    starts = {"3": "2026-11-23", "4": "2026-11-30", "5": "2026-12-01"}
    root = warmed(dict.fromkeys("12345", "marketing"), starts)
    assert (cold(root, "1"), cold(root, "2")) == (["3", "5"], ["4"])
    assert queues(root, "1", "max-cold-virtual-mta-msg")["gmail.rollup"] == "50/d"
    assert queues(root, "2", "max-cold-virtual-mta-msg")["gmail.rollup"] == "50/d"
    root = warmed(dict.fromkeys("1234", "marketing"), {"3": "2026-11-23", "4": "2026-12-01"})
    caps = [queues(root, number, "max-cold-virtual-mta-msg")["gmail.rollup"] for number in "12"]
    assert caps == ["500/d", "50/d"]


@pytest.mark.parametrize(
    ("today", "rate"), [("2026-11-22", "1/h"), ("2026-11-23", "2/h"), (TODAY, "20/h"), ("2027-01-03", "42666/h")]
)
def test_addresses_that_all_warm_up_are_limited_members(today: str, rate: str) -> None:
    root = warmed(MARKETING, dict.fromkeys("123", "2026-11-23"), today)
    assert members(root) == ["1", "2", "3"]
    assert not any(one.last("max-cold-virtual-mta-msg") for one in root.all("domain"))
    assert queues(root, "1", "max-msg-rate")["gmail.rollup"] == rate
    assert set(queues(root, "1", "max-smtp-out").values()) == {"2"}


def test_transactional_mail_is_not_spread_over_the_day() -> None:
    pools = dict.fromkeys("12", "transactional")
    root = warmed(pools, {"2": "2026-11-23"})
    assert queues(root, "1", "max-cold-virtual-mta-msg")["gmail.rollup"] == "500/d"
    assert queues(root, "2", "max-msg-rate") == {}
    assert queues(warmed(pools, dict.fromkeys("12", "2026-11-23")), "1", "max-msg-rate") == {}


def test_a_new_day_changes_one_file_whose_change_needs_a_reload_only() -> None:
    shipped = yaml.safe_load((ROOT / "roles/powermta/vars/main.yml").read_text(encoding="utf-8"))
    today, again, later = (render.powermta(view("example", "mx1", today=day)) for day in (TODAY, TODAY, "2026-12-02"))
    assert today == again
    changed_files = {path for path in today if today[path] != later[path]}
    assert changed_files == {"virtual-mtas.conf"}
    assert not changed_files & set(shipped["__powermta_restart"])


def test_every_queue_that_backs_off_comes_back(root: Block) -> None:
    for found in root.all("smtp-pattern-list"):
        for setting in found.of("reply"):
            assert "mode=backoff" not in setting.value or "backoff-to-normal-after=" in setting.value, setting
            assert "disable-source-ip" not in setting.value or "reenable-after=" in setting.value, setting
    assert block(root, "domain", "*").last("backoff-to-normal-after") == "1h"


def test_an_address_that_leaves_hands_its_mail_to_its_pool() -> None:
    virtual_mta = {"name": "ip-192-0-2-29", "helo": "mta29.example.com"}
    gone = {"192.0.2.29": virtual_mta}
    leaving = [{"pool": "campaign", "kind": "address", "name": "192.0.2.29", "virtual_mtas": gone}]
    tree = render.powermta(view("example", "mx1"), leaving=leaving)
    assert checked(tree).findings == []
    left = block(checked(tree).root, "virtual-mta", "ip-192-0-2-29")
    assert next(left.all("domain")).last("reroute-to-virtual-mta") == "campaign"
    members = block(checked(tree).root, "virtual-mta-pool", "campaign").of("virtual-mta")
    assert "ip-192-0-2-29" not in [setting.value for setting in members]
    held = json.loads(tree["view.json"])["pools"]["campaign"]
    assert held["addresses"] == ["192.0.2.20", "192.0.2.21", "192.0.2.29"]
    assert held["virtual_mtas"]["192.0.2.29"] == virtual_mta
    assert json.loads(render.powermta(view("example", "mx1"))["view.json"])["pools"].keys() == {"campaign", "trans"}


def test_a_pool_that_leaves_sends_what_it_has_from_its_own_addresses() -> None:
    gone = {"192.0.2.29": {"name": "ip-192-0-2-29", "helo": "mta29.example.com"}}
    leaving = [{"pool": "old", "kind": "pool", "name": "old", "virtual_mtas": gone}]
    tree = render.powermta(view("example", "mx1"), leaving=leaving)
    assert checked(tree).findings == []
    left = block(checked(tree).root, "virtual-mta", "ip-192-0-2-29")
    assert left.last("smtp-source-host") == "192.0.2.29 mta29.example.com"
    assert not list(left.all("domain"))
    held = json.loads(tree["view.json"])["pools"]["old"]
    assert held == {"addresses": ["192.0.2.29"], "domains": [], "virtual_mtas": gone}


def test_ipv6_shares_the_virtual_mta_of_its_partner(root: Block) -> None:
    sources = [setting.value for setting in block(root, "virtual-mta", "ip-192-0-2-10").of("smtp-source-host")]
    assert sources == ["192.0.2.10 mta10.example.com", "2001:db8:1::10 mta10.example.com"]


def test_a_subdomain_has_its_own_key_before_its_parent(root: Block) -> None:
    domains = [setting.value.split(",")[1] for setting in root.of("domain-key")]
    assert domains.index("tx.example.com") < domains.index("example.com")
    for setting in root.of("domain-key"):
        selector, domain, path = setting.value.split(",")
        assert path == f"/var/lib/mailfleet/dkim/{domain}/{selector}.private"


def test_networks_reach_only_the_pools_that_name_them(root: Block) -> None:
    def pools(network: str) -> set[str]:
        name = block(root, "source", network).last("pattern-list")
        return {setting.value.rpartition("=")[2] for setting in block(root, "pattern-list", str(name)).settings}

    assert pools("127.0.0.0/8") == {"campaign", "trans", "no-pool"}
    assert pools("192.0.2.64/27") == {"trans", "no-pool"}
    everybody = block(root, "source", "0/0")
    assert everybody.last("require-auth") == "yes"
    assert everybody.last("always-allow-relaying") is None


def test_a_network_inside_another_has_the_pools_of_both() -> None:
    found = copy.deepcopy(view("example", "mx1"))
    found["pools"][0]["networks"] = ["10.0.0.0/8"]
    found["pools"][1]["networks"] = ["10.1.0.0/16"]
    lines = render.powermta(found)["sources.conf"].splitlines()
    lists = {
        one.split()[1]: lines[number + 3].split()[1] for number, one in enumerate(lines) if one.startswith("<source 10")
    }
    assert lists == {"10.1.0.0/16>": "campaign+trans", "10.0.0.0/8>": "campaign"}


def test_ipv6_is_listened_for_where_a_network_needs_it(root: Block) -> None:
    found = copy.deepcopy(view("example", "mx1"))
    for pool in found["pools"]:
        pool["networks"] = ["10.0.0.0/8"]
    tree = render.powermta(found)
    assert checked(tree).findings == []
    assert not any("::" in setting.value for setting in checked(tree).root.of("smtp-listener"))
    listeners = [setting.value for setting in root.of("smtp-listener")]
    assert listeners == [f"{place}:{port}" for port in (2588, 2587, 587) for place in ("0/0", "[::]/0")]


def test_a_rate_is_kept_in_backoff_too() -> None:
    found = copy.deepcopy(view("example", "mx1"))
    for isp in found["isps"]:
        isp["message_rate"] = "30/h" if isp["name"] == "gmail" else "10/s"
    tree = render.powermta(found)
    assert checked(tree).findings == []
    root = checked(tree).root
    assert block(root, "domain", "gmail.rollup").last("backoff-max-msg-rate") == "30/h"
    assert block(root, "domain", "*").last("backoff-max-msg-rate") == "60/h"


def test_secrets_are_in_one_file_only(mx1: dict[str, str]) -> None:
    assert [path for path, text in mx1.items() if PASSWORD in text] == ["users.conf"]


def test_passwords_stay_away_from_hosts_that_need_none() -> None:
    raw = inventory("example")
    raw["hosts"]["mx1"]["backend"] = "postfix"
    compiled, problems = compile_fleet(raw)
    assert problems == []
    assert PASSWORD not in str(compiled["views"]["mx1"])
    assert "password_hash" not in str(compiled["views"]["mx2"])


def test_the_guide_names_every_key_of_the_model() -> None:
    guide = (ROOT / "docs/docsite/rst/powermta_guide.rst").read_text(encoding="utf-8")
    keys = {"pool": model.POOL_KEYS, "domain": model.DOMAIN_KEYS, "IP": model.IP_KEYS, "ISP": model.ISP_KEYS}
    rows = [line for line in guide.splitlines() if line.startswith("    * - ")]
    missing = [
        f"{section} {key}"
        for section, names in keys.items()
        for key in names
        if not any(row.startswith(f"    * - {section} ") and f"``{key}``" in row for row in rows)
    ]
    assert missing == []


BROKEN = [
    ("<domain x.example>\n  max-smtp-uot 3\n</domain>", '/etc/pmta/local.conf:4: error: "max-smtp-uot"'),
    ("<virtual-mta-pool ip-192-0-2-20>\n  virtual-mta ip-192-0-2-20\n</virtual-mta-pool>", "ip-192-0-2-20"),
    ("<source 10.9.0.0/16>\n  pattern-list nowhere\n</source>", "nowhere"),
]


@pytest.mark.parametrize(("local", "words"), BROKEN)
def test_what_users_add_is_read_with_the_rest(local: str, words: str) -> None:
    tree = render.powermta(view("example", "mx1"), local=local)
    with pytest.raises(RenderError, match="PowerMTA would refuse") as refusal:
        read_strictly(tree, "config", "5.0")
    assert words in str(refusal.value)


@pytest.fixture(name="staged")
def _staged(tmp_path: Path) -> Path:
    (tmp_path / "key.private").write_text("key")
    (tmp_path / "key.private").chmod(0o640)
    text = f"domain-key mf1,example.com,{tmp_path}/key.private\ninclude {tmp_path}/own.conf  # mine\n"
    (tmp_path / "keys.conf").write_text(text)
    (tmp_path / "own.conf").write_text("")
    (tmp_path / "license").write_text("product: PowerMTA\nexpires: 2100-03-20\n")
    return tmp_path


def look(staged: Path, mx1: dict[str, str]) -> str:
    script = staged / "check.py"
    script.write_text(mx1["bin/check"])
    done = subprocess.run([sys.executable, script, staged], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (not done.stderr), done
    return done.stderr


def test_the_host_finds_a_good_generation_good(staged: Path, mx1: dict[str, str]) -> None:
    assert look(staged, mx1) == ""


def test_the_host_names_a_key_that_others_can_read(staged: Path, mx1: dict[str, str]) -> None:
    (staged / "key.private").chmod(0o644)
    assert f"keys.conf:1: the key {staged}/key.private can be read by everybody" in look(staged, mx1)


def test_the_host_names_what_is_missing(staged: Path, mx1: dict[str, str]) -> None:
    (staged / "key.private").unlink()
    (staged / "keys.conf").write_text((staged / "keys.conf").read_text() + "include /etc/no-such-place/mine.conf\n")
    words = look(staged, mx1)
    assert f"the key {staged}/key.private does not exist" in words
    assert "keys.conf:3: include /etc/no-such-place/mine.conf: there is no such file" in words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("product: PowerMTA\nexpires: 2019-01-31\n", "expired on 2019-01-31"),
        ("product: Momentum\n", "a licence for Momentum, not for PowerMTA"),
    ],
)
def test_the_host_names_a_licence_that_is_no_use(staged: Path, mx1: dict[str, str], text: str, words: str) -> None:
    (staged / "license").write_text(text)
    assert words in look(staged, mx1)
