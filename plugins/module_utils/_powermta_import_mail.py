# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Who sends what in a PowerMTA configuration: sender domains with their keys, networks and SMTP users. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import Any, Union

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_lines import YES, Lines
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_pools import Pools
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block, Setting
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_view import LOCAL, NO_POOL, key_file

Plain = dict[str, Any]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
SELECTOR = "mf1"
_NAME = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)+"
# /@example\.com$/, also with several names and without the end.
_SENDER = re.compile(r"/(?:\(\?i\))?(?:\^?\.[*+])?@(?:\((?:\?:)?)?((?:[\w.|-]|\\[.-])+)\)?\$?/i?\Z")
_TARGET = re.compile(r"virtual-mta=\"?([^\s\",]+)")
# What the role prints into sources.
_EVERYBODY = {
    "smtp_service": "yes", "allow_starttls": "yes", "require_auth": "yes", "require_starttls_before_auth": "yes",
    "add_date_header": "yes", "add_message_id_header": "yes", "hide_message_source": "yes",
}  # fmt: skip


class Mail:
    def __init__(self, lines: Lines, pools: Pools) -> None:
        self._lines = lines
        self._pools = pools
        self.domains: dict[str, Plain] = {}
        self.applications: dict[str, Plain] = {}
        self.passwords: dict[str, str] = {}
        self.message_size: int | None = None
        self._sources = {block.argument: block for block in lines.root.blocks if block.tag == "source"}
        self._lists: dict[str, list[str]] = {}
        self._signed: dict[str, str] = {}
        self._networks: list[tuple[Network, list[str]]] = []
        keys = [
            setting.value.split(",") for block in (lines.root, *lines.root.all()) for setting in block.of("domain-key")
        ]
        self._keyed = {parts[1].strip().lower() for parts in keys if len(parts) == 3}
        for block in lines.root.blocks:
            if block.tag == "pattern-list":
                self._list(block)
        for block in self._sources.values():
            self._source(block)
        for block in lines.root.blocks:
            if block.tag == "smtp-user":
                self._user(block)
        self._keys()

    # ---- lists of senders --------------------------------------------------------------------------------------------

    def _list(self, block: Block) -> None:
        pools = []
        for setting in block.settings:
            target = _TARGET.search(setting.value)
            pool = self._pools.pool_of.get(target[1]) if target else None
            if target and target[1] == NO_POOL and setting.name == "*":
                self._lines.taken(setting)
            elif pool and setting.name == "mail-from" and self._route(setting, pool):
                pools.append(pool)
            elif pool and setting.name == "*":
                pools.append(pool)
                self._lines.taken(setting)
                self._lines.note(
                    setting, f"mail of senders that the model does not name goes to no pool, not to {pool}."
                )
        # The role names a list by its pools, some of which may have no domain.
        own = [part for part in block.argument.split("+") if part in self._pools.pools]
        named = own if "+".join(own) == block.argument else []
        self._lists[block.argument] = list(dict.fromkeys(named or pools))

    def _route(self, setting: Setting, pool: str) -> bool:
        pattern = setting.value[: setting.value.rfind("virtual-mta=")].strip()
        match = _SENDER.match(pattern)
        names = match[1].replace("\\", "").lower().split("|") if match else []
        if not names or not all(re.fullmatch(_NAME, name) for name in names):
            return False
        self._lines.taken(setting)
        if len(names) == 2 and self._is_return_path(names[1], names[0]):
            self._domain(setting, names[0], pool, names[1])
        else:
            for name in names:
                self._domain(setting, name, pool, name)
        return True

    def _is_return_path(self, name: str, domain: str) -> bool:
        return name.endswith(f".{domain}") or (domain in self._keyed and name not in self._keyed)

    def _domain(self, where: Setting, name: str, pool: str, return_path: str) -> None:
        entry: Plain = {"pool": pool}
        if return_path != f"bounce.{name}":
            entry["return_path"] = return_path
        known = self.domains.setdefault(name, entry)
        if known["pool"] != pool:
            self._lines.note(where, f"{name} stays in the pool {known['pool']}: a sender domain has one pool.")

    # ---- keys --------------------------------------------------------------------------------------------------------

    def _keys(self) -> None:
        for block in (self._lines.root, *self._lines.root.all("virtual-mta")):
            for setting in self._lines.all(block, "domain-key"):
                parts = [part.strip().strip('"') for part in setting.value.split(",")]
                if len(parts) == 3:
                    self._key(setting, block, *parts)

    def _key(self, setting: Setting, block: Block, selector: str, domain: str, path: str) -> None:
        lines, domain = self._lines, domain.lower()
        if domain == "*":
            lines.note(setting, "domain-key * signs for every domain: in the model each domain has a key of its own.")
            return
        if domain not in self.domains:
            pool = self._pools.pool_of.get(block.argument) or self._only_pool()
            if pool is None:
                lines.note(setting, f"{domain} has a key, but no list of senders says by which pool it is sent.")
                return
            self.domains[domain] = {"pool": pool}
        entry = self.domains[domain]
        if domain in self._signed:
            lines.note(setting, f"{domain} has the selector {self._signed[domain]}: a second key comes by a rotation.")
            return
        self._signed[domain] = selector
        if selector != SELECTOR:
            entry["selector"] = selector
        if path != key_file(domain, selector):
            lines.note(
                setting, f"copy the key {path} to {key_file(domain, selector)} on the sender before the first run."
            )

    def _only_pool(self) -> str | None:
        """The pool of mail that nothing else tells apart."""
        if len(self._pools.pools) == 1:
            return next(iter(self._pools.pools))
        defaults = {
            self._pools.pool_of.get(source.last("default-virtual-mta") or "") for source in self._sources.values()
        }
        defaults.discard(None)
        return defaults.pop() if len(defaults) == 1 else None

    # ---- who may submit ----------------------------------------------------------------------------------------------

    def _source(self, block: Block) -> None:
        lines = self._lines
        pools = self._pools_of(block)
        if block.argument in ("0/0", "0.0.0.0/0"):
            lines.expect(block, **_EVERYBODY)
            self._no_pool(block)
            size = re.fullmatch(r"(\d+)([kKmM])", block.last("max-message-size") or "")
            if size:
                lines.take(block, "max-message-size")
                self.message_size = int(size[1]) * (1024 if size[2] in "kK" else 1024 * 1024)
            if (block.last("always-allow-relaying") or "no") in YES and (block.last("require-auth") or "no") not in YES:
                lines.note(
                    block,
                    "<source 0/0> lets everybody send through this server. In the model nobody may without a password.",
                )
        elif block.argument.startswith("{"):
            lines.expect(block, always_allow_relaying="yes", smtp_service="yes", require_auth="no", allow_auth="no")
            self._no_pool(block)
        elif (block.last("always-allow-relaying") or "no") in YES:
            lines.expect(block, always_allow_relaying="yes", require_auth="no", smtp_service="yes")
            self._network(block, pools)

    def _no_pool(self, block: Block) -> None:
        if block.last("default-virtual-mta") == NO_POOL:
            self._lines.take(block, "default-virtual-mta")

    def _pools_of(self, block: Block) -> list[str]:
        """By which pools mail from this source may leave."""
        found: list[str] = []
        for setting in block.of("pattern-list"):
            if setting.value in self._lists:
                found += self._lists[setting.value]
                self._lines.taken(setting)
        for setting in block.of("default-virtual-mta"):
            pool = self._pools.pool_of.get(setting.value)
            if pool:
                found.append(pool)
                self._lines.taken(setting)
        return list(dict.fromkeys(found))

    def _network(self, block: Block, pools: list[str]) -> None:
        try:
            network = ipaddress.ip_network(block.argument, strict=False)
        except ValueError:
            self._lines.note(block, f"{block.argument} is no network that can be carried over.")
            return
        if any(network == local or _inside(network, local) for local in map(ipaddress.ip_network, LOCAL)):
            return
        if not pools:
            self._lines.note(block, f"{block.argument} may send, but by which pool does not follow from here.")
        self._networks.append((network, pools))

    def networks(self) -> dict[str, list[str]]:
        """By pool. A wider network of the same pool says it already, but each line here is some pool's own."""
        found: dict[str, list[str]] = {}
        for network, pools in self._networks:
            own = [
                pool
                for pool in pools
                if not any(pool in wide and _inside(network, other) for other, wide in self._networks)
            ]
            for pool in own or pools[:1]:
                found.setdefault(pool, []).append(str(network))
        return {pool: sorted(networks, key=_order) for pool, networks in found.items()}

    def _user(self, block: Block) -> None:
        lines = self._lines
        password = lines.take(block, "password")
        source = lines.take(block, "source") or "{auth}"
        pools = self._pools_of(self._sources[source]) if source in self._sources else []
        pool = pools[0] if pools else self._only_pool()
        if pool is None:
            lines.note(
                block, f"SMTP user {block.argument}: by which pool it sends does not follow from its source {source}."
            )
            return
        if len(pools) > 1:
            lines.note(
                block, f"SMTP user {block.argument} may use {' and '.join(pools)} here, and {pool} in the model."
            )
        secret = "vault_" + re.sub(r"\W", "_", block.argument.lower())
        self.applications[block.argument] = {
            "pool": pool,
            "password": f"{{{{ {secret}_password }}}}",
            "password_hash": f"{{{{ {secret}_password_hash }}}}",
        }
        if password:
            password = re.sub(r'\A"(.*)"\Z', r"\1", password)
            self.passwords[block.argument] = hashlib.sha256(password.encode()).hexdigest()


def _order(text: str) -> tuple[int, int]:
    network = ipaddress.ip_network(text)
    return network.version, int(network.network_address)


def _inside(network: Any, other: Any) -> bool:
    return bool(network != other and network.version == other.version and network.subnet_of(other))
