# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What happens to a record that the inventory does not want any more. Pure.

Nobody keeps a list of what was published. A record is ours when it stands at a name that only this purpose uses, and
says it as the builders of _records*.py say it: reading and building it again gives the same text. Where others would
write the same text, it goes only if the operator says that it may.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from ansible_collections.mailfleet.mta.plugins.module_utils import _records_bimi as _bimi
from ansible_collections.mailfleet.mta.plugins.module_utils import _records_sts as _sts
from ansible_collections.mailfleet.mta.plugins.module_utils import _records_tlsrpt as _tlsrpt
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Outcome, Values, Wanted
from ansible_collections.mailfleet.mta.plugins.module_utils._txt import has_version, printable


def leftover(wanted: Wanted, have: Values, final: bool) -> Outcome:
    """`values` are ours as they are written; with a version in `match`, what its builder prints is."""
    kind = tuple(value for value in have if not wanted.match or has_version(value, wanted.match))
    ours = tuple(value for value in kind if _built(wanted, value))
    others = tuple(value for value in kind if wanted.match and value not in ours)
    held = tuple(value for value in ours if _held(value))
    ours = tuple(value for value in ours if value not in held)
    notes = (*(_stays(wanted, value) for value in others), *(_waits(wanted) for _value in held))
    if not wanted.declared:
        return Outcome(None, notes=(*notes, *(_unsure(wanted, value) for value in ours)))
    if not final:
        return Outcome(None, pending_values=ours, notes=notes)
    gone = tuple(_goes(wanted, value) for value in ours)
    return Outcome(tuple(value for value in have if value not in ours), notes=(*notes, *gone))


def _built(wanted: Wanted, text: str) -> bool:
    """Is it what our builder would print? An alias behind its gate is ours wherever it leads."""
    version = wanted.match
    if not version:
        return not wanted.values or text in wanted.values
    try:
        if version == _tlsrpt.VERSION:
            report = _tlsrpt.parse_tlsrpt(text)
            return not report.other and _tlsrpt.build_tlsrpt(report) == text
        if version == _bimi.VERSION:
            logo = _bimi.parse_bimi(text)
            return not logo.other and _bimi.build_bimi(logo) == text
        if version == _sts.VERSION:
            policy = _sts.parse_sts(text)
            return _sts.is_policy_id(policy.id) and _sts.build_sts(policy) == text
    except ValueError:
        pass
    return False


def _held(text: str) -> bool:
    """Senders keep a policy for as long as its max_age says, whatever the DNS says: RFC 8461 section 8.3."""
    return _sts.is_sts(text) and not _sts.ends_policy(text)


def _stays(wanted: Wanted, value: str) -> str:
    return (
        f"its record {wanted.name} '{printable(value)}' is neither in the inventory nor of our making, so it stays. "
        "Remedy: delete it, or write what it shall say in fleet_domains."
    )


def _unsure(wanted: Wanted, value: str) -> str:
    return (
        f"its record {wanted.name} '{printable(value)}' is not in the inventory and may be somebody else's, so it "
        "stays. Remedy: write it into fleet_domains, or have dns_leftovers=remove take such records away."
    )


def _waits(wanted: Wanted) -> str:
    return (
        f"its record {wanted.name} stays, because senders keep to its policy for as long as max_age says (RFC 8461 "
        "section 8.3). Remedy: write mta_sts: {mode: none}, run mta_sts.yml and site.yml, and remove it when the "
        "longest max_age that was ever served is over."
    )


def _goes(wanted: Wanted, value: str) -> str:
    return f"its record {wanted.name} {wanted.type} '{printable(value)}' goes: the inventory does not name it."
