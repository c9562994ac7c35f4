# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the DMARC pages print: plain mappings for the templates of the role dmarc_reports. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_causes import seen_of, why

_COLUMNS = ("date", "passed", "failed", "unknown", "forwarded", "foreign")
_MOVES = {"back": 0, "failed": 1, "hold": 2, "forward": 3, "done": 4, "pinned": 5}
_KINDS = {"own": "ours", "unknown": "unknown", "forwarded": "forwarder", "foreign": "foreign"}


def views(rows: Iterable[Mapping[str, Any]], evidence: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One view for each domain, the ones that need somebody's eye first."""
    found = [_view(row, evidence.get(row["domain"]) or {}) for row in rows]
    return sorted(found, key=lambda view: (_MOVES[view["move"]], view["rate_number"], view["domain"]))


def _view(row: Mapping[str, Any], evidence: Mapping[str, Any]) -> dict[str, Any]:
    days = [_day(dict(zip(_COLUMNS, day))) for day in evidence.get("days", ())]
    passed, failed = (sum(day[key] for day in days) for key in ("passed", "failed"))
    return {
        **row,
        "page": f"{row['domain']}.html",
        "days": days,
        "messages": passed + failed,
        "unknown": sum(day["unknown"] for day in days),
        "rate": _rate(passed, passed + failed),
        "rate_number": passed / (passed + failed) if passed + failed else 2.0,
        "sources": [_source(source) for source in evidence.get("sources", ())],
        "more_sources": evidence.get("more_sources", 0),
        "unsigned": [dict(zip(("org", "reports", "messages"), row)) for row in evidence.get("unsigned", ())],
    }


def _day(day: dict[str, Any]) -> dict[str, Any]:
    own = day["passed"] + day["failed"]
    return {**day, "rate": _rate(day["passed"], own)}


def _rate(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f} %" if whole else "no data"


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    explained = why(seen_of(source))
    return {
        **source,
        "kind": _KINDS[source["kind"]],
        "name": source.get("name") or "no name",
        "dkim": source["dkim"] or "not signed",
        "spf": source["spf"] or "no result",
        "cause": explained.cause,
        "remedy": explained.remedy,
    }
