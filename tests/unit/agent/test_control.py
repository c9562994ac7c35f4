# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from mailfleet import aside, backoff, control, queue, state
from mailfleet.backoff import FLUSH, HOLD, NORMAL, PROBING, RELEASE, RELOAD, STOPPED, TRY, Backoff
from mailfleet.control import Controller
from mailfleet.events import BOUNCED, DEFERRED, DELIVERED, END, MOVED, Event
from mailfleet.ledger_store import Store
from mailfleet.requests import Requests

LANES = [
    {"name": f"{isp}-198-51-100-{ip}", "isp": isp, "bind4": f"198.51.100.{ip}", "connections": connections}
    for isp, connections in (("gmail", 8), ("outlook", 5), ("other", 5))
    for ip in (21, 22)
]
OTHER_LANES = [
    {"name": f"gmail-198-51-100-{ip}", "isp": "gmail", "bind4": f"198.51.100.{ip}", "connections": 8}
    for ip in range(100, 200)
]
VIEW: dict[str, Any] = {
    "pools": [
        {"name": "campaign", "instance": "postfix-campaign", "traffic": "marketing", "lanes": LANES},
        {"name": "trans", "instance": "postfix-trans", "traffic": "transactional", "lanes": LANES},
    ],
    "isps": [{"name": name, "retry_after": "15m"} for name in ("gmail", "outlook", "other")],
    "backoff": {"gmail": {"wait": "10m", "longest": "1h"}},
    "entry": True,
}
KEY = ("campaign", "198.51.100.21", "outlook")


class Asked(Requests):
    """Stands for the requests to Postfix."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str, list[str]]] = []

    def ask(self, kind: str, pool: str, queue_ids: Sequence[str] = ()) -> None:
        self.asked.append((kind, pool, list(queue_ids)))

    def send(self, now: float) -> None:
        pass


class Bench:
    def __init__(self, path: Path) -> None:
        self.store = Store(str(path / "ledger.db"))
        self.requests = Asked()
        self.said: list[str] = []
        self.on_hold: set[str] = set()
        self.restart()

    def restart(self, view: dict[str, Any] | None = None) -> None:
        view = VIEW if view is None else view
        self.controller = Controller(
            view,
            backoff.policies(view),
            self.requests,
            self.said.append,
            lambda _instance, queue_id: queue_id in self.on_hold,
        )

    def observe(self, *events: Event) -> None:
        with self.store.transaction():
            self.controller.observe(self.store.db, events)
        self.controller.committed()

    def tick(self, now: float) -> None:
        with self.store.transaction():
            self.controller.tick(self.store.db, now)
        self.controller.committed()

    def clock_set(self, seconds: float, now: float) -> None:
        with self.store.transaction():
            self.controller.clock_set(self.store.db, seconds, now)
        self.controller.committed()

    @property
    def state(self) -> state.State:
        return state.snapshot(self.store.db)

    def phase(self, key: tuple[str, str, str] = KEY) -> str:
        held = self.state.lanes.get(key)
        return held.phase if held else NORMAL


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def event(
    time: float,
    result: str = DEFERRED,
    action: str = "slow-source",
    isp: str = "outlook",
    pool: str = "campaign",
    ip: str = "198.51.100.21",
    domain: str = "example.com",
    to: str = "outlook.com",
    reply: str = "451 4.7.651 rate limited",
    cls: str = "rate-limited",
) -> Event:
    lane = f"{isp}-{ip.replace('.', '-')}"
    refused = result != DELIVERED
    return Event(
        time, result, pool, lane, isp, ip, "4jX9G31c28z2RJCs", domain, to, "mx." + to, "203.0.113.20", 1.0, "4.7.651",
        END, reply, cls if refused else "", "some-rule" if refused else "", action if refused else "",
    )  # fmt: skip


def test_refusals_stop_one_lane_and_reload_its_pool(bench: Bench) -> None:
    bench.observe(event(1000), event(1000))
    assert bench.phase() == NORMAL
    bench.observe(event(1001), event(1001, ip="198.51.100.22"))
    assert bench.phase() == STOPPED
    assert list(bench.state.lanes) == [KEY]
    assert bench.requests.asked == [(RELOAD, "campaign", [])]
    assert bench.said == [
        "198.51.100.21 at outlook (pool campaign): stopped for 45 s (3 refusals): 451 4.7.651 rate limited"
    ]


@pytest.mark.parametrize(
    ("events", "phase"),
    [
        ([event(1000, action="stop-source")], STOPPED),
        ([event(1000, MOVED, "stop-source")], STOPPED),
        ([event(1000, BOUNCED, "stop-source", cls="ip-blocked")], STOPPED),
        ([event(1000, action="retry-same-source")] * 50, NORMAL),
        ([event(1000, BOUNCED, "suppress")] * 50, NORMAL),
        ([event(1000, action="retry")] * 10, STOPPED),
        # Between deliveries a vague reply means a recipient, a named quota still means us.
        ([event(1000, action="retry"), event(1000, DELIVERED)] * 20, NORMAL),
        ([event(1000, action="slow-source"), event(1000, DELIVERED)] * 3, STOPPED),
        # Postfix looks after receivers that cannot be reached at all.
        ([event(1000, action="retry", reply="local: connect timed out")] * 50, NORMAL),
        ([event(1000, ip="198.51.100.99")] * 50, NORMAL),
    ],
)
def test_what_stops_a_lane(bench: Bench, events: list[Event], phase: str) -> None:
    bench.observe(*events)
    assert bench.phase() == phase


def test_one_of_many_small_receivers_stops_nobody(bench: Bench) -> None:
    bench.observe(*[event(1000 + number, action="stop-source", isp="other", to="a.example") for number in range(50)])
    key = ("campaign", "198.51.100.21", "other")
    assert bench.phase(key) == NORMAL
    bench.observe(*[event(1060, action="stop-source", isp="other", to=f"{name}.example") for name in "bcde"])
    assert bench.phase(key) == STOPPED


def test_a_domain_stops_on_every_address(bench: Bench) -> None:
    bench.observe(event(1000, action="stop-domain", isp="gmail"))
    found = bench.state
    assert list(found.domains) == [("campaign", "example.com", "gmail")]
    assert [found.allowed("campaign", f"198.51.100.{ip}", "gmail", 1005) for ip in (21, 22)] == [0, 0]
    assert found.allowed("campaign", "198.51.100.21", "gmail", 1010) is None, "its mail is put aside, others go on"
    assert found.allowed("trans", "198.51.100.21", "gmail", 1005) is None
    assert found.domains["campaign", "example.com", "gmail"].until == 1600


def test_the_way_back_survives_restarts(bench: Bench) -> None:
    with bench.store.transaction():
        bench.store.db.executemany(
            "INSERT INTO messages VALUES ('postfix-campaign', ?, 'example.com', ?)",
            [
                ("4jX9G31c28z2RJC1", '{"aa": "outlook-198-51-100-21"}'),
                ("4jX9G31c28z2RJC2", '{"aa": "outlook"}'),
                ("4jX9G31c28z2RJC3", '{"aa": "gmail-198-51-100-21"}'),
                ("4jX9G31c28z2RJC4", ""),
                ("4jX9G31c28z2RJC5", '{"aa": "outlook-198-51-100-22"}'),
            ],
        )
    bench.observe(event(1000, action="stop-source"))
    for now in range(1001, 1100):
        bench.restart()
        bench.observe(event(now, DELIVERED))
        bench.tick(now)
    assert bench.phase() == NORMAL
    ids = [f"4jX9G31c28z2RJC{number}" for number in (5, 2, 1)]
    tries = [(TRY, "campaign", ids)] * 4
    handed_over = (TRY, "campaign", ["4jX9G31c28z2RJC1"])
    asked = [asked for asked in bench.requests.asked if asked != handed_over]
    assert asked == [(RELOAD, "campaign", []), *tries, (FLUSH, "campaign", [])]


def test_other_messages_are_tried_each_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "TRIES", 2)
    with bench.store.transaction():
        bench.store.db.executemany(
            "INSERT INTO messages VALUES ('postfix-campaign', ?, 'example.com', '{\"aa\": \"outlook\"}')",
            [(f"4jX9G31c28z2RJC{number}",) for number in range(5)],
        )
    bench.observe(event(1000, action="stop-source"))
    for now in (1045, 1053, 1061):
        bench.tick(now)
    tried = [[queue_id[-1] for queue_id in ids] for kind, _pool, ids in bench.requests.asked if kind == TRY]
    assert tried == [["4", "3"], ["2", "1"], ["0", "4"]]


@pytest.mark.parametrize(("others", "handed"), [([], True), (["198.51.100.22"], False)])
def test_what_was_refused_is_handed_over_to_other_addresses(bench: Bench, others: list[str], handed: bool) -> None:
    with bench.store.transaction():
        bench.store.db.executemany(
            "INSERT INTO messages VALUES ('postfix-campaign', ?, 'example.com', ?)",
            [
                ("4jX9G31c28z2RJC1", '{"aa": "outlook-198-51-100-21"}'),
                ("4jX9G31c28z2RJC2", '{"aa": "outlook-198-51-100-22"}'),
            ],
        )
    bench.observe(*[event(1000, action="stop-source", ip=ip) for ip in ("198.51.100.21", *others)])
    for now in range(1001, 1040):
        bench.tick(now)
    tries = [asked for asked in bench.requests.asked if asked[0] == TRY]
    assert tries == [(TRY, "campaign", ["4jX9G31c28z2RJC1"])] * (6 if handed else 0)


DOMAIN = ("campaign", "example.com", "gmail")
WAITING = [
    ("4jX9G31c28z2RJC1", "example.com", '{"aa": "gmail-198-51-100-21"}'),
    ("4jX9G31c28z2RJC2", "example.com", '{"aa": "outlook"}'),
    ("4jX9G31c28z2RJC3", "example.org", '{"aa": "gmail"}'),
    ("4jX9G31c28z2RJC4", "example.com", ""),
    ("4jX9G31c28z2RJC5", "example.com", '{"aa": "gmail"}'),
]


def wait(bench: Bench, rows: list[tuple[str, str, str]]) -> None:
    with bench.store.transaction():
        bench.store.db.executemany("INSERT INTO messages VALUES ('postfix-campaign', ?, ?, ?)", rows)


def asked(bench: Bench, kind: str) -> list[list[str]]:
    return [[queue_id[-1] for queue_id in ids] for one, _pool, ids in bench.requests.asked if one == kind]


def released(bench: Bench, number: str) -> None:
    """Postfix says so in its log."""
    with bench.store.transaction():
        aside.save(bench.store.db, {("postfix-campaign", f"4jX9G31c28z2RJC{number}"): None})


def test_mail_of_a_stopped_domain_is_put_aside_and_comes_back_in_its_turn(bench: Bench) -> None:
    wait(bench, WAITING)
    bench.observe(event(1000, action="stop-domain", isp="gmail"))
    for now in range(1001, 1600):
        bench.tick(now)
    assert asked(bench, HOLD) == [["1", "5"]], "this domain's at this ISP, once"
    assert asked(bench, FLUSH) == [[]], "the other domains' mail, once the pool is open again"
    assert asked(bench, RELEASE) == []
    bench.tick(1600)
    assert bench.state.domains[DOMAIN].phase == PROBING
    assert asked(bench, RELEASE) == [["1"]], "one at a time"
    assert asked(bench, TRY) == [["5", "3"], ["1"]], "first what its last answer put off; what is on hold stays there"
    released(bench, "1")
    bench.tick(1601)
    assert asked(bench, RELEASE) == [["1"], ["5"]]
    for now in range(1602, 1611):
        bench.tick(now)
    assert asked(bench, RELEASE) == [["1"], ["5"]], "not again at once"
    bench.tick(1611)
    assert asked(bench, RELEASE) == [["1"], ["5"], ["5"]], "again, because Postfix did not say that it heard"


def test_a_domain_that_is_normal_again_has_nothing_aside(bench: Bench) -> None:
    wait(bench, WAITING)
    bench.observe(event(1000, action="stop-domain", isp="gmail"))
    bench.tick(1001)
    state.save(bench.store.db, "domain_state", {DOMAIN: bench.state.domains[DOMAIN]._replace(phase=NORMAL)})
    bench.tick(1002)
    assert bench.requests.asked[-2:] == [
        (RELEASE, "campaign", ["4jX9G31c28z2RJC1", "4jX9G31c28z2RJC5"]),
        (FLUSH, "campaign", []),
    ]


def test_a_message_that_never_came_is_not_waited_for(bench: Bench) -> None:
    """Its client broke off after smtpd had logged that it puts the message aside: nothing is logged of it any more."""
    never, slow = "4jX9G31c28z2RJC7", "4jX9G31c28z2RJC8"
    with bench.store.transaction():
        put = aside.Put("example.com", aside.ANY, 1000)
        aside.save(bench.store.db, {("postfix-campaign", one): put for one in (never, slow)})
    for now in range(1001, 1301):
        bench.tick(now)
    assert asked(bench, FLUSH) == [[]], "once, and not for each time that it is asked for"
    assert asked(bench, RELEASE) == [["7", "8"]] * 30, "its client may be slow"
    bench.on_hold.add(slow)
    bench.tick(1000 + 86_401)
    assert aside.number(bench.store.db, "postfix-campaign") == 1
    assert asked(bench, RELEASE)[-1] == asked(bench, TRY)[-1] == ["8"]


@pytest.mark.parametrize(("files", "held"), [(["hold/4jX9"], True), (["hold/other"], False), ([], True)])
def test_what_is_on_hold(tmp_path: Path, files: list[str], held: bool) -> None:
    for name in files:
        place = tmp_path / "postfix-campaign" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    assert queue.on_hold("postfix-campaign", "4jX9", str(tmp_path)) is held


def test_a_paused_domain(bench: Bench) -> None:
    wait(bench, WAITING)
    bench.tick(999)
    state.pause(bench.store.db, state.Control("domain", "example.com", "x", 1000, 0, False))
    for now in range(1000, 1100):
        bench.tick(now)
    assert sorted("".join(map("".join, asked(bench, HOLD)))) == ["1", "2", "5"]
    assert asked(bench, RELEASE) == []
    state.resume(bench.store.db, [("domain", "example.com")])
    bench.tick(1100)
    assert sorted("".join(map("".join, asked(bench, RELEASE)))) == ["1", "2", "5"]


@pytest.mark.parametrize(
    ("kind", "name", "pools"),
    [
        ("pool", "campaign", ["campaign"]),
        ("ip", "198.51.100.21", ["campaign", "trans"]),
        ("isp", "gmail", ["campaign", "trans"]),
    ],
)
def test_what_a_pause_put_off_is_tried_when_its_time_is_over(
    bench: Bench, kind: str, name: str, pools: list[str]
) -> None:
    """Postfix by itself would try it hours later, by the age of the mail."""
    bench.tick(999)
    state.pause(bench.store.db, state.Control(kind, name, "x", 1000, 2800, False))
    bench.tick(2799)
    assert bench.requests.asked == []
    bench.restart()
    bench.tick(2800)
    bench.tick(2801)
    assert bench.requests.asked == [(FLUSH, pool, []) for pool in pools]
    assert not bench.state.controls


@pytest.mark.parametrize(
    ("kind", "name", "tried"), [("pool", "campaign", ["2", "3", "5"]), ("isp", "gmail", ["3", "5"])]
)
def test_what_postfix_puts_off_by_its_last_answer_is_tried_when_it_has_forgotten_it(
    bench: Bench, kind: str, name: str, tried: list[str]
) -> None:
    """Its queue manager keeps it for 30 s, for the recipient that it asked for last."""
    wait(bench, WAITING)
    bench.tick(999)
    state.pause(bench.store.db, state.Control(kind, name, "x", 1000, 0, False))
    bench.tick(1000)
    state.resume(bench.store.db, [(kind, name)])
    for now in range(1001, 1032):
        bench.tick(now)
    assert bench.requests.asked == []  # the command asks for the first flush
    for now in range(1032, 1100):
        bench.tick(now)
    assert sorted("".join(map("".join, asked(bench, TRY)))) == tried
    assert {what for what, _pool, _ids in bench.requests.asked} <= {TRY}


def test_what_a_person_put_on_hold_stays_there(bench: Bench) -> None:
    wait(bench, WAITING)
    bench.tick(1000)
    assert bench.requests.asked == []


def test_an_undone_transaction_leaves_no_trace(bench: Bench) -> None:
    bench.store.db.execute("BEGIN IMMEDIATE")
    bench.controller.observe(bench.store.db, [event(1000, action="stop-source")])
    bench.store.db.execute("ROLLBACK")
    bench.tick(1001)
    assert (bench.phase(), bench.requests.asked, bench.said) == (NORMAL, [], [])


def test_resume_ends_it(bench: Bench) -> None:
    bench.observe(event(1000, action="stop-source"))
    state.save(bench.store.db, "lane_state", {KEY: bench.state.lanes[KEY]._replace(phase=NORMAL)})
    bench.tick(1046)
    assert bench.phase() == NORMAL


def test_a_lane_that_left_the_fleet_is_forgotten(bench: Bench) -> None:
    gone = ("campaign", "198.51.100.99", "outlook")
    bench.observe(event(1000, action="stop-source"))
    with bench.store.transaction():
        state.save(bench.store.db, "lane_state", {gone: bench.state.lanes[KEY]})
    bench.tick(1046)
    assert (bench.phase(gone), bench.phase()) == (NORMAL, PROBING)


def test_the_end_of_an_outage_of_the_dns_is_one_flush_of_every_pool(bench: Bench) -> None:
    """Until then a message of each of a few domains is tried now and then."""
    names = ("a.example", "b.example", "c.example")
    failed = [
        event(1010, to=name, reply="local: (4.4.3) not found")._replace(relay="", dsn="4.4.3", queue_id=f"4jX{name[0]}")
        for name in names
    ]
    bench.observe(*[event(1000, DELIVERED, to=name) for name in names])
    bench.observe(*failed)
    bench.tick(1015)
    assert bench.requests.asked == []
    bench.tick(1020)
    assert sorted(bench.requests.asked) == [(TRY, "campaign", [one.queue_id]) for one in failed]
    bench.observe(event(1030, DELIVERED, to="b.example"))
    bench.tick(1031)
    bench.tick(1041)
    assert bench.requests.asked[3:] == [(FLUSH, "campaign", []), (FLUSH, "trans", [])]
    assert bench.said == [
        "The DNS does not answer: mail for 3 domains waits for it.",
        "The DNS answers again after 21 s: all mail that waits is tried.",
    ]


@pytest.mark.parametrize("by", [-3600, 3600])
def test_an_outage_of_the_dns_lasts_on_when_the_clock_is_set(bench: Bench, by: float) -> None:
    names = ("a.example", "b.example", "c.example")
    bench.observe(*[event(1e6, DELIVERED, to=name) for name in names])
    for name in names:
        failed = event(1e6 + 10, to=name, reply="local: (4.4.3) not found")
        bench.observe(failed._replace(relay="", dsn="4.4.3", queue_id=f"4jX{name[0]}"))
    bench.tick(1e6 + 11)
    bench.clock_set(by, 1e6 + 12 + by)
    for second in range(12, 30):
        bench.tick(1e6 + second + by)
    assert (TRY, "campaign", ["4jXa"]) in bench.requests.asked
    bench.requests.asked.clear()
    bench.observe(event(1e6 + 30 + by, DELIVERED, to="b.example"))
    for second in range(31, 42):
        bench.tick(1e6 + second + by)
    assert bench.requests.asked == [(FLUSH, "campaign", []), (FLUSH, "trans", [])]
    assert bench.said[-1] == "The DNS answers again after 21 s: all mail that waits is tried."


@pytest.mark.parametrize("by", [-3 * 86400, -3600, -40, 40, 3600, 3 * 86400])
def test_a_stop_lasts_as_long_whatever_the_clock_does(bench: Bench, by: float) -> None:
    bench.observe(event(1e6, action="stop-source"))
    bench.tick(1e6 + 30)
    bench.clock_set(by, 1e6 + 31 + by)
    bench.tick(1e6 + 44 + by)
    assert bench.phase() == STOPPED
    bench.tick(1e6 + 45 + by)
    assert bench.phase() == PROBING
    bench.observe(event(1e6 + 46 + by, action="stop-source"))
    held = bench.state.lanes[KEY]
    assert (held.phase, held.until) == (STOPPED, 1e6 + 46 + by + 45), "still a young trouble"


def test_postfix_is_told_that_the_clock_was_set_back(bench: Bench) -> None:
    """Its timers end by the wall clock; what it is asked during a reload it forgets."""
    bench.tick(1e6)
    bench.clock_set(3600, 1e6 + 3601)
    bench.tick(1e6 + 3610)
    assert bench.requests.asked == []
    bench.clock_set(-3600, 1e6 + 11)
    bench.tick(1e6 + 12)
    assert bench.requests.asked == [(RELOAD, name, []) for name in ("campaign", "trans", "entry")]
    for second in range(13, 20):
        bench.tick(1e6 + second)
    assert bench.requests.asked[3:] == [(FLUSH, name, []) for name in ("campaign", "trans", "entry")]


@pytest.mark.parametrize(("by", "told"), [(-7200, True), (-30, False), (0, False), (7200, False)])
def test_postfix_is_told_that_the_clock_was_set_back_while_nobody_looked(bench: Bench, by: float, told: bool) -> None:
    """As at a boot, when mail was put off by a clock that nobody had set yet."""
    bench.observe(event(1e6))
    bench.tick(1e6 + by)
    assert bench.requests.asked == [(RELOAD, name, []) for name in ("campaign", "trans", "entry") if told]
    bench.tick(1e6 + by + 3)
    assert bench.requests.asked[3:] == [(FLUSH, name, []) for name in ("campaign", "trans", "entry") if told]
    bench.requests.asked.clear()
    bench.observe(event(1e6 + 7200))
    bench.tick(1e6 + by + 5)
    assert bench.requests.asked == [], "the clock is watched by then"


def test_a_flush_that_is_owed_is_asked_for_before_the_end(bench: Bench) -> None:
    everything = [(FLUSH, name, []) for name in ("campaign", "trans", "entry")]
    bench.tick(1e6)
    bench.controller.stopping()
    assert bench.requests.asked == []
    bench.clock_set(-3600, 1e6 - 3600)
    bench.controller.stopping()
    assert bench.requests.asked[3:] == everything
    bench.restart()
    bench.requests.asked.clear()
    names = ("a.example", "b.example", "c.example")
    bench.observe(*[event(1e6, DELIVERED, to=name) for name in names])
    for name in names:
        failed = event(1e6 + 10, to=name, reply="local: (4.4.3) not found")
        bench.observe(failed._replace(relay="", dsn="4.4.3", queue_id=f"4jX{name[0]}"))
    bench.tick(1e6 + 10)
    bench.tick(1e6 + 20)
    bench.observe(event(1e6 + 30, DELIVERED, to="b.example"))
    bench.tick(1e6 + 31)
    bench.requests.asked.clear()
    bench.controller.stopping()
    assert bench.requests.asked == everything


def test_the_other_domains_go_on_although_we_began_anew_meanwhile(bench: Bench) -> None:
    bench.observe(event(1000, action="stop-domain", isp="gmail"))
    bench.tick(1005)
    bench.restart()
    bench.tick(1011)
    assert asked(bench, FLUSH) == [[]]
    bench.restart()
    bench.tick(1100)
    assert asked(bench, FLUSH) == [[]]


def test_a_tick_costs_as_many_steps_as_domains_are_held(bench: Bench) -> None:
    """Not as many times as there are lanes, or groups aside."""
    steps = []
    held = Backoff(STOPPED, since=1000, until=9000, cls="rate-limited", action="stop-domain")
    for number in (20, 40):
        names = [f"{one}.example" for one in range(number)]
        with bench.store.transaction():
            state.create(bench.store.db)
            state.save(bench.store.db, "domain_state", {("campaign", name, "gmail"): held for name in names})
            aside.save(
                bench.store.db,
                {("postfix-campaign", f"4jX{name}"): aside.Put(name, "gmail", 1000) for name in names},
            )
        steps.append(bytecodes(lambda: bench.tick(1100)))
    assert steps[1] < 2.3 * steps[0]
    view = {**VIEW, "pools": [{**pool, "lanes": pool["lanes"] + OTHER_LANES} for pool in VIEW["pools"]]}
    bench.restart(view)
    assert bytecodes(lambda: bench.tick(1101)) < 1.2 * steps[1]


def bytecodes(do: Callable[[], None]) -> int:
    number = 0

    def count(frame: FrameType, what: str, _argument: object) -> Any:
        nonlocal number
        frame.f_trace_opcodes = True
        number += what == "opcode"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        do()
    finally:
        sys.settrace(before)
    return number
