# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Bench (e): how long the strict reader of PowerMTA configurations takes for a megabyte, with nothing to say about it.

Alone: tests/tools/in-venv bench tests/bench/powermta_reader.py
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ROOT / "playbooks/files/pmta-config-check"
SERVER = ROOT / "tests/unit/fixtures/powermta/server.conf"
BYTES = 1_000_000
REPEATS = 3


def run() -> dict[str, object]:
    """Seconds of the command from its start to its end, as a median."""
    text = configuration()
    with tempfile.TemporaryDirectory() as place:
        config = Path(place) / "config"
        config.write_text(text, encoding="utf-8")
        seconds = []
        for _round in range(REPEATS):
            start = time.monotonic()
            done = subprocess.run([COMMAND, config], check=False, capture_output=True, text=True)
            seconds.append(time.monotonic() - start)
            if done.returncode:
                raise RuntimeError(
                    f"The configuration of this bench is refused: {done.stdout[:500]}{done.stderr[-500:]}"
                )
    return {
        "rows": {
            "a configuration of 1 MB": {"lines": text.count("\n"), "seconds": round(statistics.median(seconds), 2)}
        },
        "seconds_for_1_mb": round(statistics.median(seconds), 2),
        "floors": {"seconds_for_1_mb": 2},
    }


def configuration() -> str:
    """A server with as many addresses, limits and patterns as make a megabyte."""
    # Keys that this machine cannot know of, even where it has a PowerMTA.
    parts = [SERVER.read_text(encoding="utf-8").replace("/etc/pmta/", "/no/such/directory/")]
    size, number = len(parts[0]), 0
    while size < BYTES:
        number += 1
        parts.append(
            f"<virtual-mta bench-{number}>\n"
            f"    smtp-source-host 10.{number // 250}.{number % 250}.1 m{number}.example.com\n"
            f"    domain-key mf1,example{number}.com,/no/such/directory/example{number}.com.pem\n"
            "    <domain *>\n        max-msg-rate 100/h   # warming\n    </domain>\n</virtual-mta>\n"
            f"<domain d{number}.example>\n    max-smtp-out 5\n    max-msg-rate 300/10m\n    retry-after 10m,30m,1h\n"
            "    smtp-pattern-list backoff\n    queue-to google.rollup\n</domain>\n"
            f"<smtp-pattern-list list-{number}>\n"
            f"    reply /42{number % 10} .* (?:try|come) again \\[TS{number}\\]/ mode=backoff,defer-queue\n"
            "</smtp-pattern-list>\n"
        )
        size += len(parts[-1])
    return "".join(parts)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
