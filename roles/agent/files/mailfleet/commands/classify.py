# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet classify"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from mailfleet import replies, replies_rules

HELP = "say what replies mean: JSON lines {provider, text} on standard input, {class, rule, action} on standard output"

_EXAMPLE = '{"provider": "gmail", "text": "550 5.1.1 ..."}'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rules", metavar="FILE", type=Path, help="your rules, laid over the shipped ones")


def run(arguments: argparse.Namespace) -> int:
    try:
        classify = replies.Classifier(replies_rules.load(arguments.rules))
    except (OSError, replies_rules.RulesError) as error:
        print(f"mailfleet classify: {error}", file=sys.stderr)
        return 2
    code = 0
    for number, line in enumerate(sys.stdin, 1):
        if not line.strip():
            continue
        try:
            reply = json.loads(line)
            provider, text = reply.get("provider"), reply.get("text")
        except (ValueError, AttributeError):
            print(f"mailfleet classify: line {number} is no JSON object like {_EXAMPLE}", file=sys.stderr)
            # A line for a line: who reads the answers counts on it.
            print(json.dumps({"class": None, "rule": None, "action": None}))
            code = 1
            continue
        cls, rule, action = classify(_text(provider), _text(text))
        print(json.dumps({"class": cls, "rule": rule, "action": action}))
    return code


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)
