# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import errno
import fcntl
import getpass
import grp
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils import _generation_store as store_module
from ansible_collections.mailfleet.mta.plugins.module_utils._command import Answer
from ansible_collections.mailfleet.mta.plugins.module_utils._files import sentence
from ansible_collections.mailfleet.mta.plugins.module_utils._generation import RefusedError, pack, seal, wanted
from ansible_collections.mailfleet.mta.plugins.module_utils._generation_run import generation, in_order
from ansible_collections.mailfleet.mta.plugins.module_utils._generation_store import Store

Apply = Callable[..., dict[str, Any]]


def calls(*answers: Answer) -> Any:
    """A scripted run(): it remembers what was asked."""
    script = list(answers)

    def run(argv: list[str], timeout: float = 60) -> Answer:
        run.asked.append(argv)  # type: ignore[attr-defined]
        run.patience.append(timeout)  # type: ignore[attr-defined]
        return script.pop(0) if script else Answer(0, "", "")

    run.asked, run.patience = [], []  # type: ignore[attr-defined]
    return run


@pytest.fixture
def apply(tmp_path: Path) -> Apply:
    me = {"owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}

    def apply(files: dict[str, str] | None, dry: bool = False, run: Any = None, **params: Any) -> dict[str, Any]:
        options = {
            "name": "t", "tree": pack(files or {}), "check": [], "links": {}, "secret": [], "units": [], "keep": 5,
            "rollback": files is None, "absent": False, "confirm": False, **params,
            "owners": [{"pattern": "*", **me}, {"pattern": "*/", **me}, *params.get("owners", [])],
        }  # fmt: skip
        return generation(str(tmp_path), options, dry, True, run or calls())

    return apply


def live(tmp_path: Path) -> dict[str, str]:
    base = tmp_path / "t" / "live"
    files = (path for path in base.resolve().rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(base.resolve())): path.read_text() for path in files}


def test_first_second_and_changed_run(apply: Apply, tmp_path: Path) -> None:
    first = apply({"d/a": "1\n", "d/b": "2\n"})
    assert (first["changed"], first["generation"], first["previous"]) == (True, "000001", None)
    assert first["changed_files"] == ["d/a", "d/b"]
    assert live(tmp_path) == {"d/a": "1\n", "d/b": "2\n"}

    second = apply({"d/a": "1\n", "d/b": "2\n"})
    assert (second["changed"], second["generation"], second["diff"]) == (False, "000001", [])

    third = apply({"d/a": "1\n", "c": "3\n"})
    assert (third["changed"], third["generation"], third["previous"]) == (True, "000002", "000001")
    assert (third["changed_files"], third["removed_files"]) == (["c"], ["d/b"])
    assert third["summary"] == ["add c", "remove d/b"]
    assert [(item["before"], item["after"]) for item in third["diff"]] == [("", "3\n"), ("2\n", "")]
    assert live(tmp_path) == {"d/a": "1\n", "c": "3\n"}


def test_check_mode_on_a_fresh_host_writes_nothing(apply: Apply, tmp_path: Path) -> None:
    run = calls()
    result = apply({"a": "1"}, dry=True, run=run, check=[["mta", "{staged}"]], owners=[{"pattern": "*", "owner": "no"}],
                   links={str(tmp_path / "none" / "x"): "a"})  # fmt: skip
    assert (result["changed"], result["changed_files"], result["generation"]) == (True, ["a"], None)
    assert run.asked == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoil", [
    lambda base: (base / "a").write_text("edited\n"),
    lambda base: (base / "a").unlink(),
    lambda base: (base / "a").chmod(0o666),
    lambda base: (base / ".manifest.json").unlink(),
])  # fmt: skip
def test_an_edit_by_hand_is_undone(apply: Apply, tmp_path: Path, spoil: Callable[[Path], Any]) -> None:
    apply({"a": "1\n"})
    spoil(tmp_path / "t" / "live")
    assert apply({"a": "1\n"})["changed_files"] == ["a"]
    assert (live(tmp_path), apply({"a": "1\n"})["changed"]) == ({"a": "1\n"}, False)


def test_what_is_in_order_has_the_seal_of_what_was_asked_for(apply: Apply, tmp_path: Path) -> None:
    links = {str(tmp_path / "a"): "a"}
    apply({"a": "0\n"}, links=links)
    apply({"a": "1\n"}, links=links)
    me = [{"pattern": "*", "owner": getpass.getuser(), "group": grp.getgrgid(os.getgid()).gr_name}]
    sealed = seal(wanted({"a": "1\n"}, me, []), links, [])
    assert in_order(str(tmp_path), calls()) == {
        "t": {"seal": sealed, "generation": "000002", "previous": "000001"},
    }


@pytest.mark.parametrize(("spoil", "listed"), [
    (lambda base: (base / "live" / "a").write_text("edited\n"), True),
    (lambda base: (base / "live" / "a").unlink(), True),
    (lambda base: (base / "live" / "a").chmod(0o666), True),
    (lambda base: (base / "live" / ".manifest.json").unlink(), True),
    (lambda base: (base / "live" / "a").unlink() or (base / "live" / "a" / "b").mkdir(parents=True), True),
    (lambda base: (base / "pending.json").write_text('{"files": ["a"]}'), False),
    (lambda base: (base.parent / "link").unlink(), False),
    (lambda base: (base.parent / "link").unlink() or (base.parent / "link").write_text("not ours"), False),
])  # fmt: skip
def test_what_somebody_spoiled_has_not_its_seal(
    apply: Apply, tmp_path: Path, spoil: Callable[[Path], Any], listed: bool
) -> None:
    apply({"a": "1\n"}, links={str(tmp_path / "link"): "a"})
    before = in_order(str(tmp_path), calls())["t"]["seal"]
    spoil(tmp_path / "t")
    after = in_order(str(tmp_path), calls())
    assert ("t" in after) is listed
    assert before not in [found["seal"] for found in after.values()]


def test_what_cannot_be_read_is_not_in_order(apply: Apply, tmp_path: Path) -> None:
    apply({"d/a": "1\n"})
    (tmp_path / "t/live/d/a").unlink()
    (tmp_path / "t/live/d").rmdir()
    (tmp_path / "t/live/d").write_text("")
    assert in_order(str(tmp_path), calls()) == {}


def test_a_unit_that_is_down_is_not_in_order(apply: Apply, tmp_path: Path) -> None:
    up, down = (Answer(0, f"LoadState=loaded\nActiveState={state}\n\n", "") for state in ("active", "failed"))
    apply({"a": "1\n"}, run=calls(up), units=["mta.service"])
    assert (list(in_order(str(tmp_path), calls(up))), in_order(str(tmp_path), calls(down))) == (["t"], {})


def test_checker_sees_the_staged_tree_and_its_refusal_changes_nothing(apply: Apply, tmp_path: Path) -> None:
    apply({"main.cf": "good\n"})
    staged = tmp_path / "t" / "generations" / ".staging"
    run = calls(Answer(0, "", ""), Answer(1, "", f"fatal: {staged}/main.cf, line 1: bad\n"))
    with pytest.raises(RefusedError) as error:
        apply({"main.cf": "bad\n"}, run=run, check=[["one"], ["mta", "-c", "{staged}", "check"]])
    assert run.asked == [["one"], ["mta", "-c", str(staged), "check"]]
    assert run.patience == [600, 600], "Postfix's looks at every file of its queue"
    assert str(error.value) == (
        "mta -c check refused the new configuration: fatal: main.cf, line 1: bad. Correct what it names."
    )
    assert live(tmp_path) == {"main.cf": "good\n"}
    assert os.listdir(tmp_path / "t" / "generations") == ["000001"]


def test_files_that_the_checker_makes_are_no_difference(apply: Apply, tmp_path: Path) -> None:
    def compile_map(argv: list[str], timeout: float) -> Answer:
        (Path(argv[1]) / "map.lmdb").write_text("binary")
        return Answer(0, "", "")

    apply({"map": "x\n"}, run=compile_map, check=[["postmap", "{staged}"]])
    assert (tmp_path / "t" / "live" / "map.lmdb").exists()
    assert apply({"map": "x\n"})["changed"] is False


def test_links_follow_the_tree(apply: Apply, tmp_path: Path) -> None:
    here, there = str(tmp_path / "here"), str(tmp_path / "there")
    apply({"d/a": "1"}, links={here: "d"})
    assert Path(here, "a").read_text() == "1"
    os.unlink(here)
    result = apply({"d/a": "1"}, links={here: "d"})
    assert (result["changed"], result["generation"], os.path.islink(here)) == (True, "000001", True)
    assert apply({"d/a": "1"}, links={there: "d/a"})["summary"] == [f"link {there} -> d/a", f"unlink {here}"]
    assert (os.path.lexists(here), Path(there).read_text()) == (False, "1")


@pytest.mark.parametrize("obstacle", [lambda path: path.write_text("mine"), lambda path: path.symlink_to("/elsewhere")])
def test_links_replace_nothing_foreign(apply: Apply, tmp_path: Path, obstacle: Callable[[Path], Any]) -> None:
    obstacle(tmp_path / "x")
    with pytest.raises(RefusedError, match="Move it away first"):
        apply({"a": "1"}, links={str(tmp_path / "x"): "a"})
    assert not (tmp_path / "t" / "live").exists()


def test_unit_files_are_copies(apply: Apply, tmp_path: Path) -> None:
    """systemctl enable follows a link, and the enabled unit would be that of an old generation."""
    unit = tmp_path / "systemd" / "system" / "a.service"
    links = {str(unit): "u/a.service"}
    apply({"u/a.service": "1"}, links=links)
    assert (unit.is_symlink(), unit.read_text()) == (False, "1")
    assert apply({"u/a.service": "1"}, links=links)["changed"] is False
    apply({"u/a.service": "2"}, links=links)
    assert unit.read_text() == "2"
    unit.write_text("edited")
    assert apply({"u/a.service": "2"}, links=links)["changed"] is True
    assert unit.read_text() == "2"
    apply(None)
    assert unit.read_text() == "1"
    apply({"other": ""})
    assert not unit.exists()


def test_foreign_unit_file_stays(apply: Apply, tmp_path: Path) -> None:
    unit = tmp_path / "systemd" / "system" / "a.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("mine")
    with pytest.raises(RefusedError, match=r"a\.service exists and is not from mailfleet"):
        apply({"a.service": "1"}, links={str(unit): "a.service"})
    assert unit.read_text() == "mine"


def test_link_to_nothing_is_refused(apply: Apply) -> None:
    with pytest.raises(RefusedError, match="the tree has no b"):
        apply({"a": "1"}, links={"/x": "b"})


def test_absent_takes_everything_away(apply: Apply, tmp_path: Path) -> None:
    link, foreign = tmp_path / "link", tmp_path / "foreign"
    apply({"d/a": "1\n"}, links={str(link): "d"})
    foreign.write_text("not ours")
    dry = apply({}, dry=True, absent=True)
    assert (dry["changed"], dry["removed_files"], dry["summary"]) == (True, ["d/", "d/a"], [f"unlink {link}"])
    assert link.is_symlink()
    assert apply({}, absent=True)["changed"] is True
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign"]
    assert apply({}, absent=True)["changed"] is False


def test_rollback(apply: Apply, tmp_path: Path) -> None:
    link = str(tmp_path / "link")
    apply({"a": "1\n"}, links={link: "a"})
    apply({"a": "2\n", "b": "new\n"})
    assert not os.path.lexists(link)
    assert apply(None, dry=True)["changed_files"] == ["a"]
    result = apply(None)
    assert (result["changed"], result["generation"], result["previous"]) == (True, "000001", "000002")
    assert (result["changed_files"], result["removed_files"]) == (["a"], ["b"])
    assert (live(tmp_path), Path(link).read_text()) == ({"a": "1\n"}, "1\n")
    assert apply(None)["changed"] is False  # there is nothing older
    assert apply({"a": "3\n"})["generation"] == "000003"


def test_confirm_reports_until_the_services_know(apply: Apply, tmp_path: Path) -> None:
    apply({"a": "1"}, confirm=True)
    again = apply({"a": "1"}, confirm=True)
    assert (again["changed"], again["changed_files"]) == (True, ["a"])
    assert again["summary"] == ["tell the services about a (an earlier run ended too soon)"]
    assert apply({"a": "1", "b": "2"}, confirm=True)["changed_files"] == ["a", "b"]
    Store(str(tmp_path / "t")).confirm()
    assert apply({"a": "1", "b": "2"}, confirm=True)["changed"] is False


def test_rollback_returns_to_the_last_confirmed_generation(apply: Apply, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "t"))
    apply({"a": "good"}, confirm=True)
    store.confirm()
    assert apply(None, confirm=True)["changed"] is False  # what is live works; its service failed for another reason
    apply({"a": "unfinished"}, confirm=True, keep=1)  # this run ended before anything was reloaded
    apply({"a": "bad"}, confirm=True, keep=1)
    result = apply(None, confirm=True)
    assert (result["changed"], result["generation"], live(tmp_path)) == (True, "000001", {"a": "good"})
    assert apply(None, confirm=True)["changed"] is False
    again = apply({"a": "good"}, confirm=True)
    assert (again["changed"], again["changed_files"]) == (True, ["a"])
    assert apply(None, confirm=True)["changed"] is False


def test_first_generation_has_nothing_to_return_to(apply: Apply) -> None:
    apply({"a": "bad"}, confirm=True)
    assert apply(None, confirm=True)["changed"] is False


def test_old_generations_go_but_never_the_live_one(apply: Apply, tmp_path: Path) -> None:
    for number in range(5):
        apply({"a": str(number)}, keep=3)
    assert sorted(os.listdir(tmp_path / "t" / "generations")) == ["000003", "000004", "000005"]
    apply(None, keep=3)
    apply(None, keep=3)
    assert live(tmp_path) == {"a": "2"}
    apply({"a": "new"}, keep=1)
    assert os.listdir(tmp_path / "t" / "generations") == ["000006"]


def test_a_killed_run_leaves_nothing_that_matters(apply: Apply, tmp_path: Path) -> None:
    apply({"a": "1"})
    left = tmp_path / "t" / "generations" / ".staging"
    left.mkdir()
    (left / "a").write_text("half")
    (tmp_path / "t" / "generations" / "000002").mkdir()  # renamed, not yet live
    (tmp_path / "t" / ".live.new").symlink_to("generations/000002")
    assert live(tmp_path) == {"a": "1"}
    assert apply({"a": "2"})["generation"] == "000003"
    assert not left.exists()
    assert live(tmp_path) == {"a": "2"}


def test_two_runs_at_once(apply: Apply, tmp_path: Path) -> None:
    apply({"a": "1"})
    with open(tmp_path / "t" / ".lock") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        with pytest.raises(RefusedError, match="Another run is changing"):
            apply({"a": "2"})


def test_full_disk(apply: Apply, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apply({"a": "1"})

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space")

    monkeypatch.setattr(store_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space") as error:
        apply({"a": "2"})
    words = sentence(error.value, str(tmp_path / "t" / "gone"))
    assert words.startswith("The file system /")
    assert " inodes are free, not enough for " in words
    assert live(tmp_path) == {"a": "1"}
    assert os.listdir(tmp_path / "t" / "generations") == ["000001"]


def test_other_errors_of_the_system_keep_their_words() -> None:
    assert sentence(OSError(errno.EROFS, "Read-only file system", "/etc/x"), "/etc") == "/etc/x: Read-only file system."


def test_unknown_owner(apply: Apply) -> None:
    with pytest.raises(RefusedError, match="The user nobody-here of a does not exist"):
        apply({"a": "1"}, owners=[{"pattern": "a", "owner": "nobody-here"}])


def test_inactive_units(apply: Apply) -> None:
    run = calls(Answer(0, "ActiveState=active\n\nActiveState=failed\n", ""))
    assert apply({}, units=["a", "b"], run=run)["inactive_units"] == ["b"]
