# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Records that depend on what is published at another name. Pure.

A gate gets the values there. While it is shut, the RRset behind it stays as it is, with a note if there is anything to
say.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_stages import LADDER, stage_of
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import NULL_MX, Values, Wanted
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import NO_KEY
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import is_dmarc, parse_dmarc
from ansible_collections.mailfleet.mta.plugins.module_utils._records_sts import ends_policy

Shut = Optional[str]  # the note; empty for nothing to say, None for an open gate


def _parked(wanted: Wanted, beside: Values) -> Shut:
    """Null MX alone may be anybody's; beside a revoked key for every selector it is that of our parked names."""
    return None if NO_KEY in beside else ""


def _ended(wanted: Wanted, beside: Values) -> Shut:
    """The alias of a policy goes with the record of the one that ended it."""
    return None if any(map(ends_policy, beside)) else ""


def _enforced(wanted: Wanted, beside: Values) -> Shut:
    """BIMI wants quarantine or reject, and not as a trial."""
    records = [value for value in beside if is_dmarc(value)]
    try:
        stage = LADDER[stage_of(parse_dmarc(records[0]))] if len(records) == 1 else LADDER[0]
    except ValueError:
        stage = LADDER[0]
    if stage.policy != "none" and not stage.testing:
        return None
    return (
        f"its logo would not be shown while its DMARC policy is {stage}, because receivers want quarantine or reject "
        f"in force, so {wanted.name} is left alone until dmarc.yml has moved it there."
    )


def _bounces(wanted: Wanted, beside: Values) -> Shut:
    """Never opens: bounces of mail under way come for days, and whether a host takes them, DNS does not say."""
    hosts = ", ".join(value.split(" ")[-1].rstrip(".") for value in beside if value != NULL_MX)
    if not hosts:
        return ""
    return (
        f"its return path {wanted.name} keeps its bounce host {hosts}, which the inventory does not name any more. "
        "Remedy: write it into bounce_mx of the pool, or delete the MX records when the bounces of mail under way "
        "have come."
    )


GATES: dict[str, Callable[[Wanted, Values], Shut]] = {
    "parked": _parked,
    "ended": _ended,
    "enforced": _enforced,
    "bounces": _bounces,
}
