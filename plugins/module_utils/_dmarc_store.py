# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The evidence on disk: reports in SQLite, each once, beside the days on which stages were reached.

Rows are summed as they come, so the file grows with sources and days, not with reports. This module util is PRIVATE to
the collection; it is the only one that opens the file.
"""

from __future__ import annotations

import datetime
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_evidence import Known, runs, summarize
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_reports import Report, Row

KEEP = 400  # days
_SCHEMA = """
create table if not exists reports (org text, number text, domain text, day text,
  primary key (org, number, domain)) without rowid;
create table if not exists rows (day text, domain text, source text, passed int, forwarded int, dkim text, spf text,
  messages int, primary key (day, domain, source, passed, forwarded, dkim, spf)) without rowid;
create table if not exists seen (domain text, day text, policy text, testing text,
  primary key (domain, day, policy, testing)) without rowid;
create table if not exists stages (domain text primary key, stage text, since text) without rowid;
create table if not exists unsigned (org text, number text, domain text, day text, messages int,
  primary key (org, number, domain)) without rowid;
create table if not exists names (source text primary key, name text, day text) without rowid;
"""
_ADD = (
    "insert into rows values (?, ?, ?, ?, ?, ?, ?, ?) on conflict do update set messages = messages + excluded.messages"
)


class Store:
    """Raises sqlite3.Error."""

    def __init__(self, path: str, readonly: bool = False) -> None:
        address = f"file:{path}?mode=ro" if readonly else f"file:{path}"
        self._base = sqlite3.connect(address, uri=True, timeout=30)
        if not readonly:
            self._base.executescript(_SCHEMA)

    def close(self) -> None:
        self._base.close()

    def add(self, reports: Iterable[Report]) -> tuple[int, int]:
        """(new, known already). All or nothing."""
        new = known = 0
        with self._base:
            for report in reports:
                inserted = self._base.execute(
                    "insert or ignore into reports values (?, ?, ?, ?)", (*report.key, report.days[-1])
                )
                if not inserted.rowcount:
                    known += 1
                    continue
                new += 1
                self._base.executemany(_ADD, map(_stored, report.rows))
                seen = [(report.domain, day, report.policy, report.testing) for day in report.days]
                self._base.executemany("insert or ignore into seen values (?, ?, ?, ?)", seen)
        return new, known

    def put_aside(self, reports: Iterable[Report]) -> int:
        """Reports that prove nothing, to be shown; returns how many are new."""
        rows = [(*report.key, report.days[-1], sum(row.messages for row in report.rows)) for report in reports]
        with self._base:
            return self._base.executemany("insert or ignore into unsigned values (?, ?, ?, ?, ?)", rows).rowcount

    def prune(self, today: datetime.date) -> None:
        oldest = (today - datetime.timedelta(days=KEEP)).isoformat()
        with self._base:
            for table in ("reports", "rows", "seen", "unsigned", "names"):
                self._base.execute(f"delete from {table} where day < ?", (oldest,))

    def evidence(self, known: Known, today: datetime.date, window: int) -> dict[str, dict[str, Any]]:
        """By domain of the fleet: days, sources, runs of policies, and the recorded stage."""
        first = (today - datetime.timedelta(days=window)).isoformat()
        found = summarize(self._rows(first, today.isoformat()), known)
        seen = self._base.execute(
            "select domain, day, group_concat(policy || ' ' || testing) from seen group by domain, day"
        )
        shown = runs(seen)
        recorded = {domain: [stage, since] for domain, stage, since in self._base.execute("select * from stages")}
        names = dict(self._base.execute("select source, name from names"))
        unsigned = self._unsigned(known, first, today.isoformat())
        for domain in known.senders:
            entry = found.setdefault(domain, {"days": [], "sources": [], "more_sources": 0})
            entry.update(seen=shown.get(domain, []), recorded=recorded.get(domain), unsigned=unsigned.get(domain, []))
            for source in entry["sources"]:
                source["name"] = names.get(source["source"], "")
        return found

    def _rows(self, first: str, last: str) -> Iterator[Row]:
        for day, domain, source, passed, forwarded, dkim, spf, messages in self._base.execute(
            "select * from rows where day between ? and ?", (first, last)
        ):
            yield Row(domain, day, source, bool(passed), bool(forwarded), dkim, spf, messages)

    def _unsigned(self, known: Known, first: str, last: str) -> dict[str, list[list[Any]]]:
        """By domain: who says to report, reports, messages."""
        counts: dict[str, dict[str, list[int]]] = {}
        if not self._base.execute("select 1 from sqlite_master where name = 'unsigned'").fetchone():
            return {}  # check mode after an upgrade: nothing may add the table
        for org, name, messages in self._base.execute(
            "select org, domain, messages from unsigned where day between ? and ?", (first, last)
        ):
            count = counts.setdefault(known.domain(name), {}).setdefault(org, [0, 0])
            count[0] += 1
            count[1] += messages
        return {domain: [[org, *count] for org, count in sorted(own.items())] for domain, own in counts.items()}

    def unnamed(self, sources: Iterable[str], today: datetime.date) -> list[str]:
        """Those whose name nobody asked for in the last 30 days."""
        fresh = (today - datetime.timedelta(days=30)).isoformat()
        asked = {row[0] for row in self._base.execute("select source from names where day >= ?", (fresh,))}
        return sorted(set(sources) - asked)

    def name(self, names: Mapping[str, str], today: datetime.date) -> None:
        rows = [(source, name, today.isoformat()) for source, name in names.items()]
        with self._base:
            self._base.executemany("insert or replace into names values (?, ?, ?)", rows)

    def stages(self) -> dict[str, tuple[str, str]]:
        return {domain: (stage, since) for domain, stage, since in self._base.execute("select * from stages")}

    def record(self, stages: Mapping[str, tuple[str, str]]) -> None:
        rows = [(domain, *entry) for domain, entry in stages.items()]
        with self._base:
            self._base.executemany("insert or replace into stages values (?, ?, ?)", rows)


def _stored(row: Row) -> tuple[Any, ...]:
    return row.day, row.domain, row.source, int(row.passed), int(row.forwarded), row.dkim, row.spf, row.messages


def record_stages(path: str, stages: Mapping[str, Iterable[str]], check: bool) -> list[str]:
    """The domains whose stage or day was not recorded like this."""
    if check and not os.path.exists(path):
        return sorted(stages)
    store = Store(path, readonly=check)
    try:
        have = store.stages()
        new = {domain: _pair(entry) for domain, entry in stages.items() if have.get(domain) != _pair(entry)}
        if new and not check:
            store.record(new)
        return sorted(new)
    finally:
        store.close()


def _pair(entry: Iterable[str]) -> tuple[str, str]:
    stage, since = entry
    return stage, since
