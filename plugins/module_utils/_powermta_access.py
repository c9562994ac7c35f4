# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Who may do what: the web monitor, relaying, and the files of keys. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable, Optional

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import items, unquote, words
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import WARNING, Block, Config
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_values import Network, network

# The mode of a file, 0 when it is missing in a directory that can be seen, None when nothing can be said.
Mode = Callable[[str], Optional[int]]
_YES = ("yes", "true")


def check(config: Config, mode: Mode) -> None:
    _http(config)
    _relaying(config)
    _listeners(config)
    _relay_domains(config)
    _host_name(config)
    _keys(config, mode)


def _http(config: Config) -> None:
    before: dict[tuple[int, int, int], int] = {}
    for setting in config.root.of("http-access"):
        parts = words(setting.value) or []
        net = network(parts[0]) if len(parts) > 1 else None
        if net is None:
            continue
        cover = next((before[key] for key in _around(net) if key in before), None)
        if cover is not None:
            message = (
                f"http-access {parts[0]} is never reached, because line {cover} covers it and the first match wins."
            )
            config.report(setting, WARNING, f"{message} Move it up or remove it.")
        elif net.prefixlen == 0 and parts[1].lower() in ("admin", "operator"):
            message = f"http-access gives everybody the right {parts[1]}. Name the networks of the administrators."
            config.report(setting, WARNING, message)
        before.setdefault(_key(net, net.prefixlen), setting.line)


def _key(net: Network, length: int) -> tuple[int, int, int]:
    return net.version, length, int(net.network_address) >> (net.max_prefixlen - length)


def _around(net: Network) -> Iterator[tuple[int, int, int]]:
    """The keys of the network and of all that it lies in."""
    return (_key(net, length) for length in range(net.prefixlen + 1))


def _relaying(config: Config) -> None:
    for block in config.root.all("source"):
        net = network(block.argument)
        if net is None or net.prefixlen or not _yes(block, "always-allow-relaying") or _yes(block, "require-auth"):
            continue
        if (block.last("smtp-service") or "yes").lower() in _YES:
            message = f"{block.title} lets everybody relay. Write require-auth yes, or name your networks."
            config.report(next(block.of("always-allow-relaying")), WARNING, message)


def _listeners(config: Config) -> None:
    """A named source is for everybody who reaches its listener; what <source 0/0> asks for holds there, too."""
    listening = [words(setting.value) or [] for setting in config.root.of("smtp-listener")]
    listening += [[block.argument, f"source={block.last('source')}"] for block in config.root.all("smtp-listener")]
    outside = {
        word[len("source=") :].lower()
        for where, *rest in filter(None, listening)
        if not _inside(where.rpartition(":")[0])
        for word in rest
        if word.startswith("source=")
    }
    everybody = [block for block in config.root.all("source") if (net := network(block.argument)) and not net.prefixlen]
    if any(_yes(block, "require-auth") for block in everybody):
        return
    for block in config.root.all("source"):
        if (
            block.argument.lower() in outside
            and _yes(block, "always-allow-relaying")
            and not _yes(block, "require-auth")
        ):
            message = (
                f"{block.title} lets everybody relay who reaches its smtp-listener. Write require-auth yes into it."
            )
            config.report(next(block.of("always-allow-relaying")), WARNING, message)


def _inside(address: str) -> bool:
    net = network(address)
    return net is not None and net.prefixlen > 0 and (net.is_loopback or net.is_private)


def _relay_domains(config: Config) -> None:
    for setting in config.root.of("relay-domain"):
        if setting.value == "*":
            message = "relay-domain * accepts mail for every domain from everybody. Name your domains."
            config.report(setting, WARNING, message)


def _yes(block: Block, name: str) -> bool:
    return (block.last(name) or "no").lower() in _YES


def _host_name(config: Config) -> None:
    domains = {(unquote(setting.value) or "").lower() for setting in config.root.of("relay-domain")}
    for setting in config.root.of("host-name"):
        if setting.value.lower() not in domains:
            message = f"host-name {setting.value} also accepts mail for that domain from anybody, as relay-domain does."
            config.report(
                setting, WARNING, f"{message} Write relay-domain too if you mean that, else use a name without mail."
            )


def _keys(config: Config, mode: Mode) -> None:
    for block in [config.root, *config.root.all("virtual-mta", "virtual-mta-pool", "domain-key-list")]:
        for setting in block.of("domain-key"):
            parts = items(setting.value)
            path = unquote(parts[-1]) or ""
            bits = mode(path) if len(parts) == 3 and path.startswith("/") else None
            if bits == 0:
                config.report(setting, WARNING, f"domain-key names {path}, which does not exist. Create the key.")
            elif bits and bits & 0o004:
                message = f"domain-key names {path}, which everybody on this host can read. Remedy: chmod 0640 {path}."
                config.report(setting, WARNING, message)
