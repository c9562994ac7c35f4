# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What a rotation is decided from: what signers, name servers and receivers showed, and the policy. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

HOUR, DAY = 3600, 86400


class Policy(NamedTuple):
    """Times in seconds."""

    rotate_after: int = 90 * DAY
    soak: int = 48 * HOUR
    drain: int = 7 * DAY
    revoke_hold: int = 30 * DAY
    emergency_soak: int = 900
    starts: int = 25  # rotations that one run may begin
    prefix: str = "mf"
    ed25519: bool = False
    verify: str = "received"  # by what a receiver said; or "preflight": by key and DNS alone
    sightings: int = 1  # messages of each host that a receiver must have found authentic


class Shown(NamedTuple):
    """A selector at all authoritative addresses of its zone.

    what: "key", "revoked" or "absent" when all agree; "other" when somebody else's record is there; "several" when more
    than one is, of which receivers may take any; "mixed" when addresses differ; "unknown" when one did not answer.
    """

    what: str = "unknown"
    public_key: str = ""
    why: str = "was not asked for"


class Sighting(NamedTuple):
    """One message of the domain from one host, as a receiver judged it."""

    host: str
    selector: str
    passed: bool
    time: int
    messages: int = 1


class Evidence(NamedTuple):
    signers: tuple[str, ...]
    reached: frozenset[str] = frozenset()
    stale: frozenset[str] = frozenset()  # reached signers whose copy of the state is missing or old
    keys: Mapping[str, Mapping[str, str]] = {}  # host -> selector -> public key
    proofs: Mapping[str, Mapping[str, str]] = {}  # host -> selector -> public key, worked out from the private one
    live: Mapping[str, tuple[str, ...]] = {}  # host -> what it signs with
    made: Mapping[str, int] = {}  # selector -> when its key file was written
    oldest_mail: Mapping[str, int] = {}  # host -> when its oldest queued mail of the domain arrived; 0 = none
    dns: Mapping[str, Shown] = {}
    ttl: int = 0  # the longest that receivers may keep an older answer
    negative_ttl: int = 0
    queue_lifetime: int = 5 * DAY
    sightings: tuple[Sighting, ...] = ()
    source: str = ""  # where sightings come from; empty for nowhere
    turn: bool = True  # whether a rotation may begin in this run

    def shown(self, selector: str) -> Shown:
        shown, own = self.dns.get(selector, Shown()), self.public_key(selector)
        if shown.what == "key" and own and shown.public_key != own:
            return Shown("other", shown.public_key, "shows another key in the DNS than the signers have")
        return shown

    def public_key(self, selector: str) -> str:
        """The key that all reached signers have; empty if they do not all have one and the same."""
        found = {self.keys.get(host, {}).get(selector, "") for host in self.signers if host in self.reached}
        return found.pop() if len(found) == 1 else ""


def visible(selector: str, evidence: Evidence) -> bool:
    """Whether every authoritative address shows exactly the key that the signers have."""
    return evidence.shown(selector).what == "key" and evidence.public_key(selector) != ""
