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

from ansible_collections.mailfleet.mta.plugins.module_utils._dns import Rfc2136
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_converge import Options, converge
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import TYPES, name_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Problem, Wanted, plain_name
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_plan import Limits
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rdata import canonical
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_report import report
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import Settings, parse_settings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import require_dnspython
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_visible import Seen, Watch, wait_until_visible
from ansible_collections.mailfleet.mta.plugins.module_utils._records import fleet_records, missing_keys

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
    "domains": {"type": "list", "elements": "dict", "required": True},
    "keys": {"type": "dict", "default": {}, "no_log": False},
    "phase": {"type": "str", "choices": ["add", "final"], "default": "add"},
    "release": {"type": "list", "elements": "str", "default": []},
    **COMMON_SPEC,
}
RECORDS_SPEC: dict[str, dict[str, Any]] = {
    "records": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "type": {"type": "str", "required": True, "choices": [name for name in TYPES if name != "SOA"]},
            "values": {"type": "list", "elements": "str", "default": []},
            "ttl": {"type": "int"},
            "ownership": {"type": "str", "choices": ["rrset", "value"], "default": "rrset"},
            "match": {"type": "str", "default": ""},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
    },
    **COMMON_SPEC,
}


def publish_auth(params: Params, check: bool, progress: Progress) -> dict[str, Any]:
    settings = parse_settings(params["dns"])
    domains: Sequence[Mapping[str, Any]] = params["domains"]
    wanted, problems = fleet_records(domains, params["keys"], settings.ttl_for)
    notes: dict[str, list[str]] = {}
    for domain, selector in missing_keys(domains, params["keys"]):
        if check:
            notes.setdefault(domain, []).append(f"its DKIM key {selector} does not exist yet; its record follows it.")
        else:
            text = f"no signer has shown a public key for selector {selector}. Remedy: run the dkim role first."
            problems.setdefault(domain, []).append(Problem(domain, text))
    items = [str(auth["domain"]) for auth in domains]
    options = Options(params["phase"], frozenset(params["release"]), check, _limits(params))
    return _run(items, wanted, problems, notes, settings, options, params, progress, "domains")


def publish_records(params: Params, check: bool, progress: Progress) -> dict[str, Any]:
    settings = parse_settings(params["dns"])
    wanted: dict[str, Wanted] = {}
    problems: Problems = {}
    for record in params["records"]:
        item = f"{plain_name(record['name'])} {record['type']}"
        try:
            if item in wanted:
                raise ValueError("this name and type are there twice")
            wanted[item] = _wanted(record, item, settings)
        except ValueError as error:
            text = f"{error}. Remedy: correct the entry in records."
            problems.setdefault(item, []).append(Problem(item, text))
    items = list(dict.fromkeys([*wanted, *problems]))
    options = Options("final", (), check, _limits(params))
    return _run(items, wanted.values(), problems, {}, settings, options, params, progress, "records")


def _wanted(record: Params, item: str, settings: Settings) -> Wanted:
    name, rdtype, absent = plain_name(record["name"]), record["type"], record["state"] == "absent"
    name_wire(name)
    values = tuple(dict.fromkeys(canonical(rdtype, value) for value in record["values"]))
    if not values and not absent:
        raise ValueError("values is empty")
    ttl = settings.ttl_for(name) if record["ttl"] is None else record["ttl"]
    return Wanted(name, rdtype, ttl, values, record["ownership"], record["match"], domains=(item,), absent=absent)


def _limits(params: Params) -> Limits:
    return Limits(**{name: value for name, value in params["limits"].items() if value is not None})


def _run(
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

    def wait(watches: Sequence[Watch]) -> Seen:
        return wait_until_visible(
            watches, params["name_server_port"], set(params["skip_name_servers"]), progress=progress
        )

    sound = [want for want in wanted if any(item not in problems for item in want.domains)]
    done = converge(sound, Rfc2136(settings), options, wait)
    for item, own in problems.items():
        done.problems.setdefault(item, []).extend(own)
    for item, texts in notes.items():
        done.plan.notes.setdefault(item, []).extend(texts)
    return {**report(items, done, options.check, what), "duration_s": round(time.monotonic() - start, 2)}
