# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Where the rotation of a domain's signing key stands: what signers keep beside their keys. Pure.

The state says what is wanted; the roles make it so. Times are UTC seconds. There is no secret in it.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

SCHEMA = 1
STAGES = ("idle", "staged", "published", "visible", "soaked", "canary", "switched")
# From here on the new key is in the DNS, and from there on somebody signs with it.
PUBLISHED = STAGES[2:]
SIGNING = STAGES[5:]


@dataclasses.dataclass(frozen=True)
class Retiring:
    """A former key: published until drain_until, then revoked (empty p=), then removed."""

    selector: str
    replaced_at: int
    drain_until: int
    revoked_at: int = 0
    removed_at: int = 0


@dataclasses.dataclass(frozen=True)
class State:
    domain: str
    active: str
    since: int  # when the active key became the only one that signs
    serial: int = 0
    seen: int = 0  # the clock of the last run that changed something
    stage: str = "idle"
    next: str = ""
    moved: int = 0  # when the stage began
    visible_at: int = 0
    switched: Mapping[str, int] = dataclasses.field(default_factory=dict)  # host -> since when it signs with next
    verified: Mapping[str, int] = dataclasses.field(default_factory=dict)
    retiring: tuple[Retiring, ...] = ()
    paired: tuple[str, ...] = ()  # RSA selectors with an Ed25519 key beside them
    held: str = ""
    requested: bool = False
    emergency: int = 0  # rotations to do in a hurry
    history: tuple[Mapping[str, Any], ...] = ()

    def members(self, selector: str) -> tuple[str, ...]:
        """The selectors of a key set: RSA, and Ed25519 beside it, never alone."""
        return (selector, partner(selector)) if selector in self.paired else (selector,)

    def signing(self, host: str) -> tuple[str, ...]:
        """What the host signs with."""
        return self.members(self.next if self.stage in SIGNING and host in self.switched else self.active)

    def wanted(self) -> tuple[str, ...]:
        """The selectors whose keys every signer has and the DNS shows."""
        sets = [self.active]
        if self.stage in PUBLISHED:
            sets.append(self.next)
        sets += [old.selector for old in self.retiring if not old.revoked_at]
        return tuple(member for selector in sets for member in self.members(selector))

    def staged(self) -> tuple[str, ...]:
        """The selectors whose keys are still to be made and shared."""
        return self.members(self.next) if self.stage == "staged" else ()

    def used(self) -> set[str]:
        """Selectors that never again get a key."""
        names = {self.active, self.next, *(old.selector for old in self.retiring)}
        return names | {str(entry["selector"]) for entry in self.history}


def partner(selector: str) -> str:
    return f"{selector}-e"


def dump(state: State) -> str:
    return json.dumps({"schema": SCHEMA, **dataclasses.asdict(state)}, indent=1, sort_keys=True) + "\n"


@lru_cache(maxsize=4096)  # the signers of a domain have the same text
def load(text: str) -> State | None:
    """None for what is no state of this schema: it is then rebuilt from facts, which is only slower."""
    try:
        fields = json.loads(text)
        if fields.pop("schema") != SCHEMA or fields["stage"] not in STAGES:
            return None
        fields["retiring"] = tuple(Retiring(**entry) for entry in fields["retiring"])
        fields["paired"], fields["history"] = tuple(fields["paired"]), tuple(fields["history"])
        return State(**fields)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def newest(copies: Iterable[State | None]) -> State | None:
    """The copy that knows most; every controller chooses the same one."""
    found = [copy for copy in copies if copy is not None]
    last = max((copy.serial for copy in found), default=0)
    rivals = [copy for copy in found if copy.serial == last]
    return max(rivals, key=dump) if any(copy != rivals[0] for copy in rivals) else next(iter(rivals), None)
