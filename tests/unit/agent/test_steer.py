# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import socket
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mailfleet import lanes, state
from mailfleet.backoff import PROBING, STOPPED, Backoff
from mailfleet.commands import explain
from mailfleet.mx import ADDRESS, MX, NO_MAIL, NULL, DnsFailureError, MxCache, Records
from mailfleet.requests import Requests
from mailfleet.socketmap import Requests as Netstrings
from mailfleet.socketmap import frame
from mailfleet.steer import Config, Steer
from mailfleet.steer_service import listener
from mailfleet.steer_wake import Waker

ISPS = ("gmail", "yahoo", "mimecast", "other")


def _pool(name: str, traffic: str, addresses: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "traffic": traffic,
        "instance": f"postfix-{name}",
        "ips": [{"address": address, "family": 4, "weight": 1} for address in addresses],
        "lanes": [
            {"name": f"{isp}-{address.replace('.', '-')}", "isp": isp, "bind4": address, "connections": 5}
            for isp in ISPS
            for address in addresses
        ],
    }


VIEW: dict[str, Any] = {
    "pools": [
        _pool("campaign", "marketing", ["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
        _pool("trans", "transactional", ["192.0.2.9"]),
    ],
    "isps": [
        {"name": "gmail", "mx": ["*.google.com"], "domains": ["gmail.com"], "rollup": "provider"},
        {"name": "yahoo", "mx": ["*.yahoodns.net"], "domains": ["yahoo.com"], "rollup": "provider"},
        {"name": "mimecast", "mx": ["*.mimecast.com"], "domains": [], "rollup": "site"},
        {"name": "other", "mx": [], "domains": [], "rollup": "provider"},
    ],
    "elsewhere": [
        {"domain": "example.com", "return_path": "bounce.example.com", "pool": "campaign", "endpoints": ["a:1"]},
        {"domain": "far.example", "return_path": "bounce.far.example", "pool": "far", "endpoints": ["b:2"]},
    ],
}
DNS = {
    "gmail.com": Records(MX, ("gmail-smtp-in.l.google.com",), 3600),
    "hosted.example": Records(MX, ("aspmx.l.google.com", "alt1.aspmx.l.google.com"), 3600),
    "mixed.example": Records(MX, ("aspmx.l.google.com", "mx.mixed.example"), 3600),
    "filtered.example": Records(MX, ("eu-smtp-inbound-1.mimecast.com",), 3600),
    "host.example": Records(ADDRESS, ("host.example",), 3600),
    "null.example": Records(NULL, (), 3600),
    "nothing.example": Records(NO_MAIL, (), 0),
    "xn--bcher-kva.example": Records(MX, ("mta7.am0.yahoodns.net",), 3600),
}


class World:
    def __init__(self, view: dict[str, Any] | None = None) -> None:
        self.now = 1_800_000_000.0
        self.state = state.EMPTY
        self.dns = dict(DNS)
        self.cache = MxCache(self.resolve, lambda: self.now, wait=0.05)
        self.steer = Steer(
            Config.read(view or VIEW), self.cache, lambda: self.state, lambda: self.now, lambda: self.now
        )

    async def resolve(self, domain: str) -> Records:
        if domain not in self.dns:
            raise DnsFailureError("no answer")
        return self.dns[domain]

    def ask(self, name: str, key: str) -> str:
        return asyncio.run(self.answer(name, key))

    async def answer(self, name: str, key: str) -> str:
        reply = self.steer.answer(name, key)
        return reply if isinstance(reply, str) else await reply


@pytest.mark.parametrize(
    ("name", "key", "reply"),
    [
        ("trans", "anna@gmail.com", "OK gmail-192-0-2-9:"),
        ("trans", "anna@GMAIL.COM.", "OK gmail-192-0-2-9:"),
        ("trans", "anna@hosted.example", "OK gmail-192-0-2-9:"),
        ("trans", "anna@mixed.example", "OK other-192-0-2-9:"),
        ("trans", "anna@filtered.example", "OK mimecast-192-0-2-9:"),
        ("trans", "anna@host.example", "OK other-192-0-2-9:"),
        ("trans", "anna@bücher.example", "OK yahoo-192-0-2-9:"),
        ("trans", '"a@b"@gmail.com', "OK gmail-192-0-2-9:"),
        ("trans", "anna@[192.0.2.77]", "OK other-192-0-2-9:"),
        ("trans", "anna@nothing.example", "OK other-192-0-2-9:"),
        ("trans", "anna@null.example", "OK error:5.1.10 null.example accepts no mail (null MX)"),
        ("trans/rcpt", "anna@null.example", "OK error:5.1.10 null.example accepts no mail (null MX)"),
        ("trans/rcpt", "anna@gmail.com", "OK steered:"),
        ("trans", "anna@unanswered.example", "OK other-192-0-2-9:"),
        ("trans", "anna@yahoo.com", "OK yahoo-192-0-2-9:"),  # no answer, but a provider's own domain
        ("trans", "*", "NOTFOUND "),
        ("trans", "anna", "NOTFOUND "),
        ("trans", "", "NOTFOUND "),
        ("nobody", "anna@gmail.com", "TEMP this host has no pool nobody"),
    ],
)
def test_answers(name: str, key: str, reply: str) -> None:
    assert World().ask(name, key) == reply


def test_a_null_mx_that_may_have_changed_bounces_nothing() -> None:
    world = World()
    world.ask("trans", "anna@null.example")
    del world.dns["null.example"]
    world.now += 7200
    assert world.ask("trans", "anna@null.example") == "OK other-192-0-2-9:"


def test_retries_come_from_the_same_address_and_leave_it_when_it_is_blocked() -> None:
    world = World()
    before = {f"u{n}@d{n}.example": world.ask("campaign", f"u{n}@d{n}.example") for n in range(60)}
    assert len(set(before.values())) == 3
    world.now += 600
    same = [key for key, reply in before.items() if world.ask("campaign", key) == reply]
    assert len(same) >= 50  # but for windows that ended meanwhile
    world.state = state.State(lanes={("campaign", "192.0.2.2", "other"): Backoff(STOPPED, world.now, world.now + 99)})
    for key in same:
        reply = world.ask("campaign", key)
        assert (reply == before[key]) == (before[key] != "OK other-192-0-2-2:")
        assert reply != "OK other-192-0-2-2:"


@pytest.mark.parametrize(
    ("domain", "addresses"), [("gmail.com", 3), ("greylisting.example", 1), ("filtered.example", 1)]
)
def test_a_provider_is_spread_by_recipient_and_the_rest_by_domain(domain: str, addresses: int) -> None:
    world = World()
    assert len({world.ask("campaign", f"u{number}@{domain}") for number in range(50)}) == addresses


def test_all_stopped() -> None:
    world = World()
    stopped = Backoff(STOPPED, world.now, world.now + 99, reason="421 4.7.28 line\r\none\0é")
    world.state = state.State(
        lanes={("campaign", f"192.0.2.{number}", isp): stopped for number in (1, 2, 3) for isp in ISPS}
    )
    reply = world.ask("campaign", "anna@gmail.com")
    assert reply.startswith("OK retry:4.7.1 192.0.2.")
    assert reply.endswith("at gmail (and 2 more addresses of pool campaign): stopped after: 421 4.7.28 line one")
    assert world.ask("trans", "anna@gmail.com") == "OK gmail-192-0-2-9:"


def test_only_the_queue_manager_uses_grants_up() -> None:
    world = World()
    probing = Backoff(PROBING, world.now, connections=1)
    world.state = state.State(lanes={("trans", "192.0.2.9", "gmail"): probing})
    for _each in range(5):
        assert world.ask("trans/rcpt", "anna@gmail.com") == "OK steered:"
        world.ask("trans/explain", "anna@gmail.com")
    assert world.ask("trans", "anna@gmail.com") == "OK gmail-192-0-2-9:"
    assert world.ask("trans", "anna@gmail.com").startswith("OK retry:4.7.1 ")
    world.now += 5
    assert world.ask("trans", "anna@gmail.com") == "OK gmail-192-0-2-9:"


def test_a_rate_overflows_to_the_other_addresses_and_then_waits() -> None:
    view = copy.deepcopy(VIEW)
    view["isps"][0]["message_rate"] = "61/min"
    world = World(view)
    replies = [world.ask("campaign", "anna@gmail.com") for _each in range(4)]
    assert set(replies[:3]) == {f"OK gmail-192-0-2-{number}:" for number in (1, 2, 3)}
    assert "its message rate is used up" in replies[3]
    assert world.ask("campaign", "anna@hosted.example").startswith("OK retry:")
    assert world.ask("campaign", "anna@yahoo.com").startswith("OK yahoo-")


def test_a_new_configuration_counts_at_once() -> None:
    world = World()
    view = copy.deepcopy(VIEW)
    view["pools"][1] = _pool("trans", "transactional", ["192.0.2.10"])
    world.ask("trans", "anna@gmail.com")
    world.steer.configure(Config.read(view or VIEW))
    assert world.ask("trans", "anna@gmail.com") == "OK gmail-192-0-2-10:"
    view["pools"][1]["ips"][0]["weight"] = 0
    world.steer.configure(Config.read(view or VIEW))
    assert world.ask("trans", "anna@gmail.com") == "OK retry:4.7.1 pool trans has no address for gmail"


@pytest.mark.parametrize(("key", "isp"), [("anna@gmail.com", "gmail"), ("anna@hosted.example", "gmail")])
def test_the_policy_service_asks_for_the_isp_and_uses_nothing_up(key: str, isp: str) -> None:
    world = World()
    assert world.ask("campaign/isp", key) == f"OK {isp}"
    assert world.steer.answers == 0


def test_explain() -> None:
    world = World()
    world.state = state.State(
        lanes={("campaign", "192.0.2.2", "gmail"): Backoff(STOPPED, world.now, world.now + 99, reason="421 no")}
    )
    reply = world.ask("campaign/explain", "anna@hosted.example")
    row = json.loads(reply[3:])
    assert world.ask("campaign", "anna@hosted.example") == f"OK {row['answer']}"
    text = "\n".join(explain.lines(row, world.now))
    assert text.startswith(f"anna@hosted.example by pool campaign: {row['lane']}:")
    assert "MX        aspmx.l.google.com, alt1.aspmx.l.google.com (asked again in 3600 s)" in text
    assert "profile   gmail, by its MX hosts" in text
    assert "192.0.2.2       weight 1   stopped after: 421 no" in text
    assert "-> " in text


@pytest.mark.parametrize("key", ["anna@null.example", "anna@nothing.example", "anna@dead.example", "a@[192.0.2.1]"])
def test_explain_what_is_not_there(key: str) -> None:
    row = json.loads(World().ask("trans/explain", key)[3:])
    assert list(explain.lines(row, 0.0))


@pytest.mark.parametrize(
    ("pool", "sender", "names"),
    [
        (None, None, ["campaign", "trans"]),
        ("trans", None, ["trans"]),
        (None, "Example.com", ["campaign"]),
        (None, "news@bounce.example.com", ["campaign"]),
    ],
)
def test_which_pools_explain_asks(pool: str | None, sender: str | None, names: list[str]) -> None:
    assert explain.wanted(VIEW, pool, sender) == names


@pytest.mark.parametrize(
    ("pool", "sender", "message"),
    [
        ("nobody", None, "this host has no pool nobody. It has campaign, trans."),
        (None, "unknown.example", "add it to fleet_domains"),
        (None, "far.example", "sent by pool far, at b:2"),
    ],
)
def test_explain_says_what_is_wrong(pool: str | None, sender: str | None, message: str) -> None:
    with pytest.raises(explain.ExplainError, match=message):
        explain.wanted(VIEW, pool, sender)


def test_listener_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "steer.sock"
    first = listener(path, {})
    second = listener(path, {})
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        second.setblocking(True)
        second.settimeout(2)
        second.accept()[0].close()
    first.close()
    second.close()


def test_sockets_of_systemd_are_for_the_process_that_they_name(tmp_path: Path) -> None:
    own = listener(tmp_path / "steer.sock", {"LISTEN_PID": "1", "LISTEN_FDS": "1"})
    assert own.getsockname().endswith("steer.sock.new") or own.getsockname().endswith("steer.new")
    own.close()


def test_the_service_answers_reloads_and_keeps_what_the_dns_said(tmp_path: Path) -> None:
    from mailfleet.notify import Notifier
    from mailfleet.steer_service import Files, Service

    files = Files(
        tmp_path / "agent.json",
        str(tmp_path / "ledger.db"),
        tmp_path / "mx.json",
        tmp_path / "steer.sock",
        tmp_path / "postfix",
    )
    files.config.write_text(json.dumps(VIEW))
    dead = False

    async def resolve(domain: str) -> Records:
        if dead:
            raise DnsFailureError("dead")
        return DNS[domain]

    async def asked(key: str) -> str:
        reader, writer = await asyncio.open_unix_connection(str(files.socket))
        writer.write(frame(key))
        requests = Netstrings()
        while not (found := requests.feed(await reader.read(1000))):
            pass
        writer.close()
        return found[0]

    async def session(service: Service, view: dict[str, Any] | None) -> list[str]:
        running = asyncio.ensure_future(service.run())
        while not files.socket.exists():
            await asyncio.sleep(0.01)
        replies = [await asked("trans anna@hosted.example")]
        if view:
            files.config.write_text("no json")
            os.kill(os.getpid(), 1)
            await asyncio.sleep(0.05)
            replies.append(await asked("trans anna@hosted.example"))
            files.config.write_text(json.dumps(view))
            os.kill(os.getpid(), 1)
            await asyncio.sleep(0.05)
            replies.append(await asked("trans anna@hosted.example"))
        os.kill(os.getpid(), 15)
        await running
        return replies

    moved = copy.deepcopy(VIEW)
    moved["pools"][1] = _pool("trans", "transactional", ["192.0.2.10"])
    old, new = "OK gmail-192-0-2-9:", "OK gmail-192-0-2-10:"
    assert asyncio.run(session(Service(files, resolve, Notifier({})), moved)) == [old, old, new]
    files.socket.unlink()
    dead = True
    assert asyncio.run(session(Service(files, resolve, Notifier({})), None)) == [new]


def test_mail_that_waits_for_a_rate_is_asked_for_again_as_the_rate_allows() -> None:
    view = copy.deepcopy(VIEW)
    view["isps"][0]["message_rate"] = "600/min"
    world = World(view)
    waiting = {(pool.name, isp) for pool, isp, _number in world.steer.spare()}
    assert waiting == {("campaign", "gmail"), ("trans", "gmail")}, "what waited before we began is looked for"
    world.now += 61
    assert world.steer.spare() == []
    while not world.ask("trans", "anna@gmail.com").startswith("OK retry:"):
        pass
    assert world.steer.spare() == []
    world.now += 2
    ((pool, isp, number),) = world.steer.spare()
    assert (pool.instance, isp, number) == ("postfix-trans", "gmail", 18)
    world.now += 60
    assert world.steer.spare()[0][2] == 60
    world.now += 3600
    assert world.steer.spare() == []


class Asked(Requests):
    def __init__(self) -> None:
        super().__init__("/nowhere", say=lambda sentence: None)
        self.asked: list[tuple[str, str, list[str]]] = []

    def ask(self, kind: str, pool: str, queue_ids: Sequence[str] = ()) -> None:
        self.asked.append((kind, pool, list(queue_ids)))


def test_the_waker_goes_round_what_waits(tmp_path: Path) -> None:
    database, asked = tmp_path / "ledger.db", Asked()
    pool = lanes.pools(VIEW)["trans"]
    waker = Waker(str(database), asked)
    assert not waker.wake(pool, "gmail", 2, 0.0), "no ledger yet"
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute("CREATE TABLE messages (instance TEXT, queue_id TEXT, waiting TEXT)")
        rows = [("postfix-trans", f"id{number}", '{"gmail": 1}') for number in range(3)]
        rows += [("postfix-trans", "id9", '{"yahoo": 1}'), ("postfix-campaign", "id8", '{"gmail": 1}')]
        db.executemany("INSERT INTO messages VALUES (?, ?, ?)", rows)
        db.commit()
    assert all(waker.wake(pool, "gmail", 2, float(number)) for number in range(2))
    assert asked.asked == [("try", "trans", ["id2", "id1"]), ("try", "trans", ["id0", "id2"])]
    assert not waker.wake(pool, "mimecast", 2, 0.0)
