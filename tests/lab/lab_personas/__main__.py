# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""python3 -m lab_personas SHARED-DIRECTORY CERTIFICATE"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

from .server import Server


async def main(shared: str, certificate: str) -> None:
    table = json.loads((Path(__file__).parent / "table.json").read_text())
    servers = await Server(table, Path(shared), Path(certificate)).start()
    _tell_systemd("READY=1")
    await asyncio.gather(*(server.serve_forever() for server in servers))


def _tell_systemd(state: str) -> None:
    if "NOTIFY_SOCKET" in os.environ:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
            link.sendto(state.encode(), os.environ["NOTIFY_SOCKET"])


asyncio.run(main(*sys.argv[1:]))
