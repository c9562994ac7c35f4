# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from mailfleet.mx import ADDRESS, DULL_AFTER, MX, NO_MAIL, NULL, RETRY_SECONDS, DnsFailureError, MxCache, Records

GMAIL = Records(MX, ("gmail-smtp-in.l.google.com",), 3600)
YAHOO = Records(MX, ("mta5.am0.yahoodns.net",), 3600)


class World:
    """A resolver and a clock that the test moves."""

    def __init__(self, **options: Any) -> None:
        self.now = 1000.0
        self.answers: dict[str, Records] = {}
        self.delay = 0.0
        self.dead = False
        self.questions: list[str] = []
        self.cache = MxCache(self.resolve, lambda: self.now, **{"wait": 0.05, **options})

    async def resolve(self, domain: str) -> Records:
        self.questions.append(domain)
        if self.dead:
            await asyncio.sleep(60)
            raise DnsFailureError("silence")
        if self.delay:
            await asyncio.sleep(self.delay)
        if domain not in self.answers:
            raise DnsFailureError("SERVFAIL")
        return self.answers[domain]


def run(scenario: Callable[[], Any]) -> None:
    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("records", "life"),
    [
        (Records(MX, ("a.",), 60), 300),
        (Records(MX, ("a.",), 3600), 3600),
        (Records(ADDRESS, ("a.",), 1_000_000), 86_400),
        (Records(NULL, (), 7200), 3600),
        (Records(NO_MAIL, (), 0), 300),
    ],
)
def test_an_answer_lives_as_long_as_it_says_within_bounds(records: Records, life: int) -> None:
    async def scenario() -> None:
        world = World()
        world.answers["a.example"] = records
        known = await world.cache.ask("a.example")
        assert known
        assert (known.kind, known.hosts) == (records.kind, records.hosts)
        world.now += life - 1
        assert world.cache.fresh("a.example")
        world.now += 1
        assert not world.cache.fresh("a.example")

    run(scenario)


def test_a_move_is_seen_when_the_answer_ends() -> None:
    async def scenario() -> None:
        world = World()
        world.answers["a.example"] = GMAIL
        await world.cache.ask("a.example")
        world.answers["a.example"] = YAHOO
        world.now += 3600
        known = await world.cache.ask("a.example")
        assert known
        assert known.hosts == YAHOO.hosts

    run(scenario)


def test_an_answer_in_use_is_renewed_before_its_end() -> None:
    async def scenario() -> None:
        world = World()
        world.answers["a.example"] = GMAIL
        await world.cache.ask("a.example")
        world.answers["a.example"] = YAHOO
        world.now += 3000
        for _each in range(3):
            known = world.cache.fresh("a.example")
            assert known
            assert known.hosts == GMAIL.hosts  # nobody waits
        await asyncio.sleep(0.01)
        known = world.cache.fresh("a.example")
        assert known
        assert known.hosts == YAHOO.hosts
        assert len(world.questions) == 2

    run(scenario)


def test_the_last_known_answer_serves_while_the_dns_is_dead() -> None:
    async def scenario() -> None:
        world = World()
        world.answers["a.example"] = GMAIL
        await world.cache.ask("a.example")
        world.dead = True
        for _minute in range(10):
            world.now += 3600
            known = await world.cache.ask("a.example")
            assert known
            assert known.hosts == GMAIL.hosts
        assert await world.cache.ask("new.example") is None

    run(scenario)


def test_nobody_waits_long_while_the_dns_is_dead() -> None:
    async def scenario() -> None:
        world = World(wait=0.4)
        world.dead = True
        loop = asyncio.get_running_loop()
        for number in range(DULL_AFTER):
            await world.cache.ask(f"{number}.example")
        assert world.cache.silent
        start = loop.time()
        await world.cache.ask("next.example")
        assert loop.time() - start < 0.3
        world.dead = False
        world.answers["alive.example"] = GMAIL
        assert await world.cache.ask("alive.example")
        assert not world.cache.silent

    run(scenario)


def test_a_failure_is_not_asked_again_at_once() -> None:
    async def scenario() -> None:
        world = World()
        for _each in range(5):
            assert await world.cache.ask("broken.example") is None
        assert len(world.questions) == 1
        world.now += RETRY_SECONDS
        await world.cache.ask("broken.example")
        assert len(world.questions) == 2

    run(scenario)


def test_one_question_for_all_who_ask_and_a_late_answer_counts() -> None:
    async def scenario() -> None:
        world = World(wait=0.01)
        world.delay, world.answers["a.example"] = 0.05, GMAIL
        assert await asyncio.gather(*(world.cache.ask("a.example") for _each in range(10))) == [None] * 10
        await asyncio.sleep(0.08)
        assert world.cache.fresh("a.example")
        assert world.questions == ["a.example"]

    run(scenario)


def test_memory_is_bounded() -> None:
    async def scenario() -> None:
        world = World(size=3)
        for number in range(5):
            world.answers[f"{number}.example"] = GMAIL
            await world.cache.ask(f"{number}.example")
        assert len(world.cache) == 3
        assert not world.cache.last_known("0.example")
        assert world.cache.last_known("4.example")

    run(scenario)


@pytest.mark.parametrize(("age", "is_fresh"), [(0, True), (3599, True), (3600, False), (100_000, False)])
def test_a_restart_knows_what_was_known(age: int, is_fresh: bool) -> None:
    async def scenario() -> None:
        before, after = World(), World()
        before.answers["a.example"] = GMAIL
        await before.cache.ask("a.example")
        after.now = 5.0  # another boot
        after.cache.load(json.loads(json.dumps(before.cache.dump())), age)
        assert bool(after.cache.fresh("a.example")) is is_fresh
        known = after.cache.last_known("a.example")
        assert known
        assert known.hosts == GMAIL.hosts

    run(scenario)
