# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""One domain's rotation, step by step, and every way in which it can go wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._rotation import Step, new_selector, soak_of, step
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import (
    DAY,
    HOUR,
    Evidence,
    Policy,
    Shown,
    Sighting,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_orders import ordered, rebuilt
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import Retiring, State, dump, load, newest

NOW = 1_800_000_000
HOSTS = ("mx1", "mx2")
NEW = "mf202701a"
POLICY = Policy()
OLD_STATE = State("example.com", "mf1", since=NOW - 100 * DAY)


def shows(**what: str) -> dict[str, Shown]:
    """Selectors with the same key as the signers, unless they show something else."""
    return {name: Shown(shown, f"KEY-{name}" if shown == "key" else "", f"is {shown}") for name, shown in what.items()}


def world(*selectors: str, live: Any = "mf1", **more: Any) -> Evidence:
    """Both signers have the keys, everybody shows them, both sign with `live`."""
    keys = {name: f"KEY-{name}" for name in selectors or ("mf1",)}
    signing = live if isinstance(live, dict) else dict.fromkeys(HOSTS, (live,))
    defaults: dict[str, Any] = {
        "signers": HOSTS,
        "reached": frozenset(HOSTS),
        "keys": dict.fromkeys(HOSTS, keys),
        "proofs": dict.fromkeys(HOSTS, keys),
        "live": signing,
        "dns": shows(**dict.fromkeys(keys, "key")),
        "source": "maildir",
    }
    return Evidence(**{**defaults, **more})


def at(stage: str, **more: Any) -> State:
    fields: dict[str, Any] = {"stage": stage, "next": NEW, "serial": 5, "seen": NOW, "moved": NOW, **more}
    return replace(OLD_STATE, **fields)


def passed(*hosts: str, selector: str = NEW, when: int = NOW + 60) -> tuple[Sighting, ...]:
    return tuple(Sighting(host, selector, True, when) for host in hosts)


def test_a_whole_rotation_takes_one_step_a_run_and_says_when_the_next_one_can_be() -> None:
    both, stages, now = ("mf1", NEW), [], NOW
    state = OLD_STATE

    def run(evidence: Evidence, days: float = 1) -> Step:
        nonlocal state, now
        now += int(days * DAY)
        done = step(state, evidence, POLICY, now)
        state = done.state
        stages.append(state.stage)
        return done

    assert run(world("mf1"), 0).actions == (f"make {NEW}",)
    assert run(world("mf1"), 0).reasons == (f"not every signer has the key {NEW} yet",)
    assert run(world(*both, dns=shows(mf1="key"))).actions == (f"publish {NEW}",)
    soaking = run(world(*both))
    assert soaking.not_before == now + 48 * HOUR
    assert run(world(*both)).not_before == soaking.not_before, "too early is no step"
    assert run(world(*both), 1.5).actions == (f"prove {NEW} on every signer",)
    assert run(world(*both)).actions == (f"sign with {NEW} on mx1",)
    assert (state.signing("mx1"), state.signing("mx2")) == ((NEW,), ("mf1",))
    canary = {"mx1": (NEW,), "mx2": ("mf1",)}
    assert run(world(*both, live=canary)).reasons == (
        f"no receiver has yet found a message from mx1 authentic with {NEW}",
    )
    assert run(world(*both, live=canary, sightings=passed("mx1", when=now))).actions == (f"sign with {NEW} on mx2",)
    seen = passed(*HOSTS, when=now + 60)
    retired = run(world(*both, live=NEW, sightings=seen))
    assert (state.active, state.next, retired.not_before) == (NEW, "", now + 7 * DAY)
    assert set(state.wanted()) == {NEW, "mf1"}, "mail on its way still needs the old key"
    assert run(world(*both, live=NEW), 6).actions == ()
    assert run(world(*both, live=NEW)).actions == ("revoke mf1",)
    assert state.wanted() == (NEW,)
    revoked = shows(**{NEW: "key", "mf1": "revoked"})
    assert run(world(*both, live=NEW, dns=revoked), 29).actions == ()
    assert run(world(*both, live=NEW, dns=revoked), 1).actions == ("remove mf1",)
    gone = world(NEW, live=NEW, dns=shows(**{NEW: "key", "mf1": "absent"}))
    assert run(gone).state.retiring == ()
    assert "mf1" in state.used(), "its name is never used again"
    assert stages == [
        "staged", "staged", "published", "visible", "visible", "soaked", "canary", "canary", "switched",
        "idle", "idle", "idle", "idle", "idle", "idle",
    ]  # fmt: skip
    assert load(dump(state)) == state


def test_a_key_is_replaced_quarterly_and_asking_again_changes_nothing() -> None:
    young = replace(OLD_STATE, since=NOW - 89 * DAY)
    first = step(young, world(), POLICY, NOW)
    assert (first.state, first.not_before) == (young, NOW + DAY)
    assert step(replace(young, requested=True), world(), POLICY, NOW).state.stage == "staged"
    assert "waits for its turn" in step(OLD_STATE, world(turn=False), POLICY, NOW).reasons[0]


def test_no_rotation_begins_while_one_is_open() -> None:
    draining = replace(OLD_STATE, requested=True, retiring=(Retiring("mf0", NOW, NOW + DAY),))
    assert step(draining, world("mf1", "mf0"), POLICY, NOW).state.stage == "idle"


# The failure modes of the rotation's specification, in its order.


def test_the_soak_outlives_negative_answers_and_ttls() -> None:
    assert soak_of(OLD_STATE, world(negative_ttl=3 * DAY), POLICY) == 3 * DAY
    assert soak_of(OLD_STATE, world(ttl=4 * DAY, negative_ttl=900), POLICY) == 4 * DAY
    assert soak_of(replace(OLD_STATE, emergency=1), world(ttl=DAY, negative_ttl=3600), POLICY) == 3600


@pytest.mark.parametrize("what", ["mixed", "unknown", "absent", "several"])
@pytest.mark.parametrize("stage", ["published", "visible", "soaked"])
def test_a_stuck_secondary_holds_the_switch_and_the_soak_begins_anew(stage: str, what: str) -> None:
    state = at(stage, visible_at=NOW - 9 * DAY)
    done = step(state, world("mf1", NEW, dns=shows(**{"mf1": "key", NEW: what})), POLICY, NOW)
    assert (done.state.stage, done.reasons) == ("published", (f"{NEW} is {what}",))
    assert done.state.visible_at == (state.visible_at if stage == "published" else 0)
    again = step(done.state, world("mf1", NEW), POLICY, NOW + HOUR)
    assert again.state.visible_at == NOW + HOUR


def test_a_selector_that_somebody_else_took_is_given_up() -> None:
    taken = {"mf1": Shown("key", "KEY-mf1"), NEW: Shown("key", "SOMEBODY")}
    done = step(at("published"), world("mf1", NEW, dns=taken), POLICY, NOW)
    assert (done.state.stage, done.state.next, done.state.retiring) == ("idle", "", ())
    assert step(done.state, world("mf1", NEW, dns=taken), POLICY, NOW).state.next == "mf202701b"


def test_a_selector_is_never_used_again() -> None:
    assert new_selector("mf", set(), NOW) == NEW
    assert new_selector("mf", {NEW}, NOW) == "mf202701b"
    assert new_selector("mf", {NEW, "mf202701b-e"}, NOW) == "mf202701c"
    assert new_selector("mf", {f"mf202701{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"}, NOW) == "mf202701aa"


@pytest.mark.parametrize("stage", ["staged", "published", "visible", "soaked", "canary", "switched"])
def test_a_sender_that_is_silent_stops_every_step_forward(stage: str) -> None:
    state = at(stage, visible_at=NOW - 9 * DAY, switched={"mx1": NOW})
    done = step(state, world("mf1", NEW, reached=frozenset({"mx1"})), POLICY, NOW)
    assert done.state == state
    assert "mx2 cannot be reached" in done.reasons[0]


def test_a_sender_without_the_key_stops_the_publication() -> None:
    keys = {"mx1": {"mf1": "KEY-mf1", NEW: "A"}, "mx2": {"mf1": "KEY-mf1"}}
    assert step(at("staged"), world(keys=keys), POLICY, NOW).state.stage == "staged"
    keys["mx2"][NEW] = "B"
    assert step(at("staged"), world(keys=keys), POLICY, NOW).state.stage == "staged", "two keys are none"


def test_a_private_key_that_is_not_the_published_one_stops_the_switch() -> None:
    proofs = {"mx1": {NEW: f"KEY-{NEW}"}, "mx2": {NEW: "ANOTHER"}}
    done = step(at("soaked"), world("mf1", NEW, proofs=proofs), POLICY, NOW)
    assert done.state.stage == "soaked"
    assert "mx2 could not prove" in done.reasons[0]


def test_nobody_switches_without_somebody_who_would_tell() -> None:
    done = step(at("soaked"), world("mf1", NEW, source=""), POLICY, NOW)
    assert (done.state.stage, done.reasons[0]) == (
        "soaked", "nobody would tell how receivers judge the new key; set dkim_rotation.seen",
    )  # fmt: skip
    trusting = POLICY._replace(verify="preflight")
    assert step(at("soaked"), world("mf1", NEW, source=""), trusting, NOW).state.stage == "canary"


def test_a_receiver_that_rejects_the_canary_brings_the_old_key_back_until_somebody_looks() -> None:
    state = at("canary", switched={"mx1": NOW})
    rejected = (Sighting("mx1", NEW, False, NOW + 60),)
    live = {"mx1": (NEW,), "mx2": ("mf1",)}
    done = step(state, world("mf1", NEW, live=live, sightings=rejected), POLICY, NOW + HOUR)
    assert (done.state.stage, done.state.signing("mx1")) == ("soaked", ("mf1",))
    assert step(done.state, world("mf1", NEW), POLICY, NOW + DAY).state == done.state, "held"
    freed = ordered(done.state, "release", "", NOW + DAY)
    again = step(freed, world("mf1", NEW, sightings=rejected), POLICY, NOW + DAY)
    assert again.state.stage == "canary"
    after = step(again.state, world("mf1", NEW, live=live, sightings=rejected), POLICY, NOW + 2 * DAY)
    assert after.state.stage == "canary", "what was rejected before counts no more"


def test_few_rejections_among_many_messages_are_the_receivers_own() -> None:
    state = at("canary", switched={"mx1": NOW})
    seen = (Sighting("mx1", NEW, False, NOW + 60), Sighting("mx1", NEW, True, NOW + 60, 99))
    live = {"mx1": (NEW,), "mx2": ("mf1",)}
    done = step(state, world("mf1", NEW, live=live, sightings=seen), POLICY, NOW + HOUR)
    assert done.state.stage == "switched"


@pytest.mark.parametrize("held", ["", "by the operator"])
@pytest.mark.parametrize("reached", [HOSTS, ("mx1",)])
@pytest.mark.parametrize("what", ["absent", "mixed", "revoked", "several"])
def test_a_record_that_vanishes_after_the_switch_brings_the_old_key_back_at_once(
    what: str, reached: tuple[str, ...], held: str
) -> None:
    state = at("switched", switched=dict.fromkeys(HOSTS, NOW), held=held)
    lost = world("mf1", NEW, live=NEW, dns=shows(**{"mf1": "key", NEW: what}), reached=frozenset(reached))
    done = step(state, lost, POLICY, NOW + HOUR)
    assert (done.state.stage, done.state.signing("mx1")) == ("published", ("mf1",))
    both = step(state, lost._replace(dns=shows(**{"mf1": "absent", NEW: what})), POLICY, NOW + HOUR)
    assert both.state.stage == "switched", "the old key is no better"


def test_a_silent_name_server_is_no_reason_to_go_back() -> None:
    state = at("switched", switched=dict.fromkeys(HOSTS, NOW))
    dark = world("mf1", NEW, live=NEW, dns=shows(**{"mf1": "unknown", NEW: "unknown"}), sightings=passed(*HOSTS))
    assert step(state, dark, POLICY, NOW + HOUR).state == state


def test_the_drain_outlives_the_queue() -> None:
    state = at("switched", switched=dict.fromkeys(HOSTS, NOW))
    evidence = world("mf1", NEW, live=NEW, sightings=passed(*HOSTS), queue_lifetime=10 * DAY)
    done = step(state, evidence, POLICY._replace(drain=HOUR), NOW + HOUR)
    assert done.state.retiring[0].drain_until == NOW + HOUR + 11 * DAY


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"live": {"mx1": (NEW,), "mx2": ("mf1",)}}, "mx2 still signs with it"),
        ({"live": {"mx1": (NEW,)}}, "unknown what mx2 signs with"),
        ({"oldest_mail": {"mx2": NOW - HOUR}}, "mx2 has mail in its queue"),
        ({"dns": shows(**{NEW: "mixed", "mf1": "key"})}, f"because {NEW} is mixed"),
    ],
)
def test_a_former_key_stays_as_long_as_anything_may_need_it(more: dict[str, Any], why: str) -> None:
    state = State("example.com", NEW, since=NOW, retiring=(Retiring("mf1", NOW, NOW + 7 * DAY),))
    done = step(state, world("mf1", NEW, **{"live": NEW, **more}), POLICY, NOW + 8 * DAY)
    assert done.state == state
    assert why in done.reasons[0]


def test_old_signatures_that_still_arrive_lengthen_the_drain() -> None:
    state = State("example.com", NEW, since=NOW, retiring=(Retiring("mf1", NOW, NOW + 7 * DAY),))
    late = (Sighting("mx2", "mf1", True, NOW + 7 * DAY),)
    done = step(state, world("mf1", NEW, live=NEW, sightings=late), POLICY, NOW + 8 * DAY)
    assert (done.state.retiring[0].drain_until, done.state.wanted()) == (NOW + 13 * DAY, (NEW, "mf1"))


def test_a_former_key_is_not_removed_before_its_revocation_is_seen_everywhere() -> None:
    state = State("example.com", NEW, since=NOW, retiring=(Retiring("mf1", NOW, NOW, NOW),))
    shown = shows(**{NEW: "key", "mf1": "mixed"})
    assert step(state, world("mf1", NEW, live=NEW, dns=shown), POLICY, NOW + 31 * DAY).state == state


def test_an_emergency_replaces_the_key_without_drain() -> None:
    state = ordered(replace(OLD_STATE, since=NOW), "emergency", "", NOW)
    assert ordered(state, "emergency", "", NOW) == state
    state = step(state, world(turn=False), POLICY, NOW).state
    state = step(state, world("mf1", NEW), POLICY, NOW).state
    done = step(state, world("mf1", NEW, negative_ttl=60), POLICY, NOW)
    assert done.not_before == NOW + 900
    state = step(done.state, world("mf1", NEW), POLICY, NOW + 900).state
    done = step(state, world("mf1", NEW, source=""), POLICY, NOW + 960)
    assert done.state.signing("mx1") == done.state.signing("mx2") == (NEW,)
    still = step(done.state, world("mf1", NEW, live={"mx1": (NEW,), "mx2": ("mf1",)}), POLICY, NOW + 1000)
    assert still.state.stage == "switched", "no key goes that somebody signs with"
    done = step(done.state, world("mf1", NEW, live=NEW), POLICY, NOW + 1000)
    assert done.actions == ("retire mf1", "revoke mf1")
    assert (done.state.emergency, done.state.wanted()) == (0, (NEW,))


@pytest.mark.parametrize(("stage", "revoked"), [("staged", False), ("published", True), ("visible", True)])
def test_an_emergency_trusts_no_key_that_was_on_the_senders(stage: str, revoked: bool) -> None:
    state = ordered(at(stage), "emergency", "", NOW)
    assert (state.stage, [old.selector for old in state.retiring]) == ("idle", [NEW] if revoked else [])
    done = step(state, world("mf1", NEW), POLICY, NOW)
    assert (done.state.next, done.state.signing("mx1")) == ("mf202701b", ("mf1",))


def test_an_emergency_in_the_middle_of_a_switch_makes_two_rotations() -> None:
    state = ordered(at("switched", switched=dict.fromkeys(HOSTS, NOW)), "emergency", "", NOW)
    done = step(state, world("mf1", NEW, live=NEW), POLICY, NOW)
    assert (done.state.active, done.state.emergency) == (NEW, 1)
    assert step(done.state, world(NEW, live=NEW), POLICY, NOW).state.next == "mf202701b"


def test_an_ed25519_key_is_never_alone() -> None:
    policy = POLICY._replace(ed25519=True)
    state = step(OLD_STATE, world(), policy, NOW).state
    assert state.members(NEW) == (NEW, f"{NEW}-e")
    both = (NEW, f"{NEW}-e")
    assert step(state, world("mf1", NEW), policy, NOW).state.stage == "staged"
    state = step(state, world("mf1", *both), policy, NOW).state
    half = {**shows(**dict.fromkeys(("mf1", NEW), "key")), both[1]: Shown("absent", why="is absent")}
    assert step(state, world("mf1", *both, dns=half), policy, NOW).state.stage == "published"
    state = replace(state, stage="canary", switched={"mx1": NOW})
    live = {"mx1": both, "mx2": ("mf1",)}
    assert state.signing("mx1") == both
    one = step(state, world("mf1", *both, live=live, sightings=passed("mx1")), policy, NOW + HOUR)
    assert one.reasons == (f"no receiver has yet found a message from mx1 authentic with {both[1]}",)


# The state itself.


def test_a_clock_that_went_back_stops_everything() -> None:
    state = at("visible", visible_at=NOW - 9 * DAY)
    done = step(state, world("mf1", NEW), POLICY, NOW - HOUR)
    assert (done.state, "clock went back" in done.reasons[0]) == (state, True)
    assert step(state, world("mf1", NEW), POLICY, NOW - 60).state.stage == "soaked"


def test_a_copy_that_is_missing_is_written_before_anything_else() -> None:
    state = at("visible", visible_at=NOW - 9 * DAY)
    done = step(state, world("mf1", NEW, stale=frozenset({"mx2"})), POLICY, NOW)
    assert (done.state, "mx2 had no current copy" in done.reasons[0]) == (state, True)


def test_hold_and_release() -> None:
    held = ordered(at("visible", visible_at=NOW - 9 * DAY), "hold", "freeze of December", NOW)
    assert step(held, world("mf1", NEW), POLICY, NOW).reasons == ("held: freeze of December",)
    assert step(ordered(held, "release", "", NOW), world("mf1", NEW), POLICY, NOW).state.stage == "soaked"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2}', '{"schema": 1, "stage": "elsewhere"}', "null"])
def test_what_is_no_state_counts_as_lost(text: str) -> None:
    assert load(text) is None


def test_the_newest_copy_counts() -> None:
    assert newest([None, replace(OLD_STATE, serial=3), OLD_STATE]).serial == 3  # type: ignore[union-attr]
    assert newest([None]) is None
    one, other = replace(OLD_STATE, held="a"), replace(OLD_STATE, held="b")
    assert newest([one, other]) == newest([other, one])


def test_a_lost_state_is_rebuilt_from_facts() -> None:
    fresh = rebuilt("example.com", "mf1", world(live={}, keys={}, dns={}), NOW)
    assert (fresh.active, fresh.stage, fresh.since) == ("mf1", "idle", NOW)
    old = rebuilt("example.com", "mf1", world("mf1", "s2025", live="s2025", made={"s2025": NOW - 9 * DAY}), NOW)
    assert (old.active, old.since) == ("s2025", NOW - 9 * DAY)
    assert [(key.selector, key.drain_until) for key in old.retiring] == [("mf1", NOW + 7 * DAY)]
    assert set(old.wanted()) == {"s2025", "mf1"}, "nothing goes that mail may need"


def test_a_state_lost_in_the_middle_of_a_switch_goes_on_with_it() -> None:
    live = {"mx1": (NEW,), "mx2": ("mf1",)}
    found = rebuilt("example.com", "mf1", world("mf1", NEW, live=live, made={"mf1": 1, NEW: 2}), NOW)
    assert (found.stage, found.active, found.next, dict(found.switched)) == ("canary", "mf1", NEW, {"mx1": NOW})
    assert found.signing("mx2") == ("mf1",)
