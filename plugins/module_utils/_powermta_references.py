# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Names: whatever is named must be defined, and in the order that PowerMTA wants. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import items, unquote, words
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import (
    ERROR,
    WARNING,
    Block,
    Config,
    Setting,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_rules import looks_complete
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_values import RESERVED

VMTA = ("virtual-mta", "virtual-mta-pool")
# Directives that name a block: of which tags.
_NAMING = {
    "backoff-reroute-to-virtual-mta": VMTA,
    "cold-virtual-mta": ("virtual-mta",),
    "default-virtual-mta": VMTA,
    "enable-signals": ("signals-filter",),
    "invalid-virtual-mta-fallback": VMTA,
    "pattern-list": ("pattern-list",),
    "reroute-to-virtual-mta": VMTA,
    "rewrite-list": ("rewrite-list",),
    "smtp-pattern-list": ("smtp-pattern-list",),
    "source": ("source",),
    "source-group": ("source-group",),
    "suppression-lists": ("address-list",),
    "use-proxy": ("proxy",),
    "virtual-mta": ("virtual-mta",),
}
# Looking for the name that was meant takes its time; nobody reads more of it.
MAX_SUGGESTIONS = 200
_WORDS = frozenset(("by-smtp-source-ip", "none"))
_BOOLEANS = ("yes", "no", "true", "false")
_RESULT = re.compile(r"(virtual-mta=|call-to:[ \t]*)([^\s,]+)")


class Names:
    """Every definition, and the order in which blocks and their includes were read."""

    def __init__(self, config: Config) -> None:
        self.order: dict[int, int] = {}
        self.by_tag: dict[str, dict[str, Block]] = {}
        for place, block in enumerate(config.root.all()):
            self.order[id(block)] = place
            if block.argument:
                self.by_tag.setdefault(block.tag, {}).setdefault(block.argument.lower(), block)
        self.complete = looks_complete(config)
        self.partial = config.partial
        self.asked = 0

    def find(self, tags: tuple[str, ...], name: str) -> Block | None:
        return next((found for found in (self.by_tag.get(tag, {}).get(name.lower()) for tag in tags) if found), None)

    def level(self, tags: tuple[str, ...]) -> str:
        """A name may be defined in a file that was not read, or outside of a part that was."""
        return ERROR if not self.partial and (self.complete or any(self.by_tag.get(tag) for tag in tags)) else WARNING

    def missing(self, tags: tuple[str, ...], name: str) -> str:
        self.asked += 1
        if self.asked > MAX_SUGGESTIONS:
            return f"Define <{tags[0]} {name}> or correct the name."
        known = [block.argument for tag in tags for block in self.by_tag.get(tag, {}).values()]
        close = difflib.get_close_matches(name, known[:500], 1, 0.7)
        return f"Did you mean {close[0]}?" if close else f"Define <{tags[0]} {name}> or correct the name."


def check(config: Config) -> None:
    names = Names(config)
    for block in [config.root, *config.root.all()]:
        for setting in block.settings:
            for tags, name in _names(block, setting):
                _reference(config, names, block, setting, tags, name)
    _one_name_space(config, names)
    _pools(config)
    _cold(config)


def _names(block: Block, setting: Setting) -> Iterator[tuple[tuple[str, ...], str]]:
    name = setting.name
    if block.tag == "pattern-list":
        match = _RESULT.search(setting.value)
        if match:
            yield (VMTA if match[1].startswith("virtual") else ("pattern-list",)), match[2]
    elif name == "smtp-listener" and block.tag == "global":
        yield from ((("source",), word[7:]) for word in words(setting.value) or () if word.startswith("source="))
    elif name in ("use-proxy", "suppression-lists"):
        yield from ((_NAMING[name], item) for item in items(unquote(setting.value) or "") if item)
    elif name == "enable-signals":
        yield from ((_NAMING[name], item) for item in items(setting.value)[:1] if item.lower() not in _BOOLEANS)
    elif name in _NAMING:
        value = unquote(setting.value)
        if value and not re.search(r"\s", value):
            yield _NAMING[name], value


def _reference(config: Config, names: Names, block: Block, setting: Setting, tags: tuple[str, ...], name: str) -> None:
    found = names.find(tags, name)
    built_in = name == "{auth}" if "source" in tags else "virtual-mta" in tags and name in RESERVED
    if found is None:
        if name not in _WORDS and not built_in:
            pool = names.find(VMTA, name) if tags == ("virtual-mta",) else None
            if pool:
                message = f"{setting.name} names {pool.title}, which is a pool. Name a virtual MTA."
            else:
                message = f"{setting.name} names {name}, which is not defined. {names.missing(tags, name)}"
            config.report(setting, names.level(tags), message)
        return
    if found.argument != name:
        message = f"{setting.name} names {name}, and the block is called {found.argument}. Write it the same way."
        config.report(setting, WARNING, message)
    if tags == ("pattern-list",) and block.tag == "source" and names.order[id(found)] > names.order[id(block)]:
        # The guides demand it before, and yet servers run with it behind.
        message = f"{setting.name} {name} is defined behind this <source>, in line {found.line} of {found.file}."
        config.report(setting, WARNING, f"{message} Move it before.")


def _one_name_space(config: Config, names: Names) -> None:
    for name, pool in names.by_tag.get("virtual-mta-pool", {}).items():
        vmta = names.by_tag.get("virtual-mta", {}).get(name)
        if vmta:
            message = (
                f"{pool.title} has the name of the virtual MTA in line {vmta.line} of {vmta.file}. Rename one of them."
            )
            config.report(pool, ERROR, message)


def _pools(config: Config) -> None:
    """A virtual MTA in two pools with <domain> blocks is an error, because their settings would compete."""
    seen: dict[str, Block] = {}
    for pool in config.root.all("virtual-mta-pool"):
        if not pool.settings or not any(pool.of("virtual-mta")):
            config.report(pool, WARNING, f"{pool.title} has no virtual MTA. Write virtual-mta NAME into it.")
        if not any(block.tag == "domain" for block in pool.blocks):
            continue
        for setting in pool.of("virtual-mta"):
            other = seen.setdefault(setting.value.lower(), pool)
            if other is not pool and other.argument != pool.argument:
                message = f"virtual-mta {setting.value} is also in {other.title}, and both pools have <domain> blocks."
                config.report(setting, ERROR, f"{message} Take it out of one, or move the blocks to the global level.")


def _cold(config: Config) -> None:
    cold = [setting for block in config.root.all(*VMTA) for setting in block.of("cold-virtual-mta")]
    if (
        cold
        and not config.partial
        and not any(
            value and re.search(r"[1-9]", value)
            for value in (block.last("max-cold-virtual-mta-msg") for block in config.root.all("domain"))
        )
    ):
        message = "cold-virtual-mta gets no mail: no <domain> has max-cold-virtual-mta-msg, whose default is 0/day."
        config.report(cold[0], WARNING, f"{message} Write it into a <domain>.")
