# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._generation import (
    Changes,
    Entry,
    RefusedError,
    changes,
    diff,
    pack,
    summary,
    unpack,
    wanted,
)


def file(text: str, mode: int = 0o644, owner: str = "root") -> Entry:
    return Entry(text, owner, "root", mode)


def directory(mode: int = 0o755) -> Entry:
    return Entry(None, "root", "root", mode)


def test_pack_is_exact() -> None:
    files = {"ä/b": "text\n€\udcff"}
    assert unpack(pack(files)) == files


@pytest.mark.parametrize(
    ("owners", "secret", "expected"),
    [
        ([], [], {"a/": directory(), "a/f": file("x")}),
        ([], ["a/*"], {"a/": directory(), "a/f": file("x", 0o600)}),
        ([{"pattern": "a/*", "mode": "0640", "group": "mail"}], ["a/*"],
         {"a/": directory(), "a/f": Entry("x", "root", "mail", 0o640)}),
        ([{"pattern": "*", "owner": "a"}, {"pattern": "a/f", "owner": "b"}], [],
         {"a/": directory(), "a/f": file("x", owner="b")}),
        ([{"pattern": "a/", "mode": "0750"}], [], {"a/": directory(0o750), "a/f": file("x")}),
    ],
)  # fmt: skip
def test_wanted(owners: list, secret: list, expected: dict) -> None:
    assert wanted({"a/f": "x"}, owners, secret) == expected


@pytest.mark.parametrize(
    ("path", "owners", "message"),
    [
        ("../x", [], "no relative path"),
        ("/x", [], "no relative path"),
        ("x", [{"pattern": "x", "mode": "rw"}], "'rw' is no mode for x"),
        ("x", [{"pattern": "x", "mode": "99999"}], "is no mode"),
    ],
)
def test_wanted_refuses(path: str, owners: list, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        wanted({path: ""}, owners, [])


BEFORE = {"d/": directory(), "d/a": file("1\n"), "d/b": file("2\n"), "d/c": file("3\n"), "d/m": file("4\n")}
AFTER = {"d/": directory(0o750), "d/b": file("2\n"), "d/c": file("X\n"), "d/m": file("4\n", 0o600), "e/": directory(),
         "e/n": file("5\n")}  # fmt: skip


def test_changes() -> None:
    got = changes(BEFORE, AFTER)
    assert got == Changes(("e/", "e/n"), ("d/", "d/c", "d/m"), ("d/a",))
    assert got.written == ["d/", "d/c", "d/m", "e/n"]
    assert got.gone == ["d/a"]
    assert summary(got) == ["change d/", "remove d/a", "change d/c", "change d/m", "add e/n"]
    assert not changes(BEFORE, BEFORE)


def test_diff() -> None:
    got = {item["after_header"]: (item["before"], item["after"]) for item in diff("/l", BEFORE, AFTER, ["e/*"])}
    assert got == {
        "/l/d/": ("root:root 0755\n", "root:root 0750\n"),
        "/l/d/a (absent)": ("1\n", ""),
        "/l/d/c": ("3\n", "X\n"),
        "/l/d/m": ("root:root 0644\n", "root:root 0600\n"),
        "/l/e/n": ("", "[secret, not shown]\n"),
    }


@pytest.mark.parametrize(
    ("before", "after"), [({}, {"k": file("pw2")}), ({"k": file("pw1")}, {"k": file("pw2")}), ({"k": file("pw1")}, {})]
)
def test_diff_never_shows_a_secret(before: dict, after: dict) -> None:
    shown = diff("/l", before, after, ["k"])
    assert len(shown) == 1
    assert "pw" not in str(shown)
