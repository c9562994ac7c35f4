# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the agent has to survive, with mail going on; what the personas recorded is the proof."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support import lab
from tests.support.backends import backend
from tests.support.flow import Flow, letter, nothing_lost_nothing_doubled
from tests.support.inject import Message
from tests.support.site import boots, pool_status, settled
from tests.support.traffic import arrived

HOST, ADDRESS, TRANS, CAMPAIGN = "mx1", "198.51.100.11", 2587, 2588
LEDGER = "/var/lib/mailfleet/agent"
MTA = backend(HOST)
RECEIVERS = ("gmail.com", "outlook.com", "generic.example")
MOVED = "moved.example.org"


@pytest.fixture(autouse=True)
def personas(fleet: lab.Play) -> Iterator[None]:
    lab.lab("reset")
    yield
    lab.lab("reset")


def submit(domain: str, port: int, recipients: tuple[str, ...], number: int) -> list[Message]:
    letters = [letter(domain, recipient) for recipient in recipients for _each in range(number)]
    sent = lab.submit(ADDRESS, port, letters)
    assert all(message.accepted for message in sent)
    return sent


@pytest.fixture
def going_on() -> Iterator[None]:
    """However the test ends, the next ones find nothing paused."""
    yield
    lab.ssh(HOST, "mailfleet resume pool campaign", check=False)


@contextmanager
def broken(host: str, fault: str, repair: str) -> Iterator[None]:
    try:
        lab.ssh(host, fault)
        yield
    finally:
        lab.ssh(host, repair)


def test_a_storm_of_reloads_and_rotations() -> None:
    """The MTA and the agent reload, restart and rotate under load; every delivery is counted once."""
    before = settled(HOST)
    with Flow((ADDRESS, CAMPAIGN, "example.com"), rate=30, recipients=RECEIVERS) as flow:
        lab.ssh(HOST, f"for each in 1 2 3 4 5 6; do {MTA.storm}; sleep 1; done")
    assert not flow.refusals
    nothing_lost_nothing_doubled(flow.sent)
    lab.wait_for("the ledger's count", lambda: pool_status(HOST)["delivered"] - before == len(flow.sent), 20)


def on_their_way() -> int:
    """Messages that a receiver has and has not answered."""
    messages = [message for session in lab.sessions() for message in session["messages"]]
    return sum("received" in message and message["reply"] is None for message in messages)


def test_what_is_being_delivered_during_a_reload_is_taken_up_again_soon() -> None:
    settled(HOST)
    lab.lab("persona", "generic", "latency=120,120")
    sent = submit("example.com", CAMPAIGN, ("generic.example",), 8)
    lab.wait_for("deliveries that are not over", lambda: on_their_way() >= 2, 20)
    lab.ssh(HOST, f"systemctl reload {MTA.unit('campaign')}")
    lab.lab("persona", "generic", "latency=0,0")
    nothing_lost_nothing_doubled(sent, 40)
    # What it finds locked, because it is being delivered, Postfix looks at again after a minute.
    lab.wait_for("an empty queue", lambda: MTA.queued("campaign") == 0, 90)


@pytest.mark.only("powermta", reason="each message has a process of its own on Postfix")
def test_a_kill_of_the_mail_server_loses_nothing_and_every_message_is_counted_once() -> None:
    before = settled(HOST)
    with Flow((ADDRESS, CAMPAIGN, "example.com"), rate=20, recipients=RECEIVERS) as flow:
        for _round in range(2):
            time.sleep(2)
            lab.ssh(HOST, f"systemctl kill -s KILL {MTA.unit('campaign')}")
        time.sleep(2)
    arrived(flow.sent)
    accepted = [message for message in flow.sent if message.accepted]
    assert accepted
    lab.wait_for("the ledger's count", lambda: pool_status(HOST)["delivered"] - before == len(accepted), 20)


def test_a_ledger_that_cannot_write_stops_no_mail() -> None:
    """First somebody keeps its database locked, then its disk is full; afterwards everything is counted."""
    before = settled(HOST)
    lock = (
        f"import sqlite3, time; db = sqlite3.connect('{LEDGER}/ledger.db', isolation_level=None); "
        "db.execute('BEGIN IMMEDIATE'); time.sleep(12)"
    )
    lab.ssh(HOST, f'systemd-run --collect --unit=lab-lock python3 -c "{lock}"')
    sent = submit("example.com", CAMPAIGN, RECEIVERS, 10)
    nothing_lost_nothing_doubled(sent, 30)
    # What SQLite has set aside for its next writes would last for a while.
    trim = f"import sqlite3; sqlite3.connect('{LEDGER}/ledger.db').execute('PRAGMA wal_checkpoint(TRUNCATE)')"
    small = (
        "while systemctl is-active -q lab-lock; do sleep 0.2; done; systemctl stop mailfleet-ledger; "
        f'runuser -u mailfleet -- python3 -c "{trim}"; cp -a {LEDGER} /root/kept; '
        f"mount -t tmpfs -o size=$(($(du -sk {LEDGER} | cut -f1) + 200))k,mode=750 tmpfs {LEDGER}; "
        f"chown mailfleet: {LEDGER}; cp -a /root/kept/. {LEDGER}; systemctl start mailfleet-ledger; sleep 2; "
        f"dd if=/dev/zero of={LEDGER}/full bs=1k 2>/dev/null; true"
    )
    large = (
        f"rm -f {LEDGER}/full; systemctl stop mailfleet-ledger; cp -a {LEDGER}/. /root/kept; umount -l {LEDGER}; "
        f"cp -a /root/kept/. {LEDGER}; rm -rf /root/kept; systemctl start mailfleet-ledger"
    )
    with broken(HOST, small, large):
        later = submit("example.com", CAMPAIGN, RECEIVERS, 10)
        nothing_lost_nothing_doubled(later, 30)
        said = "journalctl -u mailfleet-ledger --since -60s --no-pager"
        lab.wait_for("its sentence", lambda: "its disk is full" in lab.ssh(HOST, said), 20)
    expected = len(sent) + len(later)
    lab.wait_for("the ledger's count", lambda: pool_status(HOST)["delivered"] - before == expected, 40)


def test_a_name_server_that_is_dead_delays_mail_and_loses_none() -> None:
    """Domains that were known keep their lane; all of it leaves soon after the DNS is back, minutes before its turn."""
    known = submit("tx.example.com", TRANS, RECEIVERS, 1)
    nothing_lost_nothing_doubled(known, 30)
    both = "named-primary named-secondary"
    with broken("world", f"systemctl stop {both}", f"systemctl start {both}"):
        waiting = submit("tx.example.com", TRANS, ("gmail.com", "orange.fr"), 5)
        waiting += submit("example.com", CAMPAIGN, (*RECEIVERS, "orange.fr"), 5)
        time.sleep(15)
        if MTA.name == "postfix":
            explained = json.loads(lab.ssh(HOST, "mailfleet explain anna@gmail.com --json"))
            assert {row["isp"] for row in explained} == {"gmail"}
    if MTA.name == "powermta":  # which asks again after the receiver's retry_after, and now may wait for an answer
        time.sleep(10)
        MTA.flush("trans")
    nothing_lost_nothing_doubled([*known, *waiting])


def test_mail_that_is_queued_survives_a_reboot(going_on: None) -> None:
    # PowerMTA has queues since their first mail, and pauses those that it has.
    nothing_lost_nothing_doubled(submit("example.com", CAMPAIGN, RECEIVERS, 2), 30)
    lab.ssh(HOST, "mailfleet pause pool campaign --reason 'a reboot'")
    sent = submit("example.com", CAMPAIGN, RECEIVERS, 10)
    booted = "systemctl show -P UserspaceTimestamp"
    before = lab.ssh(HOST, booted)
    lab.ssh(HOST, "systemd-run --on-active=1 systemctl reboot")
    lab.wait_for("the host", lambda: lab.ssh(HOST, booted, check=False) not in ("", before), 120)
    boots(HOST)
    assert "a reboot" in lab.ssh(HOST, "mailfleet status")
    lab.wait_for("the pause", lambda: MTA.paused("campaign", "a reboot"), 30)
    time.sleep(3)
    early = lab.deliveries()
    assert len(early) == 2 * len(RECEIVERS) or MTA.forgets_pauses
    sent += submit("example.com", CAMPAIGN, RECEIVERS, 10)
    time.sleep(3)
    assert lab.deliveries() == early
    lab.ssh(HOST, "mailfleet resume pool campaign")
    nothing_lost_nothing_doubled(sent, 90)


def test_what_a_resume_asks_for_while_the_mail_server_is_down_is_done_when_it_is_up(going_on: None) -> None:
    lab.ssh(HOST, "mailfleet pause pool campaign --reason 'a stop'")
    sent = submit("example.com", CAMPAIGN, RECEIVERS, 2)
    lab.wait_for("the pause's words", lambda: pool_status(HOST)["queue"] == len(sent), 20)
    unit = MTA.unit("campaign")
    lab.ssh(HOST, f"systemctl stop {unit}; mailfleet resume pool campaign; sleep 1; systemctl start {unit}")
    nothing_lost_nothing_doubled(sent, 30)


def point(host: str) -> None:
    """The MX of the domain that moves."""
    text = f"server 192.0.2.53\nupdate delete {MOVED} MX\nupdate add {MOVED} 2 MX 10 {host}\nsend\n"
    lab.ssh("world", f"printf '{text}' | nsupdate -k /etc/named-rndc.key")


def isp() -> str:
    explained = json.loads(lab.ssh(HOST, f"mailfleet explain anna@{MOVED} --sender example.com --json"))
    return str(explained[0]["isp"])


@pytest.mark.only("postfix", reason="PowerMTA resolves and rolls up by itself")
def test_a_receiver_that_moves_to_another_provider() -> None:
    for persona in ("gmail", "outlook"):
        lab.lab("persona", persona, f"also={MOVED}")
    point("gmail-smtp-in.l.google.com.")
    lab.wait_for("Gmail's profile", lambda: isp() == "gmail", 30)
    # The queue manager keeps its last answer for half a minute, if it asks for nobody else.
    with Flow((ADDRESS, CAMPAIGN, "example.com"), rate=10, recipients=(MOVED, "generic.example")) as flow:
        time.sleep(3)
        point("outlook-com.olc.protection.outlook.com.")
        lab.wait_for("Outlook's profile", lambda: isp() == "outlook", 30)
        moved = time.time()
        time.sleep(3)
    assert not flow.refusals
    nothing_lost_nothing_doubled(flow.sent)
    theirs = {message.identity for message in flow.sent if MOVED in message.recipient and message.sent > moved}
    late = [delivery for delivery in lab.deliveries() if delivery.identity in theirs]
    assert late
    assert {delivery.persona for delivery in late} == {"outlook"}
    lanes = lab.ssh(HOST, f"grep -h '@{MOVED}>.*status=sent' /var/log/postfix/postfix-campaign.log | tail -n 10")
    assert all("/outlook-" in line for line in lanes.splitlines()), lanes
