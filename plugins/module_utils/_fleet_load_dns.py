# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checking fleet_dns: servers, keys, backends, zones. Private to the collection, pure."""

from __future__ import annotations

import base64
import binascii
import re

from ansible_collections.mailfleet.mta.plugins.module_utils import _addresses_text as addresses
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Node, shown

_SERVER_KEYS = (
    "server",
    "port",
    "key_name",
    "key_algorithm",
    "key_secret",
    "resolver",
    "ttl",
    "timeout",
    "wait",
    "backend",
)
_BACKEND_KEYS = ("provider", "settings", "allow_gaps", "directory", "file")
# Names of zones and keys, which may have underscores.
_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?\Z")
_ALGORITHMS = ("hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")


def check_dns(node: Node) -> None:
    """The role dns reads the settings itself; names outside of the zones are published by hand."""
    if node.absent or node.value == {} or not node.record((*_SERVER_KEYS, "zones", "backends")):
        return
    backends = node.field("backends").entries()
    for name, backend in backends:
        _backend(backend)
        if not _NAME.match(name.lower()):
            backend.report("is not a name for a backend.", "Write a word such as cloudflare.")
    names = [name for name, _backend_node in backends]
    _server(node)
    _way(node, node, names)
    zones = node.field("zones").entries()
    for name, zone in zones:
        if not _NAME.match(name.lower()):
            zone.report("is not the name of a zone.", "Write a name such as example.com.")
        if zone.record(_SERVER_KEYS):
            _server(zone)
            _way(zone, node, names)
            if all(each.field(key).absent for each in (zone, node) for key in ("server", "backend")):
                zone.field("server").report("is missing.", "Write the IP address of the zone's primary server.")
    if node.field("server").absent and node.field("backend").absent and not zones:
        node.field("server").report("is missing.", "Write the IP address of the primary server.")


def _way(node: Node, common: Node, backends: list[str]) -> None:
    """A server with its key, or a backend; a zone with a backend inherits no server."""
    backend = node.field("backend")
    if backend.absent:
        _key_pair(node, _inherited(node, common, "key_name"), _inherited(node, common, "key_secret"))
        return
    if backend.text() not in backends:
        remedy = f"Name one of: {', '.join(backends)}." if backends else "Describe it in fleet_dns.backends."
        backend.report(f"{shown(backend.value)} is no backend.", remedy)
    for name in ("server", "key_name", "key_secret"):
        if not node.field(name).absent:
            node.field(name).report("stands beside a backend.", "Keep one of them.")


def _backend(node: Node) -> None:
    if not node.record(_BACKEND_KEYS) or node.absent:
        return
    provider, directory, settings = node.field("provider"), node.field("directory"), node.field("settings")
    if bool(provider.text()) == bool(directory.text()):
        node.report(
            "is neither an octoDNS provider nor a directory of zone files, or both.",
            "Write provider with its settings, or directory.",
        )
    if not settings.absent and not isinstance(settings.value, dict):
        settings.report("is not a mapping.", "Write the settings of the octoDNS provider, one a line.")
    if directory.text() and not directory.text().startswith(("/", "~")):
        directory.report(
            f"{shown(directory.value)} is no full path.", "Write it in full, for example with inventory_dir."
        )
    node.field("allow_gaps").boolean(False)
    file = node.field("file")
    if not file.absent and "{zone}" not in file.text():
        file.report(f"{shown(file.value)} has no {{zone}}.", "Write it where the name of the zone goes: db.{zone}.")


def _inherited(zone: Node, node: Node, name: str) -> Node:
    own = zone.field(name)
    return node.field(name) if own.absent else own


def _server(node: Node) -> None:
    for name in ("server", "resolver"):
        node.field(name).parsed(_address, "", "Write the IP address of the server (no name, no port).")
    node.field("port").integer(53, 1, 65535)
    node.field("ttl").integer(3600, 30, 604800)
    node.field("timeout").integer(5, 1, 300)
    node.field("wait").integer(60, 0, 3600)
    algorithm = node.field("key_algorithm")
    if isinstance(algorithm.value, str) and algorithm.value.lower().startswith("hmac-md5"):
        algorithm.report("hmac-md5 is broken.", f"Make a key with one of: {', '.join(_ALGORITHMS)}.")
    else:
        algorithm.choice(_ALGORITHMS, "hmac-sha256")
    node.field("key_name").parsed(_key_name, "", "Write the key's name as in the server's configuration.")
    _secret(node.field("key_secret"))


def _key_pair(node: Node, key_name: Node, key_secret: Node) -> None:
    if node.field("key_name").absent and node.field("key_secret").absent:
        return
    if key_name.absent and not key_secret.absent:
        node.field("key_name").report("is missing beside key_secret.", "Write the key's name as the server knows it.")
    if key_secret.absent and not key_name.absent:
        node.field("key_secret").report("is missing beside key_name.", "Write the key's secret, encrypted by Vault.")


def _secret(node: Node) -> None:
    """The value never shows up in a message."""
    remedy = "Copy the secret of the TSIG key (base64), encrypted by Vault."
    if node.absent:
        return
    if not isinstance(node.value, str):
        node.report("is not text.", remedy)
        return
    try:
        if len(base64.b64decode(node.value, validate=True)) >= 8:
            return
    except (binascii.Error, ValueError):
        node.report("is not base64.", remedy)
        return
    node.report("is too short for a key.", remedy)


def _address(text: str) -> str:
    return addresses.parse_address(text).text


def _key_name(text: str) -> str:
    if not _NAME.match(text.lower()):
        raise ValueError("is not a key name")
    return text
