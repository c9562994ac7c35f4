# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The two DNS tasks behind their action plugins: parameters in, result out.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_backends import Backends
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_converge import Options, converge
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_lookup import Resolver
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import TYPES, name_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Problem, Wanted, plain_name
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_plan import Limits
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rdata import canonical
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_report import report
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import Settings, parse_settings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import require_dnspython
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_visible import Seen, Watch, wait_until_visible
from ansible_collections.mailfleet.mta.plugins.module_utils._records import fleet_records, missing_keys
from ansible_collections.mailfleet.mta.plugins.module_utils._records_leftovers import leftovers
from ansible_collections.mailfleet.mta.plugins.module_utils._spf_gate import SpfGate

Progress = Callable[[str], None]
Params = Mapping[str, Any]
Problems = dict[str, list[Problem]]

COMMON_SPEC: dict[str, dict[str, Any]] = {
    "dns": {"type": "dict", "default": {}, "no_log": True},
    "limits": {"type": "dict", "default": {}, "options": {name: {"type": "int"} for name in Limits._fields}},
    "name_server_port": {"type": "int", "default": 53},
    "skip_name_servers": {"type": "list", "elements": "str", "default": []},
}
AUTH_SPEC: dict[str, dict[str, Any]] = {
    "phase": {"type": "str", "choices": ["add", "final"], "default": "add"},
    "release": {"type": "list", "elements": "str", "default": []},
    "retired": {"type": "list", "elements": "str", "default": []},
    "leftovers": {"type": "str", "choices": ["keep", "remove"], "default": "keep"},
    **COMMON_SPEC,
}
RECORDS_SPEC = COMMON_SPEC
# One record of dns_records: option -> default; None = must be given.
RECORD: dict[str, Any] = {
    "name": None,
    "type": None,
    "values": [],
    "ttl": 0,
    "ownership": "rrset",
    "match": "",
    "state": "present",
}
RECORD_TYPES = [name for name in TYPES if name not in ("SOA", "NS")]
_CHOICES = {"type": RECORD_TYPES, "ownership": ["rrset", "value"], "state": ["present", "absent"]}
_DOMAIN_KEYS = ("domain", "selector", "return_path")


def publish_auth(params: Params, check: bool, progress: Progress) -> dict[str, Any]:
    settings = parse_settings(params["dns"])
    domains = [_with_retired(auth, params["retired"]) for auth in params["domains"]]
    for number, auth in enumerate(domains):
        missing = [key for key in _DOMAIN_KEYS if not isinstance(auth, dict) or not auth.get(key)]
        if missing:
            raise ValueError(
                f"domains[{number}].{missing[0]}: is missing. Remedy: pass the domains of mailfleet.mta.compile."
            )
    wanted, problems = fleet_records(domains, params["keys"], settings.ttl_for)
    sound = [auth for auth in domains if auth["domain"] not in problems]
    wanted += leftovers(sound, {want.key for want in wanted}, settings.ttl_for, params["leftovers"] == "remove")
    notes: dict[str, list[str]] = {}
    for domain, selector in missing_keys(domains, params["keys"]):
        if check:
            notes.setdefault(domain, []).append(f"its DKIM key {selector} does not exist yet; its record follows it.")
        else:
            text = f"no signer has shown a public key for selector {selector}. Remedy: run the dkim role first."
            problems.setdefault(domain, []).append(Problem(domain, text))
    items = [str(auth["domain"]) for auth in domains]
    options = Options(params["phase"], frozenset(params["release"]), check, limits_of(params))
    return carry_out(items, wanted, problems, notes, settings, options, params, progress, "domains")


def _with_retired(auth: Any, retired: Sequence[str]) -> Any:
    """An address that left the fleet is to SPF what an address of another pool is."""
    if not retired or not isinstance(auth, dict):
        return auth
    others = {"ip4": [], "ip6": [], **(auth.get("other_fleet_ips") or {})}
    left = {"ip4": [ip for ip in retired if ":" not in ip], "ip6": [ip for ip in retired if ":" in ip]}
    return {**auth, "other_fleet_ips": {family: [*others[family], *left[family]] for family in left}}


def publish_records(params: Params, check: bool, progress: Progress) -> dict[str, Any]:
    settings = parse_settings(params["dns"])
    wanted: dict[str, Wanted] = {}
    for number, entry in enumerate(params["records"]):
        try:
            want = _wanted(entry, settings)
            if want.domains[0] in wanted:
                raise ValueError(f"{want.domains[0]} is there twice")
        except ValueError as error:
            raise ValueError(f"records[{number}]: {error}. Remedy: correct the entry; nothing was changed.") from None
        wanted[want.domains[0]] = want
    options = Options("final", (), check, limits_of(params))
    return carry_out(list(wanted), wanted.values(), {}, {}, settings, options, params, progress, "records")


def _wanted(entry: Any, settings: Settings) -> Wanted:
    if not isinstance(entry, dict):
        raise ValueError("is no mapping")
    unknown = sorted(set(entry) - set(RECORD))
    if unknown:
        raise ValueError(f"'{unknown[0]}' is no option; known are {', '.join(RECORD)}")
    record = {**RECORD, **{name: value for name, value in entry.items() if value is not None}}
    for option, choices in _CHOICES.items():
        if record[option] not in choices:
            raise ValueError(f"{option} '{record[option]}' is none of {', '.join(choices)}")
    name, rdtype, absent = plain_name(str(record["name"] or "")), record["type"], record["state"] == "absent"
    name_wire(name)
    if not name or not isinstance(record["values"], list):
        raise ValueError("name is missing" if not name else "values is no list")
    values = tuple(dict.fromkeys(canonical(rdtype, str(value)) for value in record["values"]))
    if not values and not absent:
        raise ValueError("values is empty")
    ttl = int(record["ttl"]) or settings.ttl_for(name)
    match, item = str(record["match"]), f"{name} {rdtype}"
    return Wanted(name, rdtype, ttl, values, record["ownership"], match, domains=(item,), absent=absent)


def limits_of(params: Params) -> Limits:
    return Limits(**{name: value for name, value in params["limits"].items() if value is not None})


def carry_out(
    items: list[str],
    wanted: Iterable[Wanted],
    problems: Problems,
    notes: Mapping[str, list[str]],
    settings: Settings,
    options: Options,
    params: Params,
    progress: Progress,
    what: str,
) -> dict[str, Any]:
    if settings.common or settings.zones:
        require_dnspython()
    start = time.monotonic()
    backends = Backends(settings)

    def wait(watches: Sequence[Watch]) -> Seen:
        live = [watch for watch in watches if not backends.file_of(watch.zone)]
        seen = wait_until_visible(live, params["name_server_port"], set(params["skip_name_servers"]), progress=progress)
        seen.warnings.extend(
            f"zone {watch.zone.name}: is in {backends.file_of(watch.zone)}, and nobody waited until it is seen. "
            "Load it before mail leaves."
            for watch in watches
            if watch.changed and watch not in live
        )
        return seen

    sound = [want for want in wanted if any(item not in problems for item in want.domains)]
    done = converge(sound, backends, options, wait, SpfGate(Resolver(settings)))
    for item, own in problems.items():
        done.problems.setdefault(item, []).extend(own)
    for item, texts in notes.items():
        done.plan.notes.setdefault(item, []).extend(texts)
    return {**report(items, done, options.check, what), "duration_s": round(time.monotonic() - start, 2)}
