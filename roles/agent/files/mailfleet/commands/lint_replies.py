# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet lint-replies"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

from mailfleet import replies_lint, replies_rules

HELP = "check reply rules: the shipped ones, or your files laid over them"

# In a checkout; on a sender there are the profiles of the live configuration, and no corpus.
_ROLES = Path(__file__).resolve().parents[4]
PROFILES = _ROLES / "fleet" / "defaults" / "main" / "isps.yml"
CORPUS = _ROLES.parent / "tests" / "unit" / "fixtures" / "replies"
LIVE = Path("/etc/mailfleet/agent/live/agent.json")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path, help="rules to be laid over the shipped ones")
    parser.add_argument(
        "--corpus", metavar="FILE", type=Path, action="append", help="JSON lines {id, provider, text, class, accept}"
    )


def run(arguments: argparse.Namespace) -> int:
    try:
        rules = replies_rules.load()
        for path in arguments.files:
            rules = replies_rules.overlaid(
                rules, replies_rules.parse(path.read_text(encoding="utf-8"), str(path), rules.lists)
            )
        paths = sorted(CORPUS.glob("*.jsonl")) if arguments.corpus is None else arguments.corpus
        known = [reply for path in paths for reply in replies_lint.corpus(path.read_text("utf-8").splitlines())]
    except replies_rules.RulesError as error:
        problems = error.problems
    except (OSError, ValueError, KeyError) as error:
        print(f"mailfleet lint-replies: {error}", file=sys.stderr)
        return 2
    else:
        problems = replies_lint.check(rules, profiles(), known)
    for problem in problems:
        print(problem)
    if not problems:
        patterns = sum(len(rule.patterns) for rule in rules.rules)
        print(f"{len(rules.rules)} rules with {patterns} patterns are right for {len(known)} known replies.")
    return 1 if problems else 0


def profiles() -> list[str] | None:
    """The names of the ISP profiles, as far as they can be known here."""
    if PROFILES.is_file():
        return re.findall(r"^  ([a-z0-9-]+):$", PROFILES.read_text(encoding="utf-8"), re.MULTILINE)
    if LIVE.is_file():
        return [isp["name"] for isp in json.loads(LIVE.read_text(encoding="utf-8")).get("isps", [])]
    return None
