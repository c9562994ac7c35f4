# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Runs on the world host: serve exactly the zones described by the JSON on standard input, empty and fresh."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

LIMIT = 60.0
PORTS = {"primary": 953, "secondary": 954}


def serve(role: str, statements: str) -> None:
    Path(f"/etc/named-{role}/bench.conf").write_text(statements)
    key = Path("/etc/named-rndc.key")
    subprocess.run(["rndc", "-k", key, "-s", "127.0.0.1", "-p", str(PORTS[role]), "reconfig"], check=True)


def unserved(names: list[str], server: str) -> int:
    """How many of the zones the server does not answer for yet."""
    answers = subprocess.run(
        ["dig", "+short", "+time=1", f"@{server}", "-f", "-"],
        input="".join(f"{name} SOA\n" for name in names), capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    return len(names) - sum(line.startswith("ns1.") for line in answers.splitlines())


def main() -> None:
    wanted = json.load(sys.stdin)
    for role in PORTS:
        serve(role, "")
        # With the file goes its journal, or old records would come back.
        for path in Path(f"/var/lib/named-{role}").glob("*.bench.example.zone*"):
            path.unlink()
    for name in wanted["names"]:
        path = Path(f"/var/lib/named-primary/{name}.zone")
        path.write_text(wanted["text"])
        shutil.chown(path, "bind", "bind")
    for role in PORTS:
        serve(role, wanted["statements"][role])
    limit = time.monotonic() + LIMIT
    while missing := unserved(wanted["names"], wanted["secondary"]):
        if time.monotonic() > limit:
            sys.exit(f"{missing} of {len(wanted['names'])} zones are not on the secondary after {LIMIT:.0f} s")
        time.sleep(0.2)


main()
