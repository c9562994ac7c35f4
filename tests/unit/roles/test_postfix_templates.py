# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the Postfix role prints for the golden views of inventories/example.

After a wanted change, write the goldens anew with UPDATE_GOLDENS=1 and read the difference.
"""

from __future__ import annotations

import copy
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import render

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
VIEWS = sorted((FIXTURES / "fleet/golden").glob("*.yml"))
HOSTS = [path.stem for path in VIEWS if path.stem != "domains"]


def view(host: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FIXTURES / f"fleet/golden/{host}.yml").read_text(encoding="utf-8"))
    return found


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("host", HOSTS)
def test_configuration_has_its_golden(host: str) -> None:
    tree = render.postfix(view(host))
    printed = "".join(f"==== {path}\n{text}" for path, text in sorted(tree.items()))
    golden = FIXTURES / f"postfix/{host}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(printed, encoding="utf-8")
    assert printed == golden.read_text(encoding="utf-8")


def test_a_host_that_drains_takes_no_mail() -> None:
    tree = render.postfix({**with_entry(), "draining": True})
    for path in [path for path in tree if path.endswith("/main.cf")]:
        assert "master_service_disable = inet" in lines(tree[path]), path
    assert "LISTENERS = {\n}\n" in tree["bin/verify"]
    assert json.loads(tree["view.json"])["draining"] is True


def with_entry() -> dict[str, Any]:
    found = copy.deepcopy(view(HOSTS[-1]))
    pool = found["pools"][0]
    found["entry"] = {
        "name": "entry",
        "port": 587,
        "networks": ["192.0.2.0/24"],
        "routes": [
            {
                "domain": domain["name"],
                "return_path": domain["return_path"],
                "pool": pool["name"],
                "port": pool["port"],
                "applications": ["shop"],
            }
            for domain in pool["domains"]
        ],
    }
    return found


def test_general_endpoint_relays_each_domain_to_its_pool() -> None:
    found = with_entry()
    tree = render.postfix(found)
    pool = found["pools"][0]
    relays = lines(tree["postfix-entry/pools"])
    for domain in pool["domains"]:
        assert f"@{domain['name']} [127.0.0.1]:{pool['port']}" in relays
        assert f"{domain['name']} permit" in lines(tree["postfix-entry/senders"])
    assert "mynetworks = 127.0.0.0/8 [::1]/128 192.0.2.0/24" in lines(tree["postfix-entry/main.cf"])


def test_without_the_general_endpoint_nothing_is_printed_for_it() -> None:
    found = view(HOSTS[0]) | {"entry": None}
    assert not [path for path in render.postfix(found) if path.startswith("postfix-entry")]


@pytest.mark.parametrize("host", HOSTS)
def test_every_lane_binds_its_own_address_and_no_other_family(host: str) -> None:
    found = view(host)
    tree = render.postfix(found)
    for pool in found["pools"]:
        own = {ip["address"] for ip in pool["ips"]}
        text = tree[f"postfix-{pool['name']}/master.cf"]
        for block in text.split("# Lanes")[1].split(" smtp\n")[1:]:
            options = dict(line.strip()[3:].split("=", 1) for line in block.splitlines() if line.startswith("    -o "))
            assert options["smtp_bind_address"] in own
            assert ("smtp_bind_address6" in options) == (options["inet_protocols"] == "all")


@pytest.mark.parametrize("host", HOSTS)
def test_every_static_route_leads_to_a_lane_of_its_pool(host: str) -> None:
    found = view(host)
    tree = render.postfix(found, steering="static")
    for pool in found["pools"]:
        names = {lane["name"] for lane in pool["lanes"]}
        main = tree[f"postfix-{pool['name']}/main.cf"]
        used = {
            word.rstrip(":")
            for part in main.split("randmap:{")[1:]
            for word in part.split("}")[0].split(",")
        }  # fmt: skip
        assert used
        assert used <= names


@pytest.mark.parametrize("host", HOSTS)
def test_the_agent_is_asked_for_every_pool_and_by_smtpd_apart(host: str) -> None:
    found = view(host)
    tree = render.postfix(found)
    for pool in found["pools"]:
        name = pool["name"]
        main = lines(tree[f"postfix-{name}/main.cf"])
        assert f"transport_maps = socketmap:unix:/run/mailfleet/steer.sock:{name}" in main
        assert not [line for line in main if "randmap" in line or line.startswith("sender_dependent_default_transport")]
        master = lines(tree[f"postfix-{name}/master.cf"])
        assert master[:4] == [
            f"{pool['port']}      inet  n       -       n       -       -       smtpd",
            "-o rewrite_service_name=rewrite-rcpt",
            "rewrite-rcpt unix -     -       n       -       -       trivial-rewrite",
            f"-o transport_maps=socketmap:unix:/run/mailfleet/steer.sock:{name}/rcpt",
        ]
        assert not lines(tree[f"postfix-{name}/isps"])


def test_slow_lanes_are_paced_by_postfix() -> None:
    found = copy.deepcopy(view(HOSTS[0]))
    pool = found["pools"][0]
    pool["lanes"][0]["rate_delay"] = 12
    main = lines(render.postfix(found)[f"postfix-{pool['name']}/main.cf"])
    assert [line for line in main if "rate_delay" in line] == [f"{pool['lanes'][0]['name']}_transport_rate_delay = 12s"]


@pytest.mark.parametrize("found", [view(HOSTS[0]), with_entry()])
def test_tables_are_named_by_their_path(found: dict[str, Any]) -> None:
    """Postfix 3.10 empties $config_directory in a process that starts within a second of a change of main.cf."""
    tree = render.postfix(found)
    for main in [path for path in tree if path.endswith("/main.cf")]:
        assert not [line for line in lines(tree[main]) if "$config_directory" in line]


@pytest.mark.parametrize(
    ("leaving", "ends", "seconds", "refused"),
    [
        ("gmail-198-51-100-23", 5, 5, False),
        ("gmail-198-51-100-23", 0, 0, False),
        ("gmail-198-51-100-23", 1000, 30, True),
        # It stays, so its deliveries go on.
        ("gmail-198-51-100-21", 1000, 0, False),
    ],
)
def test_what_an_address_that_leaves_delivers_is_waited_for(
    tmp_path: Path, leaving: str, ends: int, seconds: int, refused: bool
) -> None:
    """A reload ends the processes of lanes that are gone, and what their receivers have taken would be sent again."""
    lane = "printf '%s unix - - n - 8 smtp\\n' gmail-198-51-100-21"
    commands = {
        "postconf": f"""case "$*" in
            *queue_directory*) echo "$place/spool" ;;
            *-c\\ /etc/*-M) {lane}; echo "gmail-198-51-100-23 unix - - n - 8 smtp" ;;
            *-M) {lane} ;;
            esac""",
        "postfix": "", "systemd-tmpfiles": "",
        "ps": f'echo " 4711 smtp -n {leaving} -t unix -u"',
        "ss": f"""[ "$(cat "$place/clock")" -ge {ends} ] || echo 'ESTAB 0 0 a b users:(("smtp",pid=4711,fd=13))'""",
        "cut": 'cat "$place/clock"',
        "sleep": 'echo $(($(cat "$place/clock") + $1)) > "$place/clock"',
    }  # fmt: skip
    scripts = {name: f"#!/bin/sh\n{text}\n" for name, text in commands.items()}
    for name, text in {**scripts, "check": render.postfix(view("mx1"))["bin/check"], "clock": "0\n"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    for name in ("staged/postfix-trans/main.cf", "spool/pid/master.pid"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    paths = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "place": str(tmp_path)}
    command = ["sh", tmp_path / "check", tmp_path / "staged"]
    done = subprocess.run(command, env=paths, capture_output=True, text=True, check=False)
    assert (done.returncode, int((tmp_path / "clock").read_text())) == (int(refused), seconds), done.stdout
    assert ("mail is leaving by an address that this run would remove" in done.stdout) == refused


def test_the_last_words_of_an_instance_are_its_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stamp = "Nov 22 12:00:01 mx1 postfix-trans"
    reason = f"{stamp}/master[7]: fatal: bind 0.0.0.0 port 2599: Address already in use"
    log = tmp_path / "log"
    log.write_text(f"{reason}\n{stamp}/postfix-script[6]: fatal: mail system startup failed\n")
    verify: dict[str, Any] = {}
    exec(render.postfix(view("mx1"))["bin/verify"].partition("silent = ")[0], verify)
    verify["open"] = lambda _path, mode: log.open(mode)
    monkeypatch.setattr(os.path, "getsize", lambda _path: log.stat().st_size)
    assert verify["last_words"]("postfix-trans") == reason


@pytest.mark.parametrize("unit", ["mailfleet-postfix@.service", "dovecot.conf"])
def test_what_died_is_started_again_and_again(unit: str) -> None:
    """Debian's units have no such line: killed once, as for want of memory, they would stay away until the next run."""
    text = lines(render.postfix(view("mx1"))[f"units/{unit}"])
    before, service = text[: text.index("[Service]")], text[text.index("[Service]") :]
    assert "StartLimitIntervalSec=0" in before
    assert "Restart=always" in service


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        ("", ""),
        # A message that comes in just then has a name of its own.
        ("postsuper: warning: bogus file name: incoming/957240.6285", ""),
        ("postsuper: warning: bogus file name: deferred/x", "postsuper: warning: bogus file name: deferred/x"),
        ("/usr/sbin/postconf: warning: unused parameter: x=y", "postconf: warning: unused parameter: x=y"),
    ],
)
def test_what_the_check_before_it_goes_live_refuses(tmp_path: Path, words: str, refusal: str) -> None:
    for name in ("postconf", "systemd-tmpfiles", "ss"):
        (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / "postfix").write_text(f"#!/bin/sh\necho '{words}' >&2\n")
    (tmp_path / "check").write_text(render.postfix(view("mx1"))["bin/check"])
    for path in tmp_path.iterdir():
        path.chmod(0o755)
    staged = tmp_path / "staged"
    (staged / "postfix-trans").mkdir(parents=True)
    (staged / "postfix-trans/main.cf").touch()
    path = f"{tmp_path}:{os.environ['PATH']}"
    command = ["sh", tmp_path / "check", staged]
    done = subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (
        int(bool(refusal)),
        f"postfix-trans: {refusal}" if refusal else "",
    )
