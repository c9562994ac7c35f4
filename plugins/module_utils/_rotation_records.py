# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the DNS is to say of a domain's selectors, and what an answer of it means. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Optional

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Found, Wanted, fqdn
from ansible_collections.mailfleet.mta.plugins.module_utils._records import dkim_records
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import (
    build_dkim,
    dkim_alias,
    dkim_key,
    dkim_name,
    parse_dkim,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import Shown
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import State

Keys = Mapping[str, Optional[str]]  # selector -> public key


def wanted_records(state: State, keys: Keys, ttl_of: Callable[[str], int], zone: str = "") -> list[Wanted]:
    """Keys that are in use or may still be asked for, and what became of the others.

    `zone` is the one of ours that has the keys of a domain whose selectors are aliases.
    """
    found = []
    for selector in state.wanted():
        found += (
            dkim_records(state.domain, selector, keys.get(selector) or "", zone, ttl_of) if keys.get(selector) else []
        )
    for old in state.retiring:
        for selector in state.members(old.selector) if old.revoked_at else ():
            found += _former(state.domain, selector, keys.get(selector), bool(old.removed_at), zone, ttl_of)
    return found


def _former(
    domain: str, selector: str, key: str | None, removed: bool, zone: str, ttl_of: Callable[[str], int]
) -> list[Wanted]:
    name, alias, owner = dkim_name(domain, selector, zone), dkim_alias(domain, selector), (domain,)
    values = (build_dkim(dkim_key(key)),) if key else ()
    rule = "dkim_removed" if removed else "dkim_revoked"
    found = [Wanted(name, "TXT", ttl_of(name), values, rule=rule, domains=owner)]
    if removed and name != alias:
        found.append(Wanted(alias, "CNAME", ttl_of(alias), (fqdn(name),), domains=owner, absent=True))
    return found


def shown_by(answers: Mapping[str, Found | str]) -> Shown:
    """The answers of all authoritative addresses to one question; text says why one has none."""
    silent = next(((who, answer) for who, answer in answers.items() if isinstance(answer, str)), None)
    if silent or not answers:
        return Shown(
            "unknown", why=f"is not known at {silent[0]}, which {silent[1]}" if silent else "was not asked for"
        )
    each = {who: _one(answer) for who, answer in answers.items() if isinstance(answer, Found)}
    first = next(iter(each.values()))
    different = next((who for who, shown in each.items() if shown[:2] != first[:2]), "")
    if different:
        return Shown("mixed", why=f"is not the same everywhere: at {different} it {each[different].why}")
    return first


def _one(found: Found) -> Shown:
    values = found.rrset.values if found.rrset else ()
    if not values:
        return Shown("absent", why="is not in the DNS")
    if len(values) > 1:
        return Shown("several", why=f"has {len(values)} TXT records where DKIM allows one; delete the others")
    try:
        key = parse_dkim(values[0])
    except ValueError as error:
        return Shown("other", values[0], f"has a TXT record that is no DKIM key ({error})")
    if key.revoked:
        return Shown("revoked", why="is revoked")
    return Shown("key", key.public_key, "shows a key")
