# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Joining log lines into events: sender domains, lanes of expired and suspended mail, ISPs where no lane is known."""

from __future__ import annotations

import calendar
from typing import NamedTuple

import pytest
from mailfleet.events import Event
from mailfleet.ledger_join import Joiner, Message
from mailfleet.ledger_names import Names
from mailfleet.postfix_log import Clock, parse

VIEW = {
    "pools": [
        {
            "name": "campaign",
            "instance": "postfix-campaign",
            "lanes": [
                {"name": "gmail-198-51-100-21", "isp": "gmail", "bind4": "198.51.100.21"},
                {"name": "t-online-198-51-100-21", "isp": "t-online", "bind4": "198.51.100.21"},
                {"name": "other-198-51-100-21", "isp": "other", "bind4": "198.51.100.21"},
            ],
        }
    ],
    "elsewhere": [
        {"domain": "example.com", "return_path": "bounce.example.com", "pool": "campaign"},
        {"domain": "example.org", "return_path": "example.org", "pool": "campaign"},
    ],
    "isps": [
        {"name": "gmail", "domains": ["gmail.com"], "mx": ["*.google.com"]},
        {"name": "gmx", "domains": ["gmx.net"], "mx": ["*.gmx.net", "mx.special.example"]},
        {"name": "other", "domains": [], "mx": []},
    ],
}
NOW = calendar.timegm((2026, 11, 22, 0, 0, 0))


class Verdict(NamedTuple):
    cls: str
    rule: str
    action: str


def classify(isp: str, text: str) -> Verdict:
    return Verdict(f"class of {isp}", text[:7], "retry")


class Memory:
    """What a store keeps between two transactions."""

    def __init__(self) -> None:
        self.messages: dict[tuple[str, str], Message] = {}

    def read(self, text: str) -> list[Event]:
        """One transaction."""
        joiner = Joiner(Names(VIEW), classify, lambda instance, queue_id: self.messages.get((instance, queue_id)))
        lines = "\n".join(f"Nov 21 23:56:32 mta21 {line.strip()}" for line in text.strip().splitlines())
        events = list(joiner.join(parse(lines, Clock(NOW))))
        self.messages.update(joiner.messages)
        self.messages = {key: message for key, message in self.messages.items() if not message.gone}
        return events


QMGR = "postfix-campaign/qmgr[4313]: 4jX8Hh0x6Kz2QKB3"
GMAIL = "postfix-campaign/gmail-198-51-100-21/smtp[4358]: 4jX8Hh0x6Kz2QKB3"
GONE = "postfix-campaign/gmx-198-51-100-99/smtp[4358]: 4jX8Hh0x6Kz2QKB3"
ERROR = "postfix-campaign/error[4590]: 4jX8Hh0x6Kz2QKB3"
TAKEN = f"{QMGR}: from=<b+1@bounce.example.com>, size=2198, nrcpt=1 (queue active)"
NONE = "relay=none, delay=61, delays=61/0/0/0"
RELAY = "relay=mx.google.com[203.0.113.10]:25, delay=61, delays=61/0/0/0"
SENT = "dsn=2.0.0, status=sent (250 ok)"
SAID = "host mx.google.com[203.0.113.10] said"
LATER = f"dsn=4.7.0, status=deferred ({SAID}: 421 4.7.0 later (in reply to MAIL FROM command))"
NEVER = f"dsn=5.1.1, status=bounced ({SAID}: 550 5.1.1 who (in reply to RCPT TO command))"
EXPIRED = f"{QMGR}: from=<b@bounce.example.com>, status=expired, returned to sender"
REFUSED = "host a.gmx.net[203.0.113.4] refused to talk to me: 554"
SUSPENDED = f"dsn=4.7.1, status=deferred (delivery temporarily suspended: {REFUSED})"

# What is said -> (result, lane, isp, ip, domain, class) of each event.
CASES = {
    "delivered": (
        f"{TAKEN}\n{GMAIL}: to=<a@gmail.com>, {RELAY}, {SENT}\n{QMGR}: removed",
        [("delivered", "gmail-198-51-100-21", "gmail", "198.51.100.21", "example.com", "")],
    ),
    "deferred, then delivered": (
        f"{TAKEN}\n{GMAIL}: to=<a@gmail.com>, {RELAY}, {LATER}\n{GMAIL}: to=<a@gmail.com>, {RELAY}, {SENT}",
        [
            ("deferred", "gmail-198-51-100-21", "gmail", "198.51.100.21", "example.com", "class of gmail"),
            ("delivered", "gmail-198-51-100-21", "gmail", "198.51.100.21", "example.com", ""),
        ],
    ),
    "expired: every recipient that still waits, by its last lane": (
        f"{TAKEN}\n{GMAIL}: to=<a@gmail.com>, {RELAY}, {LATER}\n{GMAIL}: to=<b@gmail.com>, {RELAY}, {LATER}\n"
        f"{GMAIL}: to=<c@gmail.com>, {RELAY}, {LATER}\n{GMAIL}: to=<b@gmail.com>, {RELAY}, {SENT}\n"
        f"{GONE}: to=<c@gmail.com>, {RELAY}, {LATER}\n{EXPIRED}",
        [("deferred", "gmail-198-51-100-21", "gmail", "198.51.100.21", "example.com", "class of gmail")] * 3
        + [
            ("delivered", "gmail-198-51-100-21", "gmail", "198.51.100.21", "example.com", ""),
            ("deferred", "gmx-198-51-100-99", "gmx", "198.51.100.99", "example.com", "class of gmx"),
            ("expired", "gmail-198-51-100-21", "gmail", "198.51.100.21", "example.com", ""),
            ("expired", "gmx-198-51-100-99", "gmx", "198.51.100.99", "example.com", ""),
        ],
    ),
    "expired without a try that was seen": (
        f"{TAKEN}\n{EXPIRED}",
        [("expired", "", "", "", "example.com", "")],
    ),
    "expired after it was only suspended": (
        f"{TAKEN}\n{ERROR}: to=<r@hosted.example>, {NONE}, {SUSPENDED}\n{EXPIRED}",
        [("suspended", "", "gmx", "", "example.com", ""), ("expired", "", "gmx", "", "example.com", "")],
    ),
    "put off by steering, which knows the ISP of a hosted domain": (
        f"{TAKEN}\n{ERROR}: to=<r@hosted.example>, {NONE}, dsn=4.7.1, status=deferred "
        "(198.51.100.21 at gmail (and 1 more address of pool campaign): stopped after: 421 4.7.28 too much)",
        [("suspended", "", "gmail", "", "example.com", "")],
    ),
    "suspended after a try keeps its lane": (
        f"{TAKEN}\n{GMAIL}: to=<a@gmail.com>, {RELAY}, {LATER}\n"
        f"{ERROR}: to=<a@gmail.com>, {NONE}, {SUSPENDED}\n{EXPIRED}",
        [
            ("deferred", "gmail-198-51-100-21", "gmail", "198.51.100.21", "example.com", "class of gmail"),
            ("suspended", "gmail-198-51-100-21", "gmail", "198.51.100.21", "example.com", ""),
            ("expired", "gmail-198-51-100-21", "gmail", "198.51.100.21", "example.com", ""),
        ],
    ),
    "held back by the steering": (
        f"{TAKEN}\n{ERROR}: to=<a@gmail.com>, {NONE}, dsn=4.7.1, status=deferred (gmail takes nothing now)",
        [("suspended", "", "gmail", "", "example.com", "")],
    ),
    "given up without asking": (
        f"{TAKEN}\n{ERROR}: to=<a@b.example>, {NONE}, dsn=5.7.1, status=bounced (nothing goes there)",
        [("rejected", "", "other", "", "example.com", "")],
    ),
    "bounced": (
        f"{TAKEN}\n{GMAIL}: to=<a@gmail.com>, {RELAY}, {NEVER}",
        [("bounced", "gmail-198-51-100-21", "gmail", "198.51.100.21", "example.com", "class of gmail")],
    ),
    "turned away by one host": (
        f"{TAKEN}\n{GMAIL}: host mx.google.com[203.0.113.10] refused to talk to me: 421 4.7.0 no",
        [("moved", "gmail-198-51-100-21", "gmail", "198.51.100.21", "example.com", "class of gmail")],
    ),
    "the MTA's own report": (
        f"{QMGR}: from=<>, size=2198, nrcpt=1 (queue active)\n{GMAIL}: to=<a@gmail.com>, {RELAY}, {SENT}",
        [("delivered", "gmail-198-51-100-21", "gmail", "198.51.100.21", "", "")],
    ),
    "a message whose beginning is not there": (
        f"{GMAIL}: to=<a@gmail.com>, {RELAY}, {SENT}",
        [("delivered", "gmail-198-51-100-21", "gmail", "198.51.100.21", "?", "")],
    ),
    "a sender that is no fleet domain": (
        f"{QMGR}: from=<x@Elsewhere.Example>, size=1, nrcpt=1 (queue active)\n"
        f"{GMAIL}: to=<a@gmail.com>, {RELAY}, {SENT}",
        [("delivered", "gmail-198-51-100-21", "gmail", "198.51.100.21", "elsewhere.example", "")],
    ),
    "no lane's name in the line": (
        f"{TAKEN}\npostfix-campaign/smtp[4]: 4jX8Hh0x6Kz2QKB3: to=<a@hosted.example>, {RELAY}, {SENT}",
        [("delivered", "", "gmail", "", "example.com", "")],
    ),
    "an address probe": (
        f"{TAKEN}\n{GMAIL}: to=<a@gmail.com>, {RELAY}, dsn=2.1.5, status=deliverable (250 ok)",
        [],
    ),
    "delivered to nothing": (
        f"{TAKEN}\npostfix-campaign/discard[4]: 4jX8Hh0x6Kz2QKB3: to=<a@b>, {NONE}, dsn=2.0.0, status=sent (b)",
        [],
    ),
    "an instance that is no pool": (
        f"{GMAIL.replace('postfix-campaign', 'postfix-entry')}: to=<a@gmail.com>, {RELAY}, {SENT}",
        [],
    ),
}  # fmt: skip


def short(event: Event) -> tuple[str, ...]:
    return (event.result, event.lane, event.isp, event.ip, event.domain, event.cls)


@pytest.mark.parametrize("name", CASES)
def test_lines_become_events(name: str) -> None:
    text, expected = CASES[name]
    assert [short(event) for event in Memory().read(text)] == expected


@pytest.mark.parametrize("name", CASES)
def test_it_makes_no_difference_where_a_transaction_ends(name: str) -> None:
    text, expected = CASES[name]
    memory = Memory()
    found = [event for line in text.splitlines() for event in memory.read(line)]
    assert [short(event) for event in found] == expected


def test_a_removed_message_is_forgotten() -> None:
    memory = Memory()
    memory.read(TAKEN)
    assert len(memory.messages) == 1
    memory.read(f"{QMGR}: removed")
    assert not memory.messages


def test_an_event_carries_the_reply() -> None:
    (event,) = Memory().read(f"{GMAIL}: to=<a@GMAIL.com>, {RELAY}, {LATER}")
    assert (event.reply, event.stage, event.relay, event.relay_ip) == (
        "421 4.7.0 later",
        "mail",
        "mx.google.com",
        "203.0.113.10",
    )
    assert (event.recipient_domain, event.delay, event.dsn) == ("gmail.com", 61.0, "4.7.0")
    assert (event.rule, event.action) == ("421 4.7", "retry")


@pytest.mark.parametrize(
    ("domain", "host", "isp"),
    [
        ("gmail.com", "", "gmail"),
        ("gmail.com", "mx.gmx.net", "gmail"),
        ("hosted.example", "aspmx.l.Google.com", "gmail"),
        ("hosted.example", "google.com", "other"),
        ("hosted.example", "mx.special.example", "gmx"),
        ("hosted.example", "sub.mx.special.example", "other"),
        ("hosted.example", "notgoogle.com", "other"),
        ("", "", "other"),
    ],
)
def test_the_isp_where_no_lane_is_known(domain: str, host: str, isp: str) -> None:
    assert Names(VIEW).isp(domain, host) == isp
