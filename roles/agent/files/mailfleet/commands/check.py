# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet check"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mailfleet import backoff, replies, replies_rules
from mailfleet.commands.ledger import CONFIG
from mailfleet.ledger_names import Names
from mailfleet.ledger_source import POWERMTA

HELP = "say whether the services could start with this configuration"

_WORDS = {"wait", "longest", "step", "strikes"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=Path(CONFIG), help="the host's view, %(default)s"
    )
    parser.add_argument("--rules", metavar="FILE", type=Path, help="your reply rules, laid over the shipped ones")


def run(arguments: argparse.Namespace) -> int:
    found = list(problems(arguments.config, arguments.rules))
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


def problems(config: Path, rules: Path | None) -> Iterator[str]:
    try:
        view = json.loads(config.read_text())
    except (OSError, ValueError) as error:
        yield f"{config} is no JSON file that can be read: {error}"
        return
    yield from _tried(config, "the ledger", Names, view)
    if view.get("backend") != POWERMTA:
        for what, part in (("the steering service", _steer), ("the backoff", backoff.policies)):
            yield from _tried(config, what, part, view)
        yield from _backoff(view)
    try:
        replies.Classifier(replies_rules.load(rules))
    except (OSError, replies_rules.RulesError) as error:
        yield str(error)


def _tried(config: Path, what: str, part: Callable[[Any], object], view: Any) -> Iterator[str]:
    try:
        part(view)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        yield f"{what} does not understand {config}: {error!r}"


def _steer(view: Any) -> object:
    from mailfleet.steer import Config

    return Config.read(view)


def _backoff(view: Any) -> Iterator[str]:
    """What a person may have written wrong in agent_backoff."""
    isps = {isp["name"] for isp in view.get("isps", ())}
    for name, words in view.get("backoff", {}).items():
        if name not in isps:
            yield f"agent_backoff: there is no ISP profile {name}. Use a name of fleet_isps or of the shipped profiles."
        for word in sorted(set(words) - _WORDS):
            yield f"agent_backoff.{name}: {word} is not known. Use {', '.join(sorted(_WORDS))}."
