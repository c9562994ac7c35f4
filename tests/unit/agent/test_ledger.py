# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The ledger: every attempt counted once, whatever is killed, locked or full; and what it answers."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mailfleet import cli, ledger_store
from mailfleet.commands import ledger as command
from mailfleet.events import Event
from mailfleet.ledger import Ledger, LedgerError
from mailfleet.ledger_counts import Tally
from mailfleet.ledger_names import Names
from mailfleet.ledger_query import Queries
from mailfleet.ledger_source import Postfix
from mailfleet.ledger_store import Store, connect, day_of
from mailfleet.notify import Notifier

IPS = ("192.0.2.1", "192.0.2.2")
ISPS = {"gmail": "gmail.com", "gmx": "gmx.net", "other": "x.example"}
VIEW = {
    "pools": [
        {
            "name": pool,
            "instance": f"postfix-{pool}",
            "lanes": [
                {"name": f"{isp}-{ip.replace('.', '-')}", "isp": isp, "bind4": ip, "connections": 5}
                for isp in ISPS
                for ip in IPS
            ],
        }
        for pool in ("campaign", "trans")
    ],
    "elsewhere": [{"domain": "example.com", "return_path": "bounce.example.com", "pool": "campaign"}],
    "isps": [{"name": isp, "domains": [domain], "mx": [], "retry_after": "10m"} for isp, domain in ISPS.items()],
}
NOW = time.mktime((2026, 11, 21, 12, 0, 0, 0, 0, -1))
LATER = "dsn=4.7.0, status=deferred (host m[203.0.113.1] said: 450 4.7.0 later (in reply to MAIL FROM command))"
NEVER = "dsn=5.1.1, status=bounced (host m[203.0.113.1] said: 550 5.1.1 no (in reply to RCPT TO command))"
SUSPENDED = "dsn=4.7.0, status=deferred (delivery temporarily suspended: lost connection)"
SENT = "dsn=2.0.0, status=sent (250 ok)"
FATES = ("sent", "deferred", "bounced", "suspended", "expired")


class Verdict(NamedTuple):
    cls: str
    rule: str
    action: str


def classify(isp: str, text: str) -> Verdict:
    return Verdict("rate-limited" if text.startswith("4") else "invalid-recipient", "some-rule", "retry")


def message(number: int, chance: random.Random) -> Iterator[str]:
    """The lines of one message with two recipients."""
    queue_id, isp = f"4jX{number:09d}z2Q", chance.choice(list(ISPS))
    qmgr = f"postfix-campaign/qmgr[7]: {queue_id}"
    smtp = f"postfix-campaign/{isp}-{chance.choice(IPS).replace('.', '-')}/smtp[9]: {queue_id}"
    yield f"{qmgr}: from=<b@bounce.example.com>, size=1, nrcpt=2 (queue active)"
    for name in ("a", "b"):
        to = f"to=<{name}{number}@{ISPS[isp]}>, relay=mx.{ISPS[isp]}[203.0.113.1]:25, delay=0.5, delays=0/0/0/0.5"
        fate = chance.choice(FATES)
        if fate in ("deferred", "expired"):
            yield f"{smtp}: {to}, {LATER}"
        if fate in ("suspended", "expired"):
            yield f"postfix-campaign/error[3]: {queue_id}: {to}, {SUSPENDED}"
        if fate == "bounced":
            yield f"{smtp}: {to}, {NEVER}"
        elif fate != "expired":
            yield f"{smtp}: {to}, {SENT}"
    yield f"{qmgr}: from=<b@bounce.example.com>, status=expired, returned to sender"
    yield f"{qmgr}: removed"


def lines(number: int, seed: int = 1) -> Iterator[str]:
    """The lines of so many messages, some of them under way at once."""
    chance = random.Random(seed)
    waiting = [message(each, chance) for each in range(number)]
    while waiting:
        place = chance.randrange(min(5, len(waiting)))
        line = next(waiting[place], None)
        if line is None:
            del waiting[place]
        else:
            yield f"Nov 21 11:{chance.randrange(50, 60)}:00 mta20 {line}\n"


class Host:
    """A sender's log and ledger."""

    def __init__(self, place: Path) -> None:
        self.logs = place / "log"
        self.logs.mkdir(parents=True)
        self.log = self.logs / "postfix-campaign.log"
        self.path = str(place / "ledger.db")
        self.said: list[str] = []

    def ledger(self, observers: Sequence[Any] = ()) -> Ledger:
        return Ledger(self.path, Postfix(Names(VIEW), classify, str(self.logs)), observers, self.said.append)

    def catch_up(self) -> None:
        ledger = self.ledger()
        while ledger.step(NOW).more:
            pass
        ledger.close()

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that is counted or remembered, but the marks."""
        db = connect(self.path)
        tables = [*ledger_store._KEYS, "messages", "refusals", "replies"]
        found = {table: sorted(db.execute(f"SELECT * FROM {table}").fetchall()) for table in tables}
        db.close()
        return found

    def queries(self) -> Queries:
        return Queries(connect(self.path, readonly=True))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "host")


@pytest.fixture
def truth(tmp_path: Path) -> Callable[[str], dict[str, list[tuple[Any, ...]]]]:
    """What a ledger counts that nothing disturbs."""

    def counted(text: str) -> dict[str, list[tuple[Any, ...]]]:
        calm = Host(tmp_path / "calm")
        calm.log.write_text(text)
        calm.catch_up()
        return calm.dump()

    return counted


def test_it_counts_what_the_log_says(host: Host) -> None:
    text = "".join(lines(100))
    host.log.write_text(text)
    host.catch_up()
    found = host.queries().pool_today("campaign", NOW)
    for result, words in {"delivered": "status=sent", "bounced": "status=bounced"}.items():
        assert found.results[result] == text.count(words)
    assert found.deferred + found.results["suspended"] == text.count("status=deferred")
    # Every message has two recipients, and "expired" stands in each log whether one still waits or not.
    assert found.delivered + found.bounced <= 200 <= found.finished
    assert host.queries().latency("campaign", NOW).number == found.delivered


def in_a_child(work: Callable[[], None]) -> bool:
    """Runs it in a process of its own; whether that was killed."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_killed_at_any_statement(host: Host, truth: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new process each time, killed one SQL statement later than the last one; rotation in between."""
    text = list(lines(12))
    written, round_ = 0, 0
    left = 0

    def killing(path: str, **options: Any) -> sqlite3.Connection:
        db = connect(path, **options)

        def trace(_statement: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        db.set_trace_callback(trace)
        return db

    monkeypatch.setattr(ledger_store, "connect", killing)
    killed = True
    while killed or written < len(text):
        with host.log.open("a") as log:
            log.writelines(text[written : written + 2])
        written += 2
        if round_ % 20 == 10:
            host.log.rename(f"{host.log}.{round_}")
        left = round_
        killed = in_a_child(lambda: [host.ledger().step(NOW) for _turn in range(2)] and None)
        round_ += 1
    monkeypatch.undo()
    assert round_ > 20
    host.catch_up()
    assert host.dump() == truth("".join(text))


def test_killed_at_any_time_under_load(host: Host, truth: Any) -> None:
    """The service as it runs, killed again and again while the log is written and rotated."""
    text, chance = list(lines(400)), random.Random(7)
    host.log.touch()
    stop = threading.Event()

    def serve() -> None:
        command.serve(host.ledger(), Notifier({}), stop, lambda: NOW)

    for start in range(0, len(text), 250):
        child = os.fork()
        if not child:
            serve()
        for piece in range(start, min(start + 250, len(text)), 50):
            with host.log.open("a") as log:
                log.write("".join(text[piece : min(piece + 50, start + 250)]))
            time.sleep(chance.random() * 0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if chance.random() < 0.4:
            host.log.rename(f"{host.log}.{start}")
        elif chance.random() < 0.5:
            shutil.copy2(host.log, f"{host.log}.{start}")
            os.truncate(host.log, 0)
    host.catch_up()
    assert host.dump() == truth("".join(text))


def test_two_ledgers_at_once(host: Host, truth: Any) -> None:
    text = list(lines(200))
    host.log.touch()
    one, two = host.ledger(), host.ledger()
    for start in range(0, len(text), 40):
        with host.log.open("a") as log:
            log.write("".join(text[start : start + 40]))
        one.step(NOW)
        two.step(NOW)
    assert host.dump() == truth("".join(text))


def test_all_logs_are_read_and_an_unreadable_one_does_not_stop_the_others(host: Host) -> None:
    host.log.write_text("".join(lines(3)))
    broken = host.logs / "postfix-trans.log"
    broken.symlink_to(broken.name)
    ledger = host.ledger()
    assert ledger.step(NOW).events
    assert not ledger.step(NOW).events
    assert host.said == [
        f"{broken} cannot be read (Too many levels of symbolic links): mail goes on, but is not counted."
    ]
    assert ledger.problems == host.said
    broken.unlink()
    broken.write_text("".join(lines(3)).replace("postfix-campaign", "postfix-trans"))
    assert ledger.step(NOW).events
    assert not ledger.problems
    assert host.queries().pool_today("trans", NOW).attempts


def test_a_locked_ledger_loses_nothing(host: Host, truth: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_store, "BUSY_SECONDS", 0.05)
    text = "".join(lines(20))
    ledger = host.ledger()
    ledger.step(NOW)
    host.log.write_text(text)
    other = connect(host.path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(
        LedgerError, match=r"ledger.db cannot be written: another program keeps it locked. Mail goes on"
    ):
        ledger.step(NOW)
    other.execute("ROLLBACK")
    other.close()
    ledger.step(NOW)
    assert host.dump() == truth(text)


def test_a_full_disk_loses_nothing(host: Host, truth: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(path: str, **options: Any) -> sqlite3.Connection:
        db = connect(path, **options)
        db.execute("PRAGMA max_page_count = 14")
        return db

    text = "".join(line for line in lines(400) if "removed" not in line)  # so that there is much to remember
    ledger = host.ledger()
    ledger.step(NOW)
    ledger.close()
    host.log.write_text(text)
    monkeypatch.setattr(ledger_store, "connect", small)
    with pytest.raises(LedgerError, match="its disk is full or broken"):
        ledger.step(NOW)
    monkeypatch.undo()
    ledger.step(NOW)
    assert host.dump() == truth(text)


def test_a_ledger_of_a_newer_version_is_left_alone(host: Host) -> None:
    db = connect(host.path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(LedgerError, match="has version 99, this mailfleet knows 2: upgrade it"):
        host.ledger().step(NOW)


def test_a_file_that_is_no_database(host: Host) -> None:
    Path(host.path).write_text("something else " * 100)
    with pytest.raises(LedgerError, match="file is not a database"):
        host.ledger().step(NOW)


class Listener:
    """Writes what it hears into the ledger's database."""

    def __init__(self, fails: bool = False) -> None:
        self.events: list[Event] = []
        self.commits = 0
        self.fails = fails

    def observe(self, db: sqlite3.Connection, events: Sequence[Event]) -> None:
        self.events += events
        db.execute("CREATE TABLE IF NOT EXISTS heard (queue_id TEXT)")
        db.executemany("INSERT INTO heard VALUES (?)", [(event.queue_id,) for event in events])
        if self.fails:
            raise ValueError("broken")

    def committed(self) -> None:
        self.commits += 1


def test_observers_write_in_the_same_transaction(host: Host) -> None:
    host.log.write_text("".join(lines(20)))
    listener = Listener()
    ledger = host.ledger([listener])
    events = ledger.step(NOW).events
    assert len(listener.events) == events
    assert listener.commits == 1
    assert connect(host.path).execute("SELECT count(*) FROM heard").fetchone() == (events,)
    assert not ledger.step(NOW).events
    assert listener.commits == 1


def test_an_observer_that_fails_loses_only_its_own(host: Host, truth: Any) -> None:
    text = "".join(lines(20))
    host.log.write_text(text)
    broken, sound = Listener(fails=True), Listener()
    host.ledger([broken, sound]).step(NOW)
    assert (broken.commits, sound.commits) == (0, 1)
    assert connect(host.path).execute("SELECT count(*) FROM heard").fetchone() == (len(sound.events),)
    assert host.said == [f"Listener failed on {len(sound.events)} events (ValueError('broken')): the counting goes on."]
    assert host.dump() == truth(text)


def test_answers(host: Host) -> None:
    to = "relay=mx.gmail.com[203.0.113.1]:25, delay=90, delays=0/0/0/90"
    smtp = "mta20 postfix-campaign/gmail-192-0-2-1/smtp[9]: 4jX000000001z2Q: to=<a@gmail.com>, " + to
    later = f"{smtp}, {LATER}"
    qmgr = (
        "mta20 postfix-campaign/qmgr[7]: 4jX000000001z2Q: from=<b@bounce.example.com>, size=1, nrcpt=1 (queue active)"
    )
    sent = f"{smtp}, {SENT}"
    stamps = ["Nov 20 10:00:00", "Nov 21 11:00:00", "Nov 21 11:59:00"]
    host.log.write_text("".join(f"{stamp} {line}\n" for stamp in stamps for line in (qmgr, later, later, sent)))
    host.catch_up()
    ask = host.queries()
    today = ask.today("192.0.2.1", "gmail", NOW)
    assert (today.attempts, today.delivered, today.deferred_by_class) == (6, 2, {"rate-limited": 4})
    assert ask.domain_today("example.com", "gmail", NOW) == today == ask.pool_today("campaign", NOW)
    assert ask.all_today(NOW) == {("campaign", "192.0.2.1", "gmail"): today}
    assert ask.all_domains_today(NOW) == {("campaign", "example.com", "gmail"): today}
    assert not ask.today("192.0.2.1", "gmail", NOW + 86400).attempts
    assert {day: found.attempts for day, found in ask.days("192.0.2.1", "gmail").items()} == {
        "2026-11-20": 3,
        "2026-11-21": 6,
    }
    assert list(ask.domain_days("example.com", "gmail")) == ["2026-11-20", "2026-11-21"]
    assert ask.window(1800, NOW)["campaign", "192.0.2.1", "gmail"].attempts == 3
    assert ask.domain_window(1800, NOW)["campaign", "example.com", "gmail"].attempts == 3
    assert ask.latency("campaign", NOW).number == 2
    assert ask.latency("campaign", NOW, 1800).number == 1
    assert 80 <= (ask.latency("campaign", NOW).quantile(0.5) or 0) <= 100
    refusal = ask.last_refusal("192.0.2.1", "gmail")
    assert refusal is not None
    assert (refusal.time, refusal.cls, refusal.reply) == (NOW - 60, "rate-limited", "450 4.7.0 later")
    assert (refusal.rule, refusal.domain, refusal.dsn, refusal.relay) == (
        "some-rule",
        "example.com",
        "4.7.0",
        "mx.gmail.com",
    )
    assert ask.refusals_since(NOW - 60) == [refusal]
    assert ask.refusals_since(NOW) == []
    assert ask.last_refusal("192.0.2.2", "gmail") is None
    (reply,) = ask.top_replies(NOW, "gmail")
    assert (reply.number, reply.cls, reply.reply, reply.time) == (4, "rate-limited", "450 4.7.0 later", NOW - 60)
    assert ask.top_replies(NOW, "gmx") == []


def test_old_days_are_forgotten_by_number_not_by_the_clock(host: Host) -> None:
    store = Store(host.path)
    with store.transaction():
        for day in range(ledger_store.DAYS + 5):
            values = (day_of(NOW + day * 86400), "192.0.2.1", "gmail", "campaign", "delivered", "", 1)
            store.db.execute("INSERT INTO ip_day VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        # A clock that showed another century for a moment costs nothing.
        values = ("2099-01-01", *values[1:])
        store.db.execute("INSERT INTO ip_day VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        store.prune({}, NOW + 200 * 86400)
    (number, oldest) = store.db.execute("SELECT count(*), min(day) FROM ip_day").fetchone()
    assert (number, oldest) == (ledger_store.DAYS + 1, day_of(NOW + 5 * 86400))


def counted(path: str, now: float, *moments: float) -> None:
    """Refusals at these moments, and what a ledger does about old ones."""
    tally = Tally()
    for moment in moments:
        tally.add(
            Event(moment, "deferred", "campaign", "gmail-192-0-2-1", "gmail", "192.0.2.1", "4jX", "example.com",
                  "gmail.com", "mx.google.com", "203.0.113.10", 0.2, "4.7.0", "mail", f"450 at {moment:.0f}",
                  "rate-limited", "some-rule", "retry")
        )  # fmt: skip
    store = Store(path)
    with store.transaction():
        store.add(tally)
        store.prune({}, now)
    store.close()


def test_what_was_counted_before_the_clock_was_set_back_takes_no_place(host: Host) -> None:
    """While the clock was three days ahead it left more slots than are kept."""
    ahead = NOW + 3 * 86400
    counted(host.path, ahead + 100 * 300, *(ahead + slot * 300 for slot in range(100)))
    for minute in (10, 20):
        counted(host.path, NOW + minute * 60, NOW + minute * 60)
    ask = host.queries()
    assert ask.window(3600, NOW + 1200)["campaign", "192.0.2.1", "gmail"].deferred == 2
    last = ask.last_refusal("192.0.2.1", "gmail")
    assert last
    assert last.reply == f"450 at {NOW + 1200:.0f}"
    assert ask.top_replies(NOW + 1200)[0].time == NOW + 1200
    kept = connect(host.path).execute("SELECT count(*) FROM ip_slot").fetchone()[0]
    assert kept == 2 + ledger_store.SLOTS


def test_forgetting_nothing_does_not_walk_through_what_is_kept(host: Host) -> None:
    store, steps = Store(host.path), 0

    def step() -> None:
        nonlocal steps
        steps += 1

    with store.transaction():
        for table, when in (("domain_slot", int(NOW) // 300), ("domain_day", day_of(NOW))):
            store.db.execute(f"INSERT INTO ip_{table[7:]} VALUES (?, 'a', 'b', 'c', 'd', 'e', 1)", (when,))
            rows = [(when, f"d{number}.example", *"abcd", 1) for number in range(2000)]
            store.db.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        store.db.set_progress_handler(step, 1)
        store.prune({}, NOW)
        store.db.set_progress_handler(None, 1)
    assert steps < 1500
    store.close()


def test_the_file_is_bounded(host: Host) -> None:
    store = Store(host.path)
    with store.transaction():
        rows = [
            (day_of(NOW - day * 86400), f"d{number}.example", *"abcd", 1) for day in range(5) for number in range(500)
        ]
        store.db.executemany("INSERT INTO domain_day VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    for _turn in range(10):
        with store.transaction():
            store.prune({}, NOW, file_bytes=150_000)
    days = [day for (day,) in store.db.execute("SELECT DISTINCT day FROM domain_day ORDER BY day")]
    assert 1 <= len(days) < 5
    assert days[-1] == day_of(NOW)


def test_marks_of_files_that_are_there_stay(host: Host, truth: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_store, "MARKS_PER_LOG", 2)
    text = list(lines(30))
    ledger = host.ledger()
    size = len(text) // 6 + 1
    for number, start in enumerate(range(0, len(text), size)):
        host.log.write_text("".join(text[start : start + size]))
        ledger.step(NOW)
        host.log.rename(f"{host.log}.{number}")
    ledger.step(NOW + 100)
    host.log.write_text("")
    ledger.step(NOW + 200)
    assert host.dump() == truth("".join(text))
    for number in range(6):
        Path(f"{host.log}.{number}").unlink()
    ledger.step(NOW + 300)
    assert connect(host.path).execute("SELECT count(*) FROM marks").fetchone() == (2,)


def test_the_command_catches_up(host: Host, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    host.log.write_text("".join(lines(10)))
    config = tmp_path / "agent.json"
    config.write_text(json.dumps(VIEW))
    words = ["ledger", "catch-up", "--config", str(config), "--database", host.path, "--logs", str(host.logs)]
    assert cli.main([*words, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["lines"] == len(list(lines(10)))
    assert summary["events"] == host.queries().pool_today("campaign", time.time()).attempts or summary["events"]
    assert cli.main(words) == 0
    assert capsys.readouterr().out.startswith("0 lines read, 0 events counted in ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "No such file or directory"),
        ("{", "is no view of a host"),
        ('{"pools": ["x"]}', "is no view of a host"),
        ("{}", "is no view of a host"),
    ],
)
def test_the_command_names_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, said: str
) -> None:
    config = tmp_path / "agent.json"
    if text is not None:
        config.write_text(text)
    assert cli.main(["ledger", "catch-up", "--config", str(config), "--database", str(tmp_path / "x.db")]) == 2
    assert said in capsys.readouterr().err


class Calls(Notifier):
    def __init__(self, stop: threading.Event, after: int) -> None:
        super().__init__({})
        self.sent: list[str] = []
        self._stop, self._after = stop, after

    def _send(self, text: str) -> None:
        self.sent.append(text)
        if self.sent.count("WATCHDOG=1") >= self._after:
            self._stop.set()


def test_the_service_says_once_that_it_cannot_write(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ledger_store, "BUSY_SECONDS", 0.01)
    monkeypatch.setattr(command, "RETRY_SECONDS", (0.01,))
    monkeypatch.setattr(command, "POLL_SECONDS", 0.01)
    host.ledger().step(NOW)
    host.log.write_text("".join(lines(5)))
    other = connect(host.path)
    other.execute("BEGIN IMMEDIATE")
    stop = threading.Event()
    calls = Calls(stop, 3)
    command.serve(host.ledger(), calls, stop, lambda: NOW)
    other.execute("ROLLBACK")
    stop.clear()
    again = Calls(stop, 2)
    command.serve(host.ledger(), again, stop, lambda: NOW)
    said = capsys.readouterr().err
    assert said.count("another program keeps it locked") == 1
    assert calls.sent[0] == "READY=1\nSTATUS="
    assert calls.sent[-1] == "STOPPING=1"
    assert again.sent == ["READY=1\nSTATUS=", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]
    assert host.queries().pool_today("campaign", NOW).attempts


class Keeping:
    """Notes what the service says about the clock, and to whom it says it first."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, float]] = []

    def clock_set(self, db: sqlite3.Connection, seconds: float, now: float) -> None:
        self.heard.append(("set by", seconds))

    def observe(self, db: sqlite3.Connection, events: Sequence[Event]) -> None:
        self.heard.append(("events", len(events)))

    def tick(self, db: sqlite3.Connection, now: float) -> None:
        self.heard.append(("tick", now - NOW))

    def committed(self) -> None:
        pass

    def stopping(self) -> None:
        self.heard.append(("stopping", 0))


def test_the_service_notices_that_the_clock_was_set(
    host: Host, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before it reads what was logged since; a database that is locked delays it."""
    monkeypatch.setattr(ledger_store, "BUSY_SECONDS", 0.01)
    monkeypatch.setattr(command, "RETRY_SECONDS", (0.01,))
    monkeypatch.setattr(command, "POLL_SECONDS", 0.0)
    other = connect(host.path)
    walls = [0.0, 1.0, 3602.0, 3603.0, 4.0]

    def clock() -> float:
        if len(walls) == 3:
            host.log.write_text("".join(lines(1)))
            other.execute("BEGIN IMMEDIATE")
        elif other.in_transaction:
            other.execute("ROLLBACK")
        return NOW + walls.pop(0)

    keeping, stop = Keeping(), threading.Event()
    counting = iter(range(9))
    command.serve(host.ledger([keeping]), Calls(stop, 5), stop, clock, keeping, lambda: next(counting))
    events = [number for what, number in keeping.heard if what == "events"]
    assert len(events) == 1
    assert keeping.heard == [
        ("tick", 0), ("tick", 1), ("set by", 3600), ("events", *events), ("tick", 3603), ("set by", -3600),
        ("tick", 4), ("stopping", 0),
    ]  # fmt: skip
    said = capsys.readouterr().err.splitlines()
    assert "The clock was set forward by 3600 s." in said
    assert said[-1] == "The clock was set back by 3600 s."
