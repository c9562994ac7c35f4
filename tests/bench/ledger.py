# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench: how fast the ledger reads a log into SQLite, on one core, and how much memory that takes."""

from __future__ import annotations

import argparse
import itertools
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
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "roles/agent/files"
START = 1_795_000_000
DOMAINS = 40
CIPHER = "TLS_AES_256_GCM_SHA384 (256/256 bits) key-exchange X25519 server-digest SHA256"
ISPS = {
    "gmail": ("gmail.com", "gmail-smtp-in.l.google.com", "203.0.113.10"),
    "outlook": ("outlook.com", "outlook-com.olc.protection.outlook.com", "203.0.113.20"),
    "yahoo": ("yahoo.com", "mta5.am0.yahoodns.net", "203.0.113.30"),
    "gmx": ("gmx.net", "mx00.gmx.net", "203.0.113.40"),
    "other": ("generic.example", "mx.generic.example", "203.0.113.90"),
}
LATER = (
    "421-4.7.28 Gmail has detected an unusual rate of email originating from your IP 421-4.7.28 address {ip}. To"
    " protect our users from spam, email sent from your IP 421 4.7.28 address has been temporarily rate limited."
    " {id} - gsmtp"
)
NEVER = (
    "550-5.1.1 The email account that you tried to reach does not exist. Please try 550-5.1.1 double-checking the"
    " recipient's email address for typos or 550 5.1.1 unnecessary spaces. {id} - gsmtp"
)


def view() -> dict[str, object]:
    """A host with one pool of four addresses and the providers above."""
    domains = [f"d{number:02d}.example.com" for number in range(DOMAINS)]
    lanes = [
        {"name": f"{isp}-192-0-2-{last}", "isp": isp, "bind4": f"192.0.2.{last}"} for isp in ISPS for last in range(4)
    ]
    return {
        "pools": [{"name": "campaign", "instance": "postfix-campaign", "lanes": lanes}],
        "elsewhere": [{"domain": name, "return_path": f"bounce.{name}", "pool": "campaign"} for name in domains],
        "isps": [{"name": isp, "domains": [domain], "mx": [host]} for isp, (domain, host, _ip) in ISPS.items()],
    }


class Kind(NamedTuple):
    """A sort of day: how many messages are under way at once, and which share is deferred before it is delivered."""

    in_flight: int
    deferred: float
    lines: int


KINDS = {
    "a usual day, 6 % deferred": Kind(300, 0.06, 1_000_000),
    "100,000 messages under way": Kind(100_000, 0.06, 600_000),
    "every message deferred": Kind(300, 1.0, 300_000),
}


def lines(kind: Kind, seed: int) -> Iterator[str]:
    """A log as Postfix writes it, without an end: interleaved messages, 3 % bounced."""
    chance = random.Random(seed)
    moment, number = START, 0
    flying: list[Iterator[str]] = []
    while True:
        if len(flying) < kind.in_flight:
            number += 1
            flying.append(_message(number, kind, chance))
        place = chance.randrange(len(flying))
        body = next(flying[place], None)
        if body is None:
            flying[place] = flying[-1]
            flying.pop()
            continue
        if chance.random() < 0.002:
            moment += 1
        yield f"{time.strftime('%b %e %H:%M:%S', time.localtime(moment))} mta20 {body}\n"


def _message(number: int, kind: Kind, chance: random.Random) -> Iterator[str]:
    queue_id, last = f"4jX{number:09d}z2Q", chance.randrange(4)
    isp = chance.choice(list(ISPS))
    recipient_domain, host, ip = ISPS[isp]
    domain = f"d{chance.randrange(DOMAINS):02d}.example.com"
    qmgr = f"postfix-campaign/qmgr[77]: {queue_id}"
    smtp = f"postfix-campaign/{isp}-192-0-2-{last}/smtp[{chance.randrange(1000, 9999)}]"
    begin = f"{smtp}: {queue_id}: to=<user{number}@{recipient_domain}>, relay={host}[{ip}]:25, delay=0.21"
    said = f"host {host}[{ip}] said:"
    yield f"postfix-campaign/smtpd[4612]: {queue_id}: client=app.example.com[198.51.100.1]"
    yield f"postfix-campaign/cleanup[4616]: {queue_id}: message-id=<{number:032x}@{domain}>"
    yield f"{qmgr}: from=<bounces@bounce.{domain}>, size=2207, nrcpt=1 (queue active)"
    if chance.random() < 0.2:
        yield f"{smtp}: Untrusted TLS connection established to {host}[{ip}]:25: TLSv1.3 with cipher {CIPHER}"
    if chance.random() < kind.deferred:
        reply = LATER.format(ip=f"192.0.2.{last}", id=f"{number:012x}")
        status = f"status=deferred ({said} {reply} (in reply to end of DATA command))"
        yield f"{begin}, delays=0.05/0/0.01/0.15, dsn=4.7.28, {status}"
        yield f"{qmgr}: from=<bounces@bounce.{domain}>, size=2207, nrcpt=1 (queue active)"
    if chance.random() < 0.03:
        status = f"status=bounced ({said} {NEVER.format(id=f'{number:012x}')} (in reply to RCPT TO command))"
        yield f"{begin}, delays=0.05/0/0.01/0.15, dsn=5.1.1, {status}"
        yield f"postfix-campaign/bounce[4361]: {queue_id}: sender non-delivery notification: 4jY{number:09d}z2Q"
    else:
        status = f"status=sent (250 2.0.0 OK {number:012x} - gsmtp)"
        yield f"{begin}, delays=0.05/0/0.01/0.15, dsn=2.0.0, {status}"
    yield f"{qmgr}: removed"


def run(share: float = 1.0, seed: int = 1) -> dict[str, object]:
    """For each kind of day: lines a second of CPU time, peak memory, and whether the counters are the truth."""
    return {
        "rows": {name: _measure(kind, int(kind.lines * share), seed) for name, kind in KINDS.items()},
        "floors": {"times_100k_lines_a_second": 1.0, "peak_memory_mib": 64, "wrong_counters": 0},
    }


def _measure(kind: Kind, number: int, seed: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with (place / "postfix-campaign.log").open("w") as log:
            log.writelines(itertools.islice(lines(kind, seed), number))
        (place / "agent.json").write_text(json.dumps(view()))
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", _COUNT, str(PACKAGE), str(place)]
        summary = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        truth, counted = _truth(place / "postfix-campaign.log"), _counted(place / "ledger.db")
        return {
            "lines": summary["lines"],
            "lines_a_cpu_second": round(number / cpu),
            "times_100k_lines_a_second": round(number / cpu / 100_000, 2),
            "peak_memory_mib": round(summary["peak_kib"] / 1024, 1),
            "database_mib": round((place / "ledger.db").stat().st_size / 2**20, 1),
            "wrong_counters": len(truth.items() ^ counted.items()),
        }


# The command itself, and at its end what it needed.
_COUNT = """
import io, json, re, sys
from contextlib import redirect_stdout
sys.path.insert(0, sys.argv[1])
from mailfleet import cli
place, out = sys.argv[2], io.StringIO()
with redirect_stdout(out):
    cli.main(["ledger", "catch-up", "--json", "--config", place + "/agent.json", "--logs", place,
              "--database", place + "/ledger.db"])
peak = int(re.search("VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
print(json.dumps(json.loads(out.getvalue()) | {"peak_kib": peak}))
"""


def _truth(log: Path) -> Counter[tuple[str, str]]:
    """Attempts by lane and status, by nothing but text search."""
    found: Counter[tuple[str, str]] = Counter()
    with log.open() as stream:
        for line in stream:
            if " to=<" in line and line.endswith(")\n"):
                lane = line.split("postfix-campaign/")[1].split("/smtp[")[0]
                found[lane, line.split("status=")[1].split(" ")[0]] += 1
    return found


def _counted(database: Path) -> Counter[tuple[str, str]]:
    words = {"delivered": "sent", "deferred": "deferred", "bounced": "bounced"}
    db = sqlite3.connect(database)
    rows = db.execute("SELECT isp, ip, result, sum(n) FROM ip_day GROUP BY isp, ip, result").fetchall()
    db.close()
    return Counter({(f"{isp}-{ip.replace('.', '-')}", words[result]): n for isp, ip, result, n in rows})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of lines")
    print(json.dumps(run(parser.parse_args().share), indent=1))


if __name__ == "__main__":
    main()
