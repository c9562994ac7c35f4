# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils import _keyseal, _keystore
from ansible_collections.mailfleet.mta.plugins.module_utils._keyseal import KeyFailure
from ansible_collections.mailfleet.mta.plugins.module_utils._keystore import Keystore, check_pairs

GROUP = grp.getgrgid(os.getegid()).gr_name
PAIR = ("example.com", "mf1")
OTHER = ("tx.example.com", "mf2")


@pytest.fixture(autouse=True)
def small_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_keystore, "_BITS", 1024)
    monkeypatch.setattr(_keystore, "_EXCHANGE_BITS", 1024)


@pytest.fixture
def new_store(tmp_path: Path) -> Callable[[str], Keystore]:
    return lambda name: Keystore(str(tmp_path / name / "dkim"), GROUP)


@pytest.fixture
def store(new_store: Callable[[str], Keystore]) -> Keystore:
    return new_store("mx1")


def bytes_of(store: Keystore, pair: tuple[str, str], half: str) -> bytes:
    return Path(store.path(pair, half)).read_bytes()


def mode_of(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def share(owner: Keystore, recipient: Keystore, pairs: list[tuple[str, str]]) -> None:
    exchange = recipient.exchange_public(create=True)
    assert exchange
    recipient.store(owner.seal(pairs, exchange, "mx1", "mx2"), pairs, "mx1", "mx2")


@pytest.mark.parametrize(
    "pair",
    [("../etc", "mf1"), ("example.com", ".."), ("example.com/x", "s"), ("Example.com", "s"), ("", "s"),
     ("example..com", "s"), ("example.com\n", "s"), ("a" * 254, "s"), ("-a.example", "s"), ("exämple.com", "s")],
)  # fmt: skip
def test_names_that_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(KeyFailure, match="no lower-case DNS name"):
        check_pairs([pair])


def test_names_that_are_kept() -> None:
    pairs = [("xn--exmple-cua.com", "2026a.bulk"), ("_x.example.com", "s1-r"), PAIR]
    assert check_pairs([*pairs, PAIR]) == sorted(pairs)


def test_nothing_is_there(store: Keystore) -> None:
    assert store.read([PAIR]) == ({}, {})
    assert store.exchange_public(create=False) is None
    assert store.misplaced([PAIR]) == []
    assert not Path(store.directory).exists()


def test_make_is_complete_and_idempotent(store: Keystore) -> None:
    store.make([PAIR, OTHER])
    before = {half: bytes_of(store, PAIR, half) for half in ("private", "public")}
    public, orphans = store.read([PAIR, OTHER])
    assert sorted(public) == ["example.com", "tx.example.com"]
    assert orphans == {}
    assert _keyseal.public_of(before["private"]) == public["example.com"]["mf1"] == before["public"].decode().strip()
    store.make([PAIR, OTHER])
    assert {half: bytes_of(store, PAIR, half) for half in before} == before


def test_modes(store: Keystore) -> None:
    store.make([PAIR])
    store.exchange_public(create=True)
    assert mode_of(store.path(PAIR, "private")) == 0o640
    assert mode_of(store.path(PAIR, "public")) == 0o644
    assert mode_of(os.path.dirname(store.path(PAIR, "private"))) == 0o750
    assert mode_of(store.directory) == 0o750
    assert mode_of(f"{store.directory}/exchange.private") == 0o600
    assert sorted(os.listdir(store.directory)) == ["example.com", "exchange.private", "exchange.public"]


def test_misplaced_is_found_and_repaired(store: Keystore) -> None:
    store.make([PAIR])
    path = store.path(PAIR, "private")
    os.chmod(path, 0o644)
    os.chmod(store.directory, 0o700)
    os.chmod(os.path.dirname(path), 0o755)
    wrong = [store.directory, os.path.dirname(path), path]
    assert store.misplaced([PAIR, OTHER]) == wrong
    store.repair(wrong)
    assert store.misplaced([PAIR, OTHER]) == []
    assert [mode_of(each) for each in wrong] == [0o750, 0o750, 0o640]


def test_exchange_key_is_made_once(store: Keystore) -> None:
    assert store.exchange_public(create=True) == store.exchange_public(create=True) == store.exchange_public(False)


def test_share(new_store: Callable[[str], Keystore]) -> None:
    one, two = new_store("mx1"), new_store("mx2")
    one.make([PAIR, OTHER])
    share(one, two, [PAIR, OTHER])
    assert one.read([PAIR, OTHER]) == two.read([PAIR, OTHER])
    assert bytes_of(one, PAIR, "private") == bytes_of(two, PAIR, "private")
    share(one, two, [PAIR, OTHER])


def damage(path: Path) -> None:
    lines = path.read_bytes().splitlines()
    lines[len(lines) // 2] = lines[len(lines) // 2][::-1]
    path.write_bytes(b"\n".join(lines) + b"\n")


@pytest.mark.parametrize(
    "harm", [damage, lambda path: path.unlink(), lambda path: path.chmod(0o600), lambda path: path.write_text("x")]
)
def test_only_keys_that_sign_are_proven(store: Keystore, harm: Callable[[Path], Any]) -> None:
    store.make([PAIR, OTHER], ed25519=[OTHER])
    public = store.read([PAIR, OTHER])[0]
    assert store.prove([PAIR, OTHER]) == public
    harm(Path(store.path(PAIR, "private")))
    assert store.prove([PAIR, OTHER]) == {OTHER[0]: public[OTHER[0]]}
    harm(Path(store.path(OTHER, "private")))
    assert store.prove([PAIR, OTHER]) == {}


@pytest.mark.parametrize("pair", [PAIR, OTHER])
def test_a_damaged_key_is_told_and_left_alone(store: Keystore, pair: tuple[str, str]) -> None:
    store.make([PAIR, OTHER], ed25519=[OTHER])
    damage(Path(store.path(pair, "private")))
    Path(store.path(pair, "public")).unlink()
    before = bytes_of(store, pair, "private")
    with pytest.raises(KeyFailure, match=r"private is .*Restore it"):
        store.make([pair])
    assert bytes_of(store, pair, "private") == before


def test_parcel_shows_no_key(new_store: Callable[[str], Keystore]) -> None:
    one, two = new_store("mx1"), new_store("mx2")
    one.make([PAIR])
    parcel = one.seal([PAIR], two.exchange_public(create=True) or "", "mx1", "mx2")
    assert "PRIVATE" not in parcel
    assert bytes_of(one, PAIR, "private").decode().splitlines()[1] not in parcel


def test_only_what_was_asked_for_is_kept(new_store: Callable[[str], Keystore]) -> None:
    one, two = new_store("mx1"), new_store("mx2")
    one.make([PAIR, OTHER])
    parcel = one.seal([PAIR, OTHER], two.exchange_public(create=True) or "", "mx1", "mx2")
    two.store(parcel, [PAIR], "mx1", "mx2")
    assert list(two.read([PAIR, OTHER])[0]) == ["example.com"]


@pytest.mark.parametrize("left", [[], ["private"], ["private", "private.new"], ["private.new"], ["public"]])
def test_killed_runs_are_finished(new_store: Callable[[str], Keystore], left: list[str]) -> None:
    """Whatever a run that was killed left behind on the recipient, the next one completes it."""
    one, two = new_store("mx1"), new_store("mx2")
    one.make([PAIR])
    directory = Path(two.path(PAIR, "private")).parent
    directory.mkdir(parents=True)
    for half in left:
        (directory / f"mf1.{half}").write_bytes(bytes_of(one, PAIR, half.removesuffix(".new")))
    share(one, two, [PAIR])
    assert two.read([PAIR]) == one.read([PAIR])
    assert sorted(os.listdir(directory)) == ["mf1.private", "mf1.public"]


def test_a_leftover_link_to_the_key_does_no_harm(store: Keystore) -> None:
    """Killed between giving the key its name and removing the staged one: both are the same file."""
    store.make([PAIR])
    before = bytes_of(store, PAIR, "private")
    os.link(store.path(PAIR, "private"), store.path(PAIR, "private") + ".new")
    os.unlink(store.path(PAIR, "public"))
    store.make([PAIR])
    assert bytes_of(store, PAIR, "private") == before
    assert store.read([PAIR])[0]["example.com"]["mf1"] == _keyseal.public_of(before)


def another_private(one: Keystore, two: Keystore) -> None:
    two.make([PAIR])


def another_public(one: Keystore, two: Keystore) -> None:
    path = Path(two.path(PAIR, "public"))
    path.parent.mkdir(parents=True)
    path.write_text(_keyseal.make_pair(1024)[1])


@pytest.mark.parametrize(
    ("prepare", "words"),
    [(another_private, "another key than the one mx1 signs with"), (another_public, "does not belong to")],
)
def test_nothing_is_overwritten(
    new_store: Callable[[str], Keystore], prepare: Callable[[Keystore, Keystore], None], words: str
) -> None:
    one, two = new_store("mx1"), new_store("mx2")
    one.make([PAIR])
    prepare(one, two)
    directory = Path(two.path(PAIR, "public")).parent
    before = {path: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(KeyFailure, match=words):
        share(one, two, [PAIR])
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize(
    ("sender", "recipient", "change"),
    [("mx9", "mx2", str), ("mx1", "mx9", str), ("mx1", "mx2", lambda parcel: parcel[:-9] + "AAAA" + parcel[-5:]),
     ("mx1", "mx2", lambda parcel: "nonsense"), ("mx1", "mx2", lambda parcel: "a.b.c")],
)  # fmt: skip
def test_parcels_that_are_not_ours(sender: str, recipient: str, change: Callable[[str], str]) -> None:
    private, public = _keyseal.make_pair(1024)
    parcel = _keyseal.seal([["example.com", "mf1", "pem"]], public, "mx1", "mx2")
    with pytest.raises(KeyFailure, match="cannot be opened"):
        _keyseal.unseal(change(parcel), private, sender, recipient)


def break_group(store: Keystore) -> Any:
    return Keystore(store.directory, "no-such-group").make([PAIR])


def break_exchange(store: Keystore) -> Any:
    return store.seal([], "rubbish", "mx1", "mx2")


def break_private(store: Keystore) -> Any:
    return store.seal([PAIR], _keyseal.make_pair(1024)[1], "mx1", "mx2")


def break_parcel(store: Keystore) -> Any:
    exchange = store.exchange_public(create=True) or ""
    return store.store(store.seal([], exchange, "mx1", "mx1"), [PAIR], "mx1", "mx1")


def break_own_exchange(store: Keystore) -> Any:
    return store.store("x", [PAIR], "mx1", "mx2")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (break_group, "Group no-such-group does not exist"),
        (break_exchange, "the exchange key that mx2 reported"),
        (break_private, "mf1.private is gone"),
        (break_parcel, "did not send the key example.com/mf1"),
        (break_own_exchange, "exchange.private is gone"),
    ],
)
def test_sentences(store: Keystore, action: Callable[[Keystore], Any], words: str) -> None:
    with pytest.raises(KeyFailure, match=words):
        action(store)


def test_without_the_library_reading_still_works(store: Keystore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.make([PAIR])
    monkeypatch.setattr(_keyseal, "AVAILABLE", False)
    assert list(store.read([PAIR, OTHER])[0]) == ["example.com"]
    with pytest.raises(KeyFailure, match="python3-cryptography is not installed"):
        store.make([OTHER])
