# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The rotation's part that runs on a sender: states, live signing, keys that go, queues."""

from __future__ import annotations

import grp
import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils import _keystore, _rotation_steps
from ansible_collections.mailfleet.mta.plugins.module_utils._command import Answer
from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_keys import Wanted, plan_keys
from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_steps import STEPS as DKIM_STEPS
from ansible_collections.mailfleet.mta.plugins.module_utils._keystore import Keystore
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import build_dkim, dkim_key
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_host import (
    live_signing,
    read_states,
    shred,
    write_states,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_lineup import lineup
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import Retiring, State, dump
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_steps import STEPS

GROUP = grp.getgrgid(os.getegid()).gr_name
STATE = State("a.example", "mf1", since=1, serial=4)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keystore:
    monkeypatch.setattr(_keystore, "_BITS", 1024)
    return Keystore(str(tmp_path / "dkim"), GROUP)


def test_states_lie_beside_the_keys_and_are_as_private(store: Keystore) -> None:
    assert read_states(store.directory, ["a.example"]) == {}
    assert write_states(store, {"a.example": dump(STATE)}) == []
    path = Path(store.directory, "a.example/rotation.json")
    assert path.stat().st_mode & 0o7777 == 0o640
    assert read_states(store.directory, ["a.example", "b.example"]) == {"a.example": dump(STATE)}
    assert os.listdir(path.parent) == ["rotation.json"], "nothing half-written stays"


def test_a_copy_that_knows_more_is_kept(store: Keystore) -> None:
    newer = dump(State("a.example", "mf2", since=1, serial=9))
    write_states(store, {"a.example": newer})
    assert write_states(store, {"a.example": dump(STATE)}) == ["a.example"]
    assert write_states(store, {"a.example": newer}) == [], "the same again is no conflict"
    assert read_states(store.directory, ["a.example"])["a.example"] == newer
    Path(store.directory, "a.example/rotation.json").write_text("{broken")
    assert write_states(store, {"a.example": dump(STATE)}) == []
    assert read_states(store.directory, ["a.example"])["a.example"] == dump(STATE)


def test_what_a_host_signs_with_is_read_from_either_backend(tmp_path: Path) -> None:
    signing_map, keys = tmp_path / "signing.map", tmp_path / "keys.conf"
    signing_map.write_text("# Managed\na.example campaign mf1\na.example campaign mf1-e\nc.example trans x\n")
    keys.write_text("# Managed\ndomain-key mf2,b.example,/var/lib/mailfleet/dkim/b.example/mf2.private\nsmtp-port 25\n")
    wanted = ["a.example", "b.example", "d.example"]
    assert live_signing(wanted, str(signing_map), str(tmp_path / "no")) == {"a.example": ["mf1", "mf1-e"]}
    assert live_signing(wanted, str(tmp_path / "no"), str(keys)) == {"b.example": ["mf2"]}
    assert live_signing(["a.example"], str(tmp_path / "no"), str(tmp_path / "neither")) == {}


def test_a_host_that_moved_to_powermta_signs_no_more_with_what_rspamd_left(tmp_path: Path) -> None:
    signing_map, keys = tmp_path / "signing.map", tmp_path / "keys.conf"
    signing_map.write_text("a.example campaign mf1\n")
    keys.write_text("domain-key mf2,a.example,/var/lib/mailfleet/dkim/a.example/mf2.private\n")
    assert live_signing(["a.example"], str(signing_map), str(keys)) == {"a.example": ["mf2"]}


def test_a_key_that_was_removed_is_gone_with_both_halves(store: Keystore) -> None:
    store.make([("a.example", "mf1"), ("a.example", "mf2")])
    shred(store, [("a.example", "mf1"), ("gone.example", "mf1")])
    assert sorted(os.listdir(f"{store.directory}/a.example")) == ["mf2.private", "mf2.public"]
    assert store.found(["a.example", "gone.example"]) == [("a.example", "mf2")]


def fake_run(answers: dict[str, Answer]) -> Any:
    return lambda argv, **_more: next((a for word, a in answers.items() if word in " ".join(argv)), Answer(1, "", ""))


def test_a_look_tells_what_a_decision_needs(store: Keystore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.make([("a.example", "mf1"), ("a.example", "mf2"), ("b.example", "mf1")])
    soaked = State("a.example", "mf1", since=1, stage="soaked", next="mf2")
    draining = State("b.example", "mf1", since=1, retiring=(Retiring("mf0", 5, 9),))
    write_states(store, {"a.example": dump(soaked), "b.example": dump(draining)})
    monkeypatch.setattr(_rotation_steps.time, "time", lambda: 100.5)
    monkeypatch.setattr(_rotation_steps, "holdings", lambda view: {"campaign": {}, "trans": {}})
    queue = [
        {"queue_name": "deferred", "sender": "x@bounce.b.example", "arrival_time": 77},
        {"queue_name": "deferred", "sender": "x@b.example", "arrival_time": 78},
        {"queue_name": "deferred", "sender": "x@a.example", "arrival_time": 1},
    ]
    run = fake_run(
        {
            "postconf -c /etc/postfix-trans": Answer(0, "1h\n30m\n", ""),
            "postconf -c /etc/postfix-campaign": Answer(0, "5d\n2d\n", ""),
            "postqueue": Answer(0, "\n".join(map(json.dumps, queue)), ""),
        }
    )
    pairs = [{"domain": "a.example", "selector": "mf1"}, {"domain": "b.example", "selector": "mf1"}]
    found = STEPS["look"](store, {"pairs": pairs}, False, run)
    assert set(found["public"]["a.example"]) == {"mf1", "mf2"}, "keys are seen that nobody asked for"
    assert found["proofs"] == {"a.example": {"mf2": found["public"]["a.example"]["mf2"]}}
    assert found["queue_lifetime"] == 5 * 86400
    assert found["mail_age"] == {"b.example": 23}
    assert set(found["rotation"]) == {"a.example", "b.example"}


def test_a_host_that_is_about_to_move_is_told_and_its_keys_are_not_touched(
    store: Keystore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.make([("a.example", "mf1")])
    private = Path(store.path(("a.example", "mf1"), "private"))
    private.chmod(0o600)  # as far as the new signer is concerned
    monkeypatch.setattr(_rotation_steps, "other_mta", lambda backend: {"powermta": "postfix"}.get(backend, ""))
    job = {"pairs": [{"domain": "a.example", "selector": "mf1"}]}
    found = STEPS["look"](store, {**job, "backend": "powermta"}, False, fake_run({}))
    assert (found["other_mta"], private.stat().st_mode & 0o777) == ("postfix", 0o600)
    found = STEPS["look"](store, {**job, "backend": "postfix"}, False, fake_run({}))
    assert (found["other_mta"], private.stat().st_mode & 0o777) == ("", 0o640)


def test_a_key_that_the_signer_could_not_read_is_no_proof(store: Keystore) -> None:
    store.make([("a.example", "mf1"), ("a.example", "mf2")])
    write_states(store, {"a.example": dump(State("a.example", "mf1", since=1, stage="soaked", next="mf2"))})
    os.chmod(store.path(("a.example", "mf2"), "private"), 0o600)
    pairs = [{"domain": "a.example", "selector": "mf1"}]
    assert STEPS["look"](store, {"pairs": pairs}, True, fake_run({}))["proofs"] == {}


def test_check_mode_keeps_nothing(store: Keystore) -> None:
    job = {"states": {"a.example": dump(STATE)}, "shred": [{"domain": "a.example", "selector": "mf1"}], "host": "mx1"}
    store.make([("a.example", "mf1")])
    assert STEPS["keep"](store, job, True, fake_run({}))["changed"]
    assert sorted(os.listdir(f"{store.directory}/a.example")) == ["mf1.private", "mf1.public"]
    assert STEPS["keep"](store, job, False, fake_run({}))["overtaken"] == []
    assert os.listdir(f"{store.directory}/a.example") == ["rotation.json"]


def test_an_ed25519_key_is_made_beside_the_rsa_key_and_shared_like_it(store: Keystore, tmp_path: Path) -> None:
    state = State("a.example", "mf1", since=1, stage="staged", next="mf2", paired=("mf2",))
    report = {
        "public": {},
        "orphans": {},
        "exchange": "X",
        "pace": 1,
        "rotation": {"a.example": dump(state)},
        "signing": {},
    }
    item = Wanted(domain="a.example", pool="p", selector="mf1", signers=["mx1"])
    made = plan_keys([item], {"mx1": report}, staged=True).make["mx1"]
    assert [(key["selector"], key.get("kind")) for key in made] == [("mf1", None), ("mf2", None), ("mf2-e", "ed25519")]
    DKIM_STEPS["make"](store, {"pairs": made, "seal": {}, "host": "mx1"}, False)
    public, _orphans = store.read([("a.example", "mf2"), ("a.example", "mf2-e")])
    assert len(public["a.example"]["mf2-e"]) == 44 < len(public["a.example"]["mf2"])
    other = Keystore(str(tmp_path / "other"), GROUP)
    exchange = other.exchange_public(create=True)
    parcel = store.seal([("a.example", "mf2-e")], exchange or "", "mx1", "mx2")
    other.store(parcel, [("a.example", "mf2-e")], "mx1", "mx2")
    assert other.read([("a.example", "mf2-e")]) == store.read([("a.example", "mf2-e")])
    assert build_dkim(dkim_key(public["a.example"]["mf2-e"])).startswith("v=DKIM1; k=ed25519; p=")


def reports(state: State, **held: list[str]) -> dict[str, Any]:
    return {
        host: {
            "public": {"a.example": dict.fromkeys(names, "KEY")},
            "rotation": {"a.example": dump(state)},
            "signing": {"a.example": ["mf1"]},
        }
        for host, names in held.items()
    }


@pytest.mark.parametrize(
    ("selector", "held", "signs"),
    [
        ("mf1", {"mx1": ["mf1"], "mx2": ["mf1"]}, "mf1"),
        ("s2", {"mx1": ["mf1"], "mx2": ["mf1"]}, "mf1"),  # the rotation names the keys now
        ("s2", {"mx1": ["mf1"], "mx2": []}, "mf1"),  # it is shared again
        ("s2", {"mx1": []}, "mf1"),  # mx2 may have it
        ("mf1", {"mx1": [], "mx2": []}, "mf1"),
        ("s2", {"mx1": [], "mx2": []}, "s2"),
        ("mf0", {"mx1": [], "mx2": []}, "mf1"),  # was used before
    ],
)
def test_a_key_that_all_lost_begins_anew_with_another_selector(
    selector: str, held: dict[str, list[str]], signs: str
) -> None:
    state = State("a.example", "mf1", since=1, history=({"selector": "mf0"},))
    found = lineup("a.example", selector, ["mx1", "mx2"], reports(state, **held))
    assert (found.selectors, found.signing["mx1"]) == ((signs,), (signs,))
