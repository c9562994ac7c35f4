# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Reads PowerMTA's accounting files: what their records say, one by one, without remembering anything.

Columns are found by their names in the header, because every file has its own, and rows may be shorter or longer.
"""

from __future__ import annotations

import csv
import io
import re
from calendar import timegm
from collections.abc import Iterator, Sequence
from typing import NamedTuple

DELIVERY, BOUNCE, TRANSIENT, QUEUE, REMOTE_BOUNCE, FEEDBACK = "d", "b", "t", "tq", "rb", "f"
# The form of a file may have them written out.
_KINDS = {
    "delivery": DELIVERY,
    "bounce": BOUNCE,
    "transient": TRANSIENT,
    "transient-queue": QUEUE,
    "remote-bounce": REMOTE_BOUNCE,
    "feedback-loop": FEEDBACK,
    **{kind: kind for kind in (DELIVERY, BOUNCE, TRANSIENT, QUEUE, REMOTE_BOUNCE, FEEDBACK)},
}
_HEADER = "type"


class Record(NamedTuple):
    """A row, by the columns that count; "" where the file has none."""

    kind: str
    time: float
    queued: float  # when the message came in; 0.0 when the row does not say
    orig: str
    rcpt: str
    status: str
    diag: str
    mta: str
    category: str
    delivery: str  # smtp, pipe, discard, file
    source_ip: str
    destination_ip: str
    vmta: str
    queue: str
    pool: str
    feedback: str
    reported_domain: str
    reporting_mta: str


_COLUMNS = (
    "type", "timeLogged", "timeQueued", "orig", "rcpt", "dsnStatus", "dsnDiag", "dsnMta", "bounceCat", "dlvType",
    "dlvSourceIp", "dlvDestinationIp", "vmta", "queue", "vmtaPool", "feedbackType", "reportedDomain", "reportingMta",
)  # fmt: skip


class Clock:
    """Seconds since 1970 of `2024-02-08 21:54:05+0000`, or of such a number; ``now`` of what is neither."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._known: dict[str, float] = {"": 0.0}

    def __call__(self, stamp: str) -> float:
        found = self._known.get(stamp)
        if found is None:
            if len(self._known) > 1000:  # a busy second has hundreds of records
                self._known = {"": 0.0}
            found = self._known[stamp] = self._read(stamp)
        return found

    def _read(self, stamp: str) -> float:
        match = _STAMP.match(stamp)
        try:
            if not match:
                return float(stamp) if stamp.isdecimal() else self._now
            *fields, sign, hours, minutes = match.groups()
            offset = int(f"{sign}1") * (int(hours) * 60 + int(minutes)) * 60
            return float(timegm((*map(int, fields), 0, 0, 0)) - offset)
        except (ValueError, OverflowError):
            return self._now


_STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)([+-])(\d\d):?(\d\d)\Z")


def parse(text: str, header: str, clock: Clock) -> Iterator[Record]:
    """The records of whole rows; ``header`` is the first line of their file. Other kinds of rows are passed over."""
    if text.count('"') % 2:
        return  # a row that a crash tore
    places, width = _places(next(_rows(header), []))
    blanks = [""] * width
    for row in _rows(text):
        if not row:
            continue
        kind = _KINDS.get(row[0])
        if kind is None:
            if row[0] == _HEADER:  # also in the middle, where files were put together
                places, width = _places(row)
                blanks = [""] * width
            continue
        if len(row) != width:
            row = (row + blanks)[:width]
        row.append("")
        _kind, logged, queued, *rest = [row[place] for place in places]
        time = clock(logged)
        yield Record(kind, time, clock(queued), *rest)


def _rows(text: str) -> Iterator[list[str]]:
    # Only a line feed ends a row: whoever puts something else into a reply must not make rows.
    text = text.replace("\r\n", "\n")
    if "\r" in text or "\0" in text:
        text = text.replace("\r", " ").replace("\0", " ")
    reader = csv.reader(io.StringIO(text, newline="\n"))
    while True:
        try:
            yield from reader
            return
        except csv.Error:
            continue  # a row that is none


def _places(header: Sequence[str]) -> tuple[list[int], int]:
    """Where the columns are; one that is missing is in the empty place behind the row."""
    found = {name.strip(): place for place, name in enumerate(header)}
    return [found.get(name, len(header)) for name in _COLUMNS], len(header)


class Reply(NamedTuple):
    text: str
    asked: bool  # a receiver said it


def reply(record: Record) -> Reply:
    """What the receiver answered; PowerMTA's own findings are marked "local: (code) ..."."""
    kind, separator, text = record.diag.partition(";")
    if separator and kind.strip().lower() == "smtp" and text.strip():
        return Reply(text.strip(), asked=True)
    code, _blank, words = record.status.partition(" ")
    said = " ".join(part for part in (words.strip("()"), record.diag) if part)
    return Reply(f"local: ({code}) {said}" if code else f"local: {said}", asked=False)


_HOST = re.compile(r"(?P<name>[^\s()]*)\s*(?:\((?P<ip>[^()]*)\))?")


def host(text: str) -> tuple[str, str]:
    """Name and address of `mx.example.com (192.0.2.1)`, either of which may be missing."""
    match = _HOST.match(text.strip())
    return (match["name"] or "", match["ip"] or "") if match else ("", "")
