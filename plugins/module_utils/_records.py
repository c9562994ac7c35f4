# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""From a domain's description to the records it needs. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils import _spf
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import name_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Key, Problem, Wanted, fqdn, plain_name
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import DkimKey, build_dkim
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import build_dmarc, dmarc_from_options

Auth = Mapping[str, Any]  # one DOMAIN_AUTH of the compiled fleet
Keys = Mapping[str, Mapping[str, str]]  # domain -> selector -> base64 public key


def _addresses(ips: Mapping[str, list[str]] | None) -> tuple[str, ...]:
    ips = ips or {}
    return (*ips.get("ip4", []), *ips.get("ip6", []))


@lru_cache(maxsize=4096)
def _spf_text(addresses: tuple[str, ...], extra: tuple[str, ...]) -> str:
    """Cached: the domains of a pool share their addresses."""
    return _spf.build_spf(_spf.wanted_spf(addresses, extra))


def _mx_values(entries: Iterable[Any]) -> tuple[str, ...]:
    """`{host, preference}` or a bare host; hosts without a preference share 10."""
    values = []
    for entry in entries:
        host, preference = (entry, 10) if isinstance(entry, str) else (entry["host"], entry.get("preference", 10))
        values.append(f"{int(preference)} {fqdn(host)}")
    return tuple(values)


def _spf_wanted(auth: Auth, name: str, ttl: int, extra: Iterable[str]) -> Wanted:
    text = _spf_text(_addresses(auth.get("ips")), tuple(extra))
    removable = _addresses(auth.get("other_fleet_ips"))
    return Wanted(name, "TXT", ttl, (text,), "value", "v=spf1", "spf", (auth["domain"],), removable)


def domain_records(auth: Auth, keys: Keys, ttl_of: Callable[[str], int]) -> list[Wanted]:
    """The record set of one domain. A selector without a key has no record here; see missing_keys."""
    domain, return_path = plain_name(auth["domain"]), plain_name(auth["return_path"])
    owner, ttl, bounce_ttl = (auth["domain"],), ttl_of(domain), ttl_of(return_path)
    wanted = []
    if auth.get("mx"):
        wanted.append(Wanted(domain, "MX", ttl, _mx_values(auth["mx"]), "value", "", "mx", owner))
    wanted.append(_spf_wanted(auth, domain, ttl, auth.get("spf_extra") or ()))
    public_key = keys.get(auth["domain"], {}).get(auth["selector"])
    if public_key and auth.get("signers"):
        name = f"{plain_name(auth['selector'])}._domainkey.{domain}"
        wanted.append(Wanted(name, "TXT", ttl, (build_dkim(DkimKey(public_key)),), rule="dkim", domains=owner))
    dmarc = auth.get("dmarc") or {}
    text, declared = build_dmarc(dmarc_from_options(dmarc)), bool(dmarc)
    wanted.append(Wanted(f"_dmarc.{domain}", "TXT", ttl, (text,), rule="dmarc", domains=owner, declared=declared))
    if auth.get("bounce_mx"):
        ownership = "value" if return_path == domain else "rrset"
        values = _mx_values(auth["bounce_mx"])
        wanted.append(Wanted(return_path, "MX", bounce_ttl, values, ownership, "", "mx", owner))
    if return_path != domain:
        wanted.append(_spf_wanted(auth, return_path, bounce_ttl, ()))
    return wanted


def missing_keys(domains: Iterable[Auth], keys: Keys) -> list[tuple[str, str]]:
    """(domain, selector) of domains that somebody signs for, without a known public key."""
    return [
        (auth["domain"], auth["selector"])
        for auth in domains
        if auth.get("signers") and not keys.get(auth["domain"], {}).get(auth["selector"])
    ]


def fleet_records(
    domains: Iterable[Auth], keys: Keys, ttl_of: Callable[[str], int]
) -> tuple[list[Wanted], dict[str, list[Problem]]]:
    """The records of all domains; what two domains want at one name is merged into one.

    A domain whose description makes no sense has a problem and no records.
    """
    merged: dict[Key, Wanted] = {}
    problems: dict[str, list[Problem]] = {}
    for auth in domains:
        try:
            own = domain_records(auth, keys, ttl_of)
            for wanted in own:
                name_wire(wanted.name)
        except ValueError as error:
            text = f"{error}. Remedy: correct it in fleet_domains."
            problems.setdefault(auth["domain"], []).append(Problem(auth["domain"], text))
            continue
        for wanted in own:
            before = merged.get(wanted.key)
            merged[wanted.key] = _merge(before, wanted) if before else wanted
    return list(merged.values()), problems


def _merge(one: Wanted, other: Wanted) -> Wanted:
    domains = tuple(dict.fromkeys((*one.domains, *other.domains)))
    if one.rule != "spf":
        values = tuple(dict.fromkeys((*one.values, *other.values)))
        ownership = "value" if "value" in (one.ownership, other.ownership) else "rrset"
        return one._replace(values=values, domains=domains, ownership=ownership)
    spf = _spf.merge(_spf.parse_spf(one.values[0]), _spf.parse_spf(other.values[0]))
    passed = _spf.single_addresses(spf)
    removable = tuple(ip for ip in dict.fromkeys((*one.removable, *other.removable)) if ip not in passed)
    return one._replace(values=(_spf.build_spf(spf),), domains=domains, removable=removable)
