# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet policy"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from mailfleet import console
from mailfleet.commands.steer import SOCKET as STEER

HELP = "answer Postfix which messages are put aside at submission (the service)"

SOCKET = "/run/mailfleet/policy.sock"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, default=Path(console.CONFIG), help="%(default)s")
    parser.add_argument("--database", metavar="FILE", default=console.DATABASE, help="%(default)s")
    parser.add_argument("--socket", metavar="PATH", type=Path, default=Path(SOCKET), help="%(default)s")
    parser.add_argument("--steer", metavar="PATH", type=Path, default=Path(STEER), help="%(default)s")


def run(arguments: argparse.Namespace) -> int:
    from mailfleet.notify import Notifier
    from mailfleet.policy_service import Service

    try:
        service = Service(arguments.config, arguments.database, arguments.socket, arguments.steer, Notifier())
        asyncio.run(service.run())
    except OSError as error:
        print(f"mailfleet policy: {error}", file=sys.stderr)
        return 2
    except (ValueError, LookupError, TypeError) as error:
        print(
            f"mailfleet policy: {arguments.config} is no view of a host ({error!r}): the role agent writes one.",
            file=sys.stderr,
        )
        return 2
    return 0
