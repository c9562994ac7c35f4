# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""How an instance of Postfix stops: bin/stop with commands that only play their part."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support import render

VIEW = Path(__file__).resolve().parents[1] / "fixtures/fleet/golden/mx1.yml"
MAIN = "queue_directory = /var/spool/postfix-trans\nminimal_backoff_time = 30s\n"
# What is put off by a stop waits no longer than the next start takes.
STOPPING = ["defer_transports = smtp ", "minimal_backoff_time = 10s", "maximal_backoff_time = 10s"]
# One client of the instance, whose connection ends when there are so many seconds on the clock.
COMMANDS = {
    "postconf": """case "$*" in
        *queue_directory*) echo "$place/spool" ;;
        *-M*) printf 'smtp unix - - n - - smtp\\n25 inet n - n - - smtpd\\n' ;;
        *) config=$2; shift 2; printf '%s\\n' "$@" >> "$config/main.cf" ;;
        esac""",
    "postfix": """[ "$3" != stop ] || cat "$2/main.cf" "$place/clock" > "$place/stopped" """,
    "pgrep": "echo 4711",
    "cut": """cat "$place/clock" """,
    "sleep": """echo $(($(cat "$place/clock") + $1)) > "$place/clock" """,
    "ss": """now=$(($(cat "$place/clock") + $(cat "$place/slowness")))
        echo "$now" > "$place/clock"
        [ "$now" -ge "$(cat "$place/ends")" ] ||
            echo "ESTAB 0 0 192.0.2.20:40000 $(cat "$place/receiver") users:((\\"smtp\\",pid=4711,fd=13))" |
                if [ "$2" = 'dport = :25' ]; then grep ':25 '; else cat; fi""",
}


def stopped_at(place: Path, ends: int, receiver: str = "203.0.113.20:25", slowness: int = 0) -> int:
    bin_ = place / "bin"
    bin_.mkdir()
    scripts = render.postfix(yaml.safe_load(VIEW.read_text(encoding="utf-8")))
    own = {name: scripts[f"bin/{name}"] for name in ("stop", "resume")}
    for name, text in {**own, **{name: f"#!/bin/sh\n{text}\n" for name, text in COMMANDS.items()}}.items():
        (bin_ / name).write_text(text)
        (bin_ / name).chmod(0o755)
    (place / "spool/pid").mkdir(parents=True)
    config = place / "postfix-trans"
    config.mkdir()
    (config / "main.cf").write_text(MAIN)
    (config / "main.cf").chmod(0o640)
    for name, text in {"spool/pid/master.pid": "  4700", "clock": "1000"}.items():
        (place / name).write_text(f"{text}\n")
    for name, value in {"ends": 1000 + ends, "slowness": slowness, "receiver": receiver}.items():
        (place / name).write_text(f"{value}\n")
    paths = {"PATH": f"{bin_}:{os.environ['PATH']}", "place": str(place)}
    subprocess.run(["sh", bin_ / "stop", config], env=paths, check=True, timeout=60)
    assert (config / "main.cf").read_text() == MAIN, "the next start hands out deliveries again"
    assert (config / "main.cf").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in config.iterdir()] == ["main.cf"]
    *main, clock = (place / "stopped").read_text().splitlines()
    assert main == [*MAIN.splitlines(), *STOPPING]
    return int(clock) - 1000


@pytest.mark.parametrize("receiver", ["203.0.113.20:25", "[2001:db8::20]:25", "127.0.0.1:2525"])
def test_deliveries_end_before_the_instance(tmp_path: Path, receiver: str) -> None:
    """Also those of the general endpoint to a pool, which has a port of its own."""
    assert stopped_at(tmp_path, 20, receiver) == 20


def test_nothing_is_waited_for_when_nothing_is_delivered(tmp_path: Path) -> None:
    assert stopped_at(tmp_path, 0) == 1


@pytest.mark.parametrize("slowness", [0, 3])
def test_it_ends_before_systemd_ends_it(tmp_path: Path, slowness: int) -> None:
    """Also on a host so slow that each look takes seconds: systemd would cut every delivery, and double it."""
    assert 90 <= stopped_at(tmp_path, 1000, slowness=slowness) < 100


def test_a_stop_that_was_cut_short_is_taken_back(tmp_path: Path) -> None:
    (tmp_path / "resume").write_text(render.postfix(yaml.safe_load(VIEW.read_text(encoding="utf-8")))["bin/resume"])
    (tmp_path / "main.cf").write_text(MAIN + "\n".join(STOPPING))
    (tmp_path / "main.cf.kept").write_text(MAIN)
    for _each in range(2):
        subprocess.run(["sh", tmp_path / "resume", tmp_path], check=True)
        assert (tmp_path / "main.cf").read_text() == MAIN
