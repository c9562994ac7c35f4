# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Several PowerMTA servers become one inventory; those of one fleet, exactly the one that they were printed from."""

from __future__ import annotations

import copy
import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_import_cli as command
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import compile_fleet
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import check_text
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import import Inventory, imported
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_join import Fleet, join
from tests.support import render

ROOT = Path(__file__).resolve().parents[4]
TODAY = "2026-11-22"
SECRET = "a-password-of-nobody"
SHIPPED = command.shipped()


def defaults() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path in (ROOT / "roles/fleet/defaults/main").glob("*.yml"):
        found.update(yaml.safe_load(path.read_text(encoding="utf-8")))
    return {**found, "fleet_today": TODAY, "fleet_dns": {}}


def example(**changes: Any) -> dict[str, Any]:
    """inventories/example, all of it on PowerMTA, with other values of some variables."""
    place = ROOT / "inventories/example"
    fleet = defaults()
    for path in (place / "group_vars/all").glob("*.yml"):
        fleet.update(yaml.safe_load(path.read_text(encoding="utf-8")))
    fleet.update(fleet_dns={}, **changes)
    for application in fleet["fleet_applications"].values():
        application["password"] = SECRET
    hosts = {}
    for path in sorted((place / "host_vars").glob("*.yml")):
        hosts[path.stem] = yaml.safe_load(path.read_text(encoding="utf-8"))
        for entry in hosts[path.stem]["fleet_ips"].values():
            entry.pop("weight", None)
    return raw(fleet, hosts)


def raw(fleet: dict[str, Any], hosts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    entries = {name: {"ansible_host": name, "backend": "powermta", **own} for name, own in hosts.items()}
    return {"fleet": fleet, "hosts": entries, "management": {}, "strays": {}}


def trees(wanted: dict[str, Any], options: dict[str, dict[str, Any]]) -> dict[str, dict[str, str]]:
    compiled, problems = compile_fleet(copy.deepcopy(wanted))
    assert [str(problem) for problem in problems] == []
    return {host: render.powermta(view, **options.get(host, {})) for host, view in compiled["views"].items()}


def pmta_import(*words: str) -> tuple[int, list[str], str]:
    out, errors = io.StringIO(), io.StringIO()
    return command.main(words, out, errors), out.getvalue().splitlines(), errors.getvalue()


def write(place: Path, tree: dict[str, str]) -> Path:
    for path, text in tree.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text, encoding="utf-8")
    return place


def load(place: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The inventory that was written, with Vault's secrets, and each host's options of the role."""
    fleet, options = defaults(), {}
    for path in (place / "group_vars/all").glob("*.yml"):
        fleet.update(yaml.safe_load(path.read_text(encoding="utf-8")))
    for application in fleet["fleet_applications"].values():
        application.update(password=SECRET, password_hash=f"$6$x${'x' * 86}")
    senders = place / "group_vars/powermta.yml"
    common = yaml.safe_load(senders.read_text(encoding="utf-8")) if senders.exists() else {}
    hosts = yaml.safe_load((place / "hosts.yml").read_text())["senders"]["children"]["powermta"]["hosts"]
    own = {host: yaml.safe_load((place / f"host_vars/{host}.yml").read_text(encoding="utf-8")) for host in hosts}
    for host, variables in own.items():
        said = {**common, **variables}
        options[host] = {key.removeprefix("powermta_"): said[key] for key in said if key.startswith("powermta_")}
    return raw(fleet, {host: {"fleet_ips": variables["fleet_ips"]} for host, variables in own.items()}), options


OPTIONS = {
    "cold1": {"http_port": 8081, "accounting_days": 60},
    "mx1": {"http_port": 8081, "accounting_days": 60, "connections": 500},
    "mx2": {"http_port": 8081, "accounting_days": 9},
}


@pytest.mark.parametrize(
    "isps", [{}, {"gmail": {"connections": 20, "retry_after": "17m"}, "strato": {"connections": 3}}]
)
def test_a_fleet_of_our_own_comes_back_exactly(tmp_path: Path, isps: dict[str, Any]) -> None:
    wanted = example(**({"fleet_isps": isps} if isps else {}))
    printed = trees(wanted, OPTIONS)
    servers = [f"{host}={write(tmp_path / 'from' / host, tree)}" for host, tree in printed.items()]
    assert len(servers) == 3
    _status, notes, _errors = pmta_import(*servers, "--output", str(tmp_path / "to"))
    assert [note for note in notes if "has the limits of a warm-up" not in note] == []
    again, options = load(tmp_path / "to")
    assert trees(again, options) == printed
    sending = {name for name, entry in wanted["fleet"]["fleet_domains"].items() if entry.get("pool")}
    assert again["fleet"]["fleet_domains"].keys() == sending
    assert again["fleet"]["fleet_pools"].keys() == wanted["fleet"]["fleet_pools"].keys()
    shared = yaml.safe_load((tmp_path / "to/group_vars/powermta.yml").read_text())
    assert shared == {"powermta_http_port": 8081}
    assert yaml.safe_load((tmp_path / "to/host_vars/mx2.yml").read_text())["powermta_accounting_days"] == 9


def one(address: str, extra: str = "") -> Inventory:
    """A server with an address in the pool campaign."""
    text = f"<virtual-mta v>\nsmtp-source-host {address} m.example.com\n</virtual-mta>\n"
    text += f"<virtual-mta-pool campaign>\nvirtual-mta v\n</virtual-mta-pool>\n{extra}"
    return imported(check_text(text), SHIPPED, TODAY)


def joined(**servers: Inventory) -> Fleet:
    return join(servers, SHIPPED.isps)


def test_what_differs_is_told_with_what_was_written() -> None:
    limit = "<domain gmail.com>\nretry-after {}\n</domain>\n"
    key = "domain-key {},example.com,/etc/pmta/k.pem\n"
    found = joined(
        old1=one("192.0.2.1", limit.format("7m") + key.format("s1")),
        old2=one("192.0.2.2", limit.format("9m") + key.format("s1")),
        old3=one("192.0.2.3", key.format("s2")),
    )
    assert found.fleet["fleet_isps"]["gmail"]["retry_after"] == "7m"
    assert found.fleet["fleet_domains"] == {"example.com": {"pool": "campaign", "selector": "s1"}}
    assert found.conflicts == [
        "fleet_domains.example.com.selector: old1 has s1, old2 has s1 and old3 has s2. "
        "The fleet has one value: s1 is written for all of them.",
        "fleet_isps.gmail.retry_after: old1 has 7m, old2 has 9m and old3 has nothing. "
        "The fleet has one value: 7m is written for all of them.",
    ]


def inventory(pools: dict[str, Any], isps: dict[str, Any], **fleet: Any) -> Inventory:
    ips = {"192.0.2.1": {"helo": "m.example.com", "pool": next(iter(pools))}}
    return Inventory({"fleet_pools": pools, "fleet_domains": {}, "fleet_isps": isps, **fleet}, {"fleet_ips": ips}, [])


def test_a_pool_with_few_connections_does_not_tell_those_of_a_receiver() -> None:
    few = inventory({"a": {"traffic": "marketing", "connections_per_ip": 10}}, {"gmail": {"connections": 10}})
    many = inventory({"b": {"traffic": "marketing", "connections_per_ip": 30}}, {"gmail": {"connections": 20}})
    found = joined(mx1=few, mx2=many)
    assert (found.fleet["fleet_isps"], found.conflicts) == ({"gmail": {"connections": 20}}, [])


def test_of_different_connections_the_least_are_written() -> None:
    pool = {"a": {"traffic": "marketing", "connections_per_ip": 30}}
    found = joined(mx1=inventory(pool, {"gmail": {"connections": 20}}), mx2=inventory(pool, {}))
    assert "fleet_isps" not in found.fleet
    assert found.conflicts == [
        "fleet_isps.gmail.connections: mx1 has 20 and mx2 has 8. The fleet has one value: 8 is written for all of them."
    ]


def test_one_general_endpoint_is_that_of_all() -> None:
    pool = {"a": {"traffic": "marketing"}}
    found = joined(mx1=inventory(pool, {}), mx2=inventory(pool, {}, fleet_entry={"port": 587}))
    assert found.fleet["fleet_entry"] == {"port": 587}
    assert found.conflicts[0].startswith("fleet_entry: mx1 has nothing and mx2 has {'port': 587}.")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["a={config}", "a={config}"], "two servers are called a. Write NAME=CONFIG for each."),
        (["{config}", "{config}"], "two servers are called mx1. Write NAME=CONFIG for each."),
        (["a={config}", "b={config}", "--host", "c"], "--host names the only server."),
        (["a={config}", "b={config}x"], "No such file or directory"),
    ],
)
def test_what_cannot_be_told_apart_is_refused(tmp_path: Path, words: list[str], says: str) -> None:
    config = tmp_path / "config"
    config.write_text("<virtual-mta v>\nsmtp-source-host 192.0.2.1 m.example.com\n</virtual-mta>\n")
    given = [word.format(config=config) for word in words]
    status, notes, errors = pmta_import(*given, "--output", str(tmp_path / "new"))
    assert (status, notes) == (2, [])
    assert says in errors
    assert not (tmp_path / "new").exists()


def test_one_address_on_two_servers_is_told(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("<virtual-mta v>\nsmtp-source-host 192.0.2.1 m.example.com\n</virtual-mta>\n")
    status, notes, _errors = pmta_import(f"a={config}", f"b={config}", "--output", str(tmp_path / "new"))
    assert status == 1
    assert notes[-1].startswith("inventory: b.fleet_ips.192.0.2.1: 192.0.2.1 is already used as a.fleet_ips.192.0.2.1.")


def user(name: str, password: str) -> str:
    return f"<smtp-user {name}>\npassword {password}\n</smtp-user>\n"


def test_different_passwords_of_one_user_are_told_without_them() -> None:
    found = joined(
        old1=one("192.0.2.1", user("shop.de", "red-secret") + user("news", "same-secret")),
        old2=one("192.0.2.2", user("shop.de", "blue-secret") + user("news", '"same-secret"')),
        old3=one("192.0.2.3", user("shop.de", "red-secret")),
    )
    assert found.fleet["fleet_applications"].keys() == {"shop.de", "news"}
    assert found.conflicts == [
        "fleet_applications.shop.de.password: old1 and old3 have one password, old2 has another. "
        "The fleet has one value: the variable vault_shop_de_password is written for all of them. "
        "Put one of the passwords into Vault, its hash as vault_shop_de_password_hash, "
        "and give it to the programs that log in with another."
    ]


def test_no_password_is_in_what_is_read_or_told() -> None:
    servers = {
        "old1": one("192.0.2.1", user("shop", "red-secret")),
        "old2": one("192.0.2.2", user("shop", "blue-secret")),
    }
    found = joined(**servers)
    assert len(found.conflicts) == 1
    assert "-secret" not in f"{servers} {found}"


def server(place: Path, address: str, extra: str = "") -> str:
    tree = {"config": f"{extra}<virtual-mta v>\nsmtp-source-host {address} {place.name}.example.com\n</virtual-mta>\n"}
    return f"{place.name}={write(place, tree)}"


def test_what_an_earlier_import_left_is_named_and_kept(tmp_path: Path) -> None:
    port, to = "http-mgmt-port 8081\n", tmp_path / "to"
    users = port + user("shop", "red-secret")
    first = [server(tmp_path / "old1", "192.0.2.1", users), server(tmp_path / "old2", "192.0.2.2", users)]
    assert not [note for note in pmta_import(*first, "--output", str(to))[1] if "earlier import" in note]
    left = ["group_vars/all/applications.yml", "group_vars/powermta.yml", "host_vars/old2.yml"]
    before = {path: (to / path).read_text() for path in left}
    (to / "host_vars/notes.txt").write_text("of the user\n")

    second = server(tmp_path / "old1", "192.0.2.1")
    status, notes, _errors = pmta_import(second, "--output", str(to), "--force")
    assert status == 1
    assert notes[-3:] == [
        f"{to / left[0]} is not of this import, and still sets fleet_applications. "
        "Remove it if it is from an earlier import.",
        f"{to / left[1]} is not of this import, and still sets the role's options on every PowerMTA server. "
        "Remove it if it is from an earlier import.",
        f"{to / left[2]} is not of this import, and holds as soon as a host old2 is in the inventory. "
        "Remove it if it is from an earlier import.",
    ]
    assert {path: (to / path).read_text() for path in left} == before
