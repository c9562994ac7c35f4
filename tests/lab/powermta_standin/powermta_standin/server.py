# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The configuration as the daemon uses it. Pure: it is made of what the strict reader read."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import items, words
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block, Config

from . import replies, reports, values
from .domains import Domains, Settings, macros, settings
from .patterns import PatternList
from .rollup import Rollup

DEFAULT = "{default}"
DEFAULT_LISTENER = "0.0.0.0:25"


class StartupError(Exception):
    """Why a configuration that can be read cannot be used."""


@dataclass(frozen=True)
class Key:
    selector: str
    domain: str
    path: str


@dataclass(frozen=True)
class Vmta:
    """A virtual MTA, or a pool of them with members."""

    name: str
    sources: tuple[tuple[str, str], ...]
    members: tuple[str, ...]
    keys: tuple[Key, ...]
    cold: tuple[str, ...]
    domains: Domains
    max_smtp_out: int | None


@dataclass(frozen=True)
class Listener:
    host: str
    port: int
    source: str


@dataclass(frozen=True)
class User:
    password: str
    source: str


class Server:
    def __init__(self, config: Config, defaults: Config) -> None:
        self.root = config.root
        self.settings = settings(config.root)
        if "log-file" not in self.settings:
            raise StartupError("Startup error: No logging file specified")
        known = macros(config.root)
        self.domains = Domains(config.root.blocks, known)
        self.keys = _keys(config.root)
        self.vmtas = {DEFAULT: _vmta(config.root, DEFAULT, Domains([], known))}
        for block in config.root.all("virtual-mta", "virtual-mta-pool"):
            self.vmtas[block.argument] = _vmta(block, block.argument, Domains(block.blocks, known))
        self.sources = {block.argument: block for block in config.root.all("source")}
        self.users = {
            block.argument: User(_last(block, "password"), _last(block, "source"))
            for block in config.root.all("smtp-user")
        }
        self.listeners = list(_listeners(config.root))
        self.pattern_lists = {
            block.argument: PatternList(block) for block in config.root.blocks if block.tag == "pattern-list"
        }
        self.reply_lists = {block.argument: replies.read(block) for block in config.root.all("smtp-pattern-list")}
        self.rollup = Rollup(config.root.all("mx-rollup-list"))
        self.categories = [
            replies.category(setting.value)
            for root in (config.root, defaults.root)
            for block in root.all("bounce-category-patterns")
            for setting in block.settings
        ]
        self.processors = {
            kind: reports.Addresses(list(config.root.all(kind))) for kind in (reports.BOUNCE, reports.FEEDBACK)
        }
        self.accounting = list(config.root.all("acct-file"))
        self.queue_settings = functools.lru_cache(maxsize=4096)(self._queue_settings)

    def one(self, name: str, default: str = "") -> str:
        return self.settings.get(name, [default])[-1]

    def _queue_settings(self, domain: str, vmta: str, pool: str) -> Settings:
        """What holds for a queue: its virtual MTA over its pool over the global level."""
        merged = dict(self.domains.of(domain))
        for name in (pool, vmta):
            if name in self.vmtas:
                merged |= self.vmtas[name].domains.of(domain)
        return merged

    def key_of(self, vmta: str, pool: str, domain: str) -> Key | None:
        """The first key of this domain or of a parent: those of the virtual MTA, of its pool, then the global ones."""
        lists = [self.vmtas[name].keys for name in (vmta, pool) if name in self.vmtas]
        for key in itertools.chain(*lists, self.keys):
            if key.domain == "*" or domain == key.domain or domain.endswith(f".{key.domain}"):
                return key
        return None

    def source(self, address: str, *named: str) -> Settings:
        """What holds for a client: blocks of its address, from general to specific, then the named ones in turn."""
        client = values.network(address)
        found = []
        for name, block in self.sources.items():
            if name == "0/0":
                found.append((0, block))
            elif name[:1].isdigit() or ":" in name:
                net = values.network(name)
                if net.version == client.version and client.subnet_of(net):  # type: ignore[arg-type]
                    found.append((net.prefixlen, block))
        merged: Settings = {}
        for _length, block in sorted(found, key=lambda pair: pair[0]):
            merged |= settings(block)
        for name in named:
            if name in self.sources:
                merged |= settings(self.sources[name])
        return merged

    def sources_of(self, vmta: str) -> tuple[tuple[str, str], ...]:
        return (self.vmtas[vmta].sources if vmta in self.vmtas else ()) or self.vmtas[DEFAULT].sources

    def accepts_domain(self, domain: str) -> bool:
        """Mail for this domain is taken from anybody."""
        names = [*self.settings.get("relay-domain", []), *self.settings.get("host-name", [])]
        return any(_covers(name.lower(), domain) for name in names)


def _covers(name: str, domain: str) -> bool:
    """DOMAIN, *.DOMAIN for what is below, [*.]DOMAIN for both."""
    bare = name.removeprefix("[*.]").removeprefix("*.")
    return (domain == bare and not name.startswith("*.")) or (name[:1] in "[*" and domain.endswith(f".{bare}"))


def _last(block: Block, name: str) -> str:
    return (block.last(name) or "").strip('"')


def _keys(block: Block) -> tuple[Key, ...]:
    return tuple(Key(*(part.strip('"') for part in items(setting.value))) for setting in block.of("domain-key"))


def _vmta(block: Block, name: str, domains: Domains) -> Vmta:
    hosts = [words(setting.value) or [] for setting in block.of("smtp-source-host")]
    members = [setting.value for setting in block.of("virtual-mta")] if block.tag == "virtual-mta-pool" else []
    return Vmta(
        name,
        tuple((str(address), helo) for net, helo in hosts for address in values.network(net).hosts()),
        tuple(members),
        _keys(block) if name != DEFAULT else (),
        tuple(setting.value for setting in block.of("cold-virtual-mta")),
        domains,
        values.count(block.last("max-smtp-out") or "0") if name != DEFAULT else None,
    )


def _listeners(root: Block) -> Iterator[Listener]:
    written = [words(setting.value) or [] for setting in root.of("smtp-listener")]
    written += [[block.argument, f"source={_last(block, 'source')}"] for block in root.all("smtp-listener")]
    for where, *rest in written or [[DEFAULT_LISTENER]]:
        address, _colon, port = where.rpartition(":")
        source = rest[0].partition("=")[2] if rest else ""
        yield Listener(str(values.network(address).network_address), int(port), source)


def key_files(server: Server) -> Iterable[str]:
    lists = [server.keys, *(vmta.keys for vmta in server.vmtas.values())]
    return sorted({key.path for keys in lists for key in keys})
