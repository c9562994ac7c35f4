# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""One step of a domain's rotation: idle, staged, published, visible, soaked, canary, switched, idle. Pure.

What a step decides on is evidence, never memory; at most one step forward a run. A step that cannot be taken says why.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import (
    DAY,
    Evidence,
    Policy,
    Sighting,
    visible,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_retire import retire
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import SIGNING, Retiring, State, partner

CLOCK_SLACK = 300
TOLERATED = 0.05  # of the messages with the new key, what receivers may reject for reasons of their own
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Step(NamedTuple):
    state: State
    actions: tuple[str, ...] = ()
    not_before: int = 0
    reasons: tuple[str, ...] = ()


def step(state: State, evidence: Evidence, policy: Policy, now: int) -> Step:
    if now < state.seen - CLOCK_SLACK:
        why = f"the clock went back: a run decided something at {utc(state.seen)}; set the controller's clock"
        return Step(state, reasons=(why,))
    back = _safety(state, evidence, now)
    if back:
        return _stamped(state, back, now)
    obstacle = f"held: {state.held}" if state.held else _obstacle(evidence)
    if obstacle:
        return Step(state, reasons=(obstacle,))
    moved = _FORWARD[state.stage](state, evidence, policy, now)
    retiring, actions, not_before, reasons = retire(moved.state, evidence, policy, now)
    times = [at for at in (moved.not_before, not_before) if at]
    done = Step(
        replace(moved.state, retiring=retiring),
        (*moved.actions, *actions),
        min(times, default=0),
        (*moved.reasons, *reasons),
    )
    return _stamped(state, done, now)


def _stamped(before: State, done: Step, now: int) -> Step:
    if done.state == before:
        return done
    return done._replace(state=replace(done.state, serial=before.serial + 1, seen=now))


def _obstacle(evidence: Evidence) -> str:
    """Why nothing goes forward."""
    silent = sorted(set(evidence.signers) - evidence.reached)
    if silent:
        return f"{' and '.join(silent)} cannot be reached, and signs for it, too; bring it back and run again"
    if not evidence.signers:
        return "no sender signs for it"
    if evidence.stale:
        stale = " and ".join(sorted(evidence.stale))
        return f"{stale} had no current copy of the state and gets one now; the next run goes on"
    return ""


def _safety(state: State, evidence: Evidence, now: int) -> Step | None:
    """Steps back, which no hold and no time delays."""
    if state.stage not in SIGNING:
        return None
    shown = [evidence.shown(name) for name in state.members(state.next)]
    lost = next((each for each in shown if each.what not in ("key", "unknown")), None)
    old_there = all(visible(name, evidence) for name in state.members(state.active))
    if lost and old_there:
        back = replace(state, stage="published", moved=now, visible_at=0, switched={}, verified={})
        return Step(back, (f"sign with {state.active} again",), 0, (f"{state.next} {lost.why}",))
    judged = _since(state, evidence)
    failed = [s for s in judged if not s.passed]
    if sum(s.messages for s in failed) > TOLERATED * sum(s.messages for s in judged):
        hosts = " and ".join(sorted({s.host for s in failed}))
        why = f"a receiver rejected the signature with {state.next} from {hosts}"
        back = replace(state, stage="soaked", moved=now, switched={}, verified={}, held=why)
        return Step(back, (f"sign with {state.active} again",), 0, (f"held: {why}",))
    return None


def due_at(state: State, policy: Policy) -> int:
    return 0 if state.requested or state.emergency else state.since + policy.rotate_after


def may_begin(state: State, policy: Policy, now: int) -> bool:
    """Whether only its turn keeps an idle domain from a new key."""
    open_ = any(not old.revoked_at for old in state.retiring) and not state.emergency
    return state.stage == "idle" and not state.held and not open_ and now >= due_at(state, policy)


def _idle(state: State, evidence: Evidence, policy: Policy, now: int) -> Step:
    if now < due_at(state, policy):
        return Step(state, not_before=due_at(state, policy))
    if not may_begin(state, policy, now):
        return Step(state)  # a former key is still on its way out
    if not (evidence.turn or state.emergency):
        return Step(state, reasons=(f"waits for its turn: {policy.starts} rotations begin in one run",))
    used = state.used() | {name for held in evidence.keys.values() for name in held}
    name = new_selector(policy.prefix, used, now)
    paired = (*state.paired, name) if policy.ed25519 else state.paired
    return Step(replace(state, stage="staged", next=name, paired=paired, moved=now), (f"make {name}",))


def new_selector(prefix: str, used: set[str], now: int) -> str:
    """Named after the month, and a letter so that a second one in the month works; a name is never used again."""
    month = f"{prefix}{time.strftime('%Y%m', time.gmtime(now))}"
    letters = (first + second for first in ("", *_LETTERS) for second in _LETTERS)
    return next(f"{month}{end}" for end in letters if not {f"{month}{end}", partner(f"{month}{end}")} & used)


def _staged(state: State, evidence: Evidence, policy: Policy, now: int) -> Step:
    missing = [name for name in state.members(state.next) if not evidence.public_key(name)]
    if missing:
        return Step(state, (f"make {state.next}",), 0, (f"not every signer has the key {missing[0]} yet",))
    return Step(replace(state, stage="published", moved=now), (f"publish {state.next}",))


def _published(state: State, evidence: Evidence, policy: Policy, now: int) -> Step:
    names = state.members(state.next)
    taken = next((name for name in names if evidence.shown(name).what == "other"), "")
    if taken:
        return _abandoned(state, now, f"{taken} {evidence.shown(taken).why}", ours=False)
    if not any(evidence.keys.get(host, {}).get(state.next) for host in evidence.signers):
        return _abandoned(state, now, f"no signer has the key {state.next} any more", ours=True)
    hidden = _hidden(state, evidence)
    if hidden:
        return Step(state, (f"publish {state.next}",), 0, (hidden,))
    seen = replace(state, stage="visible", moved=now, visible_at=now)
    return Step(seen, (f"let {state.next} soak",), now + soak_of(state, evidence, policy))


def _abandoned(state: State, now: int, why: str, ours: bool) -> Step:
    """Give the name up, revoke its record if it is ours; the next run begins with another one."""
    return Step(abandon(state, now, why, ours), (f"give up {state.next}",), 0, (why,))


def abandon(state: State, now: int, why: str, ours: bool) -> State:
    entry = {"selector": state.next, "from": state.moved, "to": now, "why": why}
    retiring = (*state.retiring, Retiring(state.next, now, now)) if ours else state.retiring
    return replace(
        state, stage="idle", next="", moved=now, visible_at=0, requested=True,
        retiring=retiring, history=(*state.history, entry),
    )  # fmt: skip


def _hidden(state: State, evidence: Evidence) -> str:
    for name in state.members(state.next):
        if not evidence.public_key(name):
            return f"not every signer has the key {name}"
        if not visible(name, evidence):
            return f"{name} {evidence.shown(name).why or 'shows another key than the signers have'}"
    return ""


def soak_of(state: State, evidence: Evidence, policy: Policy) -> int:
    """Until nobody can have an answer from before the key was there."""
    if state.emergency:
        return max(policy.emergency_soak, evidence.negative_ttl)
    return max(policy.soak, evidence.ttl, evidence.negative_ttl)


def _soaking(state: State, evidence: Evidence, policy: Policy, now: int) -> Step:
    hidden = _hidden(state, evidence)
    if hidden:
        back = replace(state, stage="published", moved=now, visible_at=0)
        return Step(back, (f"publish {state.next}",), 0, (hidden,))
    ready = state.visible_at + soak_of(state, evidence, policy)
    if now < ready:
        return Step(state, not_before=ready)
    return Step(replace(state, stage="soaked", moved=now), (f"prove {state.next} on every signer",))


def _soaked(state: State, evidence: Evidence, policy: Policy, now: int) -> Step:
    hidden = _hidden(state, evidence)
    if hidden:
        back = replace(state, stage="published", moved=now, visible_at=0)
        return Step(back, (f"publish {state.next}",), 0, (hidden,))
    for host in sorted(evidence.signers):
        for name in state.members(state.next):
            if evidence.proofs.get(host, {}).get(name) != evidence.shown(name).public_key:
                return Step(state, (), 0, (f"{host} could not prove that its private key {name} is the published one",))
    if not state.emergency and policy.verify == "received" and not evidence.source:
        return Step(state, (), 0, ("nobody would tell how receivers judge the new key; set dkim_rotation.seen",))
    hosts = sorted(evidence.signers) if state.emergency else sorted(evidence.signers)[:1]
    # One host alone learns first whether receivers agree.
    stage = "canary" if len(hosts) < len(evidence.signers) else "switched"
    switched = replace(state, stage=stage, moved=now, switched=dict.fromkeys(hosts, now), verified={})
    return Step(switched, tuple(f"sign with {state.next} on {host}" for host in hosts))


def _since(state: State, evidence: Evidence) -> list[Sighting]:
    """What receivers said of the new key since each host signs with it."""
    names = state.members(state.next)
    return [s for s in evidence.sightings if s.selector in names and s.time >= state.switched.get(s.host, s.time + 1)]


def _unproven(state: State, evidence: Evidence, policy: Policy) -> list[str]:
    """A sentence for each switched host of which it is not sure that it signs well with the new key."""
    hidden = _hidden(state, evidence)
    found = [hidden] if hidden else []
    passed = _since(state, evidence)
    for host in sorted(set(state.switched) & set(evidence.signers)):
        live = evidence.live.get(host, ())
        missing = [
            name
            for name in state.members(state.next)
            if sum(s.messages for s in passed if s.passed and (s.host, s.selector) == (host, name)) < policy.sightings
        ]
        if set(live) != set(state.members(state.next)):
            found.append(f"{host} still signs with {' and '.join(live) or 'nothing'}")
        elif missing and policy.verify == "received" and not state.emergency:
            found.append(f"no receiver has yet found a message from {host} authentic with {missing[0]}")
    return found


def _canary(state: State, evidence: Evidence, policy: Policy, now: int) -> Step:
    unproven = _unproven(state, evidence, policy)
    if unproven:
        return Step(state, (), 0, tuple(unproven))
    rest = sorted(set(evidence.signers) - set(state.switched))
    switched = {**state.switched, **dict.fromkeys(rest, now)}
    done = replace(state, stage="switched", moved=now, switched=switched, verified=dict.fromkeys(state.switched, now))
    return Step(done, tuple(f"sign with {state.next} on {host}" for host in rest))


def _switched(state: State, evidence: Evidence, policy: Policy, now: int) -> Step:
    late = sorted(set(evidence.signers) - set(state.switched))
    if late:  # a signer that joined
        switched = {**state.switched, **dict.fromkeys(late, now)}
        return Step(replace(state, switched=switched), tuple(f"sign with {state.next} on {host}" for host in late))
    unproven = _unproven(state, evidence, policy)
    if unproven:
        return Step(state, (), 0, tuple(unproven))
    drain = 0 if state.emergency else max(policy.drain, evidence.queue_lifetime + DAY)
    old = Retiring(state.active, now, now + drain)
    entry = {"selector": state.active, "key": fingerprint(evidence, state.active), "from": state.since, "to": now}
    done = replace(
        state, stage="idle", active=state.next, next="", since=now, moved=now, visible_at=0, switched={}, verified={},
        requested=state.emergency > 1, emergency=max(0, state.emergency - 1),
        retiring=(*state.retiring, old), history=(*state.history, entry),
    )  # fmt: skip
    return Step(done, (f"retire {state.active}",), old.drain_until)


def fingerprint(evidence: Evidence, selector: str) -> str:
    """Kept for ever, so that a key is known even when it is gone."""
    return hashlib.sha256(evidence.public_key(selector).encode("ascii")).hexdigest()


def utc(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


_FORWARD = {
    "idle": _idle,
    "staged": _staged,
    "published": _published,
    "visible": _soaking,
    "soaked": _soaked,
    "canary": _canary,
    "switched": _switched,
}
