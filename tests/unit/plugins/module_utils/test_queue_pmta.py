# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._command import Answer
from ansible_collections.mailfleet.mta.plugins.module_utils._queue_host import QueueError, report
from ansible_collections.mailfleet.mta.plugins.module_utils._queue_pmta import by_domain, by_vmta

# The first lines are in the form of the guide, the others in that of the lab's stand-in.
QUEUES = """
queue #rcpt kbytes conn st retry last error
--------------- ----- ------ ---- -- -------- ----------
*/*
example.com/ip-192-0-2-20 2 0.2 0 09:35:42
Recipient Events (deliveries:4, bounces:1, deferrals:1)
delivered | 2014-11-24 09:35:09 | 10.25.25.235 | kf@example.com | job1 | [192.168.10.48] | smtp;250 DATA ok
gmail.rollup/ip-192-0-2-20        3    0     no      normal
*.queue/ip-192-0-2-21             0    1     yes     normal
""".splitlines()
LIST = """
bounces@bounce.example.com  anna@gmail.com
orig=<b@Example.COM>, rcpt=<carl@example.com>
""".splitlines()
LIVE = {
    "trans": {
        "addresses": ["192.0.2.10", "2001:db8::10"],
        "domains": ["tx.example.com"],
        "virtual_mtas": {"192.0.2.10": {"name": "ip-192-0-2-10", "helo": "mta10.example.com"}},
    },
    "campaign": {
        "addresses": ["192.0.2.20", "192.0.2.21"],
        "domains": ["example.com", "bounce.example.com"],
        "virtual_mtas": {
            "192.0.2.20": {"name": "ip-192-0-2-20", "helo": "mta20.example.com"},
            "192.0.2.21": {"name": "ip-192-0-2-21", "helo": "mta21.example.com"},
        },
    },
}


def test_recipients_by_virtual_mta() -> None:
    assert by_vmta(QUEUES) == {"ip-192-0-2-20": 5, "ip-192-0-2-21": 0}


def test_recipients_by_domain_count_once_a_line() -> None:
    assert by_domain(LIST) == {"bounce.example.com": 1, "gmail.com": 1, "example.com": 1}


def pmta(argv: list[str], timeout: float) -> Answer:
    return Answer(0, "\n".join(LIST if argv[1] == "list" else QUEUES), "")


@pytest.fixture(name="view")
def _view(tmp_path: Path) -> str:
    path = tmp_path / "view.json"
    path.write_text(json.dumps({"pools": LIVE}))
    return str(path)


def without(pool: str, key: str, name: str) -> dict[str, Any]:
    left = {**LIVE[pool], key: [item for item in LIVE[pool][key] if item != name]}
    return {"pools": {**LIVE, pool: left}, "fleet": []}


def test_an_address_with_mail_is_no_refusal_but_says_how_it_is_emptied(view: str) -> None:
    found = report(without("campaign", "addresses", "192.0.2.20"), [], pmta, powermta_view=view)
    assert found["refusals"] == []
    assert found["leaving"] == [
        {
            "pool": "campaign",
            "kind": "address",
            "name": "192.0.2.20",
            "queued": 5,
            "virtual_mtas": {"192.0.2.20": {"name": "ip-192-0-2-20", "helo": "mta20.example.com"}},
        }
    ]


def test_a_pool_and_a_domain_with_mail_stay(view: str) -> None:
    gone = {"pools": {"trans": LIVE["trans"]}, "fleet": []}
    whole = report(gone, [], pmta, powermta_view=view)
    assert "`pmta show topqueues` is empty" in whole["refusals"][0]
    assert whole["leaving"][0]["virtual_mtas"] == LIVE["campaign"]["virtual_mtas"]
    found = report(without("campaign", "domains", "bounce.example.com"), [], pmta, powermta_view=view)
    assert "1 message is queued in pool campaign from bounce.example.com" in found["refusals"][0]


def test_mail_of_a_sender_is_counted_in_every_pool(view: str) -> None:
    found = report(None, ["Example.com"], pmta, powermta_view=view)
    assert found["senders"] == {"trans": {"Example.com": 0}, "campaign": {"Example.com": 1}}


def test_a_server_that_does_not_answer_is_named(view: str) -> None:
    with pytest.raises(QueueError, match="PowerMTA's list of queues cannot be read: pmta: it does not answer"):
        report(
            None, ["example.com"], lambda argv, timeout: Answer(1, "", "pmta: it does not answer"), powermta_view=view
        )
