# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench: how fast the ledger reads PowerMTA's accounting files into SQLite, on one core, and what memory that takes.

A record is a whole attempt, where Postfix writes five lines, so half as many a second is more than twice the speed.
"""

from __future__ import annotations

import csv
import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.bench.ledger import _COUNT, ISPS, LATER, NEVER, PACKAGE, START, view

RECORDS = 300_000
COLUMNS = [
    "type", "timeLogged", "timeQueued", "orig", "rcpt", "orcpt", "dsnAction", "dsnStatus", "dsnDiag", "dsnMta",
    "bounceCat", "srcType", "srcMta", "dlvType", "dlvSourceIp", "dlvDestinationIp", "dlvEsmtpAvailable", "dlvSize",
    "vmta", "jobId", "envId", "queue", "vmtaPool",
]  # fmt: skip
SHARES = {"a usual day, 6 % deferred": 0.06, "every second record deferred": 0.5}
WORDS = {"d": "delivered", "t": "deferred", "b": "bounced"}


def records(number: int, deferred: float, seed: int) -> Iterator[tuple[str, str, str, list[str]]]:
    """Kind, address and ISP with the row."""
    chance = random.Random(seed)
    for count in range(number):
        stamp = time.strftime("%Y-%m-%d %H:%M:%S+0000", time.gmtime(START + count // 500))
        isp, last, domain = chance.choice(list(ISPS)), chance.randrange(4), chance.randrange(40)
        recipient_domain, mx, ip = ISPS[isp]
        own, draw = f"192.0.2.{last}", chance.random()
        kind = "t" if draw < deferred else "b" if draw < deferred + 0.03 else "d"
        status, diag = {
            "d": ("2.0.0 (success)", f"smtp;250 2.0.0 OK {count:012x} - gsmtp"),
            "t": ("4.7.28 (other)", "smtp;" + LATER.format(ip=own, id=f"{count:012x}")),
            "b": ("5.1.1 (bad destination mailbox address)", "smtp;" + NEVER.format(id=f"{count:012x}")),
        }[kind]
        row = [
            kind, stamp, stamp, f"bounces@bounce.d{domain:02d}.example.com", f"user{count}@{recipient_domain}", "",
            "relayed", status, diag, f"{mx} ({ip})", "", "smtp", "app.example.com (198.51.100.1)", "smtp", own, ip,
            "ENHANCEDSTATUSCODES,8BITMIME,SMTPUTF8", "41159", f"ip-192-0-2-{last}", "job1", "",
            f"{isp}.rollup/ip-192-0-2-{last}", "campaign",
        ]  # fmt: skip
        yield kind, own, isp, row


def run(share: float = 1.0, seed: int = 1) -> dict[str, object]:
    return {
        "rows": {name: _measure(int(RECORDS * share), deferred, seed) for name, deferred in SHARES.items()},
        "floors": {"times_50k_records_a_second": 1.0, "peak_memory_mib": 64, "wrong_counters": 0},
    }


def _measure(number: int, deferred: float, seed: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        place, truth = Path(name), Counter[tuple[str, str, str]]()
        with (place / "acct-2026-11-21-0000.csv").open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            for kind, own, isp, row in records(number, deferred, seed):
                truth[isp, own, WORDS[kind]] += 1
                writer.writerow(row)
        (place / "agent.json").write_text(json.dumps({**view(), "backend": "powermta"}))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", _COUNT, str(PACKAGE), str(place)]
        summary = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        db = sqlite3.connect(place / "ledger.db")
        counted = db.execute("SELECT isp, ip, result, sum(n) FROM ip_day GROUP BY isp, ip, result").fetchall()
        db.close()
        return {
            "records": summary["events"],
            "records_a_cpu_second": round(number / cpu),
            "times_50k_records_a_second": round(number / cpu / 50_000, 2),
            "peak_memory_mib": round(summary["peak_kib"] / 1024, 1),
            "wrong_counters": len(truth.items() ^ {tuple(key): n for *key, n in counted}.items()),
        }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
