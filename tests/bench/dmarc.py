# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Bench: three months of DMARC reports about 500 domains, from parsedmarc's JSON to decisions and pages.

Alone: tests/tools/in-venv bench tests/bench/dmarc.py
"""

from __future__ import annotations

import datetime
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / ".ansible/collections")]

from ansible_collections.mailfleet.mta.plugins.action.dmarc_pages import pages
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_collect import evidence
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_evidence import Known, senders_of
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_gate import Gate
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_pages import views
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_task import _row, _step
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import build_dmarc, parse_dmarc

DOMAINS, DAYS, RECEIVERS = 500, 90, 4
TODAY = datetime.date(2026, 11, 22)
FIXTURE = ROOT / "tests/unit/fixtures/dmarc/golden.json"


def run() -> dict[str, object]:
    names = [f"d{number:03}.example" for number in range(DOMAINS)]
    known = Known(["198.51.100.21"], senders_of({name: {} for name in names}))
    with tempfile.TemporaryDirectory() as place:
        incoming = Path(place, "incoming")
        for number in range(DAYS):
            (incoming / f"{number:03}").mkdir(parents=True)
            day = TODAY - datetime.timedelta(days=DAYS - number)
            (incoming / f"{number:03}" / "aggregate.json").write_text(json.dumps(list(reports(names, day))))
        arguments = (f"{place}/evidence", str(incoming), known, Gate().window, TODAY, "", False)
        first, folding = timed(lambda: evidence(*arguments))
        found, reading = timed(lambda: evidence(*arguments))
        size = Path(place, "evidence/evidence.sqlite").stat().st_size
    rows, deciding = timed(lambda: decisions(names, found["domains"]))
    tree, printing = timed(lambda: pages(str(ROOT / "roles/dmarc_reports/templates/pages"),
                                         views(rows, found["domains"]), [], str(TODAY)))  # fmt: skip
    moves = sum(row["move"] == "forward" for row in rows)
    if (first["new"], moves, len(tree)) != (DOMAINS * DAYS * RECEIVERS, DOMAINS, DOMAINS + 1):
        raise RuntimeError(f"{first['new']} reports, {moves} steps and {len(tree)} pages are not what this bench made.")
    gate = round(reading + deciding, 2)
    return {
        "rows": {
            f"{first['new']} reports of {DAYS} days, read once": {"seconds": round(folding, 1)},
            f"the gate of {DOMAINS} domains": {"seconds": gate},
            f"{len(tree)} pages": {"seconds": round(printing, 2)},
        },
        "reports_a_second": round(first["new"] / folding),
        "store_mb": round(size / 1e6),
        "gate_seconds": gate,
        "pages_seconds": round(printing, 2),
        "floors": {"gate_seconds": 5, "pages_seconds": 5},
    }


def timed(work: Any) -> tuple[Any, float]:
    start = time.monotonic()
    return work(), time.monotonic() - start


def reports(names: list[str], day: datetime.date) -> Iterator[dict[str, Any]]:
    """A report of each receiver about each domain, in the shape of a real one."""
    (pattern,) = json.loads(FIXTURE.read_text(encoding="utf-8"))
    for name in names:
        for receiver in range(RECEIVERS):
            meta = {
                **pattern["report_metadata"],
                "org_name": f"receiver {receiver}",
                "report_id": f"{name}.{day}",
                "begin_date": f"{day} 00:00:00",
                "end_date": f"{day} 23:59:59",
            }
            records = [
                {**record, "interval_begin": f"{day} 00:00:00", "identifiers": {"header_from": name}, "count": count}
                for record, count in zip(pattern["records"], (40, 1, 60))
            ]
            policy = {**pattern["policy_published"], "domain": name}
            yield {**pattern, "report_metadata": meta, "policy_published": policy, "records": records}


def decisions(names: list[str], found: dict[str, Any]) -> list[dict[str, Any]]:
    published = build_dmarc(parse_dmarc("v=DMARC1; p=none; rua=mailto:dmarc@example.com"))
    wishes = {"goal": "reject", "hold": False}
    gate = Gate(unknown_rate=100)
    steps = [_step({"domain": name, "progression": wishes}, published, found[name], gate, TODAY) for name in names]
    return [_row(step, False) for step in steps]


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
