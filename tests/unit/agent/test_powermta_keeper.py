# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The commands on a host of PowerMTA: its queues in the status, and pauses that it keeps."""

from __future__ import annotations

import fnmatch
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mailfleet import cli, powermta_command, powermta_queue, state
from mailfleet.ledger_names import Names
from mailfleet.ledger_store import Store, connect, day_of
from mailfleet.powermta_command import PowermtaError, SilentError
from mailfleet.powermta_keeper import Keeper

VIEW: dict[str, Any] = {
    "host": "mx3",
    "backend": "powermta",
    "pools": [
        {
            "name": name,
            "instance": f"postfix-{name}",
            "traffic": traffic,
            "domains": [{"name": f"{name}.example.com"}],
            "ips": [],
            "lanes": [
                {"name": f"{isp}-192-0-2-{ip}", "isp": isp, "bind4": f"192.0.2.{ip}", "connections": 8}
                for isp in ("gmail", "other")
            ],
        }
        for name, traffic, ip in (("campaign", "marketing", 20), ("trans", "transactional", 10))
    ],
    "isps": [
        {"name": name, "domains": [], "mx": [], "retry_after": "15m", "rollup": ""} for name in ("gmail", "other")
    ],
    "elsewhere": [{"domain": "campaign.example.com", "return_path": "b.campaign.example.com", "pool": "campaign"}],
}


class Pmta:
    """What the command pmta does with queues, in the words of the guide."""

    def __init__(self) -> None:
        self.queues: dict[str, dict[str, Any]] = {}
        self.asked: list[list[str]] = []
        self.down = ""

    def queue(self, name: str, recipients: int = 0) -> None:
        self.queues[name] = {"name": name, "rcp": recipients, "conn": 0, "paused": "no", "mode": "normal"}

    def run(self, words: Sequence[str]) -> str:
        if self.down:
            raise PowermtaError(f"pmta {' '.join(words)}: {self.down}")
        if words[0] != "--dom":
            self.asked.append(list(words))
        matching = [queue for name, queue in self.queues.items() if fnmatch.fnmatchcase(name, words[-1])]
        for queue in matching:
            if words[0] in ("pause", "resume"):
                queue["paused"] = "yes" if words[0] == "pause" else "no"
            elif words[:3] == ["set", "queue", "--mode=normal"]:
                queue["mode"] = "normal"
            elif words[:2] == ["enable", "source"]:
                queue["disabled[0]"] = ""
        return "".join(
            f'queue[{place}].{key}="{value}"\n'
            for place, queue in enumerate(self.queues.values())
            for key, value in queue.items()
        )

    def paused(self) -> set[str]:
        return {name for name, queue in self.queues.items() if queue["paused"] == "yes"}


@pytest.fixture
def pmta(monkeypatch: pytest.MonkeyPatch) -> Pmta:
    fake = Pmta()
    fake.queue("gmail.rollup/ip-192-0-2-20", 7)
    fake.queue("x.example/ip-192-0-2-20", 2)
    fake.queue("gmail.rollup/ip-192-0-2-10", 1)
    fake.queue("gmail.rollup/somebody-else", 5)
    monkeypatch.setattr(powermta_command, "run", fake.run)
    return fake


class Host:
    def __init__(self, place: Path, pmta: Pmta) -> None:
        self.pmta = pmta
        self.path = str(place / "ledger.db")
        Store(self.path).close()
        config = place / "agent.json"
        config.write_text(json.dumps(VIEW))
        self.options = ["--config", str(config), "--database", self.path]
        self.said: list[str] = []
        self.keeper = Keeper(VIEW, self.said.append, pmta.run)

    def mailfleet(self, *words: str) -> int:
        return cli.main([*words, *self.options])

    def passes(self, now: float) -> None:
        """One turn of the ledger service."""
        self.keeper.look()
        self.ticks(now)
        self.keeper.act()

    def ticks(self, now: float) -> None:
        db = connect(self.path)
        db.execute("BEGIN IMMEDIATE")
        self.keeper.tick(db, now)
        db.execute("COMMIT")
        db.close()


@pytest.fixture
def host(tmp_path: Path, pmta: Pmta) -> Host:
    return Host(tmp_path, pmta)


def test_the_status_shows_powermtas_queues(host: Host, pmta: Pmta, capsys: pytest.CaptureFixture[str]) -> None:
    now = time.time()
    db = connect(host.path)
    row = (day_of(now), "192.0.2.20", "gmail", "campaign", "delivered", "", 120)
    db.execute("INSERT INTO ip_day VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    db.execute(
        "INSERT INTO refusals (pool, ip, isp, cls, time, rule, result, domain, dsn, relay, reply) VALUES"
        " ('campaign', '192.0.2.20', 'gmail', 'rate-limited', 1, 'r', 'deferred', '', '', '', '421 4.7.28 slow down')"
    )
    pmta.queues["gmail.rollup/ip-192-0-2-20"]["mode"] = "backoff"
    host.passes(now)
    assert host.mailfleet("status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert {pool["pool"]: pool["queue"] for pool in found["pools"]} == {"campaign": 9, "trans": 1}
    lane = next(row for row in found["lanes"] if (row["pool"], row["isp"]) == ("campaign", "gmail"))
    assert (lane["waiting"], lane["delivered"], lane["state"], lane["connections"]) == (7, 120, "backoff", 1)
    assert lane["reply"] == "421 4.7.28 slow down"
    assert host.mailfleet("status") == 0
    shown = capsys.readouterr().out
    assert "1 held back by receivers" in shown
    assert "backoff since" in shown
    pmta.queues["gmail.rollup/ip-192-0-2-20"]["mode"] = "normal"
    host.passes(now)
    assert host.mailfleet("status") == 0
    assert "all normal" in capsys.readouterr().out
    assert host.mailfleet("metrics") == 0
    assert 'mailfleet_queue_messages{pool="campaign"} 9.0' in capsys.readouterr().out


def test_a_pause_holds_its_queues_also_later_ones_until_it_ends(host: Host, pmta: Pmta) -> None:
    assert host.mailfleet("pause", "isp", "gmail", "--reason", "asked", "--for", "30m") == 0
    # Transactional mail and what is none of the fleet's goes on.
    assert pmta.paused() == {"gmail.rollup/ip-192-0-2-20"}
    now = time.time()
    pmta.queue("gmail.rollup/ip-192-0-2-20b")
    pmta.queues["x.example/ip-192-0-2-20"]["paused"] = "yes"  # by hand, so nobody else's business
    del pmta.queues["gmail.rollup/ip-192-0-2-20"]
    host.passes(now)
    pmta.queue("gmail.rollup/ip-192-0-2-20", 3)
    host.passes(now)
    assert pmta.paused() == {"gmail.rollup/ip-192-0-2-20", "x.example/ip-192-0-2-20"}
    asked = len(pmta.asked)
    host.passes(now)
    assert len(pmta.asked) == asked
    host.passes(now + 1801)
    assert pmta.paused() == {"x.example/ip-192-0-2-20"}
    assert pmta.asked[-1] == ["schedule", "--retry-recipients", "gmail.rollup/ip-192-0-2-20"]


@pytest.mark.parametrize(
    ("kind", "name", "more", "expected"),
    [
        ("pool", "campaign", [], {"gmail.rollup/ip-192-0-2-20", "x.example/ip-192-0-2-20"}),
        ("ip", "192.0.2.20", [], {"gmail.rollup/ip-192-0-2-20", "x.example/ip-192-0-2-20"}),
        ("pool", "trans", ["--transactional"], {"gmail.rollup/ip-192-0-2-10"}),
    ],
)
def test_pause_and_resume(host: Host, pmta: Pmta, kind: str, name: str, more: list[str], expected: set[str]) -> None:
    assert host.mailfleet("pause", kind, name, "--reason", "asked", *more) == 0
    assert pmta.paused() == expected
    assert host.mailfleet("resume", kind, name) == 0
    assert not pmta.paused()


def test_a_pause_that_could_not_be_taken_back_is_taken_back_later(host: Host, pmta: Pmta) -> None:
    """Else the queue would stand still for ever: what is paused and not ours was paused by hand."""
    assert host.mailfleet("pause", "isp", "gmail", "--reason", "asked", "--for", "30m") == 0
    later = time.time() + 1801
    host.keeper.look()
    host.ticks(later)
    pmta.down = "PowerMTA does not answer"
    host.keeper.act()
    pmta.down = ""
    assert pmta.paused() == {"gmail.rollup/ip-192-0-2-20"}
    host.passes(later + 5)
    assert not pmta.paused()
    host.passes(later + 10)
    pmta.queues["gmail.rollup/ip-192-0-2-20"]["paused"] = "yes"  # by hand, later
    host.passes(later + 15)
    assert pmta.paused() == {"gmail.rollup/ip-192-0-2-20"}


def test_a_server_that_does_not_answer_is_asked_one_thing_at_a_time(host: Host, pmta: Pmta) -> None:
    """Each answer is waited for 20 s, and systemd for a minute, in which the ledger counts nothing."""
    asked: list[list[str]] = []

    def silent(words: Sequence[str]) -> str:
        asked.append(list(words))
        raise SilentError("no answer")

    for number in range(10):
        pmta.queue(f"{number}.example/ip-192-0-2-20")
    assert host.mailfleet("pause", "pool", "campaign", "--reason", "asked") == 0
    host.mailfleet("resume", "pool", "campaign")
    host.keeper.look()
    db = connect(host.path)
    state.pause(db, state.Control("pool", "campaign", "x", 1.0, 0.0, False))
    db.close()
    host.ticks(time.time())
    working, host.keeper._run = host.keeper._run, silent
    host.keeper.act()
    assert len(asked) == 1
    host.keeper._run = working
    host.passes(time.time())
    assert len(pmta.paused()) == 12, "all of it, when it answers"


def test_resume_ends_powermtas_own_backoff(host: Host, pmta: Pmta, capsys: pytest.CaptureFixture[str]) -> None:
    pmta.queues["gmail.rollup/ip-192-0-2-20"]["mode"] = pmta.queues["gmail.rollup/ip-192-0-2-10"]["mode"] = "backoff"
    host.passes(time.time())
    assert host.mailfleet("resume", "pool", "campaign") == 0
    assert "the backoff of 192.0.2.20 at gmail (pool campaign)" in capsys.readouterr().out
    assert [queue["mode"] for queue in pmta.queues.values()] == ["normal", "normal", "backoff", "normal"]
    assert ["schedule", "--retry-recipients", "gmail.rollup/ip-192-0-2-20"] in pmta.asked


def test_resume_ends_a_backoff_that_began_a_moment_ago(
    host: Host, pmta: Pmta, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ledger has not seen it yet."""
    host.passes(time.time())
    pmta.queues["gmail.rollup/ip-192-0-2-20"]["mode"] = "backoff"
    assert host.mailfleet("resume", "isp", "gmail") == 0
    assert "the backoff of 192.0.2.20 at gmail (pool campaign)" in capsys.readouterr().out
    assert pmta.queues["gmail.rollup/ip-192-0-2-20"]["mode"] == "normal"


def test_a_disabled_source_address_is_held_back_until_it_is_resumed(
    host: Host, pmta: Pmta, capsys: pytest.CaptureFixture[str]
) -> None:
    pmta.queues["gmail.rollup/ip-192-0-2-20"]["disabled[0]"] = "192.0.2.20"
    host.passes(time.time())
    assert host.mailfleet("status") == 0
    assert "1 held back by receivers" in capsys.readouterr().out
    assert host.mailfleet("resume", "isp", "gmail") == 0
    assert ["enable", "source", "192.0.2.20", "gmail.rollup/ip-192-0-2-20"] in pmta.asked
    assert host.mailfleet("status") == 0
    assert "all normal" in capsys.readouterr().out


def test_the_queues_are_seen_sooner_while_something_is_paused_or_nothing_answers(
    host: Host, pmta: Pmta, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looks(first: float) -> int:
        """How often the service asks PowerMTA in twenty seconds."""
        seen = []
        with monkeypatch.context() as patch:
            patch.setattr(host.keeper, "look", lambda: seen.append("a look"))
            for second in range(20):
                patch.setattr(time, "monotonic", lambda now=first + second: now)
                host.keeper.committed()
        return len(seen)

    # Until PowerMTA answers, which may have forgotten pauses when it stopped.
    assert looks(1e6) == 20
    host.passes(time.time())
    assert looks(2e6) == 4
    assert host.mailfleet("pause", "isp", "gmail", "--reason", "asked") == 0
    host.ticks(time.time())
    assert looks(3e6) == 20
    assert host.mailfleet("resume", "isp", "gmail") == 0
    host.passes(time.time())
    pmta.down = "PowerMTA does not answer"
    host.passes(time.time())
    assert looks(4e6) == 20


def test_a_server_that_is_down_is_said_once(host: Host, pmta: Pmta, capsys: pytest.CaptureFixture[str]) -> None:
    host.passes(1.0)
    pmta.down = "PowerMTA does not answer"
    host.passes(2.0)
    host.passes(3.0)
    assert len(host.said) == 1
    assert host.said[0].endswith(
        "PowerMTA does not answer. Mail goes on; the status does not know PowerMTA's queues now."
    )
    assert powermta_queue.sizes(connect(host.path), "campaign").messages == 9  # the last that is known
    assert host.mailfleet("pause", "pool", "campaign", "--reason", "x") == 0
    assert "PowerMTA does not answer" in capsys.readouterr().err
    pmta.down = ""
    host.passes(4.0)  # the pause is kept as soon as it can be
    assert pmta.paused() == {"gmail.rollup/ip-192-0-2-20", "x.example/ip-192-0-2-20"}


def test_the_queues_are_read_as_they_are_shown() -> None:
    dom = (
        'queue[0].name="gmail.rollup/ip-192-0-2-20"\nqueue[0].rcp="12"\nqueue[0].paused="yes"\n'
        'queue[0].mode="backoff"\nqueue[0].event[0].text="421 rcp="9""\nqueue[1].name="*/*"\nqueue[2].rcp="x"\nnoise\n'
    )
    first, second = powermta_queue.parse(dom, Names(VIEW))
    assert first == ("gmail.rollup/ip-192-0-2-20", "campaign", "192.0.2.20", "gmail", 12, True, "backoff", False)
    assert (second.name, second.pool, second.recipients) == ("*/*", "", 0)


def test_the_command_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "pmta"
    monkeypatch.setattr(powermta_command, "PMTA", str(program))
    with pytest.raises(PowermtaError, match=r"pmta show status: .*cannot be run \(No such file or directory\)"):
        powermta_command.run(["show", "status"])
    program.write_text('#!/bin/sh\necho one >&2; echo "no queue $3" >&2; exit $4\n')
    program.chmod(0o755)
    with pytest.raises(PowermtaError, match="pmta pause queue a/b 1: no queue a/b"):
        powermta_command.run(["pause", "queue", "a/b", "1"])
    assert powermta_command.run(["pause", "queue", "a/b", "0"]) == ""


def test_no_lane_to_explain(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "a@gmail.com", *host.options[:2]]) == 2
    assert "PowerMTA chooses on this host" in capsys.readouterr().err
