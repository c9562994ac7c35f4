# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bench (b): from an inventory of 50 addresses, 25 ISP profiles and 1,000 domains to one host's configuration.

On either backend; what the strict reader takes for PowerMTA's is told beside it.
"""

from __future__ import annotations

import runpy
import statistics
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import compile_fleet
from ansible_collections.mailfleet.mta.plugins.plugin_utils._strict_reader import read_strictly
from tests.support import lab, render

ADDRESSES, PROFILES, DOMAINS = 50, 24, 1000  # and the default profile
REPEATS = 5


PRINTERS: dict[str, Callable[[dict[str, Any]], dict[str, str]]] = {
    "postfix": render.postfix,
    "powermta": render.powermta,
}


def run() -> dict[str, object]:
    """Seconds for the two steps, as medians."""
    rows = {backend: _backend(backend) for backend in PRINTERS}
    return {
        "rows": {
            f"{ADDRESSES} addresses, {PROFILES + 1} profiles, {DOMAINS} domains, {backend}": row
            for backend, row in rows.items()
        },
        "floors": {"total_s": 1.0},
    }


def _backend(backend: str) -> dict[str, Any]:
    raw = _raw(backend)
    compile_s, render_s = [], []
    tree: dict[str, str] = {}
    for _turn in range(REPEATS):
        start = time.perf_counter()
        compiled, problems = compile_fleet(raw)
        middle = time.perf_counter()
        if problems:
            raise RuntimeError("; ".join(map(str, problems)))
        tree = PRINTERS[backend](compiled["views"]["mx1"])
        compile_s.append(middle - start)
        render_s.append(time.perf_counter() - middle)
    start = time.perf_counter()
    if backend == "powermta" and read_strictly(tree, "config", "5.0"):
        raise RuntimeError("the strict reader has something to say")
    read_s = time.perf_counter() - start
    return {
        "compile_s": round(statistics.median(compile_s), 2),
        "render_s": round(statistics.median(render_s), 2),
        "total_s": round(statistics.median(compile_s) + statistics.median(render_s), 2),
        "strict_reader_s": round(read_s, 2) if backend == "powermta" else "-",
        "kilobytes": sum(map(len, tree.values())) // 1000,
    }


def _raw(backend: str) -> dict[str, Any]:
    generate = runpy.run_path(str(lab.ROOT / "inventories/large/generate.py"))["inventory"]
    files = generate(hosts=1, addresses=ADDRESSES, domains=DOMAINS, isps=PROFILES)
    hosts = files["hosts.json"]["senders"]["children"]["postfix"]["hosts"]
    return {
        "fleet": files["group_vars/all.json"],
        "hosts": {name: {**own, **files[f"host_vars/{name}.json"], "backend": backend} for name, own in hosts.items()},
        "management": {name: own["ansible_host"] for name, own in hosts.items()},
    }
