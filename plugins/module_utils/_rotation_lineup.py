# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Which selectors a domain's signers use and the DNS shows, from the signers' states or else from facts. Pure.

One owner: site.yml and dkim_rotate.yml both make true what this says. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import State, load, newest

Report = Mapping[str, Any]  # what a signer said: public, rotation, signing


class Lineup(NamedTuple):
    state: State | None
    selectors: tuple[str, ...]  # keys that every signer has and the DNS shows
    staged: tuple[str, ...]  # keys on their way to the signers
    signing: dict[str, tuple[str, ...]]  # by host


def lineup(domain: str, selector: str, signers: Sequence[str], reports: Mapping[str, Report]) -> Lineup:
    """`selector` is the inventory's: it names the first key of a domain that nobody signs for yet."""
    state = standing(domain, selector, signers, reports)
    if state is not None:
        return Lineup(state, state.wanted(), state.staged(), {host: state.signing(host) for host in signers})
    live = live_selectors(domain, signers, reports)
    known = Counter(name for names in live.values() for name in names)
    usual = min(known, key=lambda name: (-known[name], name)) if known else selector
    signing = {host: live.get(host) or (usual,) for host in signers}
    used = {name for names in signing.values() for name in names} or {usual}
    return Lineup(None, tuple(sorted(used)), (), signing)


def standing(domain: str, selector: str, signers: Sequence[str], reports: Mapping[str, Report]) -> State | None:
    """The newest copy, unless no sender has its key any more and the inventory names a selector that is new."""
    state = newest(copies_of(domain, signers, reports).values())
    if state is None or selector in state.used() or not all(host in reports for host in signers):
        return state
    held = {name for host in signers for name in reports[host]["public"].get(domain, {})}
    return state if state.active in held else None


def copies_of(domain: str, signers: Sequence[str], reports: Mapping[str, Report]) -> dict[str, State | None]:
    """Every reached signer's copy of the state."""
    return {host: _copy(domain, reports[host]) for host in signers if host in reports}


def _copy(domain: str, report: Report) -> State | None:
    text = report.get("rotation", {}).get(domain)
    state = load(text) if text else None
    return state if state is not None and state.domain == domain else None


def live_selectors(domain: str, signers: Sequence[str], reports: Mapping[str, Report]) -> dict[str, tuple[str, ...]]:
    """What signers sign with by their live configuration, as far as they have the key for it."""
    found = {}
    for host in signers:
        report = reports.get(host, {})
        held = report.get("public", {}).get(domain, {})
        names = tuple(name for name in report.get("signing", {}).get(domain, []) if name in held)
        if names:
            found[host] = names
    return found
