# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The agent's configuration, and the helper that runs as root."""

from __future__ import annotations

import json
import socket
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.mailfleet.mta.plugins.action.generation import read_sources
from ansible_collections.mailfleet.mta.plugins.plugin_utils._render import render_tree

GOLDEN = Path(__file__).parents[1] / "fixtures" / "fleet" / "golden" / "mx1.yml"
ROLE = Path(__file__).parents[3] / "roles" / "agent"
sys.path.insert(0, str(ROLE / "files"))
VIEW = yaml.safe_load(GOLDEN.read_text())
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())


def rendered(**others: Any) -> dict[str, str]:
    variables = {
        "view": VIEW,
        "backoff": DEFAULTS["agent_backoff"],
        "steer": DEFAULTS["agent_steer"],
        "metrics_port": DEFAULTS["agent_metrics_port"],
        "reply_rules": DEFAULTS["agent_reply_rules"],
        **others,
    }
    return render_tree(read_sources(str(ROLE / "templates" / "tree")), variables, {})


def test_the_view_arrives_without_passwords() -> None:
    config, whole = json.loads(rendered()["agent.json"]), VIEW
    for part in ("host", "isps", "signing", "elsewhere"):
        assert config[part] == whole[part]
    for pool, own in zip(config["pools"], whole["pools"], strict=True):
        assert pool == {name: own[name] for name in pool}
        assert {"name", "traffic", "instance", "lanes", "ips", "domains"} <= set(pool)
        assert "applications" not in pool
        assert "ceilings" not in pool  # the agent would start anew with every day


@pytest.mark.parametrize(
    ("backoff", "rules", "says"),
    [
        (DEFAULTS["agent_backoff"], "", None),
        ({"gmail": {"wait": "10m", "pause": "1h"}}, "", "agent_backoff.gmail: pause is not known."),
        ({"gmial": {"wait": "10m"}}, "", "agent_backoff: there is no ISP profile gmial."),
        ({"gmail": {"wait": "soon"}}, "", "the backoff does not understand"),
        ({}, "[gmail]\nrate-limited  mine -> rest\n    slow down\n", "there is no action rest"),
    ],
)
def test_the_check_before_it_goes_live(tmp_path: Path, backoff: Any, rules: str, says: str | None) -> None:
    from mailfleet.commands import check

    files = rendered(backoff=backoff, reply_rules=rules)
    for name in ("agent.json", "reply.rules"):
        (tmp_path / name).write_text(files[name])
    found = list(check.problems(tmp_path / "agent.json", tmp_path / "reply.rules"))
    assert (found == []) if says is None else any(says in problem for problem in found), found


def test_a_host_of_powermta_counts_and_does_not_steer(tmp_path: Path) -> None:
    from mailfleet.commands import check

    files = rendered(view={**VIEW, "backend": "powermta"}, backoff={"nobody": {"wait": "soon"}})
    (tmp_path / "agent.json").write_text(files["agent.json"])
    assert json.loads(files["agent.json"])["backend"] == "powermta"
    assert not list(check.problems(tmp_path / "agent.json", None))
    verify: dict[str, Any] = {"sys": sys, "__name__": "verify"}
    exec(files["bin/verify"].partition("def answer")[0], verify)
    assert (verify["POOLS"], verify["UNITS"]) == ([], ["mailfleet-ledger.service"])
    exec(rendered()["bin/verify"].partition("def answer")[0], verify)
    assert verify["UNITS"] == ["mailfleet-steer.service", "mailfleet-policy.service", "mailfleet-ledger.service"]
    assert verify["POOLS"] == [pool["name"] for pool in VIEW["pools"]]
    assert "SupplementaryGroups=pmta\n" in files["units/mailfleet-ledger.service"]
    assert "pmta" not in rendered()["units/mailfleet-ledger.service"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("reload POOL", [[["/usr/sbin/postfix", "-c", "/etc/postfix-POOL", "reload"], ""]]),
        ("flush POOL", [[["/bin/sh", "/etc/mailfleet/postfix/live/bin/flush", "/etc/postfix-POOL"], ""]]),
        (
            "release POOL 4jX9G31c28z2RJCs ALL -f 4jX9G31c28z2RJCt",
            [
                [
                    ["/usr/sbin/postsuper", "-c", "/etc/postfix-POOL", "-H", "-"],
                    "4jX9G31c28z2RJCs\n4jX9G31c28z2RJCt\n",
                ]
            ],
        ),
        ("hold POOL ALL", []),
        (
            "try POOL 4jX9G31c28z2RJCs ALL -f ../x 4jX9G31c28z2RJCt",
            [
                [["/usr/sbin/postqueue", "-c", "/etc/postfix-POOL", "-i", queue_id], ""]
                for queue_id in ("4jX9G31c28z2RJCs", "4jX9G31c28z2RJCt")
            ],
        ),
        ("reload entry", [[["/usr/sbin/postfix", "-c", "/etc/postfix-entry", "reload"], ""]]),
        ("reload ../../tmp/x", []),
        ("stop POOL", []),
        ("", []),
    ],
)
def test_root_does_only_what_it_knows(line: str, expected: list[Any]) -> None:
    helper: dict[str, Any] = {"__name__": "helper"}
    exec(rendered()["bin/requests"], helper)
    pool = VIEW["pools"][0]["name"]
    kind, asked, *words = [*line.replace("POOL", pool).split(), "", ""]
    assert json.loads(json.dumps(helper["commands"](kind, asked, words))) == json.loads(
        json.dumps(expected).replace("POOL", pool)
    )


def test_a_request_that_hangs_or_fails_takes_no_other_one_with_it(tmp_path: Path) -> None:
    helper: dict[str, Any] = {"__name__": "helper"}
    exec(rendered()["bin/requests"], helper)
    done = tmp_path / "done"
    commands = {"hang": ["sleep", "30"], "fail": [str(tmp_path / "missing")], "do": ["touch", str(done)]}
    batches = [list(commands), []]
    helper |= {
        "SECONDS": 0.2,
        "asked": lambda _socket: batches.pop(0),
        "commands": lambda kind, _pool, _words: [(commands[kind], "")],
        "socket": types.SimpleNamespace(socket=lambda fileno: socket.socket()),
    }
    helper["main"]()
    assert done.exists()


@pytest.mark.parametrize("entry", [VIEW["entry"], None])
def test_the_general_endpoint_is_known_where_there_is_one(entry: Any) -> None:
    files = rendered(view={**VIEW, "entry": entry})
    helper: dict[str, Any] = {"__name__": "helper"}
    exec(files["bin/requests"], helper)
    assert bool(helper["commands"]("flush", "entry", [])) == bool(entry)
    assert json.loads(files["agent.json"])["entry"] == bool(entry)
