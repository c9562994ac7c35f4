# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The tasks as a playbook runs them: check mode, diff, idempotence, and no secret at any verbosity."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import bind
import pytest
from conftest import auth_of

TASK = {
    "domains": "{{ given.domains }}",
    "keys": "{{ given['keys'] }}",
    "dns": "{{ given.dns }}",
    "name_server_port": "{{ given.port }}",
}


@pytest.fixture
def play(server, zone, tmp_path):
    """play(task, *arguments, **vars) -> (exit code, output, changed)"""

    def play(task, *arguments, **given):
        domains = given.pop("domains", [auth_of(zone.name)])
        keys = {auth["domain"]: {"mf1": "A" * 392} for auth in domains}
        given = {"domains": domains, "keys": keys, "dns": server.settings, "port": server.port, **given}
        (tmp_path / "vars.json").write_text(json.dumps({"given": given}))
        tasks = [{**task, "register": "done"}, {"ansible.builtin.debug": {"var": "done"}}]
        playbook = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
        (tmp_path / "play.json").write_text(json.dumps(playbook))
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local"]
        command += ["-e", f"@{tmp_path / 'vars.json'}", *arguments, str(tmp_path / "play.json")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        recap = re.search(r"changed=(\d+)", done.stdout)
        return done.returncode, done.stdout + done.stderr, int(recap[1]) if recap else None

    return play


def test_check_then_do_then_nothing(play, zone):
    task = {"mailfleet.mta.dns_auth": TASK}
    code, output, changed = play(task, "--check", "--diff")
    assert (code, changed) == (0, 1), output
    assert zone.serial == 1
    assert f"+++ after: zone {zone.name}" in output
    assert f'+_dmarc.{zone.name}. 3600 TXT "v=DMARC1; p=none; rua=mailto:dmarc@example.com"' in output

    code, output, changed = play(task, "--diff", "-vvv")
    assert (code, changed) == (0, 1), output
    assert zone.serial == 2
    assert bind.KEY_SECRET not in output

    as_text = {**TASK, "domains": "{{ given.domains | to_json }}", "keys": "{{ given['keys'] | to_json }}"}
    code, output, changed = play({"mailfleet.mta.dns_auth": as_text})
    assert (code, changed) == (0, 0), output


def test_records(play, zone):
    record = {"name": f"www.{zone.name}", "type": "A", "values": ["192.0.2.1"]}
    task = {"records": [record], "dns": TASK["dns"], "name_server_port": TASK["name_server_port"]}
    for expected in (1, 0):
        code, output, changed = play({"mailfleet.mta.dns_records": task})
        assert (code, changed) == (0, expected), output
    assert zone.values("www", "A") == ["192.0.2.1"]


def test_without_dns_the_records_are_shown(play, zone):
    code, output, changed = play({"mailfleet.mta.dns_auth": TASK}, dns={})
    assert (code, changed) == (0, 0)
    assert f"name: _dmarc.{zone.name}" in output
    assert zone.serial == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"phase": "never"}, "value of phase must be one of: add, final"),
        ({"fnord": 1}, "fnord: is no option. Remedy: use one of domains, keys, phase"),
        ({"domains": "[not json"}, "domains: is text, but no JSON"),
        ({"domains": "fleet.domains"}, "domains: there is no variable 'fleet.domains'"),
        ({"domains": [{"selector": "x"}]}, "domains[0].domain: is missing"),
        ({"dns": {"server": "ns1"}}, "dns.server: 'ns1' is no IP address"),
    ],
)
def test_bad_options_are_a_sentence(play, change, words):
    code, output, _changed = play({"mailfleet.mta.dns_auth": {**TASK, **change}})
    assert code == 2
    assert words in output
    assert "Traceback" not in output


def test_a_failure_names_each_domain_and_shows_no_secret(play, server, zone):
    zone.put("_dmarc", "TXT", '"v=DMARC1; p=none"', '"v=DMARC1; p=reject"')
    domains = [auth_of(zone.name), auth_of(f"ok.{zone.name}")]
    code, output, _changed = play({"mailfleet.mta.dns_auth": TASK}, "-vvv", domains=domains)
    assert code == 2
    assert f"_dmarc.{zone.name}: has 2 DMARC records" in output
    assert zone.values("ok", "TXT") != []
    assert bind.KEY_SECRET not in output
