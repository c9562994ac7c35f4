# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Accounting records as PowerMTA writes them: which fields a record type has, and its line. Pure."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Mapping
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_values import RECORDS


def _names(words: str) -> list[str]:
    return words.split()


_DELIVERY = _names(
    "type timeLogged timeQueued orig rcpt orcpt dsnAction dsnStatus dsnDiag dsnMta bounceCat srcType srcMta dlvType"
    " dlvSourceIp dlvDestinationIp dlvEsmtpAvailable dlvSize vmta jobId envId queue vmtaPool"
)
DEFAULT_FIELDS = {
    "d": _DELIVERY,
    "b": _DELIVERY,
    "t": [name for name in _DELIVERY if name != "dlvSize"],
    "tq": _names("type timeLogged bounceCat dsnStatus dsnDiag dsnMta dlvType dlvSourceIp dlvDestinationIp vmta queue"),
    "r": _names(
        "type timeLogged orig rcpt orcpt srcType srcMta rcvSourceIp rcvDestinationIp vmta vmtaPool jobId envId"
    ),
    "rb": _names(
        "type timeLogged orig rcpt orcpt dsnAction dsnStatus dsnDiag dsnMta dsnReportingMta bounceCat srcType srcMta"
        " envId format"
    ),
    "f": _names(
        "type timeLogged format userAgent envId orig rcpt reportingMta dlvSourceIp feedbackType reportedDomain"
        " header_From header_Return-Path header_X-job header_Subject"
    ),
}
DEFAULT_FIELDS["rs"] = DEFAULT_FIELDS["rb"]


class Layout:
    """The record types of one accounting file, and the columns of its header."""

    def __init__(self, block: Block) -> None:
        wanted = (block.last("records") or "d,b").replace(" ", "").split(",")
        self.types = [RECORDS[name] for name in wanted if name in RECORDS]
        self.fields = {kind: list(DEFAULT_FIELDS[kind]) for kind in self.types}
        for setting in block.of("record-fields"):
            kinds, _blank, names = setting.value.replace("\t", " ").partition(" ")
            for kind in {RECORDS[kind] for kind in kinds.split(",") if kind in RECORDS} & set(self.types):
                self.fields[kind] = _chosen(kind, [name.strip() for name in names.split(",")])
        # One header for all types: the union of their columns, "type" first.
        self.header = list(dict.fromkeys(["type", *(name for kind in self.types for name in self.fields[kind])]))
        self.iso_times = (block.last("iso-times") or "yes") in ("yes", "true")
        self.user_string = (block.last("user-string") or "").strip('"')

    def line(self, record: Mapping[str, Any]) -> str:
        own = self.fields[record["type"]]
        times = {name: self._time(record[name]) for name in ("timeLogged", "timeQueued") if name in record}
        found = {**record, "userString": self.user_string, **times}
        return _csv([str(found.get(name, "")) if name == "type" or name in own else "" for name in self.header])

    def headline(self) -> str:
        return _csv(self.header)

    def _time(self, at: float) -> str:
        if not self.iso_times:
            return str(int(at))
        return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S+0000")


def _chosen(kind: str, names: list[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        if name == "*":
            found += DEFAULT_FIELDS[kind]
        elif name.startswith("!"):
            found = [other for other in found if other != name[1:]]
        else:
            found.append(name)
    return list(dict.fromkeys(["type", *found]))


def _csv(row: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(row)
    return text.getvalue()
