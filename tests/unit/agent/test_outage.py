# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailfleet.events import CONNECT, DEFERRED, DELIVERED, SUSPENDED, Event
from mailfleet.outage import (
    DOMAINS,
    DOUBT_SECONDS,
    FLUSH_EVERY,
    FORGOTTEN_SECONDS,
    NOTICE_SECONDS,
    REMEMBERED,
    SETTLE_SECONDS,
    WITHIN_SECONDS,
    Outage,
    Wish,
)

NAMES = [f"{letter}.example" for letter in "abcdefgh"]


def said(
    time: float, domain: str, result: str, dsn: str, relay: str, reused: bool = False, session: float = 0
) -> Event:
    return Event(
        time, result, "campaign", "other-198-51-100-21", "other", "198.51.100.21", f"at{time:g}", "example.com",
        domain, relay, "", 1.0, dsn, CONNECT, "", "", "", "", reused, session,
    )  # fmt: skip


def fails(time: float, *domains: str) -> list[Event]:
    return [said(time, domain, DEFERRED, "4.4.3", "") for domain in domains]


def answers(time: float, *domains: str, reused: bool = False, session: float = 0) -> list[Event]:
    return [said(time, domain, DELIVERED, "2.0.0", f"mx.{domain}", reused, session) for domain in domains]


def seen(*pieces: Iterable[Event]) -> Outage:
    outage = Outage()
    for piece in pieces:
        for event in piece:
            outage.observe(event)
    return outage


def dead(at: float = 1010) -> Outage:
    outage = seen(answers(1000, *NAMES), fails(at, *NAMES[:4]))
    outage.tick(at + NOTICE_SECONDS)
    assert outage.dead
    return outage


def run(outage: Outage, happens: Callable[[int], list[Event]], seconds: range) -> dict[int, Wish]:
    wishes = {}
    for now in seconds:
        for event in happens(now):
            outage.observe(event)
        wishes[now] = outage.tick(now)
    return wishes


def flushes(wishes: dict[int, Wish]) -> list[int]:
    return [now for now, wish in wishes.items() if wish.flush]


@pytest.mark.parametrize(
    ("pieces", "outage"),
    [
        ([], False),
        ([answers(1000, *NAMES), fails(1010, *NAMES[:2])], False),
        ([answers(1000, *NAMES), fails(1010, *NAMES[:3])], True),
        # The same few domains again and again are those domains' trouble.
        ([answers(1000, *NAMES), fails(1010, NAMES[0]), fails(1011, NAMES[0]), fails(1012, NAMES[0])], False),
        # Nobody knows these; their name servers have been broken for years.
        ([answers(1000, *NAMES[:2]), fails(1010, *NAMES[2:])], False),
        # A provider of name servers fails, and others answer.
        ([answers(1000, *NAMES), fails(1010, *NAMES[:3]), answers(1011, *NAMES[3:6])], False),
        ([answers(1000, *NAMES), fails(1010, *NAMES[:3]), answers(1011, *NAMES[3:5])], False),
        ([answers(1000, *NAMES), fails(1010, *NAMES[:3]), answers(1011, NAMES[3])], True),
        ([answers(1000, *NAMES), fails(1010, *NAMES[:4]), answers(1012, *NAMES[4:], session=3)], True),
        # A ledger that starts in an outage; one that starts beside domains that have been broken for years.
        ([fails(1010, *NAMES[:3])], True),
        ([fails(1008, *NAMES[:4]), answers(1009, NAMES[5]), fails(1010, *NAMES[:4])], False),
        # What was in flight when the DNS died, and mail by connections that were open.
        ([answers(1000, *NAMES), fails(1010, *NAMES[:4]), answers(1010, *NAMES[4:])], True),
        ([answers(1000, *NAMES), fails(1010, *NAMES[:3]), answers(1015, *NAMES[3:], reused=True)], True),
        ([answers(1000, *NAMES), fails(1010 - WITHIN_SECONDS, NAMES[0]), fails(1010, *NAMES[1:3])], False),
        # The receiver said so itself, or Postfix did not ask.
        ([answers(1000, *NAMES), [said(1010, name, DEFERRED, "4.4.3", "mx") for name in NAMES]], False),
        ([answers(1000, *NAMES), [said(1010, name, SUSPENDED, "4.4.3", "") for name in NAMES]], False),
        ([answers(1000, *NAMES), [said(1010, name, DEFERRED, "4.4.1", "") for name in NAMES]], False),
    ],
)
def test_what_is_an_outage(pieces: list[list[Event]], outage: bool) -> None:
    found = seen(*pieces)
    found.tick(1016)
    assert found.dead == outage


def test_its_end_is_one_flush() -> None:
    outage = dead()
    for event in answers(1600, NAMES[2]):
        outage.observe(event)
    assert outage.tick(1601) == Wish(sentence="The DNS answers again after 591 s: all mail that waits is tried.")
    assert not outage.dead
    # What was being looked up when it came back has failed by then.
    assert [outage.tick(now).flush for now in (1602, 1610, 1611, 1612, 9000)] == [False, False, True, False, False]


def test_an_outage_right_after_the_last_one_has_its_flush_with_it() -> None:
    outage = dead()
    for event in answers(1600, NAMES[2]):
        outage.observe(event)
    outage.tick(1601)
    for event in fails(1603, *NAMES[:4]):
        outage.observe(event)
    assert not any(outage.tick(now).flush for now in range(1604, 1700))
    assert outage.dead
    for event in answers(1700, NAMES[2]):
        outage.observe(event)
    assert [now for now in range(1701, 1999) if outage.tick(now).flush] == [1711]


@pytest.mark.parametrize(
    "reply",
    [answers(1600, NAMES[7]), answers(1600, NAMES[0], reused=True), answers(1600, NAMES[0], session=595)],
)
def test_what_is_no_end(reply: list[Event]) -> None:
    """A domain that did not wait may have been in somebody's cache, an open connection needs no name, and a delivery
    may have begun before."""
    outage = dead()
    for event in reply:
        outage.observe(event)
    outage.tick(1601)
    assert outage.dead


def test_a_few_domains_are_tried_each_in_its_turn_and_more_rarely_in_time() -> None:
    outage = dead(1000)
    tries = {now: outage.tick(now).tries for now in range(1006, 2001)}
    times = [now for now, tried in tries.items() if tried]
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert times[0] == 1010
    assert (gaps[0], gaps[-1]) == (5, 30)
    assert gaps == sorted(gaps)
    assert all(tried in ((), (("campaign", "at1000"),) * 3) for tried in tries.values())


def test_what_waited_before_the_ledger_knew_a_domain_leaves_at_the_return() -> None:
    outage = Outage()
    wishes = run(outage, lambda now: fails(now, *NAMES) if now == 1000 else [], range(1000, 1020))
    assert [now for now, wish in wishes.items() if wish.sentence] == [1000 + NOTICE_SECONDS]
    assert any(wish.tries for wish in wishes.values())
    # New mail is quicker than a try of what waits.
    later = run(outage, lambda now: answers(now, "new.example" if now < 1025 else NAMES[2]), range(1020, 1100))
    assert flushes(later) == [1035]


def test_domains_of_a_dead_name_server_are_no_outage_for_long() -> None:
    """Nobody sent anything else when they failed; later there are more that answer than that fail."""
    outage = seen(answers(1000, *NAMES))
    broken = NAMES[:3]
    run(outage, lambda now: fails(now, *broken) if now == 1100 else [], range(1100, 1200))
    assert outage.dead
    wishes = run(
        outage, lambda now: answers(now, NAMES[3 + now // 60 % 5]) + fails(now, *broken) * (now % 30 == 0),
        range(1200, 9000),
    )  # fmt: skip
    assert [now for now, wish in wishes.items() if wish.tries and now > 1500] == []
    assert flushes(wishes) == []


def test_new_mail_may_answer_before_what_waits_is_tried() -> None:
    outage = dead(1000)
    run(outage, lambda now: [], range(1006, 2000))
    new = {2000 + number: answers(2000 + number, f"{number}.example") for number in range(20)}
    wishes = run(outage, lambda now: new[now], range(2000, 2020))
    assert outage.dead
    first = min(now for now, wish in wishes.items() if wish.tries)
    assert first < 2000 + DOUBT_SECONDS / 2
    assert flushes(run(outage, lambda now: answers(now, NAMES[0]), range(2020, 2100))) == [2030]


def test_a_few_flapping_domains_beside_large_ones_that_answer() -> None:
    outage = seen(answers(0, *NAMES))
    few, large = NAMES[:4], NAMES[4:7]

    def happens(now: int) -> list[Event]:
        return (fails(now, *few) if now % 60 < 30 else answers(now, *few)) + answers(now, large[now % 3])

    assert flushes(run(outage, happens, range(1, 2001))) == []
    assert not outage.dead


def test_mail_that_is_gone_is_not_waited_for() -> None:
    outage = dead(1000)
    assert not outage.tick(1000 + FORGOTTEN_SECONDS + 1).flush
    assert not outage.dead


def test_a_resolver_that_comes_and_goes_costs_no_storm() -> None:
    outage = seen(answers(0, *NAMES))
    wishes = run(outage, lambda now: (fails if now % 30 < 10 else answers)(now, *NAMES), range(1, 1001))
    times = flushes(wishes)
    assert 3 <= len(times) <= 1000 / FLUSH_EVERY + 1
    assert min(later - earlier for earlier, later in zip(times, times[1:])) >= FLUSH_EVERY


def test_its_memory_is_bounded() -> None:
    outage = seen(answers(1000, *NAMES), answers(1001, *(f"{number}.example" for number in range(REMEMBERED))))
    for event in fails(1002, *NAMES):
        outage.observe(event)
    outage.tick(1003)
    assert not outage.dead


@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from([fails, answers]), st.sets(st.sampled_from(NAMES))), max_size=60
    )
)
def test_every_outage_ends_in_a_flush_and_nothing_else_does(
    steps: list[tuple[int, object, set[str]]],
) -> None:
    outage, now, ended, times = seen(answers(0, *NAMES)), 1000.0, 0, []
    for seconds, what, names in steps:
        now += seconds
        for event in what(now, *sorted(names)):  # type: ignore[operator]
            outage.observe(event)
        before = outage.dead
        wish = outage.tick(now)
        ended += before and "again" in wish.sentence
        assert len(wish.tries) <= DOMAINS
        assert not (wish.tries and not before)
        if wish.flush:
            assert not outage.dead
            times.append(now)
    later = now + WITHIN_SECONDS + FLUSH_EVERY + SETTLE_SECONDS
    if not outage.dead and outage.tick(later).flush:
        times.append(later)
    assert len(times) <= ended
    assert bool(times) == bool(ended) or outage.dead
    assert all(two - one >= FLUSH_EVERY for one, two in zip(times, times[1:]))
