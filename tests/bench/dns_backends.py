# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Bench: the same records of the same zones through each kind of backend, from a plan to the last read.

In the process of the task, without waiting for name servers, so that only the backends differ. Alone:
tests/tools/in-venv bench python tests/bench/dns_backends.py
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Not from beside this file: dns.py there is another bench, and dnspython is wanted.
HERE = str(Path(__file__).resolve().parent)
sys.path[:] = [str(ROOT), str(ROOT / ".ansible/collections"), *(path for path in sys.path if path != HERE)]

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_backends import Backends
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_converge import Options, converge
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import parse_settings
from ansible_collections.mailfleet.mta.plugins.module_utils._records import fleet_records
from tests.bench.dns import RECORDS, auth_of, key_of
from tests.dns import bind, powerdns

ZONES = 200


def run(zones: int = ZONES) -> dict[str, Any]:
    names = [f"z{number:04d}.example" for number in range(zones)]
    rows = {}
    with tempfile.TemporaryDirectory() as place:
        for label, backend in (("RFC 2136, BIND", _bind), ("octoDNS, PowerDNS", _powerdns), ("zone files", _files)):
            with backend(Path(place) / label, names) as dns:
                rows[label] = {
                    "first_publish_s": _seconds(names, dns, changes=zones * RECORDS),
                    "nothing_to_change_s": _seconds(names, dns, changes=0),
                }
    return {"rows": rows, "zones": zones, "records": zones * RECORDS, "floors": {"first_publish_s": 20}}


def _seconds(names: list[str], dns: dict[str, Any], changes: int) -> float:
    settings = parse_settings(dns)
    keys = {name: {"mf1": key_of(name)} for name in names}
    start = time.monotonic()
    wanted, problems = fleet_records([auth_of(name) for name in names], keys, settings.ttl_for)
    done = converge(wanted, Backends(settings), Options(), None)
    seconds = time.monotonic() - start
    found = sum(len(result.changes) for result in done.zones.values())
    if problems or done.problems or found != changes:
        raise RuntimeError(f"{found} changes instead of {changes}; {list((problems or done.problems).items())[:3]}")
    return round(seconds, 2)


@contextmanager
def _bind(place: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    with bind.Bind(place, bind.free_port(), dict.fromkeys(names, "")) as server:
        yield server.settings


@contextmanager
def _powerdns(place: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    with powerdns.PowerDns(place, bind.free_port(), bind.free_port(), names) as server:
        yield {"backend": "pdns", "backends": {"pdns": {"provider": "powerdns", "settings": server.settings}}}


@contextmanager
def _files(place: Path, names: list[str]) -> Iterator[dict[str, Any]]:
    zones = {name: {"backend": "files"} for name in names}
    yield {"backends": {"files": {"directory": str(place)}}, "zones": zones}


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
