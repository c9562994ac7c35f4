# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Reads Postfix log lines: what they say about deliveries, line by line, without remembering anything.

Other people's words stand in these lines (addresses, replies), so a line counts only when it is one from its first
character on; whatever else it quotes, it is one line about one thing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple, Union

from mailfleet import events


class Active(NamedTuple):
    """The queue manager takes a message up: at its arrival and at every retry."""

    instance: str
    queue_id: str
    sender: str


class Attempt(NamedTuple):
    """A delivery agent's last word on one recipient, for this time."""

    time: float
    instance: str
    lane: str
    agent: str  # smtp, error, ...
    queue_id: str
    recipient: str
    relay: str
    relay_ip: str
    delay: float
    dsn: str
    status: str
    text: str
    reused: bool = False
    session: float = 0.0  # connecting, with the names' lookup, and transmission


class Turned(NamedTuple):
    """One of the receiver's hosts turned the lane away; another one is asked now."""

    time: float
    instance: str
    lane: str
    queue_id: str
    text: str


class Expired(NamedTuple):
    """The queue manager gave up the recipients that are still waiting."""

    time: float
    instance: str
    queue_id: str


class Aside(NamedTuple):
    """smtpd accepted a message and put it aside, as our policy service asked."""

    time: float
    instance: str
    queue_id: str
    domain: str
    isp: str


class Released(NamedTuple):
    """The message is in the queue again."""

    instance: str
    queue_id: str


class Removed(NamedTuple):
    """The message has left the queue."""

    instance: str
    queue_id: str


Line = Union[Active, Attempt, Turned, Expired, Aside, Released, Removed]

_START = r"([A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ ([^ /\[]+)"
_QUEUE_ID = r"\[\d+\]: ([0-9A-Za-z]{5,}): "
# A quoted local part may hold anything, also what looks like the rest of the line.
_ADDRESS = r'((?:[^">]|"(?:[^"\\]|\\.)*")*)'
_ATTEMPT = re.compile(
    _START + r"(?:/([^ /\[]+))?/([a-z]+)" + _QUEUE_ID + r"to=<" + _ADDRESS + r">, (?:orig_to=<" + _ADDRESS + r">, )?"
    r"relay=([^ ,\[]+)(?:\[([^\]]+)\])?[^ ]*, (conn_use=\d+, )?delay=([\d.]+), delays=[\d.]+/[\d.]+/([\d.]+)/([\d.]+), "
    r"dsn=([\d.]+), status=([a-z]+)(?: \((.*))?"
)
_ACTIVE = re.compile(_START + "/qmgr" + _QUEUE_ID + "from=<" + _ADDRESS + r">, (?:size=\d|status=(?:force-)?(expired))")
_TURNED = re.compile(
    _START + r"(?:/([^ /\[]+))?/smtp" + _QUEUE_ID + r"((?:host \S+ (?:said|refused to talk to me): |"
    # "lost connection with" is left out: it mostly follows a 421 that has been told already.
    r"conversation with \S+ timed out |TLS is required, but |Cannot start TLS).*)"
)
_REMOVED = re.compile(_START + "/(?:qmgr|postsuper)" + _QUEUE_ID + r"removed\Z")
# What mailfleet.policy.hold() wrote, before anything that a client chose.
_ASIDE = re.compile(
    _START
    + r"/(?:[^ /\[]+/)?smtpd"
    + _QUEUE_ID
    + r"hold: DATA from \S+: <DATA>: Data command put aside by mailfleet: (\S+) at (\S+): "
)
_RELEASED = re.compile(_START + "/postsuper" + _QUEUE_ID + r"released from hold\Z")


def parse(text: str, clock: Clock) -> Iterator[Line]:
    """What whole lines say; lines that say nothing about deliveries are passed over."""
    for line in text.split("\n"):
        if ", status=" in line and (match := _ATTEMPT.match(line)):
            (
                stamp, instance, lane, agent, queue_id, recipient, _orig, relay, ip, reused, delay, connecting, sending,
                dsn, status, said,
            ) = match.groups()  # fmt: skip
            # Postfix cuts very long lines, so the closing bracket may be missing.
            said = "" if said is None else said[:-1] if said.endswith(")") else said
            yield Attempt(
                clock(stamp), instance, lane or "", agent, queue_id, recipient, "" if relay == "none" else relay,
                ip or "", float(delay), dsn, status, said, bool(reused), float(connecting) + float(sending),
            )  # fmt: skip
        elif line.endswith(": removed"):
            if match := _REMOVED.match(line):
                yield Removed(match[2], match[3])
        elif line.endswith(": released from hold"):
            if match := _RELEASED.match(line):
                yield Released(match[2], match[3])
        elif ": hold: DATA from " in line:
            if match := _ASIDE.match(line):
                stamp, instance, queue_id, domain, isp = match.groups()
                yield Aside(clock(stamp), instance, queue_id, domain, isp)
        elif "/qmgr[" in line:
            if match := _ACTIVE.match(line):
                stamp, instance, queue_id, sender, expired = match.groups()
                yield Expired(clock(stamp), instance, queue_id) if expired else Active(instance, queue_id, sender)
        elif "/smtp[" in line and (match := _TURNED.match(line)):
            stamp, instance, lane, queue_id, said = match.groups()
            yield Turned(clock(stamp), instance, lane or "", queue_id, said)


class Reply(NamedTuple):
    """What the receiver answered, out of the MTA's sentence about it."""

    text: str
    stage: str
    relay: str
    relay_ip: str


_SAID = re.compile(r"host ([^ \[]+)\[([^ \]]*)\] (?:said|refused to talk to me): ")
_NAMED = re.compile(r"(?:host|with|connect to) ([^ \[]+)\[([^ \]]*)\]")
_IN_REPLY_TO = re.compile(r" \(in reply to ([^()]*)\)\Z")
_WHILE = re.compile(r" (?:while|timed out) (?:sending |receiving |performing )?(.*)\Z")
_STAGES = (
    (("MAIL",), events.MAIL),
    (("RCPT",), events.RCPT),
    (("end of DATA", "end of data", "message body", "final dot"), events.END),
    (("DATA",), events.DATA),
    (("greeting", "EHLO", "HELO", "LHLO", "STARTTLS", "handshake"), events.CONNECT),
)


def reply(text: str, dsn: str = "") -> Reply:
    """Postfix's sentence taken apart; its own findings are marked "local: (code) ..."."""
    said = _SAID.match(text)
    if not said:
        named = _NAMED.search(text)
        relay, ip = (named[1], named[2]) if named else ("", "")
        during = _WHILE.search(text)
        stage = _stage(during[1]) if during else events.CONNECT
        return Reply(f"local: ({dsn}) {text}" if dsn else f"local: {text}", stage, relay, ip)
    answer = text[said.end() :]
    if "refused to talk to me" in said[0]:
        return Reply(answer, events.CONNECT, said[1], said[2])
    command = _IN_REPLY_TO.search(answer)
    if not command:
        return Reply(answer, "", said[1], said[2])
    return Reply(answer[: command.start()], _stage(command[1]), said[1], said[2])


def _stage(words: str) -> str:
    return next((stage for signs, stage in _STAGES if any(sign in words for sign in signs)), "")


class Clock:
    """Seconds since 1970 of a line's stamp. Classic stamps are local time without a year: the year nearest to now."""

    def __init__(self, now: float, local: Callable[[tuple[int, ...]], float] | None = None) -> None:
        self._now = now
        self._local = local or _mktime
        self._stamp = ""
        self._time = 0.0

    def __call__(self, stamp: str) -> float:
        if stamp != self._stamp:  # a busy second has hundreds of lines
            self._time = self._iso(stamp) if stamp[4] == "-" else self._classic(stamp)
            self._stamp = stamp
        return self._time

    def _classic(self, stamp: str) -> float:
        month = _MONTHS.find(stamp[:3]) // 3 + 1
        day, hour, minute, second = int(stamp[4:6]), int(stamp[7:9]), int(stamp[10:12]), int(stamp[13:15])
        year = time.gmtime(self._now).tm_year
        times = [self._local((y, month, day, hour, minute, second, 0, 0, -1)) for y in (year - 1, year, year + 1)]
        return min(times, key=lambda moment: abs(moment - self._now))

    def _iso(self, stamp: str) -> float:
        try:
            return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()
        except ValueError:
            return self._now


_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


def _mktime(fields: tuple[int, ...]) -> float:
    return time.mktime(fields)  # type: ignore[arg-type]
