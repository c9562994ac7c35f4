# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Looks directives and blocks up: what they take, where they stand, and in which version. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_facts as facts
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_composite import COMPOSITE
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_directives import NAMES
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_patterns import PATTERNED
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_types import ONE_WORD, SPLIT, WHOLE
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_values import Check

DEFAULT_VERSION = "5.0"
# Releases of 5.0 between the two guides: a late directive may or may not be there.
_R1, _LATE = (5, 0, 1), (5, 0, 8)
_VERSION = re.compile(r"(\d+)\.(\d+)(?:r(\d+))?")


@dataclass(frozen=True)
class Directive:
    name: str
    scope: str
    kind: str
    check: Check
    quotes: bool
    repeatable: bool
    since: tuple[int, int, int]
    seen_only: bool
    deprecated: str | None
    values: tuple[str, ...] = ()
    range: tuple[int, int] | None = None
    pattern: str = ""


def version(text: str) -> tuple[int, int, int]:
    """5.0 without a release means the last one that a guide describes."""
    match = _VERSION.fullmatch(text)
    if not match:
        raise ValueError(f'"{text}" is not a version of PowerMTA. Write one such as 5.0 or 5.0r1.')
    major, minor = int(match[1]), int(match[2])
    return major, minor, int(match[3]) if match[3] else 8 if (major, minor) == (5, 0) else 0


def _parse(text: str) -> dict[str, dict[str, str]]:
    """Scopes, their names and the type of each; an indented line continues the one before it."""
    scopes: dict[str, dict[str, str]] = {}
    scope = kind = ""
    for line in text.split("\n"):
        if line.startswith("["):
            scope = line.strip("[]")
            scopes[scope] = {}
        elif line:
            head, colon, rest = line.partition(": ")
            if colon and not line.startswith(" "):
                kind, line = head, rest
            scopes[scope].update(dict.fromkeys(line.split(), kind))
    return scopes


def _fact(words: frozenset[str], scope: str, name: str) -> bool:
    return name in words or f"{scope}/{name}" in words


def _since(scope: str, name: str) -> tuple[int, int, int]:
    for words, since in ((_LATE_NAMES, _LATE), (_NAMES_5_0, _R1), (_NAMES_4_5, (4, 5, 0))):
        if _fact(words, scope, name):
            return since
    return 0, 0, 0


def _directive(scope: str, name: str, kind: str) -> Directive:
    key = f"{scope}/{name}"
    check = COMPOSITE.get(kind) or PATTERNED.get(kind) or SPLIT.get(kind) or ONE_WORD.get(kind) or WHOLE[kind]
    return Directive(
        name=name,
        scope=scope,
        kind=kind,
        check=check,
        quotes=kind in ONE_WORD or kind in WHOLE or kind in ("smtp-hosts", "include", "dkim-identity"),
        repeatable=_fact(_REPEATABLE, scope, name),
        since=_since(scope, name),
        seen_only=_fact(_SEEN_ONLY, scope, name),
        deprecated=facts.DEPRECATED.get(key, facts.DEPRECATED.get(name) if key != "global/spool" else None),
        values=tuple(facts.VALUES.get(key, facts.VALUES.get(name, "")).split()),
        range=facts.RANGES.get(name),
        pattern=facts.PATTERNS.get(key, facts.PATTERNS.get(name, "")),
    )


_REPEATABLE = frozenset(facts.REPEATABLE.split())
_LATE_NAMES = frozenset(facts.SINCE_LATE_5_0.split())
_NAMES_5_0 = frozenset(facts.SINCE_5_0.split())
_NAMES_4_5 = frozenset(facts.SINCE_4_5.split())
_SEEN_ONLY = frozenset(facts.SEEN_ONLY.split())

DIRECTIVES: dict[str, dict[str, Directive]] = {
    scope: {name: _directive(scope, name, kind) for name, kind in names.items()}
    for scope, names in _parse(NAMES).items()
}
# <signals> under its old name.
DIRECTIVES["sparkpost-analytics"] = DIRECTIVES["signals"]
CATEGORY = Directive(
    "/", "bounce-category-patterns", "category-line", PATTERNED["category-line"], False, True, (0, 0, 0), False, None
)
RESULT = Directive("*", "pattern-list", "result", PATTERNED["result"], False, True, (0, 0, 0), False, None)


def scopes_of(name: str) -> list[str]:
    return [scope for scope, names in DIRECTIVES.items() if name in names]


def place(scope: str) -> str:
    return "the global level" if scope == "global" else f"<{scope}>"


@lru_cache(maxsize=1024)
def similar(name: str, scope: str) -> str | None:
    """The name that was meant: of this scope if one is close, else of any other."""
    everywhere = sorted({other for names in DIRECTIVES.values() for other in names})
    for names in (DIRECTIVES.get(scope, {}), everywhere):
        close = difflib.get_close_matches(name, names, 1, 0.75)
        if close:
            return close[0]
    return None
