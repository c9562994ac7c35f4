# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the reports of the last days say of each domain: days for the gate, sources for people. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Union

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_reports import Row

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
SOURCES = 50  # failing ones that are named, of one domain
KINDS = ("own", "foreign", "unknown")


class Senders(NamedTuple):
    """Who sends for a domain as far as the inventory knows."""

    own: tuple[Network, ...] = ()
    foreign: tuple[Network, ...] = ()


def senders_in(domains: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """By domain of the compiled fleet: networks that its SPF names or the inventory calls its own, and foreign ones."""
    found = {}
    for auth in domains:
        wishes = auth.get("progression") or {}
        named = [term[4:] for term in auth.get("spf_extra") or () if term.lower().startswith(("ip4:", "ip6:"))]
        found[str(auth["domain"])] = {
            "own": [*map(str, wishes.get("senders", ())), *map(str, named)],
            "foreign": list(map(str, wishes.get("foreign", ()))),
        }
    return found


def senders_of(domains: Mapping[str, Mapping[str, Sequence[str]]]) -> dict[str, Senders]:
    return {
        domain: Senders(
            *(
                tuple(ipaddress.ip_network(text, strict=False) for text in lists.get(key, ()))
                for key in ("own", "foreign")
            )
        )
        for domain, lists in domains.items()
    }


@lru_cache(maxsize=65536)
def _covers(networks: tuple[Network, ...], source: str) -> bool:
    address = ipaddress.ip_address(source)
    return any(address.version == network.version and address in network for network in networks)


class Known:
    """Which domain of the fleet a name belongs to, and what a source is to it."""

    def __init__(self, addresses: Iterable[str], senders: Mapping[str, Senders]) -> None:
        self.addresses = {str(ipaddress.ip_address(address)) for address in addresses}
        self.senders = senders
        self._domains: dict[str, str] = {}

    def domain(self, name: str) -> str:
        """The domain itself or the nearest one above it; empty for a stranger's."""
        if name not in self._domains:
            labels = name.split(".")
            above = (".".join(labels[start:]) for start in range(len(labels)))
            self._domains[name] = next((parent for parent in above if parent in self.senders), "")
        return self._domains[name]

    def kind(self, domain: str, source: str) -> str:
        if source in self.addresses or _covers(self.senders[domain].own, source):
            return "own"
        return "foreign" if _covers(self.senders[domain].foreign, source) else "unknown"


def summarize(rows: Iterable[Row], known: Known) -> dict[str, dict[str, Any]]:
    """By domain: days as [date, passed, failed, unknown, forwarded, foreign], and the failing sources, worst first."""
    days: dict[tuple[str, str], list[int]] = {}
    sources: dict[str, dict[tuple[str, ...], int]] = {}
    for row in rows:
        domain = known.domain(row.domain)
        if not domain:
            continue
        day = days.setdefault((domain, row.day), [0, 0, 0, 0, 0])
        if row.passed:
            day[0] += row.messages
            continue
        kind = known.kind(domain, row.source)
        day[_column(kind, row.forwarded)] += row.messages
        key = (row.source, "forwarded" if row.forwarded and kind != "own" else kind, row.domain, row.dkim, row.spf)
        counts = sources.setdefault(domain, {})
        counts[key] = counts.get(key, 0) + row.messages
    found: dict[str, dict[str, Any]] = {
        domain: {"days": [], **_named(sources.get(domain, {}))} for domain in sorted({domain for domain, _day in days})
    }
    for (domain, date), counts_of_day in sorted(days.items()):
        found[domain]["days"].append([date, *counts_of_day])
    return found


def _column(kind: str, forwarded: bool) -> int:
    """Our own mail never counts as forwarded: it left our address."""
    if kind == "own":
        return 1
    return 4 if kind == "foreign" else 3 if forwarded else 2


def _named(counts: Mapping[tuple[str, ...], int]) -> dict[str, Any]:
    worst = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    keys = ("source", "kind", "from", "dkim", "spf")
    return {
        "sources": [{**dict(zip(keys, key)), "messages": number} for key, number in worst[:SOURCES]],
        "more_sources": max(0, len(worst) - SOURCES),
    }


def runs(seen: Iterable[tuple[str, str, str]]) -> dict[str, list[list[Any]]]:
    """(domain, day, policies) by day -> the days on which reports began to show other policies."""
    found: dict[str, list[list[Any]]] = {}
    for domain, day, policies in seen:
        changes = found.setdefault(domain, [])
        pairs = sorted(policies.split(","))
        if not changes or changes[-1][1] != pairs:
            changes.append([day, pairs])
    return found
