# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet replies"""

from __future__ import annotations

import argparse
import json
import time

from mailfleet import console
from mailfleet.ledger_query import Queries
from mailfleet.text import clock, shortened, table

HELP = "what receivers refused today, the most frequent words first, with their class"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--isp", metavar="NAME", help="of this ISP profile only")
    parser.add_argument("--limit", metavar="NUMBER", type=int, default=20, help="%(default)s")
    console.arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    return console.tried("replies", lambda: show(arguments))


def show(arguments: argparse.Namespace) -> int:
    now = time.time()
    found = Queries(console.database(arguments.database)).top_replies(now, arguments.isp, arguments.limit)
    if arguments.json:
        print(json.dumps([row._asdict() for row in found]))
    elif not found:
        print("No receiver refused anything today.")
    else:
        rows = [
            (row.number, row.isp, row.cls, row.rule, clock(row.time, now), shortened(row.reply or "(other words)", 110))
            for row in found
        ]
        print("\n".join(table(("number", "ISP", "class", "rule", "last", "reply"), rows, ("number",))))
    return 0
