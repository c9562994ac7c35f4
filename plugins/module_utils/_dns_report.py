# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What a DNS task says: results by item, one sentence a problem, before and after by zone. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_converge import Converged, ZoneResult
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Change, Problem, Wanted
from ansible_collections.mailfleet.mta.plugins.module_utils._txt import printable

_SHOWN_SUBJECTS = 5
_SHOWN_PROBLEMS = 50


def sentences(problems: Iterable[Problem]) -> list[str]:
    """Equal texts become one sentence with all their subjects."""
    subjects: dict[str, list[str]] = {}
    for problem in dict.fromkeys(problems):
        subjects.setdefault(problem.text, []).append(problem.subject)
    return [f"{_few(names)}: {text}" for text, names in subjects.items()]


def _few(names: list[str]) -> str:
    more = len(names) - _SHOWN_SUBJECTS
    return ", ".join(names[:_SHOWN_SUBJECTS]) + (f" and {more} more" if more > 0 else "")


def action_of(change: Change) -> str:
    verb = "add" if change.before is None else "change" if change.after else "remove"
    return f"{verb} {change.name} {change.type}"


def _lines(change: Change, ttl: int, values: Iterable[str]) -> list[str]:
    quote = '"' if change.type == "TXT" else ""
    return sorted(f"{change.name}. {ttl} {change.type} {quote}{printable(value)}{quote}" for value in values)


def diff_of(result: ZoneResult) -> dict[str, str]:
    before: list[str] = []
    after: list[str] = []
    for change in sorted(result.changes, key=lambda change: change.key):
        if change.before is not None:
            before += _lines(change, change.before.ttl, change.before.values)
        after += _lines(change, change.ttl, change.after)
    header = f"zone {result.zone.name}"
    return {
        "before_header": header,
        "after_header": header,
        "before": "".join(f"{line}\n" for line in before),
        "after": "".join(f"{line}\n" for line in after),
    }


def record_of(wanted: Wanted) -> dict[str, Any]:
    values = [printable(value) for value in wanted.values]
    return {"name": wanted.name, "type": wanted.type, "ttl": wanted.ttl, "values": values}


def report(items: Iterable[str], done: Converged, check: bool, what: str) -> dict[str, Any]:
    """The task's result. `what` names the items in the plural."""
    actions: dict[str, list[str]] = {}
    for result in done.zones.values():
        for change in result.changes:
            for item in change.domains:
                actions.setdefault(item, []).append(action_of(change))
    # Items that are as they should be are counted only: a thousand of them would cost more than the check itself.
    every = [_result(item, actions.get(item, []), done) for item in items]
    results = [result for result in every if result["changed"] or result["msg"]]
    failed = sum(result["failed"] for result in every)
    changed = sum(result["changed"] for result in every)
    return {
        "changed": bool(done.zones),
        "results": results,
        "summary": {"total": len(every), "changed": changed, "failed": failed, "ok": len(every) - failed},
        "zones": [_zone(result, done, check) for result in done.zones.values()],
        "pending_removals": done.plan.pending_removals,
        "foreign": done.plan.foreign,
        "manual": [record_of(wanted) for wanted in done.manual],
        "warnings": _warnings(done),
        "diff": [diff_of(result) for result in done.zones.values()],
        **_failure(done.problems, failed, len(every), what),
    }


def _result(item: str, actions: list[str], done: Converged) -> dict[str, Any]:
    problems = sentences(done.problems.get(item, []))
    notes = done.plan.notes.get(item, [])
    return {
        "item": item,
        "changed": bool(actions),
        "failed": bool(problems),
        "actions": actions,
        "msg": " ".join([*problems, *notes]),
    }


def _zone(result: ZoneResult, done: Converged, check: bool) -> dict[str, Any]:
    zone = {
        "zone": result.zone.name,
        "server": result.zone.server.backend or result.zone.server.server,
        "changes": [action_of(change) for change in result.changes],
    }
    written = {"atomic": result.atomic, "attempts": result.attempts, "serial": done.serials.get(result.zone)}
    return zone if check else {**zone, **written}


def _warnings(done: Converged) -> list[str]:
    notes = [Problem(item, text) for item, texts in done.plan.notes.items() for text in texts]
    split = [
        Problem(f"zone {result.zone.name}", f"the change was not atomic: {result.zone.server} took it in parts.")
        for result in done.zones.values()
        if not result.atomic
    ]
    return [*done.warnings, *sentences(notes), *sentences(split)]


def _failure(problems: Mapping[str, list[Problem]], failed: int, total: int, what: str) -> dict[str, Any]:
    if not problems:
        return {}
    lines = sentences(problem for own in problems.values() for problem in own)
    more = len(lines) - _SHOWN_PROBLEMS
    shown = [f"- {line}" for line in lines[:_SHOWN_PROBLEMS]]
    if more > 0:
        shown.append(f"- and {more} more, see results")
    finished = "the others are finished, and " if failed < total else ""
    head = f"{failed} of {total} {what} have problems; {finished}a re-run completes the rest."
    return {"failed": True, "msg": "\n".join([head, *shown])}
