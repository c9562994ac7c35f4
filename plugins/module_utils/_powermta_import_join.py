# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Inventories of several servers as one: what is equal is the fleet's, what differs the host's, or a conflict. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import import Inventory

Plain = dict[str, Any]
_OF_HOSTS = "fleet_ips"
# Where a host says nothing, which is what the default is for.
_NOTHING = object()


@dataclass(frozen=True)
class Fleet:
    fleet: Plain  # variables of the whole fleet
    senders: Plain  # options of the role that all hosts share
    hosts: dict[str, Plain]
    conflicts: list[str]


def join(found: Mapping[str, Inventory], shipped: Mapping[str, model.Isp]) -> Fleet:
    """``found`` is what each host's configuration says, by the name of the host."""
    joining = _Joining(found, shipped)
    fleet = joining.fleet()
    common = _common([one.host for one in found.values()]) if len(found) > 1 else {}
    hosts = {name: {key: value for key, value in one.host.items() if key not in common} for name, one in found.items()}
    return Fleet(fleet, common, hosts, joining.conflicts)


def _common(hosts: list[Plain]) -> Plain:
    """What every host says with the same words. An option that one of them lacks has its default there."""
    first, *others = hosts
    return {
        key: value
        for key, value in first.items()
        if key != _OF_HOSTS and all(key in other and other[key] == value for other in others)
    }


class _Joining:
    def __init__(self, found: Mapping[str, Inventory], shipped: Mapping[str, model.Isp]) -> None:
        self._found = found
        self._shipped = shipped
        self.conflicts: list[str] = []

    def fleet(self) -> Plain:
        joined: Plain = {}
        for variable in dict.fromkeys(name for one in self._found.values() for name in one.fleet):
            said = {host: one.fleet[variable] for host, one in self._found.items() if variable in one.fleet}
            if variable == "fleet_isps":
                continue
            if variable == "fleet_entry":
                said = {host: one.fleet.get(variable, _NOTHING) for host, one in self._found.items()}
                joined[variable] = self._value(variable, said)
            else:
                joined[variable] = self._entries(variable, said)
        isps = self._isps()
        if isps:
            joined["fleet_isps"] = isps
        for name, application in joined.get("fleet_applications", {}).items():
            self._passwords(name, application)
        # In the order of a single server's.
        order = ("fleet_pools", "fleet_domains", "fleet_isps", "fleet_applications", "fleet_entry")
        return {name: joined[name] for name in order if name in joined}

    def _entries(self, path: str, said: Mapping[str, Plain]) -> Plain:
        """Entries by their names. A host without one has nothing against it."""
        names = dict.fromkeys(name for entries in said.values() for name in entries)
        return {
            name: self._entry(
                f"{path}.{name}", {host: entries[name] for host, entries in said.items() if name in entries}
            )
            for name in names
        }

    def _entry(self, path: str, said: Mapping[str, Plain]) -> Plain:
        """Its settings; what one host lacks has its default there."""
        keys = dict.fromkeys(key for entry in said.values() for key in entry)
        values = {
            key: self._value(f"{path}.{key}", {host: entry.get(key, _NOTHING) for host, entry in said.items()})
            for key in keys
        }
        return {key: value for key, value in values.items() if value is not _NOTHING}

    def _value(self, path: str, said: Mapping[str, Any]) -> Any:
        hosts = list(said)
        if all(said[host] == said[hosts[0]] for host in hosts):
            return said[hosts[0]]
        chosen = next(value for value in said.values() if value is not _NOTHING)
        self._conflict(path, said, chosen)
        return chosen

    def _conflict(self, path: str, said: Mapping[str, Any], chosen: Any) -> None:
        shown = [f"{host} has {_words(value)}" for host, value in said.items()]
        self.conflicts.append(
            f"{path}: {' and '.join([', '.join(shown[:-1]), shown[-1]])}. "
            f"The fleet has one value: {_words(chosen)} is written for all of them."
        )

    def _passwords(self, name: str, application: Plain) -> None:
        """Each server has its own, but the inventory names one variable for all."""
        hosts: dict[str, list[str]] = {}
        for host, one in self._found.items():
            if name in one.passwords:
                hosts.setdefault(one.passwords[name], []).append(host)
        if len(hosts) < 2:
            return
        first, *others = (f"{' and '.join(same)} {'has' if len(same) == 1 else 'have'}" for same in hosts.values())
        shown = ", ".join([f"{first} one password", *(f"{other} another" for other in others)])
        secret, digest = (str(application[key]).strip("{} ") for key in ("password", "password_hash"))
        self.conflicts.append(
            f"fleet_applications.{name}.password: {shown}. The fleet has one value: the variable {secret} is written "
            f"for all of them. Put one of the passwords into Vault, its hash as {digest}, and give it to the programs "
            "that log in with another."
        )

    # ---- receivers ---------------------------------------------------------------------------------------------------

    def _isps(self) -> Plain:
        own = {host: one.fleet.get("fleet_isps", {}) for host, one in self._found.items()}
        joined: Plain = {}
        for name in sorted({name for isps in own.values() for name in isps}):
            said = {host: isps.get(name, {}) for host, isps in own.items()}
            rest = {host: {key: entry[key] for key in entry if key != "connections"} for host, entry in said.items()}
            entry = self._entry(f"fleet_isps.{name}", rest)
            connections = self._connections(name, {host: entry.get("connections") for host, entry in said.items()})
            joined[name] = {**({"connections": connections} if connections is not None else {}), **entry}
        return {name: entry for name, entry in joined.items() if entry}

    def _connections(self, isp: str, said: Mapping[str, int | None]) -> int | None:
        """The number under which every pool of every host keeps its own. Where its pools have fewer connections, a
        host does not tell the receiver's."""
        usual = self._shipped[isp if isp in self._shipped else model.DEFAULT_ISP].connections
        numbers = {host: usual if value is None else value for host, value in said.items()}
        for number in sorted({*numbers.values()}, reverse=True):
            if all(
                min(cap, number) == min(cap, numbers[host])
                for host in numbers
                for cap in _caps(self._found[host].fleet["fleet_pools"])
            ):
                break
        else:
            number = min(numbers.values())
            self._conflict(f"fleet_isps.{isp}.connections", numbers, number)
        return None if number == usual and isp in self._shipped else number


def _caps(pools: Mapping[str, Plain]) -> list[int]:
    return [
        int(pool.get("connections_per_ip", model.TRAFFIC[pool["traffic"]].connections_per_ip))
        for pool in pools.values()
    ]


def _words(value: Any) -> str:
    return "nothing" if value is _NOTHING else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
