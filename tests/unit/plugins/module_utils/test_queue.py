# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._command import Answer
from ansible_collections.mailfleet.mta.plugins.module_utils._generation_store import Store
from ansible_collections.mailfleet.mta.plugins.module_utils._queue import (
    Leaving,
    holdings_of,
    leaving,
    mail_changes,
    move_refusals,
    parse,
    queued,
    refusals,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._queue_host import QueueError, other_mta, report

LINES = [
    '{"queue_name": "active", "queue_id": "4Xs", "arrival_time": 1, "message_size": 9, "forced_expire": false, '
    '"sender": "a@Example.COM", "recipients": [{"address": "r@gmail.com"}]}',
    '{"queue_name": "deferred", "queue_id": "4Xt", "sender": "b@bounce.example.com", "recipients": '
    '[{"address": "r@gmail.com", "delay_reason": "connect to {x}: timed out"}]}',
    '{"queue_name": "incoming", "queue_id": "4Xu", "sender": "MAILER-DAEMON", "recipients": []}',
    '{"queue_name": "hold", "queue_id": "4Xv", "sender": "\\"a@b\\"@example.com", "recipients": []}',
    "",
]
LIVE = {
    "trans": {"addresses": ["192.0.2.10"], "domains": ["tx.example.com"]},
    "campaign": {"addresses": ["192.0.2.20", "192.0.2.21"], "domains": ["example.com", "bounce.example.com"]},
}


def test_parse() -> None:
    queue = parse(LINES)
    assert (queue.total, queue.moving) == (4, 2)
    assert queue.senders == {"example.com": 2, "bounce.example.com": 1, "mailer-daemon": 1}
    assert parse([]).total == 0


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (LIVE, []),
        ({**LIVE, "new": {"addresses": ["192.0.2.30"], "domains": []}}, []),
        ({"trans": LIVE["trans"]}, [("campaign", "pool", "campaign")]),
        ({**LIVE, "campaign": {"addresses": ["192.0.2.20"], "domains": ["example.com", "bounce.example.com"]}},
         [("campaign", "address", "192.0.2.21")]),
        ({"trans": {"addresses": ["192.0.2.10"], "domains": ["tx.example.com", "example.com", "bounce.example.com"]},
          "campaign": {"addresses": ["192.0.2.20", "192.0.2.21"], "domains": []}},
         []),
        ({"trans": LIVE["trans"], "campaign": {"addresses": ["192.0.2.20", "192.0.2.21"], "domains": []}},
         [("campaign", "domain", "bounce.example.com"), ("campaign", "domain", "example.com")]),
    ],
)  # fmt: skip
def test_leaving(wanted: dict, expected: list) -> None:
    fleet = [name for pool in wanted.values() for name in pool["domains"]]
    assert leaving(LIVE, wanted, fleet) == [Leaving(*item) for item in expected]


@pytest.mark.parametrize(
    ("wanted", "lines"),
    [
        (LIVE, []),
        ({}, ["pool goes campaign: - 192.0.2.20, - 192.0.2.21, - bounce.example.com, - example.com",
              "pool goes trans: - 192.0.2.10, - tx.example.com"]),
        ({**LIVE, "trans": {"addresses": ["192.0.2.11"], "domains": ["tx.example.com", "example.org"]}},
         ["pool trans: + 192.0.2.11, - 192.0.2.10, + example.org"]),
        ({**LIVE, "new": {"addresses": [], "domains": [f"d{n:02}.example" for n in range(22)]}},
         ["new pool new: " + ", ".join(f"+ d{n:02}.example" for n in range(20)) + ", and 2 more"]),
    ],
)  # fmt: skip
def test_mail_changes(wanted: dict, lines: list) -> None:
    assert mail_changes(LIVE, wanted) == lines


@pytest.mark.parametrize(
    ("kind", "name", "number"),
    [("pool", "campaign", 4), ("address", "192.0.2.20", 2), ("domain", "Example.com", 2), ("domain", "example.net", 0)],
)
def test_queued(kind: str, name: str, number: int) -> None:
    assert queued(Leaving("campaign", kind, name), parse(LINES)) == number


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (("address", "198.51.100.21", 37),
         "mx1: 37 messages are on the way in pool campaign, whose address 198.51.100.21 this run would remove. Wait "
         "until `postqueue -c /etc/postfix-campaign -p` marks none with an asterisk, or put the line back into "
         "fleet_ips; nothing was changed."),
        (("pool", "campaign", 1),
         "mx1: 1 message is queued in pool campaign, which this run would remove. Wait until `postqueue -c "
         "/etc/postfix-campaign -p` is empty, or put the pool's addresses back into fleet_ips; nothing was changed."),
        (("pool", "entry", 2),
         "mx1: 2 messages are queued in the general endpoint, which this run would remove. Wait until `postqueue -c "
         "/etc/postfix-entry -p` is empty, or put fleet_entry back; nothing was changed."),
        (("domain", "example.com", 2),
         "mx1: 2 messages are queued in pool campaign from example.com, which is no longer in the fleet. "
         "Wait until `postqueue -c /etc/postfix-campaign -p` lists none of them, "
         "or put the domain back into fleet_domains; "
         "nothing was changed."),
    ],
)  # fmt: skip
def test_refusals(item: tuple, sentence: str) -> None:
    kind, name, number = item
    pool = name if kind == "pool" else "campaign"
    assert refusals("mx1", [{"pool": pool, "kind": kind, "name": name, "queued": number}]) == [sentence]


def test_nothing_queued_is_no_refusal() -> None:
    assert refusals("mx1", [{"pool": "p", "kind": "pool", "name": "p", "queued": 0}]) == []


def test_holdings_of_a_view() -> None:
    view = {
        "backend": "postfix",
        "pools": [
            {"name": "p", "ips": [{"address": "::1"}], "domains": [{"name": "a.b", "return_path": "r.a.b"}]},
        ],
        "elsewhere": [{"domain": "a.b", "return_path": "r.a.b"}, {"domain": "c.d", "return_path": "c.d"}],
        "entry": None,
    }
    assert holdings_of(view) == {
        "backend": "postfix",
        "pools": {"p": {"addresses": ["::1"], "domains": ["a.b", "r.a.b"]}},
        "fleet": ["a.b", "r.a.b", "c.d", "c.d"],
    }
    assert holdings_of({**view, "entry": {"port": 587}})["pools"]["entry"] == {"addresses": [], "domains": []}


@pytest.fixture
def view(tmp_path: Path) -> str:
    path = tmp_path / "view.json"
    path.write_text(json.dumps({"pools": LIVE}))
    return str(path)


def postqueue(asked: list) -> Any:
    def run(argv: list[str], timeout: float) -> Answer:
        asked.append(argv[2])
        return Answer(0, "\n".join(LINES), "")

    return run


@pytest.mark.parametrize(
    ("wanted", "senders", "read"),
    [
        (LIVE, [], []),
        (None, [], []),
        ({"trans": LIVE["trans"]}, [], ["/etc/postfix-campaign"]),
        (None, ["example.com"], ["/etc/postfix-campaign", "/etc/postfix-trans"]),
    ],
)
def test_only_queues_that_matter_are_read(view: str, wanted: Any, senders: list, read: list) -> None:
    asked: list[str] = []
    report(wanted and {"pools": wanted, "fleet": []}, senders, postqueue(asked), view)
    assert asked == read


def test_report(view: str) -> None:
    result = report({"pools": {"trans": LIVE["trans"]}, "fleet": []}, ["example.com"], postqueue([]), view)
    assert result["leaving"] == [
        {"pool": "campaign", "kind": "pool", "name": "campaign", "queued": 4, "virtual_mtas": {}}
    ]
    assert result["senders"] == {"campaign": {"example.com": 2}, "trans": {"example.com": 2}}
    assert len(result["refusals"]) == 1


def test_host_without_a_generation(tmp_path: Path) -> None:
    assert report({"pools": LIVE, "fleet": []}, ["a"], postqueue([]), str(tmp_path / "none"))["leaving"] == []


def test_damaged_view_and_broken_queue(tmp_path: Path, view: str) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    with pytest.raises(QueueError, match=r"bad.json cannot be read"):
        report({"pools": {}, "fleet": []}, [], postqueue([]), str(bad))
    with pytest.raises(QueueError, match=r"The queue of pool campaign cannot be read: fatal: no"):
        report({"pools": {}, "fleet": []}, [], lambda argv, timeout: Answer(1, "", "fatal: no"), view)


def moving(tmp_path: Path, old: str, draining: bool, run: Any, **wanted: Any) -> dict[str, Any]:
    """What is reported of a host that has one MTA and shall have the other."""
    home = tmp_path / "etc" / old / "live"
    home.mkdir(parents=True)
    (home / "view.json").write_text(json.dumps({"draining": draining, "pools": LIVE}))
    views = {"view": str(tmp_path / "none"), "powermta_view": str(tmp_path / "none")}
    views["view" if old == "postfix" else "powermta_view"] = str(home / "view.json")
    new = "powermta" if old == "postfix" else "postfix"
    return report({"backend": new, "pools": LIVE, "fleet": [], **wanted}, [], run, **views)


def test_a_host_moves_when_the_other_mta_is_closed_and_empty(tmp_path: Path) -> None:
    empty = moving(tmp_path, "postfix", True, lambda argv, timeout: Answer(0, "", ""))
    assert empty["moving"] == {"mta": "postfix", "pools": ["campaign", "trans"]}
    assert (empty["changes"], empty["leaving"], empty["refusals"]) == (["moves from Postfix to PowerMTA"], [], [])


def test_a_host_does_not_move_with_mail(tmp_path: Path) -> None:
    (sentence,) = moving(tmp_path, "postfix", True, postqueue([]))["refusals"]
    assert "moves from Postfix to PowerMTA, but its Postfix still has 8 queued (campaign 4, trans 4)" in sentence
    assert "or put it back into the group postfix; nothing was changed." in sentence


def test_a_host_does_not_move_while_its_services_do_not_know_that_it_drains(tmp_path: Path) -> None:
    pending = tmp_path / "etc/postfix/pending.json"
    pending.parent.mkdir(parents=True)
    Store(str(pending.parent))._pending.write_text(json.dumps({"files": ["main.cf"]}))
    (sentence,) = moving(tmp_path, "postfix", True, lambda argv, timeout: Answer(0, "", ""))["refusals"]
    assert "its Postfix still takes mail. Put it back into the group postfix with fleet_draining: true" in sentence


def test_the_mta_that_a_host_has_instead(tmp_path: Path) -> None:
    none, there = str(tmp_path / "none"), str(tmp_path)
    assert [other_mta(backend, none, there) for backend in ("postfix", "powermta", "")] == ["powermta", "", ""]
    assert [other_mta(backend, there, none) for backend in ("postfix", "powermta", "")] == ["", "postfix", ""]
    assert other_mta("postfix", none, none) == ""


def test_powermta_counts_every_queue(tmp_path: Path) -> None:
    lines = "generic.example/no-pool 2 1 no normal\nexample.net/{default} 1 1 no normal\n"
    found = moving(tmp_path, "powermta", True, lambda argv, timeout: Answer(0, lines, ""))
    assert found["moving"]["mta"] == "powermta"
    assert "moves from PowerMTA to Postfix, but its PowerMTA still has 3 queued" in found["refusals"][0]
    assert "`pmta show topqueues`" in found["refusals"][0]


def test_an_mta_that_takes_mail_does_not_go() -> None:
    (sentence,) = move_refusals("mx1", "powermta", "postfix", False, {"campaign": 2, "trans": 0}, "pmta show topqueues")
    assert sentence == (
        "mx1 moves from PowerMTA to Postfix, but its PowerMTA still takes mail and has 2 queued (campaign 2). "
        "Put it back into the group powermta with fleet_draining: true and run, so that it only delivers; "
        "move it when nothing is queued. Nothing was changed."
    )


def stopped(active: str, file: str) -> Any:
    """PowerMTA does not answer, and systemd says why."""
    shown = f"LoadState=loaded\nActiveState={active}\nSubState=dead\nUnitFileState={file}\nNeedDaemonReload=no\n"
    return lambda argv, **_more: Answer(0, shown, "") if argv[0] == "systemctl" else Answer(1, "", "pmta: no answer")


def pending(tmp_path: Path, good: str | None) -> None:
    path = tmp_path / "etc/powermta/pending.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"files": ["config"], "good": good}))


def test_a_powermta_that_an_earlier_run_stopped_goes(tmp_path: Path) -> None:
    found = moving(tmp_path, "powermta", True, stopped("inactive", "disabled"))
    assert (found["moving"]["mta"], found["refusals"]) == ("powermta", [])


@pytest.mark.parametrize("active", ["failed", "activating"])
def test_a_powermta_that_never_worked_goes(tmp_path: Path, active: str) -> None:
    pending(tmp_path, None)
    found = moving(tmp_path, "powermta", False, stopped(active, "enabled"))
    assert (found["moving"]["mta"], found["refusals"]) == ("powermta", [])


@pytest.mark.parametrize(
    ("draining", "good", "active", "file"),
    [
        (True, "", "failed", "enabled"),  # it died, perhaps with mail
        (True, "", "active", "disabled"),  # it runs, and does not answer
        (False, "", "inactive", "disabled"),  # somebody stopped it while it took mail
        (False, "000001", "failed", "enabled"),  # another generation worked before
        (True, "000001", "inactive", "disabled"),
    ],
)
def test_a_powermta_that_may_have_mail_stays(tmp_path: Path, draining: bool, good: str, active: str, file: str) -> None:
    if good:
        pending(tmp_path, good)
    with pytest.raises(QueueError, match=r"list of queues cannot be read: pmta: no answer\. Start pmta.service again"):
        moving(tmp_path, "powermta", draining, stopped(active, file))
