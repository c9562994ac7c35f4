# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A sender whose clock is set forward and back while mail goes on; what the personas recorded is the proof.

The personas are on another host, so their times are true.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from math import inf
from typing import Any

import pytest

from tests.support import lab
from tests.support.clock import AGENT, Clock, settable
from tests.support.flow import Flow, letter, nothing_lost_nothing_doubled
from tests.support.inject import Message

HOST, ADDRESS, TRANS, CAMPAIGN = "mx1", "198.51.100.11", 2587, 2588
SOURCES = {
    "bounces@bounce.example.com": ("198.51.100.21", "198.51.100.22", "2001:db8:100::21"),
    "bounces@bounce.tx.example.com": ("198.51.100.20",),
}
REFUSED = "198.51.100.21"
# A lane has the name of its IPv4 address, and receivers without a profile share one.
LANES = {"2001:db8:100::21": "198.51.100.21"}
PROFILES = {"generic": "other", "greylisting": "other"}
HOUR, DAY = 3600, 86400
# How long an address is stopped before it is probed; what steering gives GMX, and Postfix web.de, from each address.
WAIT, GMX, WEBDE = 15, "66/min", "1s"
AT_ONCE, REFILL = 6, 1.02
# Messages that a reload holds up for a moment arrive together.
SOME = 4
METRICS = "http://127.0.0.1:9587"
CONFIG = "/etc/mailfleet/agent/live/agent.json"
POOL = "/etc/postfix-campaign"
KEPT = "/root/kept-config"
SLOWLY = f"""set -e
mkdir {KEPT}
cp -a {CONFIG} {POOL}/main.cf {KEPT}
python3 - <<'END'
import json
view = json.load(open("{CONFIG}"))
view["backoff"]["outlook"] = {{"wait": "{WAIT}s"}}
next(isp for isp in view["isps"] if isp["name"] == "gmx")["message_rate"] = "{GMX}"
json.dump(view, open("{CONFIG}", "w"))
END
postconf -c {POOL} webde-198-51-100-21_transport_rate_delay={WEBDE} webde-198-51-100-22_transport_rate_delay={WEBDE}
postfix -c {POOL} reload
systemctl restart mailfleet-ledger
systemctl reload mailfleet-steer
"""
# The services start anew when the clock is the kernel's again.
AS_BEFORE = f"cp -a {KEPT}/agent.json {CONFIG}; cp -a {KEPT}/main.cf {POOL}; rm -r {KEPT}"
RESUME = "mailfleet resume isp outlook"


@pytest.fixture
def clock(fleet: lab.Play) -> Iterator[Clock]:
    lab.wait_for("empty queues", lambda: not any(row["queue"] for row in status()["pools"]), 90)
    lab.lab("reset")
    with settable(HOST) as clock:
        lab.ssh(HOST, RESUME)
        try:
            lab.ssh(HOST, SLOWLY)
            yield clock
        finally:
            lab.ssh(HOST, f"{RESUME}; {AS_BEFORE}")
    lab.lab("reset")


def on_host(program: str) -> Any:
    """What a Python program on the sender prints as JSON."""
    return json.loads(lab.lab("run", "ssh", HOST, "python3", stdin=program))


def counted(result: str) -> Counter[tuple[str, str]]:
    """All that the ledger has counted, whatever the day, by address and ISP."""
    rows = on_host(
        "import json, sqlite3; db = sqlite3.connect('/var/lib/mailfleet/agent/ledger.db'); print(json.dumps(db.execute("
        f"'SELECT ip, isp, sum(n) FROM ip_day WHERE result = ? GROUP BY ip, isp', ['{result}']).fetchall()))"
    )
    return Counter({(ip, isp): number for ip, isp, number in rows})


def processes() -> str:
    """Of the agent's services, and how often systemd had to start them again."""
    return lab.ssh(HOST, f"systemctl show -p MainPID -p NRestarts {' '.join(f'mailfleet-{name}' for name in AGENT)}")


def status() -> dict[str, Any]:
    return dict(json.loads(lab.ssh(HOST, "mailfleet status --json")))


def held() -> list[dict[str, Any]]:
    return [row for row in status()["lanes"] if row["state"] != "normal"]


def all_is_sane() -> None:
    """What people and Prometheus are told, and what steering knows."""
    for row in held():
        assert (row["pool"], row["ip"], row["isp"]) == ("campaign", REFUSED, "outlook")
        assert row["seconds_left"] is None or 0 <= row["seconds_left"] <= WAIT, row
    assert all(row["oldest_seconds"] is None or row["oldest_seconds"] >= 0 for row in status()["pools"])
    page = on_host(
        f"import json, urllib.request; print(json.dumps(urllib.request.urlopen('{METRICS}').read().decode()))"
    )
    samples = [line.rpartition(" ") for line in page.splitlines() if line and not line.startswith("#")]
    assert samples
    assert [name for name, _space, value in samples if not 0 <= float(value) < inf] == []
    for row in json.loads(lab.ssh(HOST, "mailfleet explain anna1@gmail.com --json")):
        assert (row["isp"], row["isp_from"], row["mx_seconds_left"] > 0) == ("gmail", "its MX hosts", True)


def burst(domain: str, number: int) -> list[Message]:
    letters = [letter("example.com", domain, f"u{each}") for each in range(number)]
    sent = lab.submit(ADDRESS, CAMPAIGN, letters)
    assert all(message.accepted for message in sent)
    return sent


def attempts() -> list[tuple[float, bool]]:
    """What Outlook was asked from the address that it refuses: when, and whether it refused."""
    return sorted(
        (message["time"], bool(message.get("refused")))
        for session in lab.sessions()
        if (session["persona"], session["source"]) == ("outlook", REFUSED)
        for message in session["messages"]
    )


def lane(persona: str, source: str) -> tuple[str, str]:
    """As the ledger calls it."""
    return LANES.get(source, source), PROFILES.get(persona, persona)


def refused() -> Counter[tuple[str, str]]:
    """What the personas refused for now."""
    return Counter(
        lane(session["persona"], session["source"])
        for session in lab.sessions()
        for message in session["messages"]
        for reply in (message.get("refused") or "", *(rcpt["reply"] for rcpt in message["rcpts"]))
        if reply.startswith("4")
    )


def arrivals(persona: str) -> dict[str, list[float]]:
    """By source address."""
    found: dict[str, list[float]] = {}
    for delivery in sorted(lab.deliveries(), key=lambda delivery: delivery.received):
        if delivery.persona == persona:
            found.setdefault(delivery.source, []).append(delivery.received)
    return found


def most(times: list[float], seconds: float) -> int:
    """In any stretch of so many seconds."""
    return max(sum(start <= time < start + seconds for time in times) for start in times)


def longest(times: list[float]) -> float:
    return max(later - earlier for earlier, later in pairwise(sorted(times)))


@pytest.mark.only("postfix", reason="PowerMTA keeps its own waits and timers.")
def test_a_clock_that_is_set_while_mail_goes_on(clock: Clock) -> None:
    assert set(clock.aware().values()) == {True}
    before, deferred, began = counted("delivered"), counted("deferred"), processes()
    lab.lab("persona", "outlook", "refuse=temporary", f"sources={REFUSED}", "refuse_at=mail")
    listeners = ((ADDRESS, CAMPAIGN, "example.com"), (ADDRESS, TRANS, "tx.example.com"))
    with Flow(*listeners, rate=20, recipients=("outlook.com", "gmail.com", "generic.example")) as flow:
        lab.wait_for("the stop", held, 20)
        slow = burst("gmx.net", 60)
        for ahead in (HOUR, 2 * DAY):
            clock.set(ahead)
            all_is_sane()
        lab.wait_for("the probe", stops, 30)
        lab.lab("persona", "outlook", "refuse=")
        lab.ssh(HOST, "mailfleet pause isp yahoo --for 10s --reason 'for a moment'")
        slow += burst("greylisting.example", 3) + burst("web.de", 30)
        clock.set(2 * DAY - HOUR)
        all_is_sane()
        time.sleep(9)
        assert status()["pauses"] == []
        clock.set(0)
        all_is_sane()
        time.sleep(3)
    assert not flow.refusals
    nothing_lost_nothing_doubled([*slow, *flow.sent], 40)
    lab.wait_for("the second probe", lambda: not attempts()[-1][1], 30)
    assert {row["state"] for row in held()} <= {"probing", "ramping"}
    assert processes() == began, "no watchdog bit"

    got = lab.deliveries()
    assert [delivery for delivery in got if delivery.source not in SOURCES[delivery.mail_from]] == []
    assert max(delivery.seconds for delivery in got if "tx." in delivery.mail_from) < 15
    # Refused, stopped, probed and refused, stopped, probed and taken: by a true clock.
    assert [WAIT - 6 < seconds < WAIT + 10 for seconds in stops()] == [True, True], attempts()
    for times in arrivals("gmx").values():
        assert most(times, 10) <= AT_ONCE + 10 * REFILL + SOME
    for times in arrivals("webde").values():
        assert most(times, 10) <= 10 + SOME
    for persona in ("gmx", "webde"):
        assert longest([time for times in arrivals(persona).values() for time in times]) < 10
    taken = Counter(lane(each.persona, each.source) for each in got)
    lab.wait_for("the ledger's count", lambda: counted("delivered") - before == taken, 20)
    assert counted("deferred") - deferred == refused()


def stops() -> list[float]:
    """How long Outlook was left alone each time, after it refused."""
    waits = [(later[0] - earlier[0], earlier[1]) for earlier, later in pairwise(attempts())]
    return [seconds for seconds, refused in waits if refused and seconds > 5]
