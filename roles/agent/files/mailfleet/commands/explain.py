# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet explain"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mailfleet.commands.steer import CONFIG, SOCKET
from mailfleet.ledger_source import POWERMTA
from mailfleet.rollup import domain_of
from mailfleet.socketmap import Requests, frame

HELP = "say which lane a recipient's mail takes now, and why"
_SECONDS = 5.0


class ExplainError(Exception):
    """A sentence for the user."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipient", metavar="RECIPIENT", help="an address such as anna@example.com")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--pool", metavar="POOL", help="of this pool only")
    which.add_argument("--sender", metavar="DOMAIN", help="of the pool that sends for this domain or address")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=Path(CONFIG), help="the host's view, %(default)s"
    )
    parser.add_argument("--socket", metavar="PATH", default=SOCKET, help="of the steering service, %(default)s")


def run(arguments: argparse.Namespace) -> int:
    try:
        if not domain_of(arguments.recipient):
            raise ExplainError(f"'{arguments.recipient}' is no address: write it as anna@example.com.")
        view = _view(arguments.config)
        if view.get("backend") == POWERMTA:
            raise ExplainError(
                "PowerMTA chooses on this host, address by address in turn. See pmta show queues, or"
                " pmta resolve --connect and the recipient's domain."
            )
        names = wanted(view, arguments.pool, arguments.sender)
        found = [ask(arguments.socket, name, arguments.recipient) for name in names]
    except ExplainError as error:
        print(f"mailfleet explain: {error}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(found))
    else:
        print("\n\n".join("\n".join(lines(row, time.time())) for row in found))
    return 0


def _view(path: Path) -> dict[str, Any]:
    try:
        view = json.loads(path.read_text())
        return dict(view)
    except (OSError, ValueError, TypeError) as error:
        raise ExplainError(f"{path} is no view of a host ({error}): the role agent writes one.") from error


def wanted(view: dict[str, Any], pool: str | None, sender: str | None) -> list[str]:
    """The pools that the question is about."""
    own = [row["name"] for row in view["pools"]]
    if sender:
        domain = domain_of(f"@{sender.rpartition('@')[2]}")
        rows = [row for row in view["elsewhere"] if domain in (row["domain"], row["return_path"])]
        if not rows:
            raise ExplainError(f"{domain} is not in the fleet: add it to fleet_domains.")
        pool = rows[0]["pool"]
        if pool not in own:
            raise ExplainError(f"{domain} is sent by pool {pool}, at {' or '.join(rows[0]['endpoints'])}: ask there.")
    if pool and pool not in own:
        raise ExplainError(f"this host has no pool {pool}. It has {', '.join(own)}.")
    return [pool] if pool else own


def ask(path: str, pool: str, recipient: str) -> dict[str, Any]:
    """The running service knows best: what the DNS said to it, and what it may hand out."""
    requests = Requests()
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_SECONDS)
            client.connect(path)
            client.sendall(frame(f"{pool}/explain {recipient}"))
            while data := client.recv(65_536):
                for reply in requests.feed(data):
                    status, _space, text = reply.partition(" ")
                    if status != "OK":
                        raise ExplainError(text or f"the steering service has no answer for {recipient}.")
                    return dict(json.loads(text))
    except (OSError, ValueError) as error:
        raise ExplainError(
            f"the steering service does not answer at {path} ({error}): see systemctl status mailfleet-steer."
        ) from error
    raise ExplainError(f"the steering service closed the connection at {path}: ask again.")


def lines(row: dict[str, Any], now: float) -> Iterator[str]:
    yield f"{row['recipient']} by pool {row['pool']}: {row['answer']}"
    left = row["mx_seconds_left"]
    age = "" if left is None else f" (asked again in {left} s)" if left > 0 else " (overdue)"
    yield f"  MX        {', '.join(row['mx']) or 'not known'}{age}"
    if row["isp"]:
        rate = f", at most {row['message_rate']}" if row["message_rate"] else ""
        yield f"  profile   {row['isp']}, by {row['isp_from']}{rate}"
        until = time.strftime("%H:%M", time.localtime(row["sticky_until"]))
        yield f"  keeps     its address until {until}, as all mail for {row['sticky']} does"
    for address in row["addresses"]:
        mark = "->" if address["lane"] == row["lane"] else "  "
        yield f"  {mark} {address['ip']:<15} weight {address['weight']:<3} {address['state']}"
