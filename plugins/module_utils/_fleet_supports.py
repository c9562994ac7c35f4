# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings of the model each backend can express. Private to the collection, pure.

A key that a backend in use cannot express is an error, never silently dropped.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Problem

# rollup "site" is kept on Postfix, where all sites of a profile share the lane: stricter than asked, never looser.
SUPPORTS: dict[str, dict[str, frozenset[str]]] = {
    "postfix": {
        "pools": frozenset(model.POOL_KEYS),
        "domains": frozenset(model.DOMAIN_KEYS),
        "ips": frozenset(model.IP_KEYS),
        "isps": frozenset(model.ISP_KEYS),
    },
}
_KEYS = {"pools": model.POOL_KEYS, "domains": model.DOMAIN_KEYS, "ips": model.IP_KEYS, "isps": model.ISP_KEYS}


def unsupported(raw: dict[str, t.Any], fleet: model.Fleet) -> list[Problem]:
    """Keys that a backend of the fleet cannot express, and hosts of a backend that is not there."""
    problems = []
    for host in fleet.hosts.values():
        if host.backend not in SUPPORTS:
            problems.append(
                Problem(
                    host.name,
                    f"has the backend '{host.backend}', which does not exist.",
                    f"Put the host into one of the groups: {', '.join(sorted(SUPPORTS))}.",
                )
            )
    backends = sorted({host.backend for host in fleet.hosts.values()} & set(SUPPORTS))
    for path, section, entry in _entries(raw):
        for key in entry:
            for backend in backends:
                if key in _KEYS[section] and key not in SUPPORTS[backend][section]:
                    instead = "Remove it, or move the host to another backend."
                    problems.append(Problem(f"{path}.{key}", f"cannot be expressed in {backend}.", instead))
    return problems


def _entries(raw: dict[str, t.Any]) -> t.Iterator[tuple[str, str, dict[str, t.Any]]]:
    sections = [("fleet_pools", "pools"), ("fleet_domains", "domains"), ("fleet_isps", "isps")]
    values = [(name, section, raw["fleet"].get(name)) for name, section in sections]
    values += [(f"{host}.fleet_ips", "ips", entry.get("fleet_ips")) for host, entry in sorted(raw["hosts"].items())]
    for path, section, value in values:
        for name, entry in value.items() if isinstance(value, dict) else ():
            if isinstance(entry, dict):
                yield f"{path}.{name}", section, entry
