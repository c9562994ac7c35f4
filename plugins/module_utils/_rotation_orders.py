# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What an operator may order, and the state of a domain that has none. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ansible_collections.mailfleet.mta.plugins.module_utils._rotation import abandon
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import Evidence
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import (
    PUBLISHED,
    SIGNING,
    Retiring,
    State,
    partner,
)

ORDERS = ("step", "status", "rotate", "hold", "release", "emergency")


def ordered(state: State, order: str, reason: str, now: int) -> State:
    """The state with an order in it; given twice it is the same order."""
    new = state
    if order == "hold":
        new = replace(state, held=reason or "by the operator")
    elif order == "release":
        new = replace(state, held="")
    elif order == "rotate" and state.stage == "idle":
        new = replace(state, requested=True)
    elif order == "emergency" and not state.emergency:
        new = _emergency(state, now)
    return new if new == state else replace(new, serial=state.serial + 1, seen=max(now, state.seen))


def _emergency(state: State, now: int) -> State:
    """No key that is on a signer now is trusted any more: those that sign are replaced, all others are revoked."""
    rotations = 1
    if state.stage in SIGNING:
        rotations = 2  # the open one is finished in a hurry, and its key replaced as well
    elif state.stage != "idle":
        state = abandon(state, now, "given up in an emergency", ours=state.stage in PUBLISHED)
    retiring = tuple(old if old.revoked_at else replace(old, drain_until=now) for old in state.retiring)
    return replace(state, emergency=rotations, held="", retiring=retiring)


def rebuilt(domain: str, selector: str, evidence: Evidence, now: int) -> State:
    """The state of a domain that has none, from facts. What is not known began just now: that is only slower.

    `selector` is the inventory's, for a domain that nobody signs for yet.
    """
    live = _live_sets(evidence) or [selector]
    active = live[0]
    # Newer than every copy that may come back with a host.
    state = State(
        domain, active=active, since=min(evidence.made.get(active, now), now), serial=now, seen=now, moved=now
    )
    if len(live) > 1:  # killed on the way from one host to the next
        hosts = {host: now for host, names in sorted(evidence.live.items()) if live[-1] in names}
        state = replace(state, stage="canary", next=live[-1], switched=hosts)
    held = sorted({name for keys in evidence.keys.values() for name in keys})
    paired = tuple(name for name in held if partner(name) in held)
    others = [name for name in held if name not in live and name not in map(partner, held)]
    retiring = tuple(_retiring(name, evidence, now) for name in (*others, *live[1:-1]))
    return replace(state, paired=paired, retiring=retiring)


def _live_sets(evidence: Evidence) -> list[str]:
    """The key sets that hosts sign with, the oldest first."""
    names = {name for live in evidence.live.values() for name in live}
    return sorted(names - set(map(partner, names)), key=lambda name: (evidence.made.get(name, 0), name))


def _retiring(name: str, evidence: Evidence, now: int) -> Retiring:
    """Nobody signs with it; whether it was on its way in or out does not matter, its mail may be anywhere."""
    drain_until = now + max(7 * 86400, evidence.queue_lifetime + 86400)
    return Retiring(name, now, drain_until, now if evidence.shown(name).what == "revoked" else 0)


def copies_missing(copies: Mapping[str, State | None], state: State, hosts: Sequence[str]) -> frozenset[str]:
    """Hosts whose copy is not the newest."""
    return frozenset(host for host in hosts if copies.get(host) != state)
