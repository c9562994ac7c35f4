# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench: 2FA mail while 100,000 messages of a campaign are deferred on the same host."""

from __future__ import annotations

import statistics
import time
from typing import Any

from tests.support import lab
from tests.support.inject import Message

HOST, ADDRESS, TRANS_PORT, CAMPAIGN_PORT = "mx1", "198.51.100.11", 2587, 2588
CAMPAIGN, BATCH, CONNECTIONS = 100_000, 20_000, 40
CODES, CODES_PER_SECOND = 300, 5.0
PROVIDERS = ("gmail.com", "outlook.com", "yahoo.com", "gmx.net", "web.de", "orange.fr")


def run() -> dict[str, object]:
    """Seconds from submission to delivery of the codes."""
    lab.lab("up")
    site = lab.play()
    if site.code:
        raise RuntimeError(site.output[-3000:])
    lab.lab("reset")
    idle = _codes()
    lab.ssh(HOST, "mailfleet pause pool campaign --reason 'a bench'")
    started = time.monotonic()
    for _batch in range(CAMPAIGN // BATCH):
        letters = [
            Message("b@bounce.example.com", f"u{n}@{PROVIDERS[n % 6]}", "news@example.com") for n in range(BATCH)
        ]
        taken = sum(message.accepted for message in lab.submit(ADDRESS, CAMPAIGN_PORT, letters, CONNECTIONS))
        if taken < BATCH:
            raise RuntimeError(f"{BATCH - taken} messages of the campaign were refused")
    intake = CAMPAIGN / (time.monotonic() - started)
    busy = _codes()
    lab.ssh(HOST, "postsuper -c /etc/postfix-campaign -d ALL; mailfleet resume pool campaign", check=False)
    lab.lab("reset")
    return {
        "rows": {"idle": idle, f"{CAMPAIGN} deferred": busy},
        "campaign_intake_per_s": round(intake),
        "ratio_p99_to_idle": round(busy["p99_s"] / idle["p99_s"], 2),
        "floors": {"ratio_p99_to_idle": 1.3, "undelivered": 0},
    }


def _codes() -> dict[str, Any]:
    letters = [
        Message("b@bounce.tx.example.com", f"u{n}@{PROVIDERS[n % 6]}", "2fa@tx.example.com", 1500) for n in range(CODES)
    ]
    sent = {message.identity for message in lab.submit(ADDRESS, TRANS_PORT, letters, 4, CODES_PER_SECOND)}
    time.sleep(10)
    took = sorted(delivery.seconds for delivery in lab.deliveries() if delivery.identity in sent)
    return {
        "codes": CODES,
        "undelivered": CODES - len(took),
        "p50_s": round(statistics.median(took), 3),
        "p99_s": round(took[int(len(took) * 0.99)], 3),
    }
