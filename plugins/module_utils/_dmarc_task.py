# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The steps of all DMARC policies in one task: what is published, what the reports say, what to publish.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_gate import (
    Case,
    Day,
    Decision,
    Gate,
    Run,
    decide,
    gate_of,
    reached,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_stages import LADDER, at_stage, goal_of, stage_of
from ansible_collections.mailfleet.mta.plugins.module_utils._dns import Reading
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_backends import Backends
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_converge import Options
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Problem, Wanted, plain_name
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import Settings, parse_settings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_task import (
    COMMON_SPEC,
    Params,
    Progress,
    carry_out,
    limits_of,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import build_dmarc, is_dmarc, parse_dmarc

POLICY_SPEC: dict[str, dict[str, Any]] = {
    "gate": {"type": "dict", "default": {}},
    "most_steps": {"type": "int", "default": 50},
    "today": {"type": "str", "required": True},
    **COMMON_SPEC,
}


class Step(NamedTuple):
    """What becomes of one domain, and the record it was decided on."""

    domain: str
    decision: Decision
    stage: int | None = None  # None: unknown
    since: datetime.date | None = None
    published: str = ""

    @property
    def moves(self) -> bool:
        return self.decision.move in ("forward", "back")


def publish_steps(params: Params, check: bool, progress: Progress) -> dict[str, Any]:
    today = _date(params["today"])
    gate, settings = gate_of(params["gate"]), parse_settings(params["dns"])
    moving = {plain_name(auth["domain"]): auth for auth in params["domains"] if auth.get("progression")}
    reading = Backends(settings).read([(f"_dmarc.{domain}", "TXT") for domain in moving])
    problems: dict[str, list[Problem]] = {}
    steps = []
    for domain, auth in moving.items():
        found = _published(reading, domain)
        if isinstance(found, Problem):
            problems[domain] = [found]
        else:
            steps.append(_step(auth, found, params["evidence"].get(domain) or {}, gate, today))
    steps = _staggered(steps, params["most_steps"])
    wanted = [_wanted(step, settings) for step in steps if step.moves]
    options = Options("final", (), check, limits_of(params))
    done = carry_out(list(moving), wanted, problems, {}, settings, options, params, progress, "domains")
    failed = {result["item"] for result in done["results"] if result["failed"]}
    rows = [_row(step, step.domain in failed) for step in steps]
    rows += [_pinned(auth) for auth in params["domains"] if auth.get("dmarc") and not auth.get("progression")]
    return {
        **done,
        "domains": rows,
        "lines": [line_of(row) for row in rows if row["move"] != "pinned"],
        "stages": {
            step.domain: _recorded(step, today, step.domain in failed) for step in steps if step.stage is not None
        },
    }


def _date(text: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"today: '{text}' is no day. Remedy: write one as 2026-11-22.") from None


def _published(reading: Reading, domain: str) -> str | Problem:
    """The one DMARC record; empty where there is none or nobody may know."""
    name = f"_dmarc.{domain}"
    found = reading.found.get((name, "TXT"))
    if found is None:
        problem = reading.problems.get((name, "TXT"), "")
        return Problem(name, problem) if problem else ""
    records = [value for value in (found.rrset.values if found.rrset else ()) if is_dmarc(value)]
    if found.cname or len(records) > 1:
        what = f"is a CNAME to {found.cname}" if found.cname else f"has {len(records)} DMARC records"
        return Problem(name, f"{what}, so its policy cannot be moved. Remedy: leave one TXT record there.")
    return records[0] if records else ""


def _step(auth: Params, published: str, evidence: Mapping[str, Any], gate: Gate, today: datetime.date) -> Step:
    domain, wishes = plain_name(auth["domain"]), auth["progression"]
    try:
        stage = stage_of(parse_dmarc(published))
    except ValueError:
        reason = "no readable DMARC record is published where this run may look; site.yml publishes the first one"
        return Step(domain, Decision("hold", 0, None, (reason,)))
    recorded = evidence.get("recorded")
    since = reached(
        stage,
        (recorded[0], _date(recorded[1])) if recorded else None,
        [Run(_date(day), frozenset(map(_policy, policies))) for day, policies in evidence.get("seen", ())],
        today,
    )
    days = [Day(_date(date), *counts) for date, *counts in evidence.get("days", ())]
    case = Case(stage, goal_of(wishes["goal"]), since, days, wishes["hold"])
    return Step(domain, decide(case, gate, today), stage, since, published)


def _policy(text: str) -> tuple[str, str]:
    policy, _space, testing = text.partition(" ")
    return policy, testing


def _staggered(steps: Sequence[Step], most: int) -> list[Step]:
    """Not all domains on one day: what goes wrong shows while the others are still where they were."""
    forward = 0
    found = []
    for step in steps:
        if step.decision.move == "forward":
            forward += 1
            if forward > most and step.stage is not None:
                reason = f"{most} other domains take a step in this run"
                step = step._replace(decision=Decision("hold", step.stage, step.decision.not_before, (reason,)))
        found.append(step)
    return found


def _wanted(step: Step, settings: Settings) -> Wanted:
    name = f"_dmarc.{step.domain}"
    text = build_dmarc(at_stage(parse_dmarc(step.published), step.decision.stage))
    return Wanted(
        name, "TXT", settings.ttl_for(name), (text,), match=step.published, rule="dmarc_step", domains=(step.domain,)
    )


def _row(step: Step, failed: bool) -> dict[str, Any]:
    decision = step.decision
    return {
        "domain": step.domain,
        "move": "failed" if failed else decision.move,
        "stage": "" if step.stage is None else str(LADDER[step.stage]),
        "next": str(LADDER[decision.stage]) if step.moves else "",
        "since": str(step.since or ""),
        "not_before": str(decision.not_before or ""),
        "reasons": list(decision.reasons),
        "decided_by": decision.decided_by,
    }


def _pinned(auth: Params) -> dict[str, Any]:
    reason = "the inventory pins the policy"
    stage = f"p={auth['dmarc'].get('policy', 'none')}"
    row = {"domain": plain_name(auth["domain"]), "move": "pinned", "stage": stage, "next": "", "since": ""}
    return {**row, "not_before": "", "reasons": [reason], "decided_by": reason}


def _recorded(step: Step, today: datetime.date, failed: bool) -> list[str]:
    if step.moves and not failed:
        return [str(LADDER[step.decision.stage]), today.isoformat()]
    return [str(LADDER[step.stage or 0]), str(step.since)]


def line_of(row: Mapping[str, Any]) -> str:
    if row["next"]:
        verb = {"forward": "steps forward", "back": "GOES BACK", "failed": "should have gone"}[row["move"]]
        return f"{row['domain']} {verb} from {row['stage']} to {row['next']}: {row['decided_by']}"
    until = f", not before {row['not_before']}" if row["not_before"] else ""
    return f"{row['domain']} stays at {row['stage'] or 'what is published'}{until}: {'; '.join(row['reasons'])}"
