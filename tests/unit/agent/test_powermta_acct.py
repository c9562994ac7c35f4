# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""PowerMTA's accounting files become events: each record once, whatever its fields hold and its files go through."""

from __future__ import annotations

import csv
import io
import os
import random
import signal
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mailfleet import events, ledger_store, tail
from mailfleet.commands import ledger as command
from mailfleet.events import Event
from mailfleet.ledger import Ledger
from mailfleet.ledger_names import Names
from mailfleet.ledger_query import Queries
from mailfleet.ledger_source import Powermta
from mailfleet.ledger_store import connect
from mailfleet.notify import Notifier
from mailfleet.powermta_acct import Clock, Record, parse, reply
from mailfleet.powermta_join import Joiner

NOW = 1_795_262_400.0  # 2026-11-21 12:00 UTC
STAMP = "2026-11-21 11:54:05+0000"
VIEW: dict[str, Any] = {
    "backend": "powermta",
    "pools": [
        {
            "name": pool,
            "instance": f"postfix-{pool}",
            "lanes": [
                {"name": isp, "isp": isp, "bind4": f"192.0.2.{last}", "bind6": f"2001:db8::{last}", "connections": 5}
                for isp in ("gmail", "yahoo", "other")
            ],
        }
        for pool, last in (("campaign", 20), ("trans", 10))
    ],
    "elsewhere": [{"domain": "example.com", "return_path": "bounce.example.com", "pool": "campaign"}],
    "isps": [
        {"name": "gmail", "domains": ["gmail.com"], "mx": ["*.google.com"], "retry_after": "10m"},
        {"name": "yahoo", "domains": ["yahoo.com"], "mx": ["*.yahoodns.net"], "retry_after": "10m"},
        {"name": "other", "domains": [], "mx": [], "retry_after": "10m"},
    ],
}
HEADER = (
    "type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,srcType,srcMta,dlvType,"
    "dlvSourceIp,dlvDestinationIp,dlvEsmtpAvailable,dlvSize,vmta,jobId,envId,queue,vmtaPool"
)
SENT = (
    f"d,{STAMP},2026-11-21 11:54:02+0000,b-1@bounce.example.com,u1@gmail.com,,relayed,2.0.0 (success),"
    "smtp;250 2.0.0 OK,mx.google.com (203.0.113.1),,smtp,feeder.example.com (198.51.100.5),smtp,192.0.2.20,203.0.113.1,"
    '"ENHANCEDSTATUSCODES,8BITMIME",41159,ip-192-0-2-20,job1,,gmail.rollup/ip-192-0-2-20,campaign'
)


class Verdict(NamedTuple):
    cls: str
    rule: str
    action: str


def classify(isp: str, text: str) -> Verdict:
    return Verdict("local" if text.startswith("local:") else f"{isp}-{text[:3]}", "some-rule", "retry")


def joined(*rows: str, header: str = HEADER) -> list[Event]:
    text = "".join(f"{row}\r\n" for row in (header, *rows))
    return list(Joiner(Names(VIEW), classify).join(parse(text, header, Clock(NOW))))


def bounce(status: str, diag: str, kind: str = "b", **columns: str) -> Event:
    row = dict.fromkeys(HEADER.split(","), "")
    row.update(
        type=kind, timeLogged=STAMP, orig="b@bounce.example.com", rcpt="u@gmail.com", dsnStatus=status, dsnDiag=diag,
        dlvSourceIp="192.0.2.20", vmta="ip-192-0-2-20", queue="gmail.rollup/ip-192-0-2-20", vmtaPool="campaign",
        **columns,
    )  # fmt: skip
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(row.values())
    (event,) = joined(out.getvalue())
    return event


def test_a_delivery() -> None:
    (event,) = joined(SENT)
    assert event == Event(
        NOW - 355, events.DELIVERED, "campaign", "ip-192-0-2-20", "gmail", "192.0.2.20", "", "example.com", "gmail.com",
        "mx.google.com", "203.0.113.1", 3.0, "2.0.0", "", "250 2.0.0 OK", "", "", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "diag", "result", "text"),
    [
        ("5.1.1 (bad destination mailbox address)", "smtp;550 5.1.1 no", events.BOUNCED, "550 5.1.1 no"),
        ("5.0.0 (undefined status)", "smtp;421 go away", events.BOUNCED, "421 go away"),
        (
            "5.4.7 (delivery time expired)",
            "smtp;554 5.4.7 too late",
            events.BOUNCED,
            "554 5.4.7 too late",
        ),
        ("4.4.7 (delivery time expired)", "", events.EXPIRED, "local: (4.4.7) delivery time expired"),
        ("5.1.2 (bad destination system address)", "", events.BOUNCED, "local: (5.1.2) bad destination system address"),
        ("5.4.4 (unable to route)", "no MX", events.BOUNCED, "local: (5.4.4) unable to route no MX"),
        ("5.7.1 (delivery not authorized)", "", events.REJECTED, "local: (5.7.1) delivery not authorized"),
        ("", "", events.REJECTED, "local: "),
    ],
)
def test_bounces(status: str, diag: str, result: str, text: str) -> None:
    event = bounce(status, diag)
    assert (event.result, event.reply) == (result, text)
    assert bool(event.cls) == (result == events.BOUNCED)


def test_what_is_put_off() -> None:
    event = bounce("4.7.0 (other security status)", "smtp;421 4.7.0 too many", "t")
    assert (event.result, event.cls, event.dsn, event.ip) == (events.DEFERRED, "gmail-421", "4.7.0", "192.0.2.20")
    header = "type,timeLogged,dsnStatus,dsnDiag,dsnMta,dlvType,dlvSourceIp,dlvDestinationIp,vmta,queue"
    row = f"tq,{STAMP},4.4.1 (no answer from host),,mta5.am0.yahoodns.net (203.0.113.9),smtp,0.0.0.0,203.0.113.9"
    (event,) = joined(f"{row},ip-192-0-2-10,example.net/ip-192-0-2-10", header=header)
    # Nobody's attempt: the next host may take the mail.
    assert (event.result, event.pool, event.ip, event.isp) == (events.MOVED, "trans", "192.0.2.10", "yahoo")
    assert (event.domain, event.stage, event.reply) == ("?", "connect", "local: (4.4.1) no answer from host")


def test_what_comes_later() -> None:
    header = "type,timeLogged,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,dsnReportingMta,bounceCat,envId"
    row = (
        f'rb,{STAMP},b@bounce.example.com,u4@gmail.com,,,5.1.1 (x),"smtp;550 5.1.1 no: <u4@gmail.com> in ""RCPT'
        ' TO:<u4@gmail.com>""",mx.google.com (203.0.113.13),my.example.com,bad-mailbox,'
    )
    (event,) = joined(row, header=header)
    assert (event.result, event.pool, event.domain, event.isp, event.ip) == (
        "returned", "campaign", "example.com", "gmail", "",
    )  # fmt: skip
    assert event.reply.endswith('in "RCPT TO:<u4@gmail.com>"')
    assert event.cls == "gmail-550"
    header = "type,timeLogged,format,userAgent,envId,orig,rcpt,reportingMta,dlvSourceIp,feedbackType,reportedDomain"
    (event,) = joined(f"f,{STAMP},arf,x,,,,mta1.yahoodns.net,192.0.2.20,abuse,bounce.example.com", header=header)
    assert (event.result, event.pool, event.ip, event.domain, event.isp, event.cls) == (
        "complained", "campaign", "192.0.2.20", "example.com", "yahoo", "abuse",
    )  # fmt: skip
    (event,) = joined(f"f,{STAMP},arf,x,,,,,,,", header=header)
    assert (event.domain, event.pool, event.isp, event.cls) == ("?", "", "other", "abuse")


def test_columns_are_found_by_name_in_rows_of_any_length() -> None:
    header = "type,vmtaPool,rcpt,timeLogged,dsnStatus,dlvSourceIp,header_X-Own"
    short, long = (
        f"d,trans,a@x.example,{STAMP},2.0.0",
        f"d,trans,a@x.example,{STAMP},2.0.0 (ok),192.0.2.10,own,more,more",
    )
    one, two = joined(short, long, header=header)
    assert (one.pool, one.ip, one.isp) == ("trans", "", "other")
    assert (two.pool, two.ip, two.dsn) == ("trans", "192.0.2.10", "2.0.0")
    # Rows of other kinds, of files put together, and of nothing at all.
    rows = ["r,trans", "x", "", "type,timeLogged,vmtaPool", f"d,{STAMP},campaign", "delivery,,trans"]
    assert [event.pool for event in joined(*rows, header=header)] == ["campaign", "trans"]


def test_other_addresses() -> None:
    assert bounce("4.0.0", "smtp;450 x", "t").ip == "192.0.2.20"
    (event,) = joined(SENT.replace("192.0.2.20", "2001:db8::20"))
    assert (event.pool, event.ip) == ("campaign", "192.0.2.20")
    (event,) = joined(SENT.replace("192.0.2.20", "198.51.100.77").replace(",campaign", ","))
    assert (event.pool, event.ip) == ("campaign", "198.51.100.77")  # gone from the fleet since, known by its sender
    assert not joined(SENT.replace(",smtp,192", ",discard,192"))


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        (STAMP, NOW - 355),
        ("2026-11-21 06:54:05-0500", NOW - 355),
        ("2026-11-21T13:24:05+01:30", NOW - 355),
        ("1795262045", NOW - 355),
        ("2026-13-41 06:54:05-0500", NOW),
        ("yesterday", NOW),
        ("", 0.0),
    ],
)
def test_times(stamp: str, seconds: float) -> None:
    assert Clock(NOW)(stamp) == seconds


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20)


@given(st.lists(st.tuples(st.sampled_from("dbt"), TEXTS, TEXTS), max_size=8))
def test_any_text_in_any_field(rows: list[tuple[str, str, str]]) -> None:
    """Other people's words may hold commas, quotes, line breaks and whole rows."""
    out = io.StringIO()
    csv.writer(out).writerows([kind, STAMP, diag, rcpt] for kind, diag, rcpt in rows)
    found = list(parse(out.getvalue(), "type,timeLogged,dsnDiag,rcpt", Clock(NOW)))
    assert [(row.kind, row.diag, row.rcpt) for row in found] == rows
    for row in found:
        assert isinstance(reply(row).text, str)


@given(st.binary(max_size=200))
def test_nothing_crashes(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert all(isinstance(row, Record) for row in parse(text, text.partition("\n")[0], Clock(NOW)))
    assert 0 <= tail.Table("", []).whole(data) <= len(data)


def test_a_reply_cannot_make_records() -> None:
    forged = f"smtp;550 no\r\nd,{STAMP},,b@bounce.example.com,x@gmail.com"
    assert bounce("5.0.0", forged).result == events.BOUNCED
    assert [event.reply for event in joined(SENT.replace("250 2.0.0 OK", "250 ok\rd"))] == ["250 ok d"]


# ---- the ledger ------------------------------------------------------------------------------------------------------

KINDS = {"d": events.DELIVERED, "b": events.BOUNCED, "t": events.DEFERRED}
WORDS = ("no", 'a "quoted" word', "two\r\nlines", 'comma, and "\r\nd,2026\r\n', "b\u00fccher")


class Fate(NamedTuple):
    kind: str
    ip: str
    isp: str
    words: str


def fates(number: int, seed: int = 1) -> list[Fate]:
    chance = random.Random(seed)
    return [
        Fate(chance.choice("ddddbt"), chance.choice(("192.0.2.10", "192.0.2.20")), chance.choice(("gmail", "yahoo")),
             chance.choice(WORDS))
        for _each in range(number)
    ]  # fmt: skip


def row(number: int, fate: Fate) -> bytes:
    columns = dict.fromkeys(HEADER.split(","), "")
    columns.update(
        type=fate.kind, timeLogged=STAMP, timeQueued=STAMP, orig=f"b-{number}@bounce.example.com",
        rcpt=f"u{number}@x.example", dsnStatus="5.1.1 (x)", dsnDiag=f"smtp;550 {fate.words}", dlvType="smtp",
        dlvSourceIp=fate.ip, queue=f"{fate.isp}.rollup/ip-192-0-2-20",
    )  # fmt: skip
    out = io.StringIO(newline="")
    csv.writer(out).writerow(columns.values())
    return out.getvalue().encode()


class Host:
    """A sender with accounting files, as PowerMTA writes and moves them."""

    def __init__(self, place: Path) -> None:
        self.logs = place / "pmta"
        self.logs.mkdir(parents=True)
        self.path = str(place / "ledger.db")
        self.number = 0
        self.said: list[str] = []

    @property
    def log(self) -> Path:
        return self.logs / f"acct-2026-11-21-{self.number:04}.csv"

    def write(self, data: bytes) -> None:
        new = not self.log.exists()
        with self.log.open("ab") as stream:
            stream.write(f"{HEADER}\r\n".encode() * new + data)

    def ledger(self) -> Ledger:
        return Ledger(self.path, Powermta(Names(VIEW), classify, str(self.logs)), say=self.said.append)

    def catch_up(self) -> None:
        ledger = self.ledger()
        while ledger.step(NOW).more:
            pass
        ledger.close()

    def counted(self) -> Counter[tuple[str, str, str]]:
        db = connect(self.path)
        rows = db.execute("SELECT result, ip, isp, sum(n) FROM ip_day GROUP BY result, ip, isp").fetchall()
        db.close()
        return Counter({tuple(key): number for *key, number in rows})


def truth(all_fates: list[Fate]) -> Counter[tuple[str, str, str]]:
    return Counter((KINDS[fate.kind], fate.ip, fate.isp) for fate in all_fates)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path / "host")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_every_record_once(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Written in pieces that end anywhere, to files that are followed by new ones or moved, read by ledgers that come
    and go."""
    host = Host(tmp_path_factory.mktemp("host"))
    all_fates = fates(data.draw(st.integers(0, 30)), data.draw(st.integers(0, 99)))
    rows = [row(number, fate) for number, fate in enumerate(all_fates)]
    ledger = host.ledger()
    while rows:
        what = data.draw(st.sampled_from(["write", "write", "tear", "read", "restart", "next", "move"]))
        if what == "write":
            host.write(rows.pop(0))
        elif what == "tear":  # the rest is written after a look
            torn = rows.pop(0)
            place = data.draw(st.integers(1, len(torn) - 1))
            host.write(torn[:place])
            ledger.step(NOW)
            host.write(torn[place:])
        elif what == "read":
            ledger.step(NOW)
        elif what == "restart":
            ledger.close()
            ledger = host.ledger()
        elif what == "next":
            host.number += 1
        elif host.log.exists():  # PowerMTA moves it, and begins the next one
            host.log.rename(host.logs / f"acct-moved-{host.number}.csv")
            host.number += 1
    ledger.close()
    host.catch_up()
    assert host.counted() == truth(all_fates)


def in_a_child(work: Any) -> bool:
    """Runs it in a process of its own; whether that was killed."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_killed_at_any_statement(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new process each time, killed one SQL statement later than the last one; new files in between."""
    all_fates = fates(60)
    rows = [row(number, fate) for number, fate in enumerate(all_fates)]
    left = round_ = 0

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
    while killed or rows:
        host.write(b"".join(rows[:2]))
        del rows[:2]
        host.number += round_ % 10 == 5
        left = round_
        killed = in_a_child(lambda: [host.ledger().step(NOW) for _turn in range(2)] and None)
        round_ += 1
    monkeypatch.undo()
    assert round_ > 20
    host.catch_up()
    assert host.counted() == truth(all_fates)


def test_killed_at_any_time_under_load(host: Host) -> None:
    """The service as it runs, killed again and again while records are written and files follow each other."""
    all_fates, chance = fates(4000), random.Random(7)
    rows = [row(number, fate) for number, fate in enumerate(all_fates)]
    stop = threading.Event()
    for start in range(0, len(rows), 400):
        child = os.fork()
        if not child:
            command.serve(host.ledger(), Notifier({}), stop, lambda: NOW)
        for piece in range(start, start + 400, 50):
            data = b"".join(rows[piece : piece + 50])
            place = chance.randrange(len(data))
            host.write(data[:place])
            time.sleep(chance.random() * 0.02)
            host.write(data[place:])
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        host.number += chance.random() < 0.5
    host.catch_up()
    assert host.counted() == truth(all_fates)


def test_a_record_that_a_crash_tore_costs_itself_only(host: Host) -> None:
    good = [fate._replace(words="no") for fate in fates(1000)]
    torn = row(0, Fate("d", "192.0.2.10", "gmail", 'a "word"')).rpartition(b"word")[0] + b"\n"
    host.write(row(0, good[0]) + torn)
    host.catch_up()
    for number, fate in enumerate(good[1:], 1):
        host.write(row(number, fate))
    host.catch_up()
    assert host.counted() == truth(good)


def test_what_the_ledger_answers(host: Host) -> None:
    host.write(f"{SENT}\r\n".encode() + row(1, Fate("t", "192.0.2.20", "gmail", "later")))
    (host.logs / "acct-f-2026-11-21-0000.csv").write_text(
        f"type,timeLogged,dlvSourceIp,orig,rcpt\r\nf,{STAMP},192.0.2.20,b@bounce.example.com,u@gmail.com\r\n"
    )
    (host.logs / "acct-2026-11-20-0000.csv.gz").write_bytes(b"packed")
    (host.logs / "pmta.log").write_text("something else\nsomething else\n")
    host.catch_up()
    ask = Queries(connect(host.path, readonly=True))
    today = ask.today("192.0.2.20", "gmail", NOW)
    assert today.results == {"delivered": 1, "deferred": 1, "complained": 1}
    assert (today.attempts, today.finished) == (2, 1)
    assert ask.domain_today("example.com", "gmail", NOW).results == today.results
    assert ask.latency("campaign", NOW).number == 1
    (found,) = ask.top_replies(NOW)
    assert (found.isp, found.cls, found.number) == ("gmail", "gmail-550", 1)


def test_a_directory_that_is_not_there(host: Host) -> None:
    host.logs.rmdir()
    ledger = host.ledger()
    ledger.step(NOW)
    assert host.said == [
        f"{host.logs}/acct cannot be read (No such file or directory): mail goes on, but is not counted."
    ]
    host.logs.mkdir()
    host.write(row(1, fates(1)[0]))
    assert ledger.step(NOW).events == 1
    assert not ledger.problems
