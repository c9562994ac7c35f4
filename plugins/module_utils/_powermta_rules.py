# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Rules over whole blocks: what may stand once, what must stand, what excludes what, what can never act. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_facts as facts
from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_table as table
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import items, unquote
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import (
    ERROR,
    WARNING,
    Block,
    Config,
    Setting,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_regex import split

_BARE = frozenset(facts.BARE_BLOCKS.split())
_SECONDS = {"d": 86400, "day": 86400, "h": 3600, "hr": 3600, "m": 60, "min": 60, "s": 1, "sec": 1}
# Directives that a block needs. The guides show such blocks in parts, so only a whole configuration must have them.
_REQUIRED = {"proxy": ("server", "client"), "transmissions-api-listener": ("tls-certificate",)}
# What says where a virtual MTA sends from, and what it has in a <domain> that delivers without that.
_SOURCES = (
    "smtp-source-host",
    "smtp-proxy-source-host",
    "smtp-source-ip",
    "auto-cold-virtual-mta",
    "use-proxy",
    "include",
)
_WITHOUT_SOURCE = ("type", "smtp-hosts", "route", "queue-to", "include")
_RATES = ("msg-rate", "connect-rate", "data-volume-rate")


def check(config: Config) -> None:
    _whole(config)
    _repeated_blocks(config)
    required = ERROR if looks_complete(config) else WARNING
    anywhere = required == WARNING or config.partial or any(config.root.of(*_SOURCES))
    for block in [config.root, *config.root.all()]:
        _repeated(config, block)
        _required(config, block, required)
        _after_catch_all(config, block)
        _after_their_parent(config, block)
        if block.tag == "domain":
            _rates(config, block)
        if block.tag == "virtual-mta":
            _sources(config, block)
            if not anywhere:
                _unsourced(config, block)
        if block.tag == "smtp-user":
            _user(config, block)


def looks_complete(config: Config) -> bool:
    """A whole configuration, and not a part that another one includes."""
    root = config.root
    signs = ("log-file", "postmaster", "smtp-listener", "smtp-port", "http-mgmt-port", "run-as-root", "spool")
    found = {name for name in signs if root.last(name) is not None}
    found.update("spool" for block in root.blocks if block.tag == "spool")
    return len(found) >= (2 if "spool" in found else 3)


def _whole(config: Config) -> None:
    root = config.root
    if config.partial or not looks_complete(config):
        return
    if root.last("log-file") in (None, '""'):
        config.report(root, ERROR, "No log-file is set, and PowerMTA does not start without. Write log-file /PATH.")
    if root.last("spool") is None and not any(block.tag == "spool" for block in root.blocks):
        config.report(root, WARNING, "No spool directory is set, and PowerMTA needs one. Write <spool DIRECTORY>.")


def _repeated_blocks(config: Config) -> None:
    seen: dict[tuple[int, str, str], Block] = {}
    for block in config.root.all():
        key = (id(block.parent), block.tag, block.argument.lower())
        first = seen.setdefault(key, block)
        nameless = block.tag in ("address-list", "pattern-list") and not block.argument
        if first is block or block.tag not in facts.BLOCKS or nameless:
            continue
        where = f"{block.title} stands here and in line {first.line} of {first.file}"
        if block.tag == "vault":
            config.report(block, ERROR, f"{where}, and only one is allowed. Remove one.")
        elif block.tag in ("virtual-mta", "virtual-mta-pool") and block.argument != first.argument:
            message = f"{block.title} differs from {first.title} in line {first.line} only by case. Rename one of them."
            config.report(block, WARNING, message)
        else:
            config.report(block, WARNING, f"{where}, and how they are merged is not documented. Join them.")


def _repeated(config: Config, block: Block) -> None:
    known = table.DIRECTIVES.get(block.tag, {})
    first: dict[str, Setting] = {}
    exact: set[tuple[str, str]] = set()
    for setting in block.settings:
        before = first.setdefault(setting.name, setting)
        directive = known.get(setting.name)
        if before is setting or directive is None:
            exact.add((setting.name, setting.value))
            continue
        if not directive.repeatable:
            reason = "stands twice, and which one counts is not documented"
            if block.tag == "acct-file" and setting.name == "records":
                # Servers run with two lines all the same.
                reason = "may stand only once, with commas between its types"
            where = f"in line {before.line} too" if before.file == setting.file else f"in {before.file} too"
            message = f"{setting.name} {reason}: it is {where}. Remove one."
            config.report(setting, WARNING, message)
        elif (setting.name, setting.value) in exact and setting.name != "include":
            config.report(setting, WARNING, f"{setting.name} {setting.value[:60]} stands twice. Remove one.")
        exact.add((setting.name, setting.value))


def _required(config: Config, block: Block, level: str) -> None:
    for setting in block.of(facts.LEFT_OUT):
        config.report(setting, level, '"..." stands for lines that were left out. Write them, or remove it.')
    for name in _REQUIRED.get(block.tag, ()):
        if block.last(name) is None:
            config.report(block, level, f"{block.title} has no {name}, which it needs. Write {name} VALUE into it.")


def _after_catch_all(config: Config, block: Block) -> None:
    """Lines that can never act, because one before them takes everything."""
    catch_all: dict[str, Setting] = {}
    for setting in block.settings:
        kind = setting.name if setting.name in ("domain-key", "http-access") else block.tag
        if kind == "pattern-list" and setting.name in ("*", "mail-from", "rcpt-to", "header"):
            takes_all = setting.name == "*"
        elif kind == "bounce-category-patterns" and setting.name == "/":
            parts = split(setting.value)
            takes_all = parts is not None and parts[0] in ("", ".*", ".")
        elif kind == "domain-key":
            parts_of_key = items(setting.value)
            takes_all = len(parts_of_key) == 3 and parts_of_key[1] == "*"
        else:
            continue
        if kind in catch_all:
            message = f"{setting.name} is never reached, because line {catch_all[kind].line} takes everything."
            shown = "This pattern" + message[1:] if setting.name == "/" else message
            config.report(setting, WARNING, f"{shown} Move that line to the end.")
        elif takes_all:
            catch_all[kind] = setting


def _after_their_parent(config: Config, block: Block) -> None:
    """Keys that never sign, because one before them is for the same domain or one above it."""
    before: dict[str, Setting] = {}
    for setting in block.of("domain-key"):
        parts = [unquote(part) or "" for part in items(setting.value)]
        if len(parts) != 3 or parts[1] == "*":
            continue
        domain = parts[1].lower()
        labels = domain.split(".")
        above = (".".join(labels[start:]) for start in range(len(labels)))
        first = next((before[name] for name in above if name in before), None)
        if first is not None and first.value != setting.value:
            message = f"domain-key for {parts[1]} never signs, because line {first.line} signs for it."
            config.report(setting, WARNING, f"{message} Move this line before it, or remove one.")
        before.setdefault(domain, setting)


def _rates(config: Config, block: Block) -> None:
    for name in _RATES:
        backoff = next(block.of(f"backoff-max-{name}"), None)
        normal = block.last(f"max-{name}")
        if backoff is None or normal is None:
            continue
        slow, fast = per_second(backoff.value), per_second(normal)
        if slow is not None and fast is not None and slow > fast:
            message = f"{backoff.name} {backoff.value} is more than max-{name} {normal}, so backoff mode speeds up."
            config.report(backoff, WARNING, f"{message} Write a lower rate.")


def per_second(rate: str) -> float | None:
    if rate in ("0", "unlimited"):
        return float("inf")
    match = re.fullmatch(r"(\d{1,15})([bkmgt]?)/(\d{0,15})([a-z]+)", rate.lower())
    if not match or match[4] not in _SECONDS:
        return None
    factor = 1024 ** " kmgt".index(match[2]) if match[2] in ("k", "m", "g", "t") else 1
    return int(match[1]) * factor / (int(match[3] or 1) * _SECONDS[match[4]] or 1)


def _sources(config: Config, block: Block) -> None:
    proxied = next(block.of("smtp-proxy-source-host"), None)
    if proxied:
        for other in block.of("smtp-source-host", "use-proxy"):
            message = (
                f"{other.name} cannot stand beside smtp-proxy-source-host of line {proxied.line}. Keep one of them."
            )
            config.report(other, ERROR, message)


def _unsourced(config: Config, block: Block) -> None:
    """A virtual MTA without an address of its own, unless it delivers in a way that needs none."""
    if not any(block.of(*_SOURCES)) and not any(any(place.of(*_WITHOUT_SOURCE)) for place in block.all("domain")):
        message = f"{block.title} has no smtp-source-host, so it sends from the address that the system chooses."
        config.report(block, WARNING, f"{message} Write smtp-source-host ADDRESS HOST-NAME into it.")


def _user(config: Config, block: Block) -> None:
    method = block.last("authentication-method") or "password"
    if method == "password" and block.last("password") is None:
        config.report(
            block, WARNING, f"{block.title} has no password, so nobody can log in. Write password SECRET into it."
        )
