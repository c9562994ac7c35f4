# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench (f): the agent's steering against the static maps, on the same instance and the same receiver without limits.

Each kind is first in every other round, rounds are compared with themselves, and mail that does not count goes before:
the processes that a run of the play has restarted are cold. Beside the throughput stand the CPU times of the service
and of trivial-rewrite, which asks it; and what the service alone takes for domains that it knows and for domains that
it has to ask the DNS about.
"""

from __future__ import annotations

import json
import statistics
import time

from tests.support import lab
from tests.support.inject import Message

HOST, ADDRESS, PORT = "mx1", "198.51.100.11", 2588
ROUNDS, WARMING, MESSAGES, ASKED = 6, 500, 4000, 2000
DOMAINS = ("gmail.com", "googlemail.com")
NO_LIMITS = ("connections_per_ip=0", "messages_per_connection=0", "messages_per_minute=0", "latency=0,0",
             "reputation=false")  # fmt: skip
STATIC, STEER = "static maps", "the agent"
SETTINGS = {STATIC: "static", STEER: "socketmap"}

CPU_SECONDS = """python3 - <<'END'
import glob, json
found = {"steer": 0.0, "rewrite": 0.0}
for path in glob.glob("/proc/[0-9]*"):
    try:
        words = open(path + "/cmdline").read().split("\\0")
        spent = sum(int(open(task).read().split()[0]) for task in glob.glob(path + "/task/*/schedstat"))
    except OSError:
        continue
    name = "steer" if "steer" in words else "rewrite" if words[0].startswith("trivial-rewrite") else ""
    if name:
        found[name] += spent / 1e9
print(json.dumps(found))
END"""

ASK = """python3 - <<'END'
import json, socket, time
client = socket.socket(socket.AF_UNIX)
client.connect("/run/mailfleet/steer.sock")
slowest = 0.0
for number in range(%(number)d):
    question = b"campaign a@%(prefix)s-%%d.golden.example" %% number
    started = time.monotonic()
    client.sendall(b"%%d:%%s," %% (len(question), question))
    assert client.recv(1000).partition(b":")[2].startswith(b"OK other-")
    slowest = max(slowest, time.monotonic() - started)
print(slowest)
END"""


def run() -> dict[str, object]:
    """Messages a second and CPU milliseconds a message; medians of all rounds."""
    lab.lab("up")
    rows: dict[str, list[dict[str, float]]] = {STATIC: [], STEER: []}
    for number in range(ROUNDS):
        for label in (STATIC, STEER) if number % 2 else (STEER, STATIC):
            site = lab.play(lab.INVENTORY, "-e", f"postfix_steering={SETTINGS[label]}")
            if site.code:
                raise RuntimeError(site.output[-3000:])
            _round_of_mail(WARMING)
            rows[label].append(_round_of_mail(MESSAGES))
    known = f"k{time.time():.0f}"
    alone = {"new domains": _asked(known), "known domains": _asked(known)}
    middle = {label: {key: statistics.median(row[key] for row in found) for key in found[0]}
              for label, found in rows.items()}  # fmt: skip
    cpu = middle[STEER]["service_ms"] + middle[STEER]["rewrite_ms"]
    times = [one["delivered_per_s"] / other["delivered_per_s"] for one, other in zip(rows[STEER], rows[STATIC])]
    return {
        "rows": {label: {key: round(value, 3) for key, value in row.items()} for label, row in middle.items()},
        "times_throughput": round(statistics.median(times), 2),
        "steering_ms_a_message": round(cpu, 3),
        **{f"service_ms_{label.replace(' ', '_')}": row["cpu_ms"] for label, row in alone.items()},
        **{f"slowest_ms_{label.replace(' ', '_')}": row["slowest_ms"] for label, row in alone.items()},
        "lost_or_doubled": sum(row["lost_or_doubled"] for found in rows.values() for row in found),
        "floors": {"times_throughput": 0.95, "steering_ms_a_message": 0.8, "service_ms_new_domains": 0.8,
                   "lost_or_doubled": 0},
    }  # fmt: skip


def _round_of_mail(number: int) -> dict[str, float]:
    lab.lab("reset")
    lab.lab("persona", "gmail", *NO_LIMITS)
    messages = [
        Message("b@bounce.example.com", f"u{each}@{DOMAINS[each % len(DOMAINS)]}", "news@example.com", 5000)
        for each in range(number)
    ]
    before = _cpu()
    sent = lab.submit(ADDRESS, PORT, messages, 20)
    accepted = {message.identity for message in sent if message.accepted}

    def all_there() -> list[lab.Delivery] | None:
        got = [delivery for delivery in lab.deliveries() if delivery.identity in accepted]
        return got if {delivery.identity for delivery in got} == accepted else None

    got = lab.wait_for(f"{len(accepted)} messages at gmail", all_there, 120)
    after = _cpu()
    seconds = max(delivery.received for delivery in got) - min(message.sent for message in sent)
    return {
        "delivered_per_s": len(accepted) / seconds,
        "service_ms": (after["steer"] - before["steer"]) / number * 1000,
        "rewrite_ms": (after["rewrite"] - before["rewrite"]) / number * 1000,
        "lost_or_doubled": float(number - len(accepted) + len(got) - len(accepted)),
    }


def _cpu() -> dict[str, float]:
    return dict(json.loads(lab.ssh(HOST, CPU_SECONDS)))


def _asked(prefix: str) -> dict[str, float]:
    before = _cpu()["steer"]
    slowest = float(lab.ssh(HOST, ASK % {"number": ASKED, "prefix": prefix}))
    return {"cpu_ms": round((_cpu()["steer"] - before) / ASKED * 1000, 3), "slowest_ms": round(slowest * 1000, 1)}
