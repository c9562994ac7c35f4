# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Warm-ups that a PowerMTA configuration has as the role prints them. Pure.

Numbers that are those of a plan today tell where the plan stands; with other numbers a warm-up is the reader's to say.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_warmup as terms
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_lines import Lines, rate
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block
from ansible_collections.mailfleet.mta.plugins.module_utils._warmup import ceiling, starts

PLAN = "six-weeks"
_CAP, _RATE, _BACKOFF = "max-cold-virtual-mta-msg", "max-msg-rate", "backoff-max-msg-rate"
_REROUTE = "reroute-to-virtual-mta"
_FAST = "1000000/s"
MOST = 3  # connections of an address that warms up


def slow(block: Block) -> bool:
    """Every queue of it has as few connections as a warm-up."""
    limits = [inner.last("max-smtp-out") or "" for inner in block.blocks if inner.tag == "domain"]
    return bool(limits) and all(limit in map(str, range(1, MOST + 1)) for limit in limits)


class WarmUps:
    """The first day of each virtual-MTA whose plan can be told, and the pool members that the cold ones belong to."""

    def __init__(self, lines: Lines, profile_of: Mapping[str, str], vmtas: Mapping[str, Block], today: str) -> None:
        self._lines = lines
        self._profile_of = profile_of
        self._today = today
        self._root = {block.argument: block for block in lines.root.blocks if block.tag == "domain"}
        self.start_of: dict[str, str] = {}
        self.warm_of: dict[str, str] = {}
        self.waiting: dict[str, str] = {}  # virtual-MTAs before their start, with the pool that has their mail
        for name, block in vmtas.items():
            cold = [setting.value for setting in block.of("cold-virtual-mta")]
            start = self._start(block, _CAP, lambda _tag, _isp, number: f"{number}/d")
            if start and cold and all(other in vmtas for other in cold):
                lines.all(block, "cold-virtual-mta")
                self._take(block, _CAP)
                for other in cold:
                    self.warm_of[other], self.start_of[other] = name, start
                    self._spread(vmtas[other], start)
        for name, block in vmtas.items():
            if name not in self.warm_of:
                self._alone(name, block)

    def _alone(self, name: str, block: Block) -> None:
        every = block.blocks[0] if len(block.blocks) == 1 and block.blocks[0].argument == "*" else None
        target = every.last(_REROUTE) if every else None
        if not slow(block):
            return
        if every and target:
            self._lines.take(every, _REROUTE)
            self.waiting[name], self.start_of[name] = target, next(starts(PLAN, self._today))
            return
        start = self._start(block, _RATE, lambda tag, isp, number: self._rates(terms.LIMITED, tag, isp, number)[_RATE])
        if start:
            self.start_of[name] = start
            self._spread(block, start, terms.LIMITED)

    def _start(self, block: Block, directive: str, value: Callable[[str, str, int], str]) -> str | None:
        """The latest first day by which all of these numbers are those of today."""
        found = {inner.argument: text for inner in block.blocks if (text := inner.last(directive))}
        if found and found.keys() <= self._profile_of.keys():
            for start in starts(PLAN, self._today):
                if all(value(tag, isp, self._number(start, isp)) == text for tag, isp, text in self._known(found)):
                    return start
        return None

    def _known(self, found: Mapping[str, str]) -> list[tuple[str, str, str]]:
        return [(tag, self._profile_of[tag], text) for tag, text in found.items()]

    def _number(self, start: str, isp: str) -> int:
        return ceiling({"plan": PLAN, "start": start}, self._today, isp) or 0

    def _rates(self, state: str, tag: str, isp: str, number: int) -> dict[str, Any]:
        own = self._root.get(tag, self._root.get("*"))
        usual, backoff = ((rate(own.last(name) or "") if own else None) for name in (_RATE, _BACKOFF))
        profile = {"name": isp, "message_rate": usual[0] if usual else ""}
        return terms.rates(terms.Part(state, {isp: number}, []), "", profile, backoff[0] if backoff else _FAST)

    def _take(self, block: Block, directive: str) -> None:
        for inner in block.blocks:
            self._lines.all(inner, directive)

    def _spread(self, block: Block, start: str, state: str = terms.COLD) -> None:
        for inner in block.blocks:
            isp = self._profile_of.get(inner.argument)
            if isp is not None:
                number = self._number(start, isp)
                for name, value in self._rates(state, inner.argument, isp, number).items():
                    if inner.last(name) == value:
                        self._lines.take(inner, name)
