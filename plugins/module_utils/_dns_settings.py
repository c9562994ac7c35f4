# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The settings of the DNS servers (`fleet_dns`), each zone's own laid over the common ones. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Mapping
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
}
_ALGORITHMS = ("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")


class Server(NamedTuple):
    """A primary server and how to talk to it. The secret is kept out of repr and so out of tracebacks."""

    server: str
    port: int
    key_name: str
    key_algorithm: str
    key_secret: str
    resolver: str
    ttl: int
    timeout: int
    wait: int

    def __repr__(self) -> str:
        return f"<{self}>"

    def __str__(self) -> str:
        return f"DNS server {self.server} port {self.port}"


class Settings(NamedTuple):
    common: Server | None
    zones: dict[str, Server]

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
    common = {name: value for name, value in raw.items() if name != "zones" and value is not None}
    found = {
        plain_name(zone): _server(f"dns.zones[{zone}]", {**common, **{k: v for k, v in own.items() if v is not None}})
        for zone, own in zones.items()
    }
    return Settings(_server("dns", common) if common.get("server") else None, found)


def _server(path: str, values: Mapping[str, Any]) -> Server:
    unknown = sorted(set(values) - set(_DEFAULTS))
    if unknown:
        raise ValueError(f"{path}.{unknown[0]}: is no setting. Remedy: use one of {', '.join(_DEFAULTS)}.")
    settings = {**_DEFAULTS, **values}
    if not settings["server"]:
        raise ValueError(f"{path}.server: is missing. Remedy: give the IP address of the zone's primary server.")
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
