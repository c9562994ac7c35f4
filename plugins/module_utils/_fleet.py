# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The model of the fleet in one place: load, validate, views. Private to the collection, controller only, pure."""

from __future__ import annotations

import sys
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _addresses_text as addresses
from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_rules as rules
from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_rules_domains as domain_rules
from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_rules_names as name_rules
from ansible_collections.mailfleet.mta.plugins.module_utils import _names as names
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_load import load
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Problem
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_supports import unsupported
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_view import domain_auth, host_view
from ansible_collections.mailfleet.mta.plugins.module_utils._records import policy_files

_PREFIX = "fleet_"
_RULES = (
    rules.senders,
    rules.pool_names,
    rules.pools_have_addresses,
    rules.addresses_once,
    rules.management_addresses,
    rules.helos,
    rules.ipv6_partners,
    rules.ports,
    rules.endpoints_differ,
    rules.profiles,
    name_rules.return_paths,
    name_rules.dkim_names,
    name_rules.spf_terms,
    name_rules.cold_hosts,
    name_rules.cold_names,
    domain_rules.profiles_fit,
    domain_rules.parked,
    domain_rules.mta_sts,
    domain_rules.bimi,
    domain_rules.dkim_zones,
)


class MissingLibraryError(Exception):
    """The controller's Python lacks a library; the message says which one and what to do."""


def compile_fleet(raw: dict[str, t.Any]) -> tuple[dict[str, t.Any], list[Problem]]:
    """Views of all hosts and all domains, or all problems of the inventory."""
    require_libraries()
    fleet, problems = load(raw)
    problems = sorted(
        {*problems, *validate(fleet), *unsupported(raw, fleet), *_idle(raw), *_stray(raw), *_different(raw)}
    )
    if problems:
        return {}, problems
    views = {host: host_view(fleet, host) for host in sorted(fleet.hosts)}
    domains = domain_auth(fleet)
    return {
        "views": views,
        "domains": domains,
        "policies": policy_files(domains),
        "addresses": sorted({item["address"] for view in views.values() for item in view["addresses"]}),
        "summary": {
            "hosts": len(fleet.hosts),
            "pools": len(fleet.pools),
            "addresses": len(fleet.sources),
            "domains": len(fleet.domains),
            "isps": len(fleet.isps),
            "lanes": sum(len(pool["lanes"]) for view in views.values() for pool in view["pools"]),
        },
    }, []


def validate(fleet: model.Fleet) -> list[Problem]:
    return [problem for rule in _RULES for problem in rule(fleet)]


def require_libraries() -> None:
    missing = {"netaddr": addresses.netaddr_missing(), "publicsuffixlist": names.suffix_list_missing()}
    wanted = [name for name, is_missing in missing.items() if is_missing]
    if wanted:
        raise MissingLibraryError(
            f"The controller's Python ({sys.executable}) has no {' and no '.join(wanted)}. "
            f"Install it with: {sys.executable} -m pip install {' '.join(wanted)}"
        )


def _idle(raw: dict[str, t.Any]) -> list[Problem]:
    """Hosts of the senders' group without a view."""
    return [
        Problem(
            f"{host}.fleet_ips",
            "is not defined, but the host is in the group senders.",
            "Define it in host_vars, or take the host out of the group.",
        )
        for host in raw.get("idle", [])
    ]


def _stray(raw: dict[str, t.Any]) -> list[Problem]:
    """Variables that look like a misspelt one of ours; other fleet_ variables may be the user's own."""
    known = (*model.FLEET_VARIABLES, *model.HOST_VARIABLES)
    problems = []
    for name, host in sorted(raw.get("strays", {}).items()):
        near = names.did_you_mean(name[len(_PREFIX) :], [variable[len(_PREFIX) :] for variable in known])
        if near:
            problems.append(
                Problem(name, f"is not a variable of the fleet ({host}).", f"Did you mean '{_PREFIX}{near}'?")
            )
    return problems


def _different(raw: dict[str, t.Any]) -> list[Problem]:
    """Variables of the whole fleet that one host sees differently."""
    return [
        Problem(
            f"{host}.{name}",
            f"differs from what {raw.get('reference', 'the first sender')} has, but it belongs to the whole fleet.",
            "Set it once for all senders, in group_vars/all.",
        )
        for host, entry in sorted(raw["hosts"].items())
        for name, value in sorted(entry.get("fleet", {}).items())
        if value != raw["fleet"].get(name)
    ]
