# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The reply rules of the agent, which live with it in its role, for what is printed on the controller.

This plugin util is PRIVATE to the collection.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

_AGENT = Path(__file__).resolve().parents[2] / "roles/agent/files"


def powermta_replies(providers: list[str], overlay: str, recover: str, reenable: str) -> dict[str, Any]:
    """The lines of a pattern list for every receiver, of one for each provider that has rules, and of categories."""
    rules_code, printer = (_agent_module(name) for name in ("replies_rules", "replies_powermta"))
    rules = rules_code.load()
    if overlay:
        rules = rules_code.overlaid(rules, rules_code.parse(overlay, "agent_reply_rules", rules.lists))
    lists = {
        name: printer.pattern_list(rules, rules.canonical(name), recover=recover, reenable=reenable)
        for name in (rules_code.EVERY, *providers)
    }
    every = lists.pop(rules_code.EVERY)
    own = {name: [line for line in lines if line not in every] for name, lines in lists.items()}
    return {
        "every": every,
        "providers": [{"name": name, "lines": lines} for name, lines in own.items() if lines],
        "categories": printer.bounce_categories(rules),
    }


def _agent_module(name: str) -> Any:
    """The agent's package is none of the collection's Python packages: it goes to the senders as it is."""
    place = str(_AGENT)
    sys.path.insert(0, place)
    try:
        return importlib.import_module(f"mailfleet.{name}")
    finally:
        sys.path.remove(place)
