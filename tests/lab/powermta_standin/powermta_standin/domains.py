# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""<domain> blocks of one level: which of them cover a domain, and what they say together. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block

# A directive may stand several times, so each has all its values.
Settings = dict[str, list[str]]
_MACRO = re.compile(r"\$([A-Za-z0-9_]+)")


def settings(block: Block) -> Settings:
    found: Settings = {}
    for setting in block.settings:
        found.setdefault(setting.name, []).append(setting.value.strip('"'))
    return found


def macros(root: Block) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for setting in root.of("domain-macro"):
        name, _blank, rest = setting.value.replace("\t", " ").partition(" ")
        words = [word.strip() for word in rest.split(",")]
        found[name] = list(itertools.chain.from_iterable(found.get(w[1:], []) if w[:1] == "$" else [w] for w in words))
    return found


def expand(name: str, known: Mapping[str, list[str]]) -> list[str]:
    match = _MACRO.search(name)
    if not match:
        return [name]
    head, tail = name[: match.start()], name[match.end() :]
    items = known.get(match[1], [])
    return [f"{head.removesuffix('.') if item[:1] == '.' else head}{item}{tail}" for item in items]


class Domains:
    """The <domain> blocks of one level: general ones are merged into more specific ones."""

    def __init__(self, blocks: Iterable[Block], known: Mapping[str, list[str]]) -> None:
        self._exact: dict[str, Settings] = {}
        self._below: dict[str, Settings] = {}
        self._with_below: dict[str, Settings] = {}
        # A domain that is written out beats one that a macro makes, whatever the order.
        for block in sorted((block for block in blocks if block.tag == "domain"), key=lambda b: "$" not in b.argument):
            for name in expand(block.argument.lower(), known):
                self._at(name).update(settings(block))

    def _at(self, name: str) -> Settings:
        if name.startswith("[*.]"):
            return self._with_below.setdefault(name[4:], {})
        if name == "*" or name.startswith("*."):
            return self._below.setdefault(name[2:], {})
        return self._exact.setdefault(name, {})

    def of(self, domain: str) -> Settings:
        labels = domain.lower().split(".")
        merged = dict(self._below.get("", {}))
        for start in range(len(labels) - 1, -1, -1):
            parent = ".".join(labels[start:])
            merged |= self._with_below.get(parent, {})
            if start:
                merged |= self._below.get(parent, {})
        return merged | self._exact.get(domain.lower(), {})

    def __bool__(self) -> bool:
        return bool(self._exact or self._below or self._with_below)
