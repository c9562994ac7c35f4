# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The way out of a former key: drained, revoked, removed. Each needs proof that the new key works. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import DAY, Evidence, Policy, visible
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import Retiring, State


class Retired(NamedTuple):
    retiring: tuple[Retiring, ...] = ()
    actions: tuple[str, ...] = ()
    not_before: int = 0
    reasons: tuple[str, ...] = ()


def retire(state: State, evidence: Evidence, policy: Policy, now: int) -> Retired:
    """Every former key one step on, if it can be."""
    steps = [_step(old, state, evidence, policy, now) for old in state.retiring]
    return Retired(
        tuple(old for step in steps for old in step.retiring),
        tuple(text for step in steps for text in step.actions),
        min((step.not_before for step in steps if step.not_before), default=0),
        tuple(text for step in steps for text in step.reasons),
    )


def _step(old: Retiring, state: State, evidence: Evidence, policy: Policy, now: int) -> Retired:
    names = state.members(old.selector)
    if old.removed_at:
        return _gone(old, names, evidence)
    if old.revoked_at:
        return _removal(old, names, evidence, policy, now)
    late = max((s.time for s in evidence.sightings if s.selector in names), default=0)
    if late > old.drain_until - DAY and not state.emergency and now < late + evidence.queue_lifetime + DAY:
        longer = replace(old, drain_until=late + evidence.queue_lifetime + DAY)
        reason = f"mail signed with {old.selector} still reached a receiver" if longer != old else ""
        return Retired((longer,), (), longer.drain_until, (reason,) if reason else ())
    if now < old.drain_until:
        return Retired((old,), (), old.drain_until)
    reason = _needed(old, names, state, evidence)
    if reason:
        return Retired((old,), (), 0, (reason,))
    return Retired((replace(old, revoked_at=now),), (f"revoke {old.selector}",), now + policy.revoke_hold)


def _needed(old: Retiring, names: tuple[str, ...], state: State, evidence: Evidence) -> str:
    """Why the key must stay published."""
    for host, live in sorted(evidence.live.items()):
        if set(live) & set(names):
            return f"{old.selector} stays, because {host} still signs with it"
    for host in sorted(evidence.signers):
        if not evidence.live.get(host):
            return f"{old.selector} stays, because it is unknown what {host} signs with"
        mail = evidence.oldest_mail.get(host, 0)
        if mail and mail <= old.replaced_at and old.drain_until > old.replaced_at:
            return f"{old.selector} stays, because {host} has mail in its queue that was signed with it"
    for name in state.members(state.active):
        if not visible(name, evidence):
            return f"{old.selector} stays, because {name} {evidence.shown(name).why or 'is not what the signers have'}"
    return ""


def _removal(old: Retiring, names: tuple[str, ...], evidence: Evidence, policy: Policy, now: int) -> Retired:
    left = next((name for name in names if evidence.shown(name).what not in ("revoked", "absent")), "")
    if left:
        return Retired(
            (old,), (f"revoke {old.selector}",), 0, (f"{left} {evidence.shown(left).why or 'is not revoked yet'}",)
        )
    if now < old.revoked_at + policy.revoke_hold:
        return Retired((old,), (), old.revoked_at + policy.revoke_hold)
    return Retired((replace(old, removed_at=now),), (f"remove {old.selector}",))


def _gone(old: Retiring, names: tuple[str, ...], evidence: Evidence) -> Retired:
    """Forgotten only when neither the DNS nor a signer has it."""
    left = next((name for name in names if evidence.shown(name).what != "absent"), "")
    held = sorted(host for host in evidence.signers if set(names) & set(evidence.keys.get(host, {})))
    if not left and not held:
        return Retired()
    reasons = [f"{left} {evidence.shown(left).why or 'is still there'}"] if left else []
    reasons += [f"{' and '.join(held)} still has the key {old.selector}"] if held else []
    return Retired((old,), (f"remove {old.selector}",), 0, tuple(reasons))
