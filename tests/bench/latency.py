# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench (d): how long a 2FA message takes while a campaign is injected and throttled.

Three rounds on the same host against the same receivers, which limit connections and rates for each source address:
one shared stock Postfix (the baseline: Debian's own instance with its defaults), ours idle, ours with the campaign.
"""

from __future__ import annotations

import collections
import itertools
import statistics
import threading
import time
from typing import Any

from tests.support import lab
from tests.support.inject import Message

HOST, ADDRESS = "mx1", "198.51.100.11"
STOCK_PORT, TRANS_PORT, CAMPAIGN_PORT = 25, 2587, 2588
RECIPIENTS = {"gmail.com": 40, "outlook.com": 20, "yahoo.com": 10, "gmx.net": 10, "web.de": 10, "orange.fr": 10}
CODES_PER_SECOND = 2.0
CAMPAIGN_SIZE, CAMPAIGN_PER_SECOND = 6000, 100.0
SECONDS = 90
# A tenth of what one source address gets in the personas' table, so that a small campaign meets the limits.
THROTTLE = ("messages_per_minute=120",)


def run() -> dict[str, object]:
    """Latencies of 2FA mail in seconds, and what became of every message."""
    lab.lab("up")
    lab.lab("reset")
    site = lab.play()
    if site.code:
        raise RuntimeError(site.output[-3000:])
    for persona in ("gmail", "outlook", "yahoo", "gmx", "webde", "orange"):
        lab.lab("persona", persona, *THROTTLE)
    rows = {}
    try:
        _stock("start")
        rows["one shared stock Postfix"] = _round(STOCK_PORT, STOCK_PORT)
    finally:
        _stock("stop")
    rows["ours, idle"] = _round(TRANS_PORT, None)
    rows["ours, with the campaign"] = _round(TRANS_PORT, CAMPAIGN_PORT)
    lab.lab("reset")
    ours, idle = rows["ours, with the campaign"], rows["ours, idle"]
    return {
        "rows": rows,
        "ratio_p95_to_idle": round(float(ours["p95_s"]) / float(idle["p95_s"]), 2),
        "floors": {"ratio_p95_to_idle": 1.3, "doubled": 0, "lost": 0},
    }


def _stock(verb: str) -> None:
    """Debian's instance as it is after its installation, but with the injector among its networks."""
    networks = "postconf -e 'mynetworks = 127.0.0.0/8 198.51.100.1/32' inet_interfaces=all"
    lab.ssh(HOST, f"{networks} && systemctl {verb} postfix && sleep 2", check=verb == "start")


def _round(code_port: int, campaign_port: int | None) -> dict[str, Any]:
    domains = itertools.cycle([domain for domain, share in RECIPIENTS.items() for _each in range(share // 10)])
    codes = [Message("b@bounce.tx.example.com", f"u{n}@{next(domains)}", "2fa@tx.example.com", 1500)
             for n in range(int(CODES_PER_SECOND * SECONDS))]  # fmt: skip
    campaign = [Message("b@bounce.example.com", f"u{n}@{next(domains)}", "news@example.com", 10_000)
                for n in range(CAMPAIGN_SIZE if campaign_port else 0)]  # fmt: skip
    injected: list[Message] = []
    injector = threading.Thread(
        target=lambda: injected.extend(lab.submit(ADDRESS, campaign_port or 0, campaign, 20, CAMPAIGN_PER_SECOND))
    )
    if campaign:
        injector.start()
        time.sleep(5)
    sent = lab.submit(ADDRESS, code_port, codes, 4, CODES_PER_SECOND)
    if campaign:
        injector.join()
    time.sleep(15)
    outcome = _outcome(sent, injected)
    lab.ssh(HOST, "for c in /etc/postfix /etc/postfix-*; do postsuper -c $c -d ALL; done", check=False)
    return outcome


def _outcome(codes: list[Message], campaign: list[Message]) -> dict[str, object]:
    got = lab.deliveries()
    copies = collections.Counter(delivery.identity for delivery in got)
    taken = {delivery.identity: delivery.seconds for delivery in got}
    waited = sorted(taken.get(message.identity, float("inf")) for message in codes if message.accepted)
    queued = _queued()
    accepted = [message for message in (*codes, *campaign) if message.accepted]
    delivered = sum(1 for message in accepted if copies[message.identity])
    return {
        "codes": len(waited),
        "undelivered_codes": sum(1 for seconds in waited if seconds == float("inf")),
        "p50_s": _seconds(statistics.median(waited)),
        "p95_s": _seconds(waited[int(len(waited) * 0.95)]),
        "p99_s": _seconds(waited[int(len(waited) * 0.99)]),
        "campaign_accepted": sum(1 for message in campaign if message.accepted),
        "campaign_delivered": sum(1 for message in campaign if copies[message.identity]),
        "doubled": sum(1 for message in accepted if copies[message.identity] > 1),
        "lost": len(accepted) - delivered - queued,
    }


def _queued() -> int:
    """Messages that any instance of the host still holds."""
    count = "for c in /etc/postfix /etc/postfix-*; do postqueue -c $c -j 2>/dev/null; done | wc -l"
    return int(lab.ssh(HOST, count))


def _seconds(value: float) -> float | str:
    return "never" if value == float("inf") else round(value, 3)
