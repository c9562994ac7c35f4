# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from mailfleet import cli, queue, state, text
from mailfleet.backoff import PROBING, STOPPED, Backoff
from mailfleet.commands import pause
from mailfleet.ledger_store import Store
from mailfleet.overview import overview

NOON = 1795262400.0  # 2026-11-21 12:00 UTC
VIEW: dict[str, Any] = {
    "host": "mx1",
    "pools": [
        {
            "name": name,
            "instance": f"postfix-{name}",
            "traffic": traffic,
            "domains": [{"name": f"{name}.example.com"}],
            "lanes": [
                {"name": f"{isp}-198-51-100-{ip}", "isp": isp, "bind4": f"198.51.100.{ip}", "connections": 8}
                for isp in ("gmail", "outlook")
            ],
        }
        for name, traffic, ip in (("campaign", "marketing", 21), ("trans", "transactional", 20))
    ],
    "isps": [{"name": name, "retry_after": "15m"} for name in ("gmail", "outlook")],
    "elsewhere": [{"domain": "campaign.example.com"}],
}
KEY = ("campaign", "198.51.100.21", "gmail")
HELD = Backoff(STOPPED, NOON - 60, NOON + 540, 0, NOON - 60, 0, 7, "rate-limited", "r", "stop-source", "421 4.7.28 x")


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The options that lead the commands to a ledger with a busy morning."""
    store = Store(str(tmp_path / "ledger.db"))
    state.create(store.db)
    day = "2026-11-21"
    slot = int(NOON) // 300 - 1
    store.db.executemany(
        "INSERT INTO ip_day VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (day, "198.51.100.21", "gmail", "campaign", "delivered", "", 120),
            (day, "198.51.100.21", "gmail", "campaign", "deferred", "rate-limited", 7),
            (day, "198.51.100.21", "outlook", "campaign", "delivered", "", 900),
        ],
    )
    store.db.execute(
        "INSERT INTO ip_slot VALUES (?, '198.51.100.21', 'gmail', 'campaign', 'delivered', '', 20)", (slot,)
    )
    store.db.execute("INSERT INTO latency_slot VALUES (?, 'campaign', 20, 20)", (slot,))
    store.db.executemany(
        "INSERT INTO messages VALUES ('postfix-campaign', ?, 'campaign.example.com', ?)",
        [("4jWRgc000zz1", '{"aa": "gmail-198-51-100-21"}'), ("4jX9G31c28z2RJCs", "")],
    )
    store.close()
    (tmp_path / "agent.json").write_text(json.dumps(VIEW))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr("time.time", lambda: NOON)
    monkeypatch.setattr(pause, "ask", lambda kind, pools: None)
    monkeypatch.setattr("mailfleet.commands.resume.ask", lambda kind, pools: None)
    return ["--config", str(tmp_path / "agent.json"), "--database", str(tmp_path / "ledger.db")]


@pytest.fixture
def run(host: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str) -> tuple[int, str, str]:
        code = cli.main([*words, *host])
        return (code, *capsys.readouterr())

    return run


def hold(host: list[str]) -> None:
    store = Store(host[3])
    state.save(store.db, "lane_state", {KEY: HELD})
    state.save(
        store.db, "domain_state", {("campaign", "campaign.example.com", "outlook"): HELD._replace(phase=PROBING)}
    )
    store.close()


def test_a_normal_day(run: Any) -> None:
    code, out, _err = run("status")
    assert code == 0
    assert out.splitlines()[0] == "mx1 at 12:00:00: all normal"
    assert "held back" not in out
    table = [line.split() for line in out.splitlines()]
    assert ["campaign", "198.51.100.21", "outlook", "8", "900", "0", "0", "0", "0"] in table
    assert ["campaign", "198.51.100.21", "gmail", "8", "120", "20", "7", "0", "1"] in table


def test_what_is_not_normal_comes_first(run: Any, host: list[str]) -> None:
    hold(host)
    assert run("pause", "pool", "campaign", "--reason", "moving the database", "--for", "2h")[0] == 0
    code, out, _err = run("status")
    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "mx1 at 12:00:00: 1 paused by an operator, 2 held back by receivers"
    assert lines[3].split() == ["pool", "campaign", "12:00:00", "14:00:00", "moving", "the", "database"]
    held = next(line for line in lines if line.split()[:2] == ["198.51.100.21", "gmail"])
    assert held.split("  ")[-1].strip() == "421 4.7.28 x"
    assert "0 of 8" in held
    assert "stopped since 11:59:00, probed in 9 m" in held
    assert any(line.split()[:2] == ["campaign.example.com", "outlook"] for line in lines)


def test_status_for_programs(run: Any, host: list[str]) -> None:
    hold(host)
    found = json.loads(run("status", "--json")[1])
    lane = next(row for row in found["lanes"] if row["isp"] == "gmail")
    assert (lane["state"], lane["connections"], lane["seconds_left"], lane["waiting"]) == ("stopped", 0, 540, 1)
    assert [row["queue"] for row in found["pools"]] == [2, 0]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["isp", "gmail"], 0, "Paused isp gmail in pool campaign."),
        (["isp", "gmail", "--transactional"], 0, "Paused isp gmail in pools campaign, trans."),
        (["ip", "198.51.100.21"], 0, "Paused ip 198.51.100.21 in pool campaign."),
        (["domain", "campaign.example.com"], 0, "Paused domain campaign.example.com in pool campaign."),
        (["pool", "trans"], 2, "sends transactional mail only, which goes on. Say --transactional to hold it back."),
        (["pool", "bulk"], 2, "this host has no pool bulk. There are: campaign, trans."),
        (["isp", "gmail", "--for", "soon"], 2, "--for soon is no time. Write it as 30m or 2h."),
    ],
)
def test_pause(run: Any, words: list[str], code: int, says: str) -> None:
    done, out, err = run("pause", *words, "--reason", "a test")
    assert (done, says in out + err) == (code, True), out + err


def test_resume_ends_pauses_and_backoff(run: Any, host: list[str]) -> None:
    hold(host)
    run("pause", "isp", "gmail", "--reason", "a test")
    _code, out, _err = run("resume", "isp", "gmail")
    assert out == (
        "Ended the pause of isp gmail; the backoff of 198.51.100.21 at gmail (pool campaign)."
        " Waiting mail is tried now.\n"
    )
    assert run("resume", "isp", "gmail")[1] == "Nothing held isp gmail back.\n"
    assert json.loads(run("resume", "domain", "campaign.example.com", "--json")[1])["ended"] == [
        "the backoff of campaign.example.com at outlook (pool campaign)"
    ]
    assert run("status")[1].startswith("mx1 at 12:00:00: all normal")


def test_without_a_ledger(capsys: pytest.CaptureFixture[str], host: list[str]) -> None:
    assert cli.main(["status", *host[:3], "/nowhere/ledger.db"]) == 2
    assert "/nowhere/ledger.db is not there, or not for you: run this as root" in capsys.readouterr().err


def test_replies(run: Any, host: list[str]) -> None:
    assert run("replies")[1] == "No receiver refused anything today.\n"
    store = Store(host[3])
    store.db.execute(
        "INSERT INTO replies VALUES ('2026-11-21', 'gmail', 'rate-limited', 'r', 's', 7, ?, '421 4.7.28 x')", (NOON,)
    )
    store.close()
    assert run("replies")[1].splitlines()[1].split() == [
        "7", "gmail", "rate-limited", "r", "12:00:00", "421", "4.7.28", "x",
    ]  # fmt: skip
    assert json.loads(run("replies", "--json", "--isp", "yahoo")[1]) == []


def test_a_domain_that_stops_holds_its_pool_for_a_moment(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "ledger.db"))
    state.create(store.db)
    state.save(store.db, "domain_state", {("campaign", "campaign.example.com", "gmail"): HELD._replace(began=NOON - 5)})
    rows = overview(store.db, VIEW, NOON)["lanes"]
    assert [(row["ip"], row["isp"], row["connections"], row["reply"]) for row in rows] == [
        ("198.51.100.21", "gmail", 0, "421 4.7.28 x")
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0 s"), (119, "119 s"), (120, "2 m"), (7200, "2 h"), (86400, "24 h"), (172800, "2 d")]
)
def test_spans(seconds: float, expected: str) -> None:
    assert text.span(seconds) == expected


@pytest.mark.parametrize(
    ("queue_id", "expected"),
    # By `date` of the sender that gave the ID.
    [("4jX9G31c28z2RJCs", 1795308011.0), ("ABCDEF1234", None), ("", None), ("4jX9G31a28z2RJCs", 1795308011.0)],
)
def test_queue_ids_tell_the_arrival(queue_id: str, expected: float | None) -> None:
    assert queue.arrival(queue_id) == expected
