# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the audit returns: findings, numbers, lines for the terminal. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ADDRESS,
    DOMAIN,
    ERROR,
    INFO,
    LEVELS,
    OK,
    PARKED,
    WARNING,
    Check,
    Finding,
    Subject,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_run import summary

_SHOWN_SUBJECTS = 4
_KINDS = {DOMAIN: "domains", PARKED: "parked", ADDRESS: "addresses"}
_WORDS = {DOMAIN: "domain", PARKED: "parked domain", ADDRESS: "address"}
_FAILING = {ERROR: (ERROR,), WARNING: (ERROR, WARNING), "never": ()}


def report(
    subjects: Sequence[Subject],
    checks: Iterable[Check],
    findings: Sequence[Finding],
    levels: Collection[str],
    fail_on: str,
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "changed": False,
        "findings": [finding.as_dict() for finding in _by_level(findings) if finding.level in levels],
        "summary": summary(findings),
        "checked": {plural: sum(one.kind == kind for one in subjects) for kind, plural in _KINDS.items()},
        "table": table(findings, levels),
        "checks": [_described(check) for check in checks],
    }
    headline = _headline(subjects, result["summary"])
    failing = [finding for finding in findings if finding.level in _FAILING[fail_on]]
    if failing:
        return {**result, "failed": True, "msg": "\n".join([headline, *table(failing, LEVELS)])}
    return {**result, "msg": headline}


def _described(check: Check) -> dict[str, str]:
    words = {"check": check.id, "kind": check.kinds[0], "level": check.level}
    return {**words, "title": check.title, "source": check.source}


def _by_level(findings: Iterable[Finding]) -> list[Finding]:
    """Sorting keeps the order of subjects and checks."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


def _headline(subjects: Iterable[Subject], numbers: Mapping[str, int]) -> str:
    there = Counter(one.kind for one in subjects)
    fleet = [_counted(there[kind], _WORDS[kind]) for kind in _KINDS if there[kind]]
    return (
        f"{', '.join(fleet) or 'nothing to check'}: {', '.join(_counted(numbers[level], level) for level in LEVELS)}."
    )


def _counted(number: int, word: str) -> str:
    plural = word if word in (INFO, OK) else word + ("es" if word.endswith("s") else "s")
    return f"{number} {word if number == 1 else plural}"


def table(findings: Sequence[Finding], levels: Collection[str]) -> list[str]:
    """For each check that found something: whom it concerns, and the first finding in words."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in _by_level(findings):
        if finding.level != OK and finding.level in levels:
            groups.setdefault((finding.level, finding.check), []).append(finding)
    width = max((len(check) for _level, check in groups), default=0)
    lines = []
    for (level, check), group in groups.items():
        lines.append(f"{level:7}  {check:{width}}  {_who(group)}")
        example = "" if len(group) == 1 else "For example: "
        lines.append(f"{'':{width + 11}}{example}{group[0].text}")
        lines.append(f"{'':{width + 11}}Remedy: {group[0].remedy}")
    return lines


def _who(group: Sequence[Finding]) -> str:
    names = list(dict.fromkeys(finding.subject for finding in group))
    more = len(names) - _SHOWN_SUBJECTS
    shown = ", ".join(names[:_SHOWN_SUBJECTS]) + (f" and {more} more" if more > 0 else "")
    return f"{_counted(len(names), _WORDS[group[0].kind])}: {shown}" if len(names) > 1 else shown
