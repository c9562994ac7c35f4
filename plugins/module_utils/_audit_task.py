# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The audit behind its action plugin: parameters in, result out.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils import _audit_look as audit_look
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    DOMAIN,
    ERROR,
    LEVELS,
    OK,
    PARKED,
    WARNING,
    Domain,
    Source,
    Subject,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_report import report
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_run import audit
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_table import CHECKS
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import plain_name
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_read import Endpoint
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import require_dnspython
from ansible_collections.mailfleet.mta.plugins.module_utils._names import suffix_list_missing
from ansible_collections.mailfleet.mta.plugins.module_utils._policy_file import context_of
from ansible_collections.mailfleet.mta.plugins.module_utils._records import PARKED as PROFILE
from ansible_collections.mailfleet.mta.plugins.module_utils._records import sts_policy

try:
    import dns.exception
    import dns.resolver
except ImportError:  # reported by require_dnspython
    pass

SPEC: dict[str, dict[str, Any]] = {
    "resolver": {"type": "str", "default": ""},
    "resolver_port": {"type": "int", "default": 53},
    "timeout": {"type": "int", "default": 5},
    "name_server_port": {"type": "int", "default": 53},
    "policy_port": {"type": "int", "default": 443},
    "ca_file": {"type": "path", "default": ""},
    "levels": {
        "type": "list",
        "elements": "str",
        "choices": list(LEVELS),
        "default": [level for level in LEVELS if level != OK],
    },
    "skip": {"type": "list", "elements": "str", "default": []},
    "show": {"type": "bool", "default": False},
    "fail_on": {"type": "str", "choices": [ERROR, WARNING, "never"], "default": "never"},
}


def check_auth(params: Mapping[str, Any]) -> dict[str, Any]:
    """Raises ValueError with a sentence when nothing can be looked at."""
    _require_libraries()
    looker = audit_look.Looker(_settings(params))
    checks = [check for check in CHECKS if check.id not in _known(params["skip"])]
    fleet: list[Subject] = [*_sources(params["addresses"]), *_domains(params)]
    start = time.monotonic()
    findings = audit(fleet, checks, looker)
    if looker.questions and not looker.heard_resolver:
        raise ValueError(
            f"the resolver {looker.settings.resolver} answered none of the questions. "
            "Remedy: set resolver to the IP address of one that the controller reaches."
        )
    numbers = {"questions": looker.questions, "duration_s": round(time.monotonic() - start, 2)}
    return {**report(fleet, checks, findings, params["levels"], params["fail_on"]), **numbers}


def _require_libraries() -> None:
    require_dnspython()
    if suffix_list_missing():
        raise ValueError("publicsuffixlist is missing on the controller. Remedy: install it with pip.")


def _settings(params: Mapping[str, Any]) -> audit_look.Settings:
    resolver = params["resolver"] or _system_resolver()
    try:
        resolver = str(ipaddress.ip_address(resolver))
    except ValueError:
        raise ValueError(f"resolver: '{resolver}' is no IP address. Remedy: give one.") from None
    try:
        context = context_of(params["ca_file"])
    except (OSError, ssl.SSLError) as error:
        raise ValueError(f"ca_file: {params['ca_file']} cannot be read ({error}). Remedy: give a PEM file.") from None
    place = Endpoint(resolver, params["resolver_port"])
    return audit_look.Settings(place, params["timeout"], params["name_server_port"], params["policy_port"], context)


def _system_resolver() -> str:
    try:
        return str(dns.resolver.Resolver().nameservers[0])
    except (dns.exception.DNSException, IndexError):
        raise ValueError("the controller has no resolver. Remedy: set resolver to the IP address of one.") from None


def _known(skip: Sequence[str]) -> frozenset[str]:
    unknown = sorted(set(skip) - {check.id for check in CHECKS})
    if unknown:
        raise ValueError(f"skip: '{unknown[0]}' is no check. Remedy: use one of {', '.join(c.id for c in CHECKS)}.")
    return frozenset(skip)


def _sources(entries: Sequence[Any]) -> list[Source]:
    fleet = frozenset(str(_field(entry, "address", f"addresses[{i}]")) for i, entry in enumerate(entries))
    found = []
    for number, entry in enumerate(entries):
        path = f"addresses[{number}]"
        address = str(_field(entry, "address", path))
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ValueError(f"{path}.address: '{address}' is no IP address. Remedy: correct it.") from None
        found.append(Source(address, plain_name(_field(entry, "helo", path)), fleet))
    return sorted(found, key=lambda source: (":" in source.name, ipaddress.ip_address(source.name).packed))


def _domains(params: Mapping[str, Any]) -> list[Domain]:
    signing: dict[str, list[str]] = {}
    for number, row in enumerate(params["signing"]):
        path = f"signing[{number}]"
        signing.setdefault(str(_field(row, "domain", path)), []).append(str(_field(row, "selector", path)))
    found = []
    for number, entry in enumerate(params["domains"]):
        path = f"domains[{number}]"
        name, first = str(_field(entry, "domain", path)), str(_field(entry, "selector", path))
        parked = entry.get("profile") == PROFILE
        sends = entry.get("pool") != ""  # else its own mail leaves by somebody else's servers
        found.append(
            Domain(
                name=plain_name(name),
                pool=str(entry.get("pool", "")),
                return_path=plain_name(str(_field(entry, "return_path", path)) if sends or parked else name),
                ips=_addresses(entry.get("ips")),
                other_ips=_addresses(entry.get("other_fleet_ips")),
                selectors=tuple(sorted({plain_name(one) for one in signing.get(name) or [first]})) if sends else (),
                keys={selector: key for selector, key in params["keys"].get(name, {}).items() if key},
                policy=sts_policy(entry),
                kind=PARKED if parked else DOMAIN,
            )
        )
    return found


def _field(entry: Any, name: str, path: str) -> Any:
    if not isinstance(entry, dict) or not entry.get(name):
        raise ValueError(f"{path}.{name}: is missing. Remedy: pass what mailfleet.mta.compile returns.")
    return entry[name]


def _addresses(ips: Mapping[str, list[str]] | None) -> tuple[str, ...]:
    ips = ips or {}
    return (*ips.get("ip4", []), *ips.get("ip6", []))
