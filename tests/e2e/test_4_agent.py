# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The agent under refusals, kills and pauses; what the personas recorded is the proof."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import lab
from tests.support.backends import backend
from tests.support.flow import Flow, letter, nothing_lost_nothing_doubled
from tests.support.inject import Message
from tests.support.site import pool_status

HOST, ADDRESS, PORT = "mx1", "198.51.100.11", 2588
MTA = backend(HOST)
OURS = ("198.51.100.21", "198.51.100.22")
REFUSED, OTHER = OURS
ISP, DOMAIN = "outlook", "outlook.com"
FAMILIAR = (DOMAIN, "gmail.com", "generic.example")
BRAND, NEIGHBOUR = "example.com", "shop.example.org"


@pytest.fixture(autouse=True)
def personas(fleet: lab.Play) -> Iterator[None]:
    lab.lab("reset")
    yield
    lab.lab("reset")
    lab.ssh(HOST, f"mailfleet resume isp {ISP}; mailfleet resume domain {BRAND}")


def burst(number: int) -> list[Message]:
    """To as many recipients: an address for each is what the agent chooses."""
    letters = [Message("bounces@bounce.example.com", f"u{each}@{DOMAIN}", "news@example.com") for each in range(number)]
    sent = lab.submit(ADDRESS, PORT, letters, connections=20)
    assert all(message.accepted for message in sent)
    return sent


def attempts(since: float = 0) -> Counter[str]:
    """Refused MAIL commands by source address."""
    return Counter(
        session["source"]
        for session in lab.sessions()
        if session["persona"] == ISP
        for message in session["messages"]
        if message.get("refused") and message["time"] >= since
    )


def lanes() -> dict[str, dict[str, Any]]:
    rows = json.loads(lab.ssh(HOST, "mailfleet status --json"))["lanes"]
    return {row["ip"]: row for row in rows if (row["pool"], row["isp"]) == ("campaign", ISP)}


def normal() -> bool:
    return all(row["state"] == "normal" for row in lanes().values())


def by_the_other(sent: list[Message]) -> None:
    """All of it leaves by the other address, or its share of it where mail keeps the address that it got."""
    own = {message.identity for message in sent}
    share = len(sent) if MTA.takes_over else len(sent) // len(OURS)

    def left() -> list[lab.Delivery] | None:
        found = [delivery for delivery in lab.deliveries() if delivery.identity in own]
        return found if len(found) >= share else None

    assert {delivery.source for delivery in lab.wait_for("the other address's share", left, 120)} == {OTHER}


def the_rest(sent: list[Message]) -> None:
    """The receiver has calmed down, and an operator says so."""
    lab.lab("persona", ISP, "refuse=")
    lab.ssh(HOST, f"mailfleet resume isp {ISP}")
    nothing_lost_nothing_doubled(sent)


def test_a_refused_address_rests_and_the_others_go_on() -> None:
    lab.lab("persona", ISP, "refuse=temporary", f"sources={REFUSED}", "refuse_at=mail")
    sent = burst(600)
    by_the_other(sent)
    assert 1 <= attempts()[REFUSED] <= 100
    held = lab.wait_for("its state", lambda: (row := lanes().get(REFUSED)) and row["state"] != "normal" and row, 10)
    assert "4.7.651" in held["reply"]
    said = json.loads(lab.ssh(HOST, f"mailfleet replies --isp {ISP} --json"))
    assert {("rate-limited", "microsoft-rate")} == {(row["cls"], row["rule"]) for row in said}
    the_rest(sent)


@pytest.mark.only("postfix", reason="PowerMTA asks again after the receiver's retry_after: 20 minutes here")
def test_when_all_addresses_are_refused_mail_waits_and_goes_when_they_are_not() -> None:
    lab.lab("persona", ISP, "refuse=temporary", f"sources={','.join(OURS)}", "refuse_at=mail")
    sent = burst(600)
    time.sleep(100)
    assert lab.deliveries() == []
    assert max(attempts().values()) <= 80
    probes = attempts(time.time() - 90)
    assert all(1 <= probes[source] <= 12 for source in OURS), "it asks now and then"
    lab.lab("persona", ISP, "refuse=")
    recovered = time.monotonic()
    lab.wait_for("all lanes at full speed", normal, 180)
    assert time.monotonic() - recovered < 180
    nothing_lost_nothing_doubled(sent, 120)
    assert {delivery.source for delivery in lab.deliveries()} == set(OURS)


def test_other_pools_are_not_slowed() -> None:
    lab.lab("persona", ISP, "refuse=temporary", f"sources={','.join(OURS)}", "refuse_at=mail")
    burst(50)
    sent = lab.submit(ADDRESS, 2587, [letter("tx.example.com", DOMAIN) for _number in range(20)])
    nothing_lost_nothing_doubled(sent, 30)


@pytest.mark.parametrize("starttls", ["true", "false"])
def test_a_provider_with_several_hosts_sees_no_more_connections_than_its_profile_allows(starttls: str) -> None:
    """A connection that Postfix would keep for the next message is one more, too."""
    lab.lab("persona", ISP, f"starttls={starttls}", "connections_per_ip=5", "reputation=false", "messages_per_minute=0",
            "latency=0.02,0.1")  # fmt: skip
    letters = [letter(BRAND, domain, f"u{each}") for each in range(200) for domain in (DOMAIN, "hotmail.com")]
    sent = lab.submit(ADDRESS, PORT, letters, connections=20)
    nothing_lost_nothing_doubled(sent)
    seen = [session for session in lab.sessions() if session["persona"] == ISP]
    assert {session["tls"] is not None for session in seen} == {starttls == "true"}
    assert [session["refused"] for session in seen if session["refused"]] == []
    assert max(len(session["messages"]) for session in seen) == 1 or MTA.keeps_connections


def test_nothing_is_lost_or_doubled_when_the_services_are_killed() -> None:
    before = pool_status(HOST)["delivered"]
    with Flow((ADDRESS, PORT, "example.com"), rate=20, recipients=FAMILIAR) as flow:
        for _round in range(5):
            time.sleep(2)
            for service in MTA.services:
                lab.ssh(HOST, f"systemctl kill -s KILL mailfleet-{service}")
    assert not flow.refusals
    nothing_lost_nothing_doubled(flow.sent, 120)
    # Killed ledgers count on where they were.
    lab.wait_for("the ledger's count", lambda: pool_status(HOST)["delivered"] - before >= len(flow.sent), 30)


def test_a_paused_isp_waits_with_its_reason_until_it_is_resumed() -> None:
    lab.ssh(HOST, f"mailfleet pause isp {ISP} --reason 'their maintenance'")
    sent = burst(30)
    lab.wait_for("the pause", lambda: MTA.paused("campaign", "their maintenance", ISP), 30)
    time.sleep(4)
    assert lab.deliveries() == []
    assert "their maintenance" in lab.ssh(HOST, "mailfleet status")
    assert "Ended the pause" in lab.ssh(HOST, f"mailfleet resume isp {ISP}")
    nothing_lost_nothing_doubled(sent, 30)


def status() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lab.ssh(HOST, "mailfleet status --json"))
    return found


def aside() -> int:
    return int(pool_status(HOST)["aside"])


def brand(domain: str, number: int) -> list[Message]:
    """To as many recipients: for the same one the queue manager keeps its last answer for half a minute."""
    letters = [dataclasses.replace(letter(domain), recipient=f"u{each}@gmail.com") for each in range(number)]
    return lab.submit(ADDRESS, PORT, letters)


@pytest.mark.only("postfix", reason="PowerMTA cannot hold back mail of one domain by itself")
def test_a_refused_signing_domain_is_put_aside_and_its_neighbours_go_on() -> None:
    lab.lab("persona", "gmail", f"signers={BRAND}")
    early = brand(BRAND, 30)
    lab.wait_for("the domain to stop", lambda: [row["domain"] for row in status()["domains"]] == [BRAND], 20)
    neighbours = brand(NEIGHBOUR, 30)
    lab.wait_for("its mail to be put aside", lambda: aside() == 30, 30)
    late = brand(BRAND, 10)
    nothing_lost_nothing_doubled(neighbours)
    assert aside() == 40, "also what comes in while it is stopped"
    assert BRAND in lab.ssh(HOST, "mailfleet status")
    lab.lab("persona", "gmail", "signers=")
    assert f"the backoff of {BRAND} at gmail" in lab.ssh(HOST, f"mailfleet resume domain {BRAND}")
    nothing_lost_nothing_doubled([*early, *late, *neighbours])
    lab.wait_for("nothing to be aside", lambda: aside() == 0, 30)


@pytest.mark.only("postfix", reason="PowerMTA cannot hold back mail of one domain by itself")
def test_a_paused_domain_waits_and_its_neighbours_go_on() -> None:
    lab.ssh(HOST, f"mailfleet pause domain {BRAND} --reason 'a complaint'")
    waits, others = brand(BRAND, 5), brand(NEIGHBOUR, 5)
    nothing_lost_nothing_doubled(others, 30)
    lab.wait_for("its mail to be put aside", lambda: aside() == 5, 30)
    lab.ssh(HOST, f"mailfleet resume domain {BRAND}")
    nothing_lost_nothing_doubled([*waits, *others])


@pytest.mark.only("powermta", reason="Postfix does these")
def test_what_powermta_cannot_do_is_said_with_the_alternative() -> None:
    for command, words in (
        (f"pause domain {BRAND} --reason 'a complaint'", "Pause its pool: mailfleet pause pool campaign"),
        ("explain anna@gmail.com", "PowerMTA chooses on this host, address by address in turn. See pmta show queues"),
    ):
        said = lab.ssh(HOST, f"mailfleet {command} 2>&1; echo status $?")
        assert words in said
        assert said.endswith("status 2\n")


def test_a_block_of_one_address_bounces_nothing() -> None:
    """The receiver calls it permanent (5xx); the reply rules know that another address may send it, or it later."""
    lab.lab("persona", ISP, "refuse=ip", f"sources={REFUSED}", "refuse_at=mail")
    sent = burst(40)
    by_the_other(sent)
    assert attempts()[REFUSED], "it was refused"
    the_rest(sent)
