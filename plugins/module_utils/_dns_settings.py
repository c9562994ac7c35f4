# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""How each zone is reached (`fleet_dns`): by a primary server or a backend. Zones have settings of their own. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import plain_name

_DEFAULTS: dict[str, Any] = {
    "server": "",
    "port": 53,
    "key_name": "",
    "key_algorithm": "hmac-sha256",
    "key_secret": "",
    "resolver": "",
    "ttl": 3600,
    "timeout": 5,
    "wait": 60,
    "backend": "",
}
_OF_SERVERS = ("server", "port", "key_name", "key_algorithm", "key_secret")
_OF_BACKENDS: dict[str, Any] = {
    "provider": "",
    "settings": {},
    "allow_gaps": False,
    "directory": "",
    "file": "{zone}.zone",
}
_ALGORITHMS = ("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")


class Server(NamedTuple):
    """A primary server and how to talk to it, or the name of a backend that changes the zone instead.

    The secret is kept out of repr and so out of tracebacks.
    """

    server: str
    port: int
    key_name: str
    key_algorithm: str
    key_secret: str
    resolver: str
    ttl: int
    timeout: int
    wait: int
    backend: str = ""

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        return f"DNS backend {self.backend}" if self.backend else f"DNS server {self.server} port {self.port}"


class BackendSettings(NamedTuple):
    """An octoDNS provider with its settings, or a directory of zone files. Credentials are kept out of repr."""

    name: str
    provider: str = ""
    settings: Mapping[str, Any] = MappingProxyType({})
    allow_gaps: bool = False  # accept that a provider deletes a shared record set before it creates it anew
    directory: str = ""
    file: str = ""

    def __repr__(self) -> str:
        return f"<DNS backend {self.name}>"


class Settings(NamedTuple):
    common: Server | None
    zones: dict[str, Server]
    backends: Mapping[str, BackendSettings] = MappingProxyType({})

    def zones_of(self, backend: str) -> list[str]:
        return [zone for zone, server in self.zones.items() if server.backend == backend]

    def server_for(self, name: str) -> Server | None:
        """The server of the longest zone that holds the name; None: the name is published by hand."""
        labels = plain_name(name).split(".")
        for start in range(len(labels)):
            server = self.zones.get(".".join(labels[start:]))
            if server is not None:
                return server
        return self.common

    def ttl_for(self, name: str) -> int:
        server = self.server_for(name)
        return server.ttl if server else int(_DEFAULTS["ttl"])


def parse_settings(raw: Mapping[str, Any] | None) -> Settings:
    """Raises ValueError with a sentence that names the setting."""
    raw = raw or {}
    zones: Mapping[str, Mapping[str, Any]] = raw.get("zones") or {}
    backends = {name: _backend(f"dns.backends.{name}", name, own) for name, own in (raw.get("backends") or {}).items()}
    common = _given({name: value for name, value in raw.items() if name not in ("zones", "backends")})
    found = {
        plain_name(zone): _server(f"dns.zones[{zone}]", _laid_over(common, _given(own)), backends)
        for zone, own in zones.items()
    }
    managed = common.get("server") or common.get("backend")
    return Settings(_server("dns", common, backends) if managed else None, found, backends)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _laid_over(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A zone that names a backend inherits no server, and the other way round."""
    dropped = _OF_SERVERS if own.get("backend") else ("backend",) if own.get("server") else ()
    return {**{name: value for name, value in common.items() if name not in dropped}, **own}


def _backend(path: str, name: str, values: Mapping[str, Any]) -> BackendSettings:
    unknown = sorted(set(values) - set(_OF_BACKENDS))
    if unknown:
        raise ValueError(f"{path}.{unknown[0]}: is no setting. Remedy: use one of {', '.join(_OF_BACKENDS)}.")
    settings = {**_OF_BACKENDS, **_given(values)}
    if bool(settings["provider"]) == bool(settings["directory"]):
        raise ValueError(
            f"{path}: is neither an octoDNS provider nor a directory of zone files, or both. "
            "Remedy: give provider with its settings, or directory."
        )
    if not isinstance(settings["settings"], Mapping) or not isinstance(settings["allow_gaps"], bool):
        wrong = "settings: is no mapping" if not isinstance(settings["settings"], Mapping) else "allow_gaps: is no bool"
        raise ValueError(f"{path}.{wrong}. Remedy: see the documentation of dns.backends.")
    if settings["directory"] and not str(settings["directory"]).startswith(("/", "~")):
        remedy = "write it in full, for example with inventory_dir"
        raise ValueError(f"{path}.directory: '{settings['directory']}' is no full path. Remedy: {remedy}.")
    if settings["directory"] and "{zone}" not in settings["file"]:
        raise ValueError(f"{path}.file: has no {{zone}}. Remedy: write it where the zone's name goes, as db.{{zone}}.")
    return BackendSettings(name, **settings)


def _server(path: str, values: Mapping[str, Any], backends: Mapping[str, BackendSettings]) -> Server:
    unknown = sorted(set(values) - set(_DEFAULTS))
    if unknown:
        raise ValueError(f"{path}.{unknown[0]}: is no setting. Remedy: use one of {', '.join(_DEFAULTS)}.")
    settings = {**_DEFAULTS, **values}
    if settings["backend"] and settings["server"]:
        raise ValueError(f"{path}: has a server and a backend. Remedy: give one of them.")
    if settings["backend"] and settings["backend"] not in backends:
        known = f"use one of {', '.join(backends)}" if backends else "describe it in dns.backends"
        raise ValueError(f"{path}.backend: '{settings['backend']}' is not in dns.backends. Remedy: {known}.")
    if not settings["server"] and not settings["backend"]:
        raise ValueError(
            f"{path}.server: is missing. Remedy: give the IP address of the zone's primary server, or a backend."
        )
    for name in ("server", "resolver"):
        try:
            settings[name] = str(ipaddress.ip_address(settings[name])) if settings[name] else ""
        except ValueError as error:
            raise ValueError(f"{path}.{name}: '{settings[name]}' is no IP address. Remedy: give one.") from error
    for name in ("port", "ttl", "timeout", "wait"):
        try:
            settings[name] = int(settings[name])
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}.{name}: '{settings[name]}' is no number. Remedy: give one.") from error
    settings["key_algorithm"] = str(settings["key_algorithm"]).lower()
    if settings["key_algorithm"] not in _ALGORITHMS:
        raise ValueError(f"{path}.key_algorithm: is not supported. Remedy: use one of {', '.join(_ALGORITHMS)}.")
    if bool(settings["key_name"]) != bool(settings["key_secret"]):
        raise ValueError(f"{path}: key_name and key_secret go together. Remedy: give both or none.")
    try:
        base64.b64decode(settings["key_secret"], validate=True)
    except (binascii.Error, ValueError):  # without the cause: it could show a part of the secret
        raise ValueError(
            f"{path}.key_secret: is not base64. Remedy: copy the secret as tsig-keygen prints it."
        ) from None
    return Server(**settings)
