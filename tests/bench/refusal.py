# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench: a receiver refuses one source address for minutes. How often is it asked, and when is all well again?

Static maps for one minute are the baseline: a lane that nobody stops.
"""

from __future__ import annotations

import contextlib
import json
import time

from tests.support import lab
from tests.support.flow import Flow
from tests.support.inject import Message

HOST, ADDRESS, PORT = "mx1", "198.51.100.11", 2588
REFUSED, ISP, DOMAIN = "198.51.100.21", "outlook", "outlook.com"
BASELINE_SECONDS, SECONDS, RECOVERY_SECONDS = 60, 300, 180
BACKLOG, PER_SECOND, PATIENCE = 2000, 5.0, 600


def run() -> dict[str, object]:
    """Refused attempts by the address, and seconds from the end of the refusals to full speed."""
    lab.lab("up")
    rows: dict[str, dict[str, object]] = {
        "static maps": _round("static", BASELINE_SECONDS),
        "the agent": _round("socketmap", SECONDS),
    }
    ours = rows["the agent"]
    return {
        "rows": rows,
        "attempts": ours["attempts"],
        "recovery_s": ours["recovery_s"],
        "lost_or_doubled": ours["lost_or_doubled"],
        "floors": {"attempts": 100, "recovery_s": RECOVERY_SECONDS, "lost_or_doubled": 0},
    }


def _round(steering: str, seconds: float) -> dict[str, object]:
    site = lab.play(lab.INVENTORY, "-e", f"postfix_steering={steering}")
    if site.code:
        raise RuntimeError(site.output[-3000:])
    lab.lab("reset")
    lab.lab("persona", ISP, "refuse=temporary", f"sources={REFUSED}", "refuse_at=mail")
    backlog = lab.submit(
        ADDRESS,
        PORT,
        [Message("b@bounce.example.com", f"u{n}@{DOMAIN}", "news@example.com") for n in range(BACKLOG)],
        20,
    )
    recovery: float | str = "-"
    with Flow((ADDRESS, PORT, "example.com"), rate=PER_SECOND, recipients=(DOMAIN,)) as flow:
        time.sleep(seconds)
        attempts = _attempts()
        lab.lab("persona", ISP, "refuse=")
        if steering == "socketmap":
            started = time.monotonic()
            lab.wait_for("the lane at full speed", _normal, 2 * RECOVERY_SECONDS)
            recovery = round(time.monotonic() - started, 1)
    row: dict[str, object] = {
        "seconds": seconds,
        "attempts": attempts,
        "attempts_a_minute": round(attempts / seconds * 60),
    }
    sent = {message.identity for message in (*backlog, *flow.sent) if message.accepted}
    row["recovery_s"] = recovery
    row["lost_or_doubled"], row["all_there_s"] = _wrong(sent) if steering == "socketmap" else ("-", "-")
    lab.ssh(HOST, "postsuper -c /etc/postfix-campaign -d ALL", check=False)
    return row


def _attempts() -> int:
    """Refused MAIL commands of the address."""
    return sum(
        bool(message.get("refused"))
        for session in lab.sessions()
        if session["source"] == REFUSED and session["persona"] == ISP
        for message in session["messages"]
    )


def _normal() -> bool:
    lanes = json.loads(lab.ssh(HOST, "mailfleet status --json"))["lanes"]
    return all(row["state"] == "normal" for row in lanes if (row["ip"], row["isp"]) == (REFUSED, ISP))


def _wrong(sent: set[str]) -> tuple[int, int]:
    """Messages that never arrived, or did so twice; and seconds until the last one was there.

    The backlog is more than one address may deliver in this time, so its own limits have held some of it back.
    """
    started = time.monotonic()

    def arrived() -> list[str]:
        return [delivery.identity for delivery in lab.deliveries() if delivery.identity in sent]

    with contextlib.suppress(AssertionError):  # what is not there counts
        lab.wait_for("all mail", lambda: set(arrived()) == sent, PATIENCE)
    got = arrived()
    return len(sent - set(got)) + len(got) - len(set(got)), round(time.monotonic() - started)
