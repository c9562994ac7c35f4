# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The stages of a DMARC policy on its way to reject (RFC 9989), and how a record shows them. Pure.

With t=y a receiver applies the policy one level below, and reports as if it were in force. Older receivers do not
know t=y, which is why every stage waits for evidence of its own. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import Dmarc


class Stage(NamedTuple):
    policy: str
    testing: bool
    days: int  # the least time in it before the next one

    def __str__(self) -> str:
        return f"p={self.policy}{'; t=y' if self.testing else ''}"


LADDER = (
    Stage("none", False, 28),
    Stage("quarantine", True, 14),
    Stage("quarantine", False, 21),
    Stage("reject", True, 21),
    Stage("reject", False, 0),
)
_OURS = ("p", "t")
_REMOVED = ("pct", "rf", "ri")


def stage_of(record: Dmarc) -> int:
    """Index in the ladder. What RFC 7489 called a percentage was a trial as well, and pct was the way to have one."""
    tags = {name.lower(): value.strip().lower() for name, value in record.other}
    testing = tags.get("t") == "y" or tags.get("pct", "100") != "100"
    policy = record.policy.lower()
    return next(
        number
        for number, stage in enumerate(LADDER)
        if stage.policy == policy and (stage.testing == testing or policy == "none")
    )


def goal_of(policy: str) -> int:
    """The stage where a progression to this policy ends."""
    return next(number for number, stage in enumerate(LADDER) if stage.policy == policy and not stage.testing)


def at_stage(record: Dmarc, number: int) -> Dmarc:
    """The record with the stage's policy. Tags that RFC 9989 removed go; names that do not exist send no mail."""
    stage = LADDER[number]
    kept = [(name, value) for name, value in record.other if name not in (*_OURS, *_REMOVED)]
    if number and not any(name == "np" for name, _value in kept):
        kept.append(("np", "reject"))
    return Dmarc(stage.policy, (*kept, *([("t", "y")] if stage.testing else [])))


def keeping(wanted: Dmarc, published: Dmarc) -> Dmarc:
    """What the inventory says of a record whose policy the progression owns."""
    return at_stage(wanted, stage_of(published))
