# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""A real PowerDNS with its HTTP API, as this user's process on a loopback address and high ports."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.dns.program import Program

PDNS = shutil.which("pdns_server", path="/usr/sbin:/sbin:/usr/local/sbin")
SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
ADDRESS, API_KEY = "127.0.0.1", "not-a-secret-but-never-shown"

_CONFIG = """
launch=gsqlite3
gsqlite3-database={directory}/pdns.sqlite3
socket-dir={directory}
local-address={address}
local-port={port}
api=yes
api-key={key}
webserver=yes
webserver-address={address}
webserver-port={api_port}
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
default-soa-content=ns1.@ hostmaster.@ 0 3600 600 86400 60
guardian=no
daemon=no
"""


class PowerDns(Program):
    def __init__(self, directory: Path, port: int, api_port: int, zones: Iterable[str]) -> None:
        self.directory, self.port, self.api_port, self.zones = directory, port, api_port, list(zones)
        self.address = ADDRESS
        directory.mkdir(parents=True)
        config = _CONFIG.format(directory=directory, address=ADDRESS, port=port, api_port=api_port, key=API_KEY)
        (directory / "pdns.conf").write_text(config)
        with sqlite3.connect(directory / "pdns.sqlite3") as database:
            database.executescript(SCHEMA.read_text())

    @property
    def settings(self) -> dict[str, Any]:
        """Of the octoDNS provider."""
        return {"host": ADDRESS, "port": self.api_port, "api_key": API_KEY, "timeout": 2}

    def api(self, method: str, path: str, data: object = None) -> Any:
        url = f"http://{ADDRESS}:{self.api_port}/api/v1/servers/localhost/{path}"
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(url, body, {"X-API-Key": API_KEY}, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            text = reply.read()
        return json.loads(text) if text else None

    def add_zone(self, zone: str) -> None:
        servers = {"name": f"ns1.{zone}.", "type": "A", "ttl": 300, "changetype": "REPLACE"}
        servers["records"] = [{"content": ADDRESS, "disabled": False}]
        data = {"name": f"{zone}.", "kind": "Native", "nameservers": [f"ns1.{zone}."], "rrsets": [servers]}
        self.api("POST", "zones", data)

    def put(self, zone: str, name: str, rdtype: str, *values: str, ttl: int = 300) -> None:
        """What a test does behind our back; without values the record set goes."""
        full = f"{name}.{zone}." if name else f"{zone}."
        change = {"name": full, "type": rdtype, "ttl": ttl, "changetype": "REPLACE" if values else "DELETE"}
        change["records"] = [{"content": value, "disabled": False} for value in values]
        self.api("PATCH", f"zones/{zone}.", {"rrsets": [change]})

    def start(self) -> PowerDns:
        assert PDNS
        with (self.directory / "log").open("ab") as output:
            self.process = subprocess.Popen(
                [PDNS, f"--config-dir={self.directory}"], stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )
        self.wait_until(lambda: self.api("GET", "zones") is not None, self.directory / "log")
        for zone in self.zones:
            self.add_zone(zone)
        self.zones.clear()
        return self
