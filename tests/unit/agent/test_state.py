# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from mailfleet import state
from mailfleet.backoff import NORMAL, PROBING, STOPPED, Backoff
from mailfleet.state import DOMAIN, IP, ISP, POOL, Control, Reader, State

KEY = ("campaign", "198.51.100.21", "gmail")
HELD = Backoff(STOPPED, 1000, 1600, 0, 990, 0, 7, "rate-limited", "gmail-rate-source", "stop-source", "421 4.7.28 ...")


def database(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path / "ledger.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    state.create(db)
    return db


def control(kind: str, name: str, until: float = 0, transactional: bool = False) -> Control:
    return Control(kind, name, "maintenance", 1000, until, transactional)


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    db = database(tmp_path)
    state.save(db, "lane_state", {KEY: HELD._replace(strikes=(1, 2))})
    state.save(db, "domain_state", {("campaign", "example.com", "gmail"): HELD})
    state.pause(db, control(ISP, "gmail", 2000, True))
    found = state.snapshot(db)
    assert found.lanes == {KEY: HELD}
    assert found.domains == {("campaign", "example.com", "gmail"): HELD}
    assert found.controls == {(ISP, "gmail"): control(ISP, "gmail", 2000, True)}


def test_what_is_normal_again_is_not_kept(tmp_path: Path) -> None:
    db = database(tmp_path)
    state.save(db, "lane_state", {KEY: HELD})
    state.save(db, "lane_state", {KEY: Backoff(NORMAL)})
    state.pause(db, control(POOL, "campaign"))
    state.resume(db, [(POOL, "campaign")])
    assert state.snapshot(db) == State({}, {}, {})


def test_what_waits_does_so_as_long_when_the_clock_is_set(tmp_path: Path) -> None:
    db = database(tmp_path)
    state.save(db, "lane_state", {KEY: HELD, (*KEY[:2], "gmx"): HELD._replace(phase=PROBING, until=0)})
    state.save(db, "domain_state", {("campaign", "example.com", "gmail"): HELD})
    state.pause(db, control(ISP, "gmail", 2000))
    state.pause(db, control(POOL, "campaign"))
    before = state.snapshot(db)
    state.move(db, 3600)
    found = state.snapshot(db)
    moved = HELD._replace(since=4600, until=5200, began=4590)
    assert found.lanes == {KEY: moved, (*KEY[:2], "gmx"): moved._replace(phase=PROBING, until=0)}
    assert list(found.domains.values()) == [moved]
    assert [(pause.since, pause.until) for pause in found.controls.values()] == [(4600, 5600), (4600, 0)]
    state.move(db, -3600)
    assert state.snapshot(db) == before


@pytest.mark.parametrize(("now", "until"), [(1500, 2000), (999, 2000), (400, 1400)])
def test_a_pause_of_a_clock_that_was_ahead_lasts_its_time_at_most(tmp_path: Path, now: float, until: float) -> None:
    db = database(tmp_path)
    state.pause(db, control(ISP, "gmail", 2000))
    state.pause(db, control(POOL, "campaign"))
    state.bound(db, now)
    ends = {name: pause.until for (_kind, name), pause in state.snapshot(db).controls.items()}
    assert ends == {"gmail": until, "campaign": 0}


@pytest.mark.parametrize(
    ("made", "transactional", "now", "paused"),
    [
        (control(POOL, "campaign"), False, 1500, True),
        (control(POOL, "trans"), False, 1500, False),
        (control(IP, "198.51.100.21"), False, 1500, True),
        (control(IP, "198.51.100.22"), False, 1500, False),
        (control(ISP, "gmail"), False, 1500, True),
        (control(ISP, "gmail"), True, 1500, False),
        (control(ISP, "gmail", transactional=True), True, 1500, True),
        (control(ISP, "gmail", until=1500), False, 1499, True),
        (control(ISP, "gmail", until=1500), False, 1500, False),
        (control(DOMAIN, "example.com"), False, 1500, False),
    ],
)
def test_pauses(made: Control, transactional: bool, now: float, paused: bool) -> None:
    found = State(controls={(made.kind, made.name): made}).paused(*KEY, transactional, now)
    assert (found is made) == paused


@pytest.mark.parametrize(
    ("lanes", "domains", "allowed", "why"),
    [
        ({}, {}, None, ""),
        ({KEY: HELD}, {}, 0, "421 4.7.28 ..."),
        ({KEY: HELD._replace(phase=PROBING, connections=1, reason="a")}, {}, 1, "a"),
        # Another address, ISP or pool is not concerned; all addresses of a stopped domain's pool are.
        ({("campaign", "198.51.100.22", "gmail"): HELD}, {}, None, ""),
        ({("campaign", "198.51.100.21", "yahoo"): HELD}, {}, None, ""),
        ({("trans", "198.51.100.21", "gmail"): HELD}, {}, None, ""),
        ({}, {("campaign", "example.com", "gmail"): HELD._replace(began=1495, reason="b")}, 0, "b"),
        # Its mail is put aside by now.
        ({}, {("campaign", "example.com", "gmail"): HELD._replace(began=1490, reason="b")}, None, ""),
        ({}, {("trans", "example.com", "gmail"): HELD}, None, ""),
        (
            {KEY: HELD._replace(phase=PROBING, connections=3, reason="a")},
            {("campaign", "example.com", "gmail"): HELD._replace(phase=PROBING, connections=2, reason="b")},
            3,
            "a",
        ),
    ],
)
def test_what_a_lane_may(lanes: dict, domains: dict, allowed: int | None, why: str) -> None:
    found = State(lanes, domains)
    assert (found.allowed(*KEY, 1500), found.why(*KEY, 1500)) == (allowed, why)


def test_a_reader_sees_what_others_write(tmp_path: Path) -> None:
    reader = Reader(str(tmp_path / "ledger.db"))
    assert reader.read() == State()
    assert "last known" in reader.problem
    db = database(tmp_path)
    assert reader.read().lanes == {}
    assert reader.problem == ""
    state.save(db, "lane_state", {KEY: HELD})
    assert reader.read().lanes == {KEY: HELD}
    assert reader.read() is reader.read()


def test_a_reader_keeps_what_it_knows_when_the_file_is_locked_or_broken(tmp_path: Path) -> None:
    db = database(tmp_path)
    state.save(db, "lane_state", {KEY: HELD})
    reader = Reader(str(tmp_path / "ledger.db"))
    known = reader.read()
    reader.close()
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("BEGIN EXCLUSIVE")
    assert reader.read() is known
    db.execute("ROLLBACK")
    db.close()
    reader.close()
    (tmp_path / "ledger.db").write_bytes(b"no database " * 1000)
    assert reader.read() is known
    assert "last known" in reader.problem
