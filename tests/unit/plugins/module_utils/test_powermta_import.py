# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""A PowerMTA configuration becomes an inventory; what the role prints, exactly the one that it was printed from."""

from __future__ import annotations

import copy
import datetime
import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_import_cli as command
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import compile_fleet
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import check_text
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import import Inventory, imported
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_join import join
from ansible_collections.mailfleet.mta.plugins.plugin_utils._strict_reader import TreeFiles
from tests.support import render

ROOT = Path(__file__).resolve().parents[4]
TODAY = "2026-11-22"
SECRET = "a-password-of-nobody"
HASH = "$6$mailfleetlab$kzU8o9Y8KQCOVdMSoryQ5YqH67twU8njkLBdWPPz0s4.bvAqjm1Qo2KMwNTq54SHPDmCKEn6zFjxbhMIOxrre1"


SHIPPED = command.shipped()
DEFAULTS: dict[str, Any] = {}
for path in (ROOT / "roles/fleet/defaults/main").glob("*.yml"):
    DEFAULTS.update(yaml.safe_load(path.read_text(encoding="utf-8")))


def defaults(today: str = TODAY) -> dict[str, Any]:
    return {**copy.deepcopy(DEFAULTS), "fleet_today": today}


def inventory(name: str, host: str, today: str = TODAY) -> dict[str, Any]:
    """One host of an inventory, on PowerMTA, with the pools, domains and applications that it serves."""
    place = ROOT / "inventories" / name
    fleet = defaults(today)
    for path in sorted((place / "group_vars/all").glob("*.yml")):
        fleet.update(yaml.safe_load(path.read_text(encoding="utf-8")))
    own = yaml.safe_load((place / f"host_vars/{host}.yml").read_text(encoding="utf-8"))
    for entry in own["fleet_ips"].values():
        entry.pop("weight", None)
    pools = {entry["pool"] for entry in own["fleet_ips"].values()}
    for part in ("fleet_pools", "fleet_domains", "fleet_applications"):
        fleet[part] = {
            key: entry
            for key, entry in fleet.get(part, {}).items()
            if (key if part == "fleet_pools" else entry.get("pool")) in pools
        }
    for application in fleet["fleet_applications"].values():
        application["password"] = SECRET
    for pool in fleet["fleet_pools"].values():
        pool.pop("bounce_mx", None)  # is in the DNS only
    fleet["fleet_dns"] = {}
    return raw(fleet, host, own)


def raw(fleet: dict[str, Any], host: str, own: dict[str, Any]) -> dict[str, Any]:
    hosts = {host: {"ansible_host": "192.0.2.2", "backend": "powermta", **own}}
    return {"fleet": fleet, "hosts": hosts, "management": {}, "strays": {}}


def view(wanted: dict[str, Any], host: str) -> dict[str, Any]:
    compiled, problems = compile_fleet(copy.deepcopy(wanted))
    assert [str(problem) for problem in problems] == []
    found: dict[str, Any] = compiled["views"][host]
    return found


def read(tree: dict[str, str], profiles: dict[str, Any] | None = None, today: str = TODAY) -> Inventory:
    config = check_text(tree["config"], "/etc/pmta/config", "5.0", TreeFiles(tree))
    assert config.findings == []
    shipped = SHIPPED
    if profiles:
        shipped = replace(shipped, isps={name: shipped.isps[name] for name in profiles})
    return imported(config, shipped, today)


def back(
    found: Inventory, host: str, profiles: dict[str, Any] | None = None, today: str = TODAY
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inventory that was written, loaded like any other one, and the role's options. Vault holds the secrets."""
    files = command.inventory(join({host: found}, SHIPPED.isps))
    fleet = defaults(today)
    if profiles:
        fleet["fleet_isp_profiles"] = profiles
    for path, text in files.items():
        if path.startswith("group_vars"):
            fleet.update(yaml.safe_load(text))
    for name, entry in (fleet.get("fleet_applications") or {}).items():
        assert entry["password"] == f"{{{{ vault_{name}_password }}}}"
        entry.update(password=SECRET, password_hash=HASH)
    own = yaml.safe_load(files[f"host_vars/{host}.yml"])
    options = {key.removeprefix("powermta_"): own.pop(key) for key in list(own) if key.startswith("powermta_")}
    return raw(fleet, host, own), options


def round_trip(
    wanted: dict[str, Any], host: str, profiles: dict[str, Any] | None = None, **options: Any
) -> tuple[Inventory, dict[str, Any]]:
    """Asserts that what is imported prints the same configuration again, byte for byte."""
    tree = render.powermta(view(wanted, host), **options)
    today = wanted["fleet"]["fleet_today"]
    found = read(tree, profiles, today)
    again, role = back(found, host, profiles, today)
    assert render.powermta(view(again, host), **role) == tree
    return found, again


def widest(networks: list[str]) -> list[str]:
    """Without those that another one holds."""
    return [text for text in networks if not (text == "198.51.100.64/27" and "198.51.100.0/24" in networks)]


def known(found: dict[str, Any]) -> dict[str, Any]:
    """A view without what stands in no configuration of a mail server. Connections are those of the lanes: what a
    smaller limit hides cannot be seen, nor which of the days it is that have the same ceiling."""
    hidden = ("interface", "submission_address")
    unseen = {"connections_per_ip": 0, "ceilings": {}}
    pools = [{**pool, "networks": widest(pool["networks"]), **unseen} for pool in found["pools"]]
    return {
        **{key: value for key, value in found.items() if key not in hidden},
        "pools": pools,
        "isps": [{**isp, "connections": 0} for isp in found["isps"]],
        "elsewhere": [{**row, "endpoints": len(row["endpoints"])} for row in found["elsewhere"]],
    }


@pytest.mark.parametrize(
    ("name", "host"), [("example", "mx1"), ("example", "mx2"), ("example", "cold1"), ("lab", "mx1")]
)
def test_our_own_configuration_comes_back_exactly(name: str, host: str) -> None:
    first = inventory(name, host)
    found, again = round_trip(first, host)
    assert told(found) == []
    assert known(view(again, host)) == known(view(first, host))
    assert again["fleet"]["fleet_pools"] == first["fleet"]["fleet_pools"]


def test_a_host_that_drains_comes_back() -> None:
    first = inventory("lab", "mx1")
    first["hosts"]["mx1"]["fleet_draining"] = True
    found, again = round_trip(first, "mx1")
    assert (told(found), again["hosts"]["mx1"]["fleet_draining"]) == ([], True)


def told(found: Inventory) -> list[str]:
    return [str(note) for note in found.notes if "has the limits of a warm-up" not in note.message]


def warming(pools: dict[str, str], starts: dict[str, str], today: str) -> dict[str, Any]:
    """A host with addresses {number: pool}, of which those with a start warm up."""
    fleet = defaults(today)
    fleet["fleet_isp_profiles"] = {name: fleet["fleet_isp_profiles"][name] for name in ("other", "gmail", "outlook")}
    fleet["fleet_pools"] = {name: {"traffic": name} for name in set(pools.values())}
    ips: dict[str, Any] = {}
    for number, pool in pools.items():
        ips[f"192.0.2.{number}"] = {"helo": f"m{number}.example.com", "pool": pool}
        if number in starts:
            ips[f"192.0.2.{number}"]["warmup"] = {"plan": "six-weeks", "start": starts[number]}
    return raw(fleet, "mx1", {"fleet_ips": ips})


ONE_WARM = dict.fromkeys(["1", "2", "3"], "marketing")
ALONE = {"1": "marketing", "2": "marketing", "3": "transactional"}


@pytest.mark.parametrize("day", [-5, 0, 1, 9, 17, 30, 41, 42, 100])
@pytest.mark.parametrize("pools", [ONE_WARM, {**ONE_WARM, "4": "marketing"}, ALONE])
def test_a_warm_up_comes_back_on_every_day(pools: dict[str, str], day: int) -> None:
    """What is printed on this day again is the same; and where the number shows it, the start is not an earlier one."""
    start = datetime.date(2026, 11, 23)
    today = (start + datetime.timedelta(days=day)).isoformat()
    starts = dict.fromkeys(["2", "3"] if pools is not ALONE else ["1", "2", "3"], start.isoformat())
    wanted = warming(pools, starts, today)
    found, again = round_trip(wanted, "mx1", wanted["fleet"]["fleet_isp_profiles"])
    assert told(found) == []
    ips = again["hosts"]["mx1"]["fleet_ips"]
    for number in starts:
        if day >= 42:
            assert "warmup" not in ips[f"192.0.2.{number}"]
        elif pools[number] != "transactional":
            known_start = datetime.date.fromisoformat(str(ips[f"192.0.2.{number}"]["warmup"]["start"]))
            assert 0 <= (known_start - start).days <= 2 or (
                day < 0 and known_start > start + datetime.timedelta(days=day)
            )


def test_warm_ups_of_several_days_come_back() -> None:
    starts = {"2": "2026-11-23", "3": "2026-12-20", "4": "2027-01-15", "5": "2027-03-01"}
    pools = dict.fromkeys("123456", "marketing")
    wanted = warming(pools, starts, "2027-01-16")
    found, _again = round_trip(wanted, "mx1", wanted["fleet"]["fleet_isp_profiles"])
    assert told(found) == []


def test_other_numbers_of_cold_mail_stay_with_the_reader() -> None:
    wanted = warming(ONE_WARM, {"3": "2026-11-23"}, "2026-12-01")
    tree = render.powermta(view(wanted, "mx1"))
    tree["virtual-mtas.conf"] = tree["virtual-mtas.conf"].replace(
        "max-cold-virtual-mta-msg 500/d", "max-cold-virtual-mta-msg 501/d"
    )
    found = read(tree, wanted["fleet"]["fleet_isp_profiles"], "2026-12-01")
    assert any("cold-virtual-mta of <virtual-mta ip-192-0-2-1> has no place" in message for message in told(found))
    assert any("max-cold-virtual-mta-msg of <domain gmail.rollup> has no place" in message for message in told(found))


NETWORKS = ["198.51.100.0/24", "198.51.100.64/27", "203.0.113.7/32", "2001:db8:7::/64"]
TIMES = ["1m", "5m", "10m", "2h", "900s", "1d"]
RATES = ["1/s", "10/s", "60/min", "7/min", "100/h", "5000/h"]


@st.composite
def fleets(draw: st.DrawFn) -> dict[str, Any]:
    """Any fleet of one host that PowerMTA can serve."""
    names = draw(
        st.lists(st.sampled_from(["a", "bulk", "mail-2", "trans", "x_y"]), min_size=1, max_size=3, unique=True)
    )
    ports = draw(st.permutations([3001, 3002, 3003]))
    pools: dict[str, Any] = {}
    traffic = draw(st.permutations(["transactional", "marketing", "internal"]))
    for place, name in enumerate(names):
        pools[name] = {"traffic": traffic[place]}
        if draw(st.booleans()):
            pools[name]["connections_per_ip"] = draw(st.integers(1, 30))
        if draw(st.booleans()):
            pools[name]["port"] = ports[place]
        if draw(st.booleans()):
            pools[name]["networks"] = draw(st.lists(st.sampled_from(NETWORKS), unique=True, max_size=3))
    ips, number = {}, 0
    for name in names:
        for _turn in range(draw(st.integers(1, 2))):
            number += 1
            ips[f"192.0.2.{number}"] = {"helo": f"m{number}.example.com", "pool": name}
            if draw(st.booleans()):
                day = datetime.date.fromisoformat(TODAY) - datetime.timedelta(days=draw(st.integers(-3, 50)))
                ips[f"192.0.2.{number}"]["warmup"] = {"plan": "six-weeks", "start": day.isoformat()}
            if draw(st.booleans()):
                ips[f"2001:db8::{number}"] = dict(ips[f"192.0.2.{number}"])
    domains = {}
    for name in draw(st.lists(st.sampled_from(["example.com", "example.net", "a.example.org"]), unique=True)):
        domains[name] = {"pool": draw(st.sampled_from(names))}
        if draw(st.booleans()):
            domains[name]["selector"] = draw(st.sampled_from(["s1", "s2026"]))
        if draw(st.booleans()):
            domains[name]["return_path"] = draw(st.sampled_from([f"rp.{name}", f"bounces.x.{name}"]))
    isps: dict[str, Any] = {}
    for name in draw(st.lists(st.sampled_from(["gmail", "yahoo-jp", "orange", "other", "mine"]), unique=True)):
        entry: dict[str, Any] = {"domains": ["mine.example"], "mx": ["*.mx.mine.example"]} if name == "mine" else {}
        chosen = draw(
            st.sets(st.sampled_from(["connections", "messages_per_connection", "message_rate", "retry_after", "tls"]))
        )
        for key in sorted(chosen):
            entry[key] = draw(
                {
                    "connections": st.integers(1, 40), "messages_per_connection": st.integers(1, 500),
                    "message_rate": st.sampled_from(RATES), "retry_after": st.sampled_from(TIMES),
                    "tls": st.sampled_from(["may", "encrypt", "dane"]),
                }[key]
            )  # fmt: skip
        isps[name] = entry
    users = draw(st.lists(st.sampled_from(["shop", "crm", "news"]), unique=True))
    fleet = defaults()
    profiles = ("other", "gmail", "mimecast", "orange", "strato", "yahoo-jp")
    fleet.update(
        fleet_pools=pools,
        fleet_domains=domains,
        fleet_isps=isps,
        fleet_applications={
            user: {"pool": draw(st.sampled_from(names)), "password": SECRET, "password_hash": HASH} for user in users
        },
        fleet_entry={"port": 587} if draw(st.booleans()) else {},
        fleet_dns={},
        fleet_isp_profiles={name: fleet["fleet_isp_profiles"][name] for name in profiles},
    )
    return raw(fleet, "mx1", {"fleet_ips": ips})


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "postmaster": st.just("ops@example.edu"),
        "connections": st.sampled_from([200, 1200]),
        "tls_certificate": st.just("/etc/ssl/own.pem"),
        "message_size_limit": st.sampled_from([1024, 52428800]),
        "http_port": st.sampled_from([0, 8443]),
        "http_access": st.just({"198.51.100.0/24": "none", "0.0.0.0/0": "monitor"}),
        "accounting_days": st.integers(1, 99),
        "backoff": st.fixed_dictionaries(
            {
                "connections": st.integers(1, 4),
                "message_rate": st.sampled_from(RATES),
                "to_normal_after": st.sampled_from(TIMES),
                "reenable_after": st.sampled_from(TIMES),
            }
        ),
        "bounces": st.just(True),
        "feedback": st.just(["fbl@bounce.example.com"]),
    },
)


@pytest.mark.parametrize(("gmail", "backoff"), [("1/s", "60/min"), ("60/min", "1/s"), ("60/min", "3600/h")])
def test_equal_rates_keep_their_spelling(gmail: str, backoff: str) -> None:
    wanted = warming({"1": "marketing"}, {}, TODAY)
    wanted["fleet"]["fleet_isps"] = {"gmail": {"message_rate": gmail}, "other": {"message_rate": "10/s"}}
    slow = {"connections": 1, "message_rate": backoff, "to_normal_after": "1h", "reenable_after": "15m"}
    round_trip(wanted, "mx1", wanted["fleet"]["fleet_isp_profiles"], backoff=slow)


# Shrinking a whole inventory takes minutes and tells little more.
@settings(
    deadline=None,
    max_examples=10,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(fleets(), OPTIONS)
def test_any_fleet_comes_back(given_fleet: dict[str, Any], options: dict[str, Any]) -> None:
    profiles = given_fleet["fleet"]["fleet_isp_profiles"]
    found, again = round_trip(given_fleet, "mx1", profiles, **options)
    assert told(found) == []
    assert known(view(again, "mx1")) == known(view(given_fleet, "mx1"))


def changed(line: str) -> str | None:
    """The same directive with another value."""
    name, _blank, value = line.strip().partition(" ")
    if not value or name.startswith(("#", "<")) or name in ("include", "password"):
        return None  # a secret is not carried over by its value
    if value in ("yes", "no"):
        return line.replace(value, "no" if value == "yes" else "yes")
    return line[:-1] + ("7" if line[-1] != "7" else "8") if value[-1].isdigit() else line.replace(value, value + "9")


def test_no_line_gets_lost_silently() -> None:
    """Whatever is another value somewhere is another inventory, or a note."""
    profiles = {name: DEFAULTS["fleet_isp_profiles"][name] for name in ("other", "gmail", "strato")}
    first = inventory("example", "mx1")
    first["fleet"]["fleet_isp_profiles"] = profiles
    tree = render.powermta(view(first, "mx1"), bounces=True, feedback=["fbl@bounce.example.com"], connections=500)
    for path in ("patterns.conf", "patterns-every.conf"):  # the replies themselves take their time and change nothing
        tree[path] = re.sub(r"^ *(?:reply )?/.*\n", "", tree[path], flags=re.MULTILINE)
    shipped = replace(SHIPPED, isps={name: SHIPPED.isps[name] for name in profiles})

    def result(changes: dict[str, str]) -> tuple[Any, Any, list[str]]:
        config = check_text(tree["config"], "/etc/pmta/config", "5.0", TreeFiles({**tree, **changes}))
        found = imported(config, shipped, TODAY)
        said = [finding.message for finding in config.findings] + [note.message for note in found.notes]
        return found.fleet, found.host, said

    before = result({})
    parts = {path for path in tree if path.endswith(".conf") and "/" not in path} - {"sysctl.conf", "patterns.conf"}
    lost = []
    for path in sorted(tree):
        lines = tree[path].split("\n")
        for place, line in enumerate(lines):
            other = changed(line) if path in parts else None
            if other is not None and result({path: "\n".join([*lines[:place], other, *lines[place + 1 :]])}) == before:
                lost.append(f"{path}: {other}")
    assert "\n".join(lost) == ""


# ---- configurations of others ----------------------------------------------------------------------------------------

SERVER = ROOT / "tests/unit/fixtures/powermta/server.conf"


def pmta_import(*words: str) -> subprocess.CompletedProcess[str]:
    program = ROOT / "playbooks/files/pmta-import"
    return subprocess.run([str(program), *words], capture_output=True, text=True, check=False, cwd=SERVER.parent)


def test_a_server_of_its_own_has_its_golden(tmp_path: Path) -> None:
    """After a wanted change, write the golden anew with UPDATE_GOLDENS=1 and read the difference."""
    done = pmta_import("server.conf", "--host", "old1", "--output", str(tmp_path))
    assert done.returncode == 1, done.stderr
    written = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    shown = "".join(f"==== {path.relative_to(tmp_path)}\n{path.read_text(encoding='utf-8')}" for path in written)
    shown += f"==== notes\n{done.stdout}"
    golden = SERVER.with_name("server.imported.txt")
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")
    assert "secret" not in shown


def test_old_lines_for_an_address_and_its_name() -> None:
    text = "<virtual-mta old>\n  host-name A.example.com\n  smtp-source-ip 192.0.2.7\n</virtual-mta>\n"
    found = imported(check_text(text), SHIPPED, TODAY)
    assert found.host["fleet_ips"] == {"192.0.2.7": {"helo": "a.example.com", "pool": "old"}}
    assert not [note for note in found.notes if "host-name" in note.message]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    words = ("server.conf", "--host", "old1", "--output", str(tmp_path))
    assert pmta_import(*words).returncode == 1
    mine = tmp_path / "host_vars/old1.yml"
    mine.write_text("mine")
    done = pmta_import(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{mine}" in done.stderr
    assert "exist already. Choose another --output, or say --force." in done.stderr
    assert mine.read_text() == "mine"
    assert pmta_import(*words, "--force").returncode == 1
    assert mine.read_text().startswith("---\nfleet_ips:")


@pytest.mark.parametrize(
    ("text", "words", "says"),
    [
        (None, [], "missing.conf: No such file or directory. Correct the name or its permissions."),
        (
            "postmaster a@example.com\n",
            [],
            "has no virtual-MTA with an address in smtp-source-host, so nothing can be carried over.",
        ),
        ("", ["--version", "newest"], "newest"),
    ],
)
def test_what_cannot_be_imported_is_said(tmp_path: Path, text: str | None, words: list[str], says: str) -> None:
    path = tmp_path / ("missing.conf" if text is None else "config")
    if text is not None:
        path.write_text(text)
    done = pmta_import(str(path), "--output", str(tmp_path / "new"), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert not (tmp_path / "new").exists()


def test_our_own_configuration_leaves_no_note(tmp_path: Path) -> None:
    for path, text in render.powermta(view(inventory("lab", "mx1"), "mx1")).items():
        (tmp_path / "etc" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "etc" / path).write_text(text, encoding="utf-8")
    done = pmta_import(str(tmp_path / "etc/config"), "--host", "mx1", "--output", str(tmp_path / "new"))
    assert (done.returncode, done.stdout) == (0, "")
    assert (tmp_path / "new/host_vars/mx1.yml").read_text().startswith("---\nfleet_ips:\n  198.51.100.21: {helo: mta21")


SETTINGS = [
    "max-smtp-out 3", "max-msg-rate 5/d", "retry-after x", "virtual-mta a", "smtp-source-host 192.0.2.1", "queue-to b",
    "smtp-source-host 192.0.2.1 x.example.com", "domain-key a,b", "mx *.x y", "mail-from /x/ virtual-mta=a",
    "source {x}", "always-allow-relaying yes", "pattern-list a", "domain-macro m .com,$m", "smtp-listener 0/0:2587",
    "* virtual-mta=a",
]  # fmt: skip
TAGS = [
    "virtual-mta a", "virtual-mta-pool a", "domain $m", "domain *", "domain x.rollup", "source 10/8", "source {x}",
    "smtp-user u", "pattern-list a", "mx-rollup-list", "acct-file x", "bounce-processor", "address-list",
    "virtual-mta \u00e9", "domain a.$m",
]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(SETTINGS), st.sampled_from(TAGS), st.just("")), max_size=25))
def test_nothing_crashes(lines: list[str]) -> None:
    """Blocks closed, unclosed and in wrong places."""
    text = "\n".join(f"<{line}>" if line in TAGS else line or "</virtual-mta>\n</domain>\n</source>" for line in lines)
    found = imported(check_text(text), SHIPPED, TODAY)
    assert all(isinstance(str(note), str) for note in found.notes)
    assert all(entry["pool"] in found.fleet["fleet_pools"] for entry in found.host["fleet_ips"].values())
