# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Aggregate reports as parsedmarc writes them (JSON), read to counted rows. Pure.

What is in a report was chosen by whoever sent it, so everything is checked and bounded here; a report that is not
plausible is refused as a whole. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

ROWS = 20000  # of one report
_OLDEST = 400  # days
_MOST = 1_000_000_000  # messages of a row
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+\Z")
_WORD = re.compile(r"[^A-Za-z0-9._:@/+-]+")
_POLICIES = ("none", "quarantine", "reject")
_FORWARDED = ("forwarded", "trusted_forwarder", "mailing_list")


class Row(NamedTuple):
    domain: str  # of the From header
    day: str
    source: str
    passed: bool  # DMARC
    forwarded: bool  # the receiver says that it was forwarded or came by a mailing list
    dkim: str  # 'RESULT DOMAIN SELECTOR', several joined by ', '
    spf: str  # 'RESULT DOMAIN'
    messages: int


class Report(NamedTuple):
    org: str
    number: str
    domain: str
    policy: str
    testing: str  # y, n, or empty where the report does not tell
    days: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        return self.org, self.number, self.domain


def read_reports(text: str, today: datetime.date) -> tuple[list[Report], list[str]]:
    """Reports, and a sentence for each one that makes no sense."""
    try:
        documents = json.loads(text)
    except (ValueError, RecursionError) as error:
        return [], [f"is not the JSON of parsedmarc ({error}); it was probably cut off"]
    if not isinstance(documents, list):
        return [], ["is not a list of reports"]
    reports, problems = [], []
    for document in documents:
        try:
            reports.append(_report(document, today))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            problems.append(f"report {_title(document)}: {_fault(error)}")
    return reports, problems


def _fault(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else f"lacks or misuses {error}"


def _title(document: Any) -> str:
    meta = document.get("report_metadata") if isinstance(document, Mapping) else None
    if not isinstance(meta, Mapping):
        return "without metadata"
    return f"{_short(meta.get('report_id'))} of {_short(meta.get('org_name'))}"


def _short(value: Any, most: int = 120) -> str:
    return _WORD.sub(" ", "" if value is None else str(value))[:most].strip() or "-"


def _report(document: Mapping[str, Any], today: datetime.date) -> Report:
    meta, policy = document["report_metadata"], document["policy_published"]
    domain = _name(policy["domain"])
    begin, end = _day(meta["begin_date"], today), _day(meta["end_date"], today)
    if not datetime.timedelta() <= end - begin <= datetime.timedelta(days=31):
        raise ValueError(f"covers {begin} to {end}")
    records = document["records"]
    if len(records) > ROWS:
        raise ValueError(f"has {len(records)} rows, more than {ROWS}")
    published = str(policy.get("p") or "none").lower()
    if published not in _POLICIES:
        raise ValueError(f"shows the policy {_short(published)}")
    rows = tuple(_row(record, domain, today) for record in records)
    return Report(
        _short(meta.get("org_name")),
        _short(meta.get("report_id"), 200),
        domain,
        published,
        str(policy.get("testing") or "").lower()[:1],
        tuple(sorted({row.day for row in rows} or {begin.isoformat()})),
        rows,
    )


def _row(record: Mapping[str, Any], policy_domain: str, today: datetime.date) -> Row:
    evaluated, results = record["policy_evaluated"], record["auth_results"]
    count = record["count"]
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= _MOST:
        raise ValueError(f"counts {_short(count)} messages in a row")
    begin = record.get("interval_begin")
    if not begin:
        raise ValueError("has a row without a day")
    own = str(record["identifiers"].get("header_from") or "").rstrip(".").lower()
    inside = own == policy_domain or own.endswith(f".{policy_domain}")
    return Row(
        _name(own) if inside else policy_domain,
        _day(begin, today).isoformat(),
        str(ipaddress.ip_address(str(record["source"]["ip_address"]))),
        "pass" in (evaluated.get("dkim"), evaluated.get("spf")),
        any(map(_forwards, evaluated.get("policy_override_reasons") or ())),
        _results(results.get("dkim") or (), ("result", "domain", "selector")),
        _results(results.get("spf") or (), ("result", "domain")),
        count,
    )


def _forwards(reason: Mapping[str, Any]) -> bool:
    """Google calls a chain of ARC seals that it trusts a local policy."""
    kind, comment = str(reason.get("type")).lower(), str(reason.get("comment") or "").lower()
    return kind in _FORWARDED or (kind == "local_policy" and comment.startswith("arc=pass"))


def _results(entries: Iterable[Mapping[str, Any]], keys: Iterable[str]) -> str:
    found: Iterator[str] = (" ".join(_short(entry.get(key), 100) for key in keys) for entry in entries)
    return ", ".join(list(dict.fromkeys(found))[:4])


def _name(text: Any) -> str:
    name = str(text or "").rstrip(".").lower()
    if len(name) > 253 or not _NAME.match(name):
        raise ValueError(f"names the domain '{_short(name)}'")
    return name


def _day(text: Any, today: datetime.date) -> datetime.date:
    try:
        day = datetime.date.fromisoformat(str(text)[:10])
    except ValueError:
        raise ValueError(f"has the time '{_short(text)}'") from None
    if not -1 <= (today - day).days <= _OLDEST:
        raise ValueError(f"is of {day}")
    return day
