# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet steer"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

HELP = "answer Postfix by which lane a recipient leaves (the service)"

CONFIG = "/etc/mailfleet/agent/live/agent.json"
DATABASE = "/var/lib/mailfleet/agent/ledger.db"
CACHE = "/var/cache/mailfleet/mx.json"
SOCKET = "/run/mailfleet/steer.sock"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=Path(CONFIG), help="the host's view, %(default)s"
    )
    parser.add_argument("--database", metavar="FILE", default=DATABASE, help="state of the lanes, %(default)s")
    parser.add_argument(
        "--cache", metavar="FILE", type=Path, default=Path(CACHE), help="what the DNS said, %(default)s"
    )
    parser.add_argument(
        "--socket", metavar="PATH", type=Path, default=Path(SOCKET), help="unless systemd passes one, %(default)s"
    )


def run(arguments: argparse.Namespace) -> int:
    # Only the service needs dnspython.
    from mailfleet.notify import Notifier
    from mailfleet.resolver import Resolver
    from mailfleet.steer_service import Files, Service

    files = Files(arguments.config, arguments.database, arguments.cache, arguments.socket)
    try:
        service = Service(files, Resolver(), Notifier())
    except OSError as error:
        print(f"mailfleet steer: {error}", file=sys.stderr)
        return 2
    except (ValueError, LookupError, TypeError) as error:
        print(
            f"mailfleet steer: {arguments.config} is no view of a host ({error!r}): the role agent writes one.",
            file=sys.stderr,
        )
        return 2
    try:
        asyncio.run(service.run())
    except OSError as error:
        print(f"mailfleet steer: {error}", file=sys.stderr)
        return 1
    return 0
