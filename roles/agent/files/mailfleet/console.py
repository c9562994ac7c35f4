# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the commands share: the host's view and the ledger's database, or a sentence and exit status 2."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mailfleet.ledger_store import connect

CONFIG = "/etc/mailfleet/agent/live/agent.json"
DATABASE = "/var/lib/mailfleet/agent/ledger.db"


class CommandError(Exception):
    """A sentence for the user."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=Path(CONFIG), help="the host's view, %(default)s"
    )
    parser.add_argument("--database", metavar="FILE", default=DATABASE, help="the ledger, %(default)s")


def view(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except OSError as error:
        raise CommandError(
            f"{path} cannot be read ({error.strerror}): is the role agent applied to this host?"
        ) from error
    except ValueError as error:
        raise CommandError(f"{path} is no view of a host ({error}): apply the role agent again.") from error
    return found


def database(path: str, *, readonly: bool = True) -> sqlite3.Connection:
    if not os.path.exists(path):
        # The directory may be closed to this user.
        raise CommandError(f"{path} is not there, or not for you: run this as root; mailfleet-ledger makes it.")
    return connect(path, readonly=readonly)


def tried(command: str, work: Callable[[], int]) -> int:
    """The exit status; what stands in the way is said in one sentence."""
    try:
        return work()
    except CommandError as error:
        print(f"mailfleet {command}: {error}", file=sys.stderr)
    except sqlite3.Error as error:
        hint = " Run this as root." if "readonly" in str(error) or "unable to open" in str(error) else ""
        print(f"mailfleet {command}: the ledger does not answer ({error}).{hint}", file=sys.stderr)
    return 2
