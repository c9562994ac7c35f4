# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet filters"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mailfleet import console, replies_postfix, replies_rules

HELP = "write the reply rules as Postfix's delivery status filters, two for each ISP"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIRECTORY", type=Path)
    parser.add_argument("--config", metavar="FILE", type=Path, default=Path(console.CONFIG), help="%(default)s")
    parser.add_argument("--rules", metavar="FILE", type=Path, help="your reply rules, laid over the shipped ones")


def run(arguments: argparse.Namespace) -> int:
    return console.tried("filters", lambda: write(arguments))


def write(arguments: argparse.Namespace) -> int:
    view = console.view(arguments.config)
    try:
        tables = replies_postfix.tables(replies_rules.load(arguments.rules), [isp["name"] for isp in view["isps"]])
        arguments.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name, text in tables.items():
            path = arguments.directory / f"{name}.pcre"
            path.write_text(text, encoding="utf-8")
            path.chmod(0o644)
    except replies_rules.RulesError as error:
        print("\n".join(error.problems), file=sys.stderr)
        return 1
    except OSError as error:
        raise console.CommandError(f"{arguments.directory} cannot be written: {error}.") from error
    return 0
