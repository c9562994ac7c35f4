# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The log parser: lines as Postfix 3.7 and 3.10 wrote them in the lab, and lines that pretend to be something else."""

from __future__ import annotations

import calendar
from typing import Any

import pytest
from mailfleet import postfix_log
from mailfleet.postfix_log import Active, Aside, Attempt, Clock, Expired, Released, Removed, Reply, Turned, parse

NOW = calendar.timegm((2026, 11, 22, 0, 30, 0))
AT = float(calendar.timegm((2026, 11, 21, 23, 56, 32)))
STAMP = "Nov 21 23:56:32 mta21 "
QID = "4jX8Hh0x6Kz2QKB3"
GMAIL = "postfix-campaign/gmail-198-51-100-21/smtp[4358]: " + QID
OTHER = "postfix-campaign/other-198-51-100-22/smtp[4357]: " + QID
QMGR = "postfix-campaign/qmgr[4313]: " + QID


def utc(fields: tuple[int, ...]) -> float:
    return float(calendar.timegm(fields))


def read(text: str, now: float = NOW) -> list[postfix_log.Line]:
    return list(parse(text, Clock(now, utc)))


def attempt(**changes: Any) -> Attempt:
    usual = Attempt(
        AT, "postfix-campaign", "gmail-198-51-100-21", "smtp", QID, "a@gmail.com", "gmail-smtp-in.l.google.com",
        "203.0.113.10", 0.21, "2.0.0", "sent", "250 2.0.0 OK 2a5947c30355 - gsmtp",
        session=0.16,
    )  # fmt: skip
    return usual._replace(**changes)


RELAY = "relay=gmail-smtp-in.l.google.com[203.0.113.10]:25"
DELAYS = "delay=0.21, delays=0.05/0/0.01/0.15"
SENT = "dsn=2.0.0, status=sent (250 2.0.0 OK 2a5947c30355 - gsmtp)"
FULL = (
    "host alt1.gmail-smtp-in.l.google.com[203.0.113.11] said: 452 4.2.2 The recipient's inbox is out of storage space."
    " (in reply to RCPT TO command)"
)
SUSPENDED = (
    "delivery temporarily suspended: host mx01.gmx.net[203.0.113.41] refused to talk to me: 554-gmx.net (mxgmx) Nemesis"
    " ESMTP Service not available 554-No SMTP service 554-IP address is block listed."
)

ODD = '"a>, relay=x[192.0.2.1]:25, delay=1, delays=1/1/1/1, dsn=2.0.0, status=sent (y)"@generic.example'

LINES = {
    "put aside": (
        f"postfix-campaign/smtpd[45]: {QID}: hold: DATA from app[198.51.100.1]: <DATA>: Data command "
        "put aside by mailfleet: example.com at gmail: 421 4.7.28 x; from=<b@example.com> to=<a@gmail.com> helo=<app>",
        Aside(AT, "postfix-campaign", QID, "example.com", "gmail"),
    ),
    "released": (f"postfix-campaign/postsuper[45]: {QID}: released from hold", Released("postfix-campaign", QID)),
    "sent": (f"{GMAIL}: to=<a@gmail.com>, {RELAY}, {DELAYS}, {SENT}", attempt()),
    "over IPv6": (
        f"{GMAIL}: to=<a@gmail.com>, relay=gmail-smtp-in.l.google.com[2001:db8:203::10]:25, {DELAYS}, {SENT}",
        attempt(relay_ip="2001:db8:203::10"),
    ),
    "on a cached connection": (
        f"{GMAIL}: to=<a@gmail.com>, {RELAY}, conn_use=7, {DELAYS}, {SENT}",
        attempt(reused=True),
    ),
    "to an alias": (
        f"{GMAIL}: to=<a@gmail.com>, orig_to=<b@example.com>, {RELAY}, {DELAYS}, {SENT}",
        attempt(),
    ),
    "full mailbox": (
        f"{GMAIL}: to=<full@gmail.com>, relay=alt1.gmail-smtp-in.l.google.com[203.0.113.11]:25, delay=11,"
        f" delays=11/0.01/0.02/0.01, dsn=4.2.2, status=deferred ({FULL})",
        attempt(
            recipient="full@gmail.com", relay="alt1.gmail-smtp-in.l.google.com", relay_ip="203.0.113.11", delay=11.0,
            dsn="4.2.2", status="deferred", text=FULL, session=0.03,
        ),
    ),
    "nobody there": (
        f"{OTHER}: to=<x@down.example>, relay=none, delay=61, delays=61/0/0/0, dsn=4.4.1, status=deferred"
        " (connect to ns1.dns.example[192.0.2.53]:25: Connection refused)",
        attempt(
            lane="other-198-51-100-22", recipient="x@down.example", relay="", relay_ip="", delay=61.0, dsn="4.4.1",
            status="deferred", text="connect to ns1.dns.example[192.0.2.53]:25: Connection refused", session=0.0,
        ),
    ),
    "null MX": (
        f"{OTHER}: to=<x@nullmx.example>, relay=none, delay=0.06, delays=0.06/0/0/0, dsn=5.1.0, status=bounced"
        " (Domain nullmx.example does not accept mail (nullMX))",
        attempt(
            lane="other-198-51-100-22", recipient="x@nullmx.example", relay="", relay_ip="", delay=0.06, dsn="5.1.0",
            status="bounced", text="Domain nullmx.example does not accept mail (nullMX)", session=0.0,
        ),
    ),
    "suspended": (
        f"postfix-campaign/error[4590]: {QID}: to=<r@gmx.net>, relay=none, delay=0.07, delays=0.05/0.01/0/0.01,"
        f" dsn=4.0.0, status=deferred ({SUSPENDED})",
        attempt(
            lane="", agent="error", recipient="r@gmx.net", relay="", relay_ip="", delay=0.07, dsn="4.0.0",
            status="deferred", text=SUSPENDED, session=0.01,
        ),
    ),
    "a quoted local part that looks like the rest": (
        f"{OTHER}: to=<{ODD}>,"
        f" relay=mx.generic.example[203.0.113.90]:25, {DELAYS}, dsn=5.7.1, status=bounced (no)",
        attempt(
            lane="other-198-51-100-22", relay="mx.generic.example", relay_ip="203.0.113.90", dsn="5.7.1",
            recipient=ODD,
            status="bounced", text="no",
        ),
    ),
    "a reply that looks like the rest": (
        f"{GMAIL}: to=<a@gmail.com>, {RELAY}, {DELAYS}, dsn=4.0.0, status=deferred (host x[192.0.2.1] said: 450 >,"
        " relay=y[192.0.2.2]:25, delay=1, delays=1/1/1/1, dsn=2.0.0, status=sent (250 ok))",
        attempt(
            dsn="4.0.0", status="deferred",
            text="host x[192.0.2.1] said: 450 >, relay=y[192.0.2.2]:25, delay=1, delays=1/1/1/1, dsn=2.0.0, status=sent"
            " (250 ok)",
        ),
    ),
    "cut at Postfix's longest line": (
        f"{GMAIL}: to=<a@gmail.com>, {RELAY}, {DELAYS}, dsn=4.0.0, status=deferred (host x[192.0.2.1] said: 450 words",
        attempt(dsn="4.0.0", status="deferred", text="host x[192.0.2.1] said: 450 words"),
    ),
    "taken up": (
        f"{QMGR}: from=<bounces+7@bounce.example.com>, size=2198, nrcpt=1 (queue active)",
        Active("postfix-campaign", QID, "bounces+7@bounce.example.com"),
    ),
    "own report taken up": (
        f"{QMGR}: from=<>, size=4302, nrcpt=1 (queue active)",
        Active("postfix-campaign", QID, ""),
    ),
    "expired": (
        f"{QMGR}: from=<bounces@bounce.example.com>, status=expired, returned to sender",
        Expired(AT, "postfix-campaign", QID),
    ),
    "made to expire": (
        f"{QMGR}: from=<bounces@bounce.example.com>, status=force-expired, returned to sender",
        Expired(AT, "postfix-campaign", QID),
    ),
    "removed": (f"{QMGR}: removed", Removed("postfix-campaign", QID)),
    "deleted by hand": (f"postfix-campaign/postsuper[99]: {QID}: removed", Removed("postfix-campaign", QID)),
    "turned away by one host": (
        f"{GMAIL}: host gmail-smtp-in.l.google.com[203.0.113.10] refused to talk to me: 421 4.7.0 no",
        Turned(
            AT, "postfix-campaign", "gmail-198-51-100-21", QID,
            "host gmail-smtp-in.l.google.com[203.0.113.10] refused to talk to me: 421 4.7.0 no",
        ),
    ),
    "no TLS at one host": (
        f"{GMAIL}: TLS is required, but was not offered by host gmail-smtp-in.l.google.com[203.0.113.10]",
        Turned(
            AT, "postfix-campaign", "gmail-198-51-100-21", QID,
            "TLS is required, but was not offered by host gmail-smtp-in.l.google.com[203.0.113.10]",
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_a_line_says(name: str) -> None:
    line, said = LINES[name]
    assert read(STAMP + line) == [said]


SILENT = [
    f"postfix-campaign/smtpd[4321]: {QID}: client=unknown[198.51.100.1]",
    f"postfix-campaign/cleanup[4322]: {QID}: message-id=<to=<a@b>, status=sent (250)@lab.example>",
    f"postfix-campaign/cleanup[4322]: {QID}: message-id=<x>: removed",
    f"postfix-campaign/bounce[4363]: {QID}: sender non-delivery notification: 4jX8Hh2nDCz2QKBh",
    "postfix-campaign/smtpd[4321]: disconnect from unknown[198.51.100.1] ehlo=1 mail=3 rcpt=3 data=3 commands=11",
    "postfix-campaign/gmail-198-51-100-21/smtp[43]: Untrusted TLS connection established to x[203.0.113.10]:25",
    f"{GMAIL}: lost connection with gmail-smtp-in.l.google.com[203.0.113.10] while sending RCPT TO",
    "postfix-campaign/other-198-51-100-22/smtp[43]: connect to ns1.dns.example[192.0.2.53]:25: Connection refused",
    "postfix-campaign/smtpd[45]: NOQUEUE: reject: RCPT from x[198.51.100.1]: 450 4.7.1 <a@b>: lane is in backoff; "
    f"from=<{GMAIL}: to=<a@gmail.com>, {RELAY}, {DELAYS}, {SENT}> to=<b@c> proto=ESMTP",
    "postfix-campaign/smtpd[45]: NOQUEUE: milter-reject: MAIL from x[198.51.100.1]: 451 4.7.1 try again later",
    f"postfix-campaign/cleanup[45]: {QID}: milter-reject: END-OF-MESSAGE from x[198.51.100.1]: 4.7.1 try again later",
    f"postfix-campaign/postsuper[45]: {QID}: placed on hold",
    f"postfix-campaign/smtpd[45]: {QID}: hold: DATA from x[198.51.100.1]: <DATA>: Data command mine; to=<x>",
    "postfix-campaign/postsuper[45]: Placed on hold: 2 messages",
    "postfix-campaign/scache[4425]: statistics: domain lookup hits=0 miss=1 success=0%",
    "postfix-campaign/postfix-script[12]: refreshing the Postfix mail system",
    "",
]


@pytest.mark.parametrize("line", SILENT)
def test_a_line_says_nothing_about_deliveries(line: str) -> None:
    assert read(STAMP + line) == []


@pytest.mark.parametrize("line", [line for line, _said in LINES.values()])
def test_a_line_counts_only_from_its_first_character_on(line: str) -> None:
    assert read("torn" + STAMP + line) == []
    assert read(f"{STAMP}postfix-campaign/cleanup[1]: {QID}: message-id=<{STAMP}{line}>") == []


STAMPS = {
    "the same year": ("Nov 21 23:56:32", (2026, 11, 22), (2026, 11, 21, 23, 56, 32)),
    "a day of one digit": ("Nov  2 03:04:05", (2026, 11, 22), (2026, 11, 2, 3, 4, 5)),
    "December read in January": ("Dec 31 23:59:59", (2027, 1, 1), (2026, 12, 31, 23, 59, 59)),
    "January read in December, by a clock that was set back": (
        "Jan  1 00:00:05",
        (2026, 12, 31),
        (2027, 1, 1, 0, 0, 5),
    ),
    "a clock that was set back by a week": ("Nov 29 12:00:00", (2026, 11, 22), (2026, 11, 29, 12, 0, 0)),
    "a leap day": ("Feb 29 12:00:00", (2028, 3, 1), (2028, 2, 29, 12, 0, 0)),
    "rsyslog": ("2026-11-21T23:56:32.250000+00:00", (2027, 3, 1), (2026, 11, 21, 23, 56, 32.25)),
    "rsyslog with an offset": ("2026-11-22T01:56:32+02:00", (2026, 11, 22), (2026, 11, 21, 23, 56, 32)),
    "rsyslog in UTC": ("2026-11-21T23:56:32Z", (2026, 11, 22), (2026, 11, 21, 23, 56, 32)),
    "no time at all": ("2026-11-21T99:56:32Z", (2026, 11, 22), (2026, 11, 22, 0, 0, 0)),
}


@pytest.mark.parametrize("name", STAMPS)
def test_the_time_of_a_line(name: str) -> None:
    stamp, now, fields = STAMPS[name]
    (line,) = read(f"{stamp} mta21 {GMAIL}: to=<a@gmail.com>, {RELAY}, {DELAYS}, {SENT}", utc((*now, 0, 0, 0)))
    assert isinstance(line, Attempt)
    assert line.time == utc((*fields[:5], 0)) + fields[5]


def test_lines_of_one_second_share_its_time() -> None:
    line = STAMP + LINES["sent"][0]
    later = line.replace("23:56:32", "23:56:33")
    times = [found.time for found in read("\n".join([line, line, later, line])) if isinstance(found, Attempt)]
    assert times == [AT, AT, AT + 1, AT]


REPLIES = {
    "before the greeting": (
        "host mx00.gmx.net[203.0.113.40] refused to talk to me: 554-gmx.net (mxgmx) not available 554 block listed.",
        Reply("554-gmx.net (mxgmx) not available 554 block listed.", "connect", "mx00.gmx.net", "203.0.113.40"),
    ),
    "at MAIL": (
        "host a.b[203.0.113.40] said: 421 4.7.0 [TSS04] later (in reply to MAIL FROM command)",
        Reply("421 4.7.0 [TSS04] later", "mail", "a.b", "203.0.113.40"),
    ),
    "at RCPT, over IPv6": (
        "host a.b[2001:db8::1] said: 450 4.2.1 too quickly (in reply to RCPT TO command)",
        Reply("450 4.2.1 too quickly", "rcpt", "a.b", "2001:db8::1"),
    ),
    "at DATA": (
        "host a.b[203.0.113.40] said: 451 later (in reply to DATA command)",
        Reply("451 later", "data", "a.b", "203.0.113.40"),
    ),
    "after the message": (
        "host a.b[203.0.113.40] said: 554 spam (in reply to end of DATA command)",
        Reply("554 spam", "end", "a.b", "203.0.113.40"),
    ),
    "cut": (
        "host a.b[203.0.113.40] said: 554 a long story (in reply to",
        Reply("554 a long story (in reply to", "", "a.b", "203.0.113.40"),
    ),
    "refused connection": (
        "connect to a.b[192.0.2.53]:25: Connection refused",
        Reply("local: (4.4.1) connect to a.b[192.0.2.53]:25: Connection refused", "connect", "a.b", "192.0.2.53"),
    ),
    "timeout": (
        "conversation with a.b[203.0.113.20] timed out while sending end of data -- message may be sent more than once",
        Reply(
            "local: (4.4.1) conversation with a.b[203.0.113.20] timed out while sending end of data"
            " -- message may be sent more than once",
            "end", "a.b", "203.0.113.20",
        ),
    ),
    "lost before the greeting": (
        "lost connection with a.b[203.0.113.20] while receiving the initial server greeting",
        Reply(
            "local: (4.4.1) lost connection with a.b[203.0.113.20] while receiving the initial server greeting",
            "connect", "a.b", "203.0.113.20",
        ),
    ),
    "no such domain": (
        "Host or domain name not found. Name service error for name=x.invalid: Host not found",
        Reply(
            "local: (4.4.1) Host or domain name not found. Name service error for name=x.invalid: Host not found",
            "connect", "", "",
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_is_taken_out_of_postfix_words(name: str) -> None:
    text, expected = REPLIES[name]
    assert postfix_log.reply(text, "4.4.1") == expected
