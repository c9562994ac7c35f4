# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Following a log: every whole line once, whatever happens to its files."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from mailfleet import tail
from mailfleet.tail import Log, Mark

LIMIT = 1 << 20


class Reader:
    """Reads like the ledger does: marks are kept only when the lines are."""

    def __init__(self, log: Path, limit: int = LIMIT) -> None:
        self.log, self.limit = log, limit
        self.marks: list[Mark] = []
        self.lines: list[str] = []

    def step(self) -> bool:
        more = False
        for chunk in tail.chunks(Log(str(self.log)), list(self.marks), self.limit):
            self.lines += chunk.data.decode().splitlines()
            self.keep(chunk.mark)
            more = more or chunk.more
        return more

    def keep(self, mark: Mark) -> None:
        self.marks = [old for old in self.marks if (old.head, old.inode) != (mark.head, mark.inode)] + [mark]

    def all(self) -> list[str]:
        while self.step():
            pass
        return self.lines


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "postfix-campaign.log"


def add(path: Path, *lines: str) -> None:
    with path.open("a") as stream:
        stream.write("".join(f"{line}\n" for line in lines))


def renamed(log: Path) -> None:
    log.rename(f"{log}.1")


def renamed_by_date(log: Path) -> None:
    log.rename(f"{log}-20261121")


def copied_and_truncated(log: Path) -> None:
    shutil.copy2(log, f"{log}.1")
    os.truncate(log, 0)


ROTATIONS = [renamed, renamed_by_date, copied_and_truncated]


@pytest.mark.parametrize("rotate", ROTATIONS)
@pytest.mark.parametrize("unread", [0, 2])
def test_rotation(log: Path, rotate: Callable[[Path], None], unread: int) -> None:
    reader = Reader(log)
    add(log, "one", "two")
    if not unread:
        reader.step()
    rotate(log)
    assert reader.all() == ["one", "two"]
    add(log, "three")
    assert reader.all() == ["one", "two", "three"]


def test_the_logging_process_writes_on_into_the_renamed_file(log: Path) -> None:
    reader = Reader(log)
    with log.open("a") as stream:
        stream.write("one\n")
        stream.flush()
        reader.step()
        renamed(log)
        stream.write("two\n")
        stream.flush()
        reader.step()
        add(log, "four")
        stream.write("three\n")
    assert reader.all() == ["one", "two", "three", "four"]


def test_two_rotations_between_two_looks(log: Path) -> None:
    reader = Reader(log)
    add(log, "one")
    reader.step()
    add(log, "two")
    log.rename(f"{log}.2")
    add(log, "three")
    os.utime(f"{log}.2", (1, 1))
    renamed(log)
    add(log, "four")
    assert reader.all() == ["one", "two", "three", "four"]


def test_compressed_files_are_left_alone(log: Path) -> None:
    reader = Reader(log)
    add(log, "one")
    reader.step()
    Path(f"{log}.2.gz").write_bytes(gzip.compress(b"zero\n"))
    assert reader.all() == ["one"]


def test_files_of_other_logs_and_directories_are_left_alone(log: Path) -> None:
    add(log, "one")
    add(log.with_name("postfix-campaign.logs"), "two")
    add(log.with_name("other-postfix-campaign.log"), "three")
    Path(f"{log}.d").mkdir()
    assert Reader(log).all() == ["one"]


def test_a_line_is_read_when_it_is_whole(log: Path) -> None:
    reader = Reader(log)
    for part in ("on", "e\ntw", "o", "\n", "thr"):
        with log.open("a") as stream:
            stream.write(part)
        reader.step()
    assert reader.lines == ["one", "two"]


@pytest.mark.parametrize("limit", [8, 16, 100])
def test_small_pieces(log: Path, limit: int) -> None:
    lines = [f"line{number}" for number in range(50)]
    add(log, *lines)
    assert Reader(log, limit).all() == lines


def test_a_line_without_an_end_does_not_stop_the_rest(log: Path) -> None:
    reader = Reader(log, 16)
    add(log, "one", "x" * 40, "two")
    assert reader.all()[:: len(reader.lines) - 1] == ["one", "two"]


def test_truncated_and_written_again(log: Path) -> None:
    reader = Reader(log)
    add(log, "one", "two")
    reader.step()
    os.truncate(log, 0)
    reader.step()
    add(log, "three")
    assert reader.all() == ["one", "two", "three"]


def test_truncated_in_the_middle(log: Path) -> None:
    reader = Reader(log)
    add(log, "one", "two", "three")
    reader.step()
    os.truncate(log, len("one\ntwo\n"))
    reader.step()
    add(log, "four")
    assert reader.all() == ["one", "two", "three", "four"]


def test_bytes_before_the_mark_were_lost_in_a_power_cut(log: Path) -> None:
    reader = Reader(log)
    add(log, "one", "two")
    reader.step()
    with log.open("r+b") as stream:
        stream.seek(4)
        stream.write(b"\0\0\0")
    add(log, "three")
    assert reader.all() == ["one", "two", "three"]


def test_another_file_with_the_same_first_line(log: Path) -> None:
    reader = Reader(log)
    add(log, "start", "one", "two")
    reader.step()
    renamed(log)
    add(log, "start", "three", "four", "five")
    assert reader.all() == ["start", "one", "two", "start", "three", "four", "five"]


def test_a_copy_is_read_once(log: Path) -> None:
    reader = Reader(log)
    add(log, "one", "two")
    reader.step()
    shutil.copy(log, f"{log}.save")
    add(log, "three")
    assert reader.all() == ["one", "two", "three"]


def test_a_copy_that_is_being_made(log: Path) -> None:
    reader = Reader(log)
    add(log, "one", "two")
    reader.step()
    Path(f"{log}.1").write_text("one\nt")
    reader.step()
    Path(f"{log}.1").write_text("one\ntwo\n")
    os.truncate(log, 0)
    assert reader.all() == ["one", "two"]


def test_a_log_that_is_not_there_yet(log: Path) -> None:
    reader = Reader(log)
    assert not reader.step()
    log.touch()
    assert not reader.step()
    add(log, "one")
    assert reader.all() == ["one"]


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(tail.chunks(Log(str(tmp_path / "none" / "x.log")), [], LIMIT))


class Rotating(RuleBasedStateMachine):
    """A log that is written, rotated in every way, and read by a reader that now and then loses its last step."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(os.environ["MAILFLEET_TEST_PLACE"])
        for path in self.place.iterdir():
            path.unlink()
        self.log = self.place / "postfix-campaign.log"
        self.stream = self.log.open("ab", buffering=0)
        self.reader = Reader(self.log, 64)
        self.saved: list[Mark] = []
        self.written: list[str] = []
        self.clock = 1_000_000_000

    def teardown(self) -> None:
        self.reader.limit = LIMIT
        while self.reader.step():
            pass
        self.stream.close()
        assert sorted(self.reader.lines) == sorted(self.written)
        assert len(set(self.written)) == len(self.written)

    @rule(number=st.integers(1, 8), size=st.integers(0, 30))
    def write(self, number: int, size: int) -> None:
        for _line in range(number):
            line = f"{len(self.written)}:" + "x" * size
            self.written.append(line)
            self.stream.write(line.encode() + b"\n")

    @rule(cut=st.integers(0, 5))
    def write_in_two_parts(self, cut: int) -> None:
        line = f"{len(self.written)}:parts"
        self.written.append(line)
        data = line.encode() + b"\n"
        self.stream.write(data[:cut])
        self.reader.step()
        self.stream.write(data[cut:])

    @rule()
    def read(self) -> None:
        self.reader.step()

    @rule()
    def read_and_lose_it(self) -> None:
        """The ledger is killed before it commits."""
        marks, lines = list(self.reader.marks), list(self.reader.lines)
        self.reader.step()
        self.reader = Reader(self.log, 64)
        self.reader.marks, self.reader.lines = marks, lines

    @precondition(lambda self: not Path(f"{self.log}.3").exists())
    @rule(reopen=st.booleans())
    def rename(self, reopen: bool) -> None:
        self.shift()
        if self.log.exists():
            self.log.rename(f"{self.log}.1")
        if reopen:
            self.reopen()

    @rule()
    def reopen(self) -> None:
        self.stream.close()
        self.stream = self.log.open("ab", buffering=0)

    @precondition(lambda self: not Path(f"{self.log}.3").exists() and self.log.exists())
    @rule(look_between=st.booleans())
    def copy_and_truncate(self, look_between: bool) -> None:
        self.reopen()
        self.shift()
        shutil.copyfile(self.log, f"{self.log}.1")
        if look_between:
            self.reader.step()
        os.truncate(self.log, 0)

    @rule()
    def compress_what_was_read(self) -> None:
        self.reopen()
        self.reader.all()
        for path in self.place.glob("*.log.[23]"):
            path.unlink()

    def shift(self) -> None:
        for number in (2, 1):
            if Path(f"{self.log}.{number}").exists():
                Path(f"{self.log}.{number}").rename(f"{self.log}.{number + 1}")

    @invariant()
    def nothing_twice(self) -> None:
        assert len(set(self.reader.lines)) == len(self.reader.lines)


def test_any_order_of_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILFLEET_TEST_PLACE", str(tmp_path))
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    Rotating.TestCase.settings = settings(max_examples=60, stateful_step_count=30, suppress_health_check=checks)
    Rotating.TestCase("runTest").runTest()
