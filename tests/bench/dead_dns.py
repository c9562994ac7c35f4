# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench: every name server is dead for ten minutes while mail comes in. Is all of it there afterwards, and when?"""

from __future__ import annotations

import contextlib
import time
from collections import Counter

from tests.support import lab
from tests.support.flow import Flow

HOST, ADDRESS = "mx1", "198.51.100.11"
LISTENERS = ((ADDRESS, 2587, "tx.example.com"), (ADDRESS, 2588, "example.com"))
RECEIVERS = ("gmail.com", "outlook.com", "orange.fr", "generic.example")
BEFORE, DEAD, AFTER, RECOVERY = 10, 600, 20, 1200
SERVERS = "named-primary named-secondary"


def run() -> dict[str, object]:
    """Messages that came in meanwhile, and seconds from the DNS's return to the last delivery."""
    lab.lab("up")
    site = lab.play(lab.INVENTORY)
    if site.code:
        raise RuntimeError(site.output[-3000:])
    lab.lab("reset")
    with Flow(*LISTENERS, rate=2, recipients=RECEIVERS) as flow:
        time.sleep(BEFORE)
        lab.ssh("world", f"systemctl stop {SERVERS}")
        died = time.time()
        try:
            time.sleep(DEAD)
        finally:
            lab.ssh("world", f"systemctl start {SERVERS}")
        back = time.time()
        time.sleep(AFTER)
    accepted = {message.identity for message in flow.sent if message.accepted}
    meanwhile = {message.identity for message in flow.sent if message.accepted and died < message.sent < back}

    def done() -> bool:
        return accepted <= {delivery.identity for delivery in lab.deliveries()}

    with contextlib.suppress(AssertionError):  # what is not there counts as lost
        lab.wait_for("all mail", done, RECOVERY)
    found = lab.deliveries()
    copies = Counter(delivery.identity for delivery in found if delivery.identity in accepted)
    late = [delivery.received for delivery in found if delivery.identity in meanwhile]
    rows = {
        "two pools, four receivers": {
            "dead_s": DEAD,
            "refused_at_submission": sum(not message.accepted for message in flow.sent),
            "accepted_meanwhile": len(meanwhile),
            "lost": len(accepted - copies.keys()),
            "doubled": sum(number - 1 for number in copies.values()),
            "last_delivery_after_s": round(max(late) - back) if late else 0,
        }
    }
    return {"rows": rows, "floors": {"lost": 0, "doubled": 0}}
