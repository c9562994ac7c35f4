# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""MTA-STS from the inventory to the sender that asks: mta_sts.yml, nginx over HTTPS, and auth_check as the judge."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import bind
import pytest
import web

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_task import check_auth
from ansible_collections.mailfleet.mta.plugins.module_utils._records_sts import parse_policy

ROOT = Path(__file__).resolve().parents[2]
INCLUDE = "include /etc/mailfleet/mta_sts/live/nginx.conf;"
POLICY = {"mode": "enforce", "mx": [], "max_age": 604800}
# What is wrong with the place of each: the checks that find it, what they say, and the remedy.
CASES = {
    "good": (set(), "", ""),
    "moved": ({"mta-sts-file"}, "answers 301 Moved Permanently", "and no redirect"),
    "unserved": ({"mta-sts-file"}, "answers 404 Not Found", "Serve the file at mta-sts.unserved.test"),
    "named": ({"mta-sts-file"}, "Hostname mismatch", "with a valid certificate"),
    "unknown": ({"mta-sts-file"}, "unable to get local issuer certificate", "with a valid certificate"),
    "typed": ({"mta-sts-file"}, "its type is 'text/html', not text/plain", "as text/plain"),
    "other": ({"mta-sts-other-policy"}, "not the one of the inventory", "Put the file"),
    "hosts": ({"mta-sts-mx"}, "does not allow new.host.test", "Add new.host.test to the policy"),
    "away": ({"mta-sts-file"}, "mta-sts.away.test has no address", "Serve the file"),
}
UNTOLD = ("unserved",)  # the inventory does not know them, so nothing was written for them


def fleet(names: list[str]) -> dict[str, object]:
    domain = {"pool": "campaign", "mx": [{"host": "mail.host.test"}], "mta_sts": POLICY}
    return {
        "fleet_pools": {"campaign": {"traffic": "marketing"}},
        "fleet_domains": {f"{name}.test": domain for name in names},
        "fleet_bounce_mx": ["bounces.host.test"],
    }


def inventory(names: list[str]) -> dict[str, object]:
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    sender = {"fleet_ips": {"192.0.2.10": {"helo": "mta10.host.test", "pool": "campaign"}}}
    return {
        "all": {
            "vars": fleet(names),
            "children": {
                "senders": {"children": {"postfix": {"hosts": {"mx1": sender}}}},
                "mta_sts": {"hosts": {"web1": here}},
            },
        }
    }


class Playbook:
    def __init__(self, host: web.Host) -> None:
        self.host = host

    def __call__(self, *arguments: str, names: list[str] | None = None) -> str:
        place = self.host.directory / "inventory.json"
        place.write_text(json.dumps(inventory(names or [name for name in CASES if name not in UNTOLD])))
        command = [sys.executable, "-m", "ansible", "playbook", "-i", str(place), *arguments]
        done = self.host.run([*command, str(ROOT / "playbooks/mta_sts.yml")], cwd=ROOT)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def zone(name: str) -> str:
    mx = "new.host.test." if name == "hosts" else "mail.host.test."
    address = "" if name == "away" else f"mta-sts A {web.ADDRESS}\n"
    return f'@ MX 10 {mx}\n_mta-sts TXT "v=STSv1; id=1"\n{address}'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """Options of auth_check that lead to a name server and a web server."""
    if bind.NAMED is None or web.NGINX is None or shutil.which("unshare") is None:
        pytest.skip("named or nginx is not installed (Debian packages bind9 and nginx)")
    directory = tmp_path_factory.mktemp("mta-sts")
    ours, stranger = web.Authority(directory / "ca"), web.Authority(directory / "stranger")
    bodies = {
        "moved": "return 301 https://mta-sts.good.test/.well-known/mta-sts.txt;",
        "typed": "location = /.well-known/mta-sts.txt { default_type text/html; "
        "alias /etc/mailfleet/mta_sts/live/$host/mta-sts.txt; }",
        "other": "location / { default_type text/plain; "
        'return 200 "version: STSv1\\nmode: enforce\\nmx: mail.host.test\\nmax_age: 86400\\n"; }',
    }
    servers = {}
    for name in CASES:
        host = f"mta-sts.{name}.test"
        pair = (stranger if name == "unknown" else ours).issue("www.host.test" if name == "named" else host)
        servers[host] = pair, bodies.get(name, INCLUDE)
    zones = {**{f"{name}.test": zone(name) for name in CASES}, "host.test": "mail A 192.0.2.25\nnew A 192.0.2.26\n"}
    port = bind.free_port()
    with (
        bind.Bind(directory / "bind", port, zones),
        web.Host(directory / "web") as host,
    ):
        play = Playbook(host)
        play()
        with web.Nginx(host, bind.free_port(), servers) as nginx:
            yield {
                "resolver": bind.PRIMARY,
                "resolver_port": port,
                "name_server_port": port,
                "policy_port": nginx.port,
                "ca_file": str(ours.certificate),
                "play": play,
            }


def looked_at(place: dict[str, object], name: str) -> list[dict[str, str]]:
    domain = {
        "domain": f"{name}.test",
        "pool": "campaign",
        "selector": "mf1",
        "return_path": f"bounce.{name}.test",
        "ips": {},
        "other_fleet_ips": {},
        "mta_sts": {**POLICY, "mx": ["mail.host.test"], "host": ""},
    }
    common = {"addresses": [], "keys": {}, "signing": [], "timeout": 2, "skip": [], "fail_on": "never"}
    where = {key: value for key, value in place.items() if key != "play"}
    levels = ["error", "warning", "info"]
    done = check_auth({**common, **where, "levels": levels, "domains": [domain]})
    return [one for one in done["findings"] if one["check"].startswith("mta-sts")]


@pytest.mark.parametrize("name", CASES)
def test_what_senders_would_find_is_what_the_audit_says(place, name):
    checks, words, remedy = CASES[name]
    findings = looked_at(place, name)
    assert {one["check"] for one in findings} == checks
    for one in findings:
        assert words in one["text"]
        assert remedy in one["remedy"]


def fetched(place: dict[str, object], name: str) -> http.client.HTTPResponse:
    context = ssl.create_default_context(cafile=str(place["ca_file"]))
    connection = web.connection(f"mta-sts.{name}.test", int(str(place["policy_port"])), context)
    connection.request("GET", "/.well-known/mta-sts.txt")
    return connection.getresponse()


def test_the_file_is_as_the_rfc_has_it(place):
    """RFC 8461 section 3.2: text/plain, and lines that end in CRLF."""
    answer = fetched(place, "good")
    body = answer.read()
    assert (answer.status, answer.getheader("Content-Type")) == (200, "text/plain")
    assert body == b"version: STSv1\r\nmode: enforce\r\nmx: mail.host.test\r\nmax_age: 604800\r\n"
    assert parse_policy(body.decode()).mx == ("mail.host.test",)


def test_a_second_run_changes_nothing_and_an_edit_is_served_at_once(place):
    play = place["play"]
    assert "changed=0" in play()
    assert "changed=1" in play("--check", "--diff", names=["good"])
    assert fetched(place, "hosts").status == 200
    assert "changed=1" in play(names=["good"])
    assert (fetched(place, "good").status, fetched(place, "hosts").status) == (200, 404)
    assert "changed=1" in play()
    assert fetched(place, "hosts").status == 200
    assert not Path("/etc/mailfleet/mta_sts").exists()  # all of it was on the web host
