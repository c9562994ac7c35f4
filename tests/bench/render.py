# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench (b): from an inventory of 50 addresses, 25 ISP profiles and 1,000 domains to one host's configuration."""

from __future__ import annotations

import runpy
import statistics
import time
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import compile_fleet
from tests.support import lab, render

ADDRESSES, PROFILES, DOMAINS = 50, 24, 1000  # and the default profile
REPEATS = 5


def run() -> dict[str, object]:
    """Seconds for the two steps, as medians."""
    raw = _raw()
    compile_s, render_s, size = [], [], 0
    for _turn in range(REPEATS):
        start = time.perf_counter()
        compiled, problems = compile_fleet(raw)
        middle = time.perf_counter()
        if problems:
            raise RuntimeError("; ".join(map(str, problems)))
        size = sum(len(text) for text in render.postfix(compiled["views"]["mx1"]).values())
        compile_s.append(middle - start)
        render_s.append(time.perf_counter() - middle)
    total = statistics.median(compile_s) + statistics.median(render_s)
    return {
        "rows": {
            f"{ADDRESSES} addresses, {PROFILES + 1} profiles, {DOMAINS} domains": {
                "compile_s": round(statistics.median(compile_s), 2),
                "render_s": round(statistics.median(render_s), 2),
                "total_s": round(total, 2),
                "kilobytes": size // 1000,
            }
        },
        "total_s": round(total, 2),
        "floors": {"total_s": 1.0},
    }


def _raw() -> dict[str, Any]:
    generate = runpy.run_path(str(lab.ROOT / "inventories/large/generate.py"))["inventory"]
    files = generate(hosts=1, addresses=ADDRESSES, domains=DOMAINS, isps=PROFILES)
    hosts = files["hosts.json"]["senders"]["children"]["postfix"]["hosts"]
    return {
        "fleet": files["group_vars/all.json"],
        "hosts": {name: {**own, **files[f"host_vars/{name}.json"]} for name, own in hosts.items()},
        "management": {name: own["ansible_host"] for name, own in hosts.items()},
    }
