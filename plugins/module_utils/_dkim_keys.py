# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Decide who makes, seals and receives DKIM keys (pure; this module util is PRIVATE to the collection)."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import typing as t
import zlib

from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_lineup import lineup
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import partner

# What one signer reported: the public keys it can sign with, public keys without their private half, the public half
# of its exchange key (None in check mode, when it has none yet), and how quickly it makes keys.
Public = dict[str, dict[str, str]]
Pairs = list[dict[str, str]]


class Report(t.TypedDict):
    public: Public
    orphans: Public
    exchange: str | None
    pace: int


class Wanted(t.TypedDict):
    """What the compiled fleet says of a domain; its selector is the one that a first key gets."""

    domain: str
    pool: str
    selector: str
    signers: list[str]


class Order(t.TypedDict):
    exchange: str | None
    pairs: Pairs


@dataclasses.dataclass
class Plan:
    """What is left to do: C(make[owner]), C(seal[owner][recipient]) and C(store[recipient][owner])."""

    public_keys: dict[str, dict[str, str | None]] = dataclasses.field(default_factory=dict)
    make: dict[str, Pairs] = dataclasses.field(default_factory=dict)
    seal: dict[str, dict[str, Order]] = dataclasses.field(default_factory=dict)
    store: dict[str, dict[str, Pairs]] = dataclasses.field(default_factory=dict)
    problems: list[str] = dataclasses.field(default_factory=list)
    signing: dict[str, Pairs] = dataclasses.field(default_factory=dict)  # what each host signs with

    @property
    def pending(self) -> bool:
        return bool(self.make or self.store)


def _names(hosts: t.Iterable[str]) -> str:
    return " and ".join(sorted(hosts))


def _held(halves: t.Mapping[str, Public], domain: str, selector: str) -> dict[str, str]:
    return {host: public[domain][selector] for host, public in halves.items() if selector in public.get(domain, {})}


def _refusal(name: str, silent: list[str], orphans: dict[str, str]) -> str | None:
    """Say why no key may be made: a second key for a shared selector would break the mail signed with the first."""
    if silent:
        return (
            f"{name}: no key may be made, because {_names(silent)} also signs for it and did not report its keys. "
            "Run without --limit, bring the host back, or take it out of the inventory."
        )
    if orphans:
        return (
            f"{name}: {_names(orphans)} has the public half of a key whose private half is gone. Restore "
            f"/var/lib/mailfleet/dkim/{name}.private there, or give the domain another selector; "
            "until then its mail is held back there."
        )
    return None


def _maker(name: str, signers: list[str], reports: t.Mapping[str, t.Any]) -> str:
    """Making keys is slow, so the signers share the work by their pace; every controller chooses the same one."""
    shares = list(itertools.accumulate(reports[host]["pace"] for host in signers))
    return signers[bisect.bisect(shares, zlib.crc32(name.encode()) % shares[-1])]


def plan_keys(wanted: t.Iterable[Wanted], reports: t.Mapping[str, t.Any], staged: bool = False) -> Plan:
    """Plan the run from what every signer reported; hosts missing in C(reports) were not reached.

    A domain none of whose signers reported is not this run's business: its key is None and nothing is planned.
    C(staged) also makes the keys that a rotation asks for, which nobody signs with yet.
    """
    plan = Plan()
    for item in wanted:
        now = lineup(item["domain"], item["selector"], item["signers"], reports)
        for host, selectors in now.signing.items():
            rows = [{"domain": item["domain"], "pool": item["pool"], "selector": selector} for selector in selectors]
            plan.signing.setdefault(host, []).extend(rows)
        whole = staged and all(host in reports for host in item["signers"])
        for selector in (*now.selectors, *(now.staged if whole else ())):
            paired = now.state.paired if now.state else ()
            _plan_key(plan, item, selector, reports, ed25519=selector in map(partner, paired))
    return plan


def _plan_key(plan: Plan, item: Wanted, selector: str, reports: t.Mapping[str, t.Any], ed25519: bool) -> None:
    domain = item["domain"]
    key = {"domain": domain, "selector": selector}
    name = f"{domain}/{selector}"
    known = plan.public_keys.setdefault(domain, {})
    known.setdefault(selector, None)
    signers = sorted(host for host in item["signers"] if host in reports)
    if not signers:
        return
    held = _held({host: reports[host]["public"] for host in signers}, domain, selector)
    orphans = _held({host: reports[host]["orphans"] for host in signers}, domain, selector)
    if len(set(held.values())) > 1:
        plan.problems.append(
            f"{name}: {_names(held)} hold different keys. Remove {selector}.private and {selector}.public of "
            "this domain on each host whose key is not the one in DNS; the next run shares the other one."
        )
        return
    if held:
        owner = min(held)
        known[selector] = held[owner]
    else:
        refusal = _refusal(name, [host for host in item["signers"] if host not in reports], orphans)
        if refusal:
            plan.problems.append(refusal)
            return
        owner = _maker(name, signers, reports)
        plan.make.setdefault(owner, []).append({**key, "kind": "ed25519"} if ed25519 else key)
    for host in signers:
        if host != owner and host not in held:
            order = Order(exchange=reports[host]["exchange"], pairs=[])
            plan.seal.setdefault(owner, {}).setdefault(host, order)["pairs"].append(key)
            plan.store.setdefault(host, {}).setdefault(owner, []).append(key)
