# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Runs checks until every question has its answer. Pure: what looks into the world is given.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ERROR,
    LEVELS,
    OK,
    Answer,
    Check,
    Finding,
    Look,
    Question,
    Subject,
    UnansweredError,
    Verdict,
)

Fetch = Callable[[Collection[Question]], Mapping[Question, Answer]]
UNANSWERED = "dns-answers"
_UNANSWERED_SOURCE = "RFC 5321 5.1; receivers defer or refuse mail of names that do not resolve"
_UNANSWERED_REMEDY = (
    "Bring the name servers of the zone back. If they are well, name a resolver that reaches them in audit_resolver."
)


class _Job(NamedTuple):
    subject: Subject
    check: Check


def audit(subjects: Iterable[Subject], checks: Sequence[Check], fetch: Fetch) -> list[Finding]:
    """Findings in the order of subjects and checks. `fetch` answers every question, if only with a fault."""
    jobs = [_Job(subject, check) for subject in subjects for check in checks if subject.kind in check.kinds]
    done: dict[int, list[Finding]] = {}
    faults: dict[tuple[str, str], dict[str, list[str]]] = {}  # subject -> fault -> checks that need it
    open_ = list(enumerate(jobs))
    known: dict[Question, Answer] = {}
    while open_:
        missing: dict[Question, None] = {}
        again = []
        for number, job in open_:
            look = Look(known)
            verdicts = _verdicts(look, job)
            if look.missing:
                missing.update(dict.fromkeys(look.missing))
                again.append((number, job))
                continue
            done[number] = [_finding(job, verdict) for verdict in verdicts]
            for fault in look.faults:
                own = faults.setdefault((job.subject.kind, job.subject.name), {}).setdefault(fault, [])
                own.append(job.check.id)
        known.update(fetch(missing) if missing else {})
        open_ = again
    findings = [finding for number in range(len(jobs)) for finding in done[number]]
    return [*findings, *(_unanswered(subject, own) for subject, own in faults.items())]


def _verdicts(look: Look, job: _Job) -> list[Verdict]:
    """What a check said before it met a question without an answer still holds."""
    found: list[Verdict] = []
    try:
        for verdict in job.check.examine(look, job.subject):
            found.append(verdict)
    except UnansweredError:
        pass
    return found


def _finding(job: _Job, verdict: Verdict) -> Finding:
    subject, check = job
    level = OK if verdict.good else check.level
    text = check.title if verdict.good else verdict.text
    remedy = "" if verdict.good else check.remedy.format(**{**subject.words, **verdict.words})
    return Finding(check.id, level, subject.kind, subject.name, text, verdict.evidence, remedy, check.source)


def _unanswered(subject: tuple[str, str], faults: Mapping[str, list[str]]) -> Finding:
    unmade = sorted({check for checks in faults.values() for check in checks})
    count = "1 check" if len(unmade) == 1 else f"{len(unmade)} checks"
    text = f"{count} could not be made, because DNS did not answer: {', '.join(unmade)}."
    return Finding(UNANSWERED, ERROR, *subject, text, tuple(faults), _UNANSWERED_REMEDY, _UNANSWERED_SOURCE)


def summary(findings: Iterable[Finding]) -> dict[str, int]:
    counts = Counter(finding.level for finding in findings)
    return {level: counts[level] for level in LEVELS}
