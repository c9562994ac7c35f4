# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Bench (c): publishing eight records a zone, against community.general.nsupdate in a loop, same server, same run.

Whole plays are compared, from the start of ansible-playbook to its end. The planner is measured by itself. Alone:
tests/tools/in-venv bench python tests/bench/dns.py --json FILE
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / ".ansible/collections")]

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Found, Key, RRset
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_plan import make_plan
from ansible_collections.mailfleet.mta.plugins.module_utils._records import fleet_records
from tests.dns import bind

RECORDS = 8
LOOP_ZONES = 20
SIZES = (100, 1000)


def run(sizes: tuple[int, ...] = SIZES, loop_zones: int = LOOP_ZONES) -> dict[str, Any]:
    """Seconds of whole plays, milliseconds a record, and how many times faster a record is than in the loop."""
    if bind.NAMED is None:
        raise RuntimeError("named is not installed. Remedy: install the Debian package bind9.")
    groups = {size: [f"z{number:04d}.n{size}.example" for number in range(size)] for size in (*sizes, loop_zones)}
    with tempfile.TemporaryDirectory() as place:
        zones = {zone: "" for group in groups.values() for zone in group}
        with bind.Bind(Path(place) / "bind", bind.free_port(), zones) as server:
            plays = Plays(Path(place), server)
            empty = plays.seconds([])
            loop = plays.seconds(loop_tasks(groups[loop_zones], server))
            rows = {f"nsupdate in a loop, {loop_zones} zones": row(loop, loop_zones, loop, loop_zones)}
            for size in sizes:
                tasks = our_tasks(groups[size], server)
                first, again = plays.seconds(tasks, changed=1), plays.seconds(tasks, changed=0)
                rows[f"dns_auth, {size} zones, first publish"] = row(first, size, loop, loop_zones)
                rows[f"dns_auth, {size} zones, nothing to change"] = row(again, size, loop, loop_zones)
            largest = rows[f"dns_auth, {max(sizes)} zones, first publish"]
            unchanged = rows[f"dns_auth, {max(sizes)} zones, nothing to change"]
    planned, planned_again = planner_us(groups[max(sizes)])
    return {
        "rows": rows,
        "empty_play_s": round(empty, 2),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "times_faster_a_record": largest["times_faster_a_record"],
        "largest_first_publish_s": largest["play_s"],
        "largest_no_change_s": unchanged["play_s"],
        "planner_us_a_record": planned,
        "planner_us_an_unchanged_record": planned_again,
        "floors": {
            "times_faster_a_record": 200,
            "largest_first_publish_s": 20,
            "largest_no_change_s": 20,
            "peak_memory_mb": 300,
            "planner_us_a_record": 20,
            "planner_us_an_unchanged_record": 20,
        },
    }


def planner_us(zones: list[str]) -> tuple[float, float]:
    """Processor microseconds a record, from the domains to a plan: nothing is published yet, and everything is."""
    domains = [auth_of(zone) for zone in zones]
    keys = {zone: {"mf1": key_of(zone)} for zone in zones}
    existing: dict[Key, Found] = {}
    seconds = []
    for expected in (len(zones) * RECORDS, 0):
        start = time.process_time()
        wanted, _problems = fleet_records(domains, keys, lambda name: 3600)
        plan = make_plan(wanted, {want.key: existing.get(want.key, Found()) for want in wanted}, "add")
        seconds.append(time.process_time() - start)
        if len(plan.changes) != expected:
            raise RuntimeError(f"{len(plan.changes)} changes are planned, not {expected}")
        existing = {change.key: Found(RRset(change.ttl, change.after)) for change in plan.changes}
    first, again = (round(spent / (len(zones) * RECORDS) * 1e6, 2) for spent in seconds)
    return first, again


def row(seconds: float, zones: int, loop: float, loop_zones: int) -> dict[str, float]:
    a_record = seconds / (zones * RECORDS)
    return {
        "play_s": round(seconds, 2),
        "record_ms": round(a_record * 1000, 2),
        "times_faster_a_record": round(loop / (loop_zones * RECORDS) / a_record),
    }


class Plays:
    def __init__(self, place: Path, server: bind.Bind) -> None:
        self.place, self.server = place, server

    def seconds(self, tasks: list[dict[str, Any]], changed: int | None = None) -> float:
        playbook = self.place / "play.json"
        playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local"]
        command += ["-e", json.dumps({"ansible_python_interpreter": sys.executable}), str(playbook)]
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        seconds = time.monotonic() - start
        wanted = "" if changed is None else f"changed={changed} "
        if done.returncode or wanted not in done.stdout:
            raise RuntimeError(done.stdout[-3000:] + done.stderr[-1000:])
        return seconds


def key_of(zone: str) -> str:
    """What a 2048-bit key looks like in base64; the same for the same zone."""
    return base64.b64encode(random.Random(zone).randbytes(294)).decode()


def auth_of(zone: str) -> dict[str, Any]:
    return {
        "domain": zone,
        "pool": "campaign",
        "selector": "mf1",
        "signers": ["mx1"],
        "ips": {"ip4": [f"192.0.2.{last}" for last in range(10, 20)], "ip6": []},
        "other_fleet_ips": {"ip4": [f"192.0.2.{last}" for last in range(20, 30)], "ip6": []},
        "spf_extra": [],
        "mx": [{"host": "mx1.example.com", "preference": 10}],
        "dmarc": {"policy": "none", "rua": ["mailto:dmarc@example.com"]},
        "return_path": f"bounce.{zone}",
        "bounce_mx": ["mx1.example.com"],
        "mta_sts": {"mode": "testing", "mx": ["mx1.example.com"], "max_age": 86400, "host": ""},
        "tls_rpt": ["mailto:tls@example.com"],
    }


def our_tasks(zones: list[str], server: bind.Bind) -> list[dict[str, Any]]:
    options = {
        "domains": json.dumps([auth_of(zone) for zone in zones]),
        "keys": json.dumps({zone: {"mf1": key_of(zone)} for zone in zones}),
        "dns": server.settings,
        "name_server_port": server.port,
    }
    return [{"mailfleet.mta.dns_auth": options}]


def loop_tasks(zones: list[str], server: bind.Bind) -> list[dict[str, Any]]:
    """The same records; TXT is split by hand, because the module refuses a string of more than 255 bytes."""
    spf = '"v=spf1 ' + " ".join(f"ip4:192.0.2.{last}" for last in range(10, 20)) + ' -all"'
    items = []
    for zone in zones:
        key = f"v=DKIM1; k=rsa; p={key_of(zone)}"
        items += [
            {"zone": zone, "name": f"{zone}.", "type": "MX", "value": "10 mx1.example.com."},
            {"zone": zone, "name": f"{zone}.", "type": "TXT", "value": spf},
            {"zone": zone, "name": f"mf1._domainkey.{zone}.", "type": "TXT", "value": f'"{key[:255]}" "{key[255:]}"'},
            {"zone": zone, "name": f"_dmarc.{zone}.", "type": "TXT",
             "value": '"v=DMARC1; p=none; rua=mailto:dmarc@example.com"'},
            {"zone": zone, "name": f"bounce.{zone}.", "type": "MX", "value": "10 mx1.example.com."},
            {"zone": zone, "name": f"bounce.{zone}.", "type": "TXT", "value": spf},
            {"zone": zone, "name": f"_mta-sts.{zone}.", "type": "TXT", "value": '"v=STSv1; id=20261122"'},
            {"zone": zone, "name": f"_smtp._tls.{zone}.", "type": "TXT",
             "value": '"v=TLSRPTv1; rua=mailto:tls@example.com"'},
        ]  # fmt: skip
    options = {
        "server": server.address,
        "port": server.port,
        "protocol": "tcp",
        "key_name": bind.KEY_NAME,
        "key_secret": bind.KEY_SECRET,
        "key_algorithm": "hmac-sha256",
        "zone": "{{ item.zone }}",
        "record": "{{ item.name }}",
        "type": "{{ item.type }}",
        "value": "{{ item.value }}",
        "ttl": 3600,
    }
    return [{"community.general.nsupdate": options, "loop": items}]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the result here too")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--loop-zones", type=int, default=LOOP_ZONES)
    arguments = parser.parse_args()
    result = run(tuple(arguments.sizes), arguments.loop_zones)
    for name, values in result["rows"].items():
        print(f"{name:42} {values['play_s']:8.2f} s {values['record_ms']:9.2f} ms a record, "
              f"{values['times_faster_a_record']:5d} x")  # fmt: skip
    print(f"empty play {result['empty_play_s']} s, peak memory {result['peak_memory_mb']} MB")
    print(f"planner {result['planner_us_a_record']} and {result['planner_us_an_unchanged_record']} us a record")
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
