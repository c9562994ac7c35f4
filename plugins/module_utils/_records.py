# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""From a domain's description to the records it needs. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, Optional

from ansible_collections.mailfleet.mta.plugins.module_utils import _records_bimi as _bimi
from ansible_collections.mailfleet.mta.plugins.module_utils import _records_sts as _sts
from ansible_collections.mailfleet.mta.plugins.module_utils import _records_tlsrpt as _tlsrpt
from ansible_collections.mailfleet.mta.plugins.module_utils import _spf
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import name_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import (
    NULL_MX,
    Key,
    Problem,
    Wanted,
    fqdn,
    plain_name,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dkim import (
    NO_KEY,
    build_dkim,
    dkim_alias,
    dkim_key,
    dkim_name,
    every_selector,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import (
    AUTHORISATION,
    authorisation_name,
    build_dmarc,
    dmarc_from_options,
)

PARKED = "parked"

Auth = Mapping[str, Any]  # one DOMAIN_AUTH of the compiled fleet
Keys = Mapping[str, Mapping[str, Optional[str]]]  # domain -> selector -> base64 public key


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
    """The record set of one domain, with every key that its signers show. For those without one see missing_keys."""
    domain, return_path = plain_name(auth["domain"]), plain_name(auth["return_path"])
    owner, ttl, bounce_ttl = (auth["domain"],), ttl_of(domain), ttl_of(return_path)
    wanted = []
    if auth.get("profile") == PARKED:
        wanted.append(Wanted(domain, "MX", ttl, (NULL_MX,), rule="null_mx", domains=owner))
        wanted.append(Wanted(every_selector(domain), "TXT", ttl, (NO_KEY,), "value", "DKIM1", "tagged", owner))
    if auth.get("mx"):
        wanted.append(Wanted(domain, "MX", ttl, _mx_values(auth["mx"]), "value", "", "mx", owner))
    wanted.append(_spf_wanted(auth, domain, ttl, auth.get("spf_extra") or ()))
    wanted += _dkim_wanted(auth, domain, keys, ttl_of)
    dmarc = auth.get("dmarc") or {}
    text, declared = build_dmarc(dmarc_from_options(dmarc)), bool(dmarc)
    rule = "dmarc_kept" if auth.get("progression") else "dmarc"
    wanted.append(Wanted(f"_dmarc.{domain}", "TXT", ttl, (text,), rule=rule, domains=owner, declared=declared))
    if auth.get("bounce_mx"):
        ownership = "value" if return_path == domain else "rrset"
        values = _mx_values(auth["bounce_mx"])
        wanted.append(Wanted(return_path, "MX", bounce_ttl, values, ownership, "", "mx", owner))
    if return_path != domain:
        wanted.append(_spf_wanted(auth, return_path, bounce_ttl, ()))
    return wanted + _receiving(auth, domain, ttl_of)


def _dkim_wanted(auth: Auth, domain: str, keys: Keys, ttl_of: Callable[[str], int]) -> list[Wanted]:
    own = keys.get(auth["domain"], {}) if auth.get("signers") else {}
    zone = plain_name(auth.get("dkim_zone") or "")
    return [
        record
        for selector, public_key in own.items()
        if public_key
        for record in dkim_records(domain, plain_name(selector), public_key, zone, ttl_of)
    ]


def dkim_records(domain: str, selector: str, public_key: str, zone: str, ttl_of: Callable[[str], int]) -> list[Wanted]:
    """The record of a key, and the alias that leads there when a `zone` of ours has it."""
    name, alias, owner = dkim_name(domain, selector, zone), dkim_alias(domain, selector), (domain,)
    text = build_dkim(dkim_key(public_key))
    wanted = [Wanted(name, "TXT", ttl_of(name), (text,), rule="dkim", domains=owner)]
    if name != alias:
        wanted.append(Wanted(alias, "CNAME", ttl_of(alias), (fqdn(name),), rule="cname", domains=owner))
    return wanted


def _receiving(auth: Auth, domain: str, ttl_of: Callable[[str], int]) -> list[Wanted]:
    """What concerns receivers: TLS of mail to the domain, reports, the logo."""
    owner, wanted = (auth["domain"],), []

    def tagged(name: str, version: str, text: str, rule: str = "tagged") -> None:
        wanted.append(Wanted(name, "TXT", ttl_of(name), (text,), "value", version, rule, owner))

    policy = sts_policy(auth)
    if policy is not None:
        tagged(f"_mta-sts.{domain}", _sts.VERSION, _sts.build_sts(_sts.Sts(_sts.policy_id(policy))))
        server, host = auth["mta_sts"].get("host"), _sts.policy_host(domain)
        if server:
            wanted.append(Wanted(host, "CNAME", ttl_of(host), (fqdn(server),), rule="cname", domains=owner))
    if auth.get("tls_rpt"):
        text = _tlsrpt.build_tlsrpt(_tlsrpt.TlsRpt(tuple(auth["tls_rpt"])))
        tagged(f"_smtp._tls.{domain}", _tlsrpt.VERSION, text)
    logo = auth.get("bimi") or {}
    if logo:
        text = _bimi.build_bimi(_bimi.Bimi(logo["logo"], logo.get("certificate") or ""))
        tagged(f"{_bimi.SELECTOR}._bimi.{domain}", _bimi.VERSION, text)
        if auth.get("progression"):
            wanted[-1] = wanted[-1]._replace(gate="enforced", beside=(f"_dmarc.{domain}", "TXT"))
    for receiver in auth.get("report_permits") or ():
        tagged(authorisation_name(domain, plain_name(receiver)), "DMARC1", AUTHORISATION, "present")
    return wanted


def sts_policy(auth: Auth) -> _sts.StsPolicy | None:
    said = auth.get("mta_sts") or {}
    return _sts.StsPolicy(said["mode"], tuple(said["mx"]), int(said["max_age"])) if said else None


def policy_files(domains: Iterable[Auth]) -> list[dict[str, str]]:
    """The MTA-STS policies that web servers must hold before a record may name a new id."""
    files = []
    for auth in domains:
        policy = sts_policy(auth)
        if policy is not None:
            domain = plain_name(auth["domain"])
            where = {"name": _sts.policy_host(domain), "domain": domain, "url": _sts.policy_url(domain)}
            files.append({**where, "id": _sts.policy_id(policy), "text": _sts.build_policy(policy)})
    return files


def missing_keys(domains: Iterable[Auth], keys: Keys) -> list[tuple[str, str]]:
    """(domain, selector) of domains that somebody signs for, without a known public key."""
    return [
        (auth["domain"], selector)
        for auth in domains
        if auth.get("signers")
        for selector, public_key in (keys.get(auth["domain"]) or {auth["selector"]: None}).items()
        if not public_key
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
    passed = _spf.addresses(spf)
    removable = tuple(ip for ip in dict.fromkeys((*one.removable, *other.removable)) if ip not in passed)
    return one._replace(values=(_spf.build_spf(spf),), domains=domains, removable=removable)
