# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Rollups, domain macros, and queues that enter backoff mode and never leave it. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import items, unquote, words
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import (
    ERROR,
    WARNING,
    Block,
    Config,
    Setting,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_regex import split
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_rules import looks_complete

_MACRO = re.compile(r"(?<!\\)\$([A-Za-z0-9_]+)")
_RECOVERY = ("backoff-to-normal-after", "backoff-to-normal-after-delivery")


def check(config: Config) -> None:
    domains: dict[str, list[Block]] = {}
    for block in config.root.all("domain"):
        domains.setdefault(block.argument.lower(), []).append(block)
    _rollups(config, domains)
    _macros(config)
    _recovery(config)


def _rollups(config: Config, domains: dict[str, list[Block]]) -> None:
    lines = [setting for block in config.root.all("mx-rollup-list") for setting in block.of("mx")]
    queues = {word.lower() for setting in lines for word in (words(setting.value) or ())[1:2]}
    known = looks_complete(config) or any(name.endswith(".rollup") for name in domains)
    level = ERROR if known and not config.partial else WARNING
    for setting in lines:
        name, queue, by_ip = [*(words(setting.value) or ()), "", "", ""][:3]
        blocks = domains.get(queue.lower(), [])
        hosts = any((block.last("smtp-hosts") or block.last("route") or '""') != '""' for block in blocks)
        if name.startswith("*.") and not by_ip and not hosts:
            message = f"mx {name} is a wildcard, and <domain {queue}> has no smtp-hosts to deliver to."
            config.report(setting, level, f"{message} Add rollup-by-ip to the line, or smtp-hosts to the block.")
        elif not blocks and queue and not config.partial:
            message = f"mx names the queue {queue}, which has no <domain {queue}> with limits of its own."
            config.report(setting, WARNING, f"{message} Add one.")
    for setting in (setting for block in config.root.all("domain") for setting in block.of("queue-to")):
        queue = (unquote(setting.value) or "").lower()
        queues.add(queue)
        if queue.endswith((".rollup", ".queue")) and queue not in domains and not config.partial:
            message = f"queue-to names {queue}, and there is no <domain {queue}> that says where its mail goes."
            config.report(setting, WARNING, f"{message} Add one with smtp-hosts.")
    for name, blocks in domains.items():
        if name.endswith(".rollup") and name not in queues and not config.partial:
            message = (
                f"{blocks[0].title} gets no mail: no mx line and no queue-to names it. Correct the name or remove it."
            )
            config.report(blocks[0], WARNING, message)


def _macros(config: Config) -> None:
    macros: dict[str, Setting] = {}
    for setting in config.root.of("domain-macro"):
        name = setting.value.split()[0] if setting.value else ""
        if name in macros:
            message = (
                f"domain-macro {name} stands in line {macros[name].line} too, and which one counts is not documented."
            )
            config.report(setting, WARNING, f"{message} Rename one.")
        macros.setdefault(name, setting)
    graph = {name: _MACRO.findall(setting.value) for name, setting in macros.items()}
    looped = _looped(graph)
    level = ERROR if not config.partial and (macros or looks_complete(config)) else WARNING
    for name, setting in macros.items():
        if name in looped:
            config.report(
                setting, ERROR, f"domain-macro {name} leads back to a loop of macros. Break the loop in its list."
            )
        for other in graph[name]:
            if other not in macros:
                message = f"domain-macro {name} uses ${other}, which is not defined. Define it before."
                config.report(setting, level, message)
    for where, title, value in _uses(config):
        for name in dict.fromkeys(_MACRO.findall(value)):
            if name not in macros:
                message = f"{title} uses the macro {name}, which is not defined. Write domain-macro {name} DOMAINS."
                config.report(where, level, message)
            elif macros[name].file == where.file and macros[name].line > where.line:
                message = f"{title} uses the macro of line {macros[name].line}, which is behind it. Define it before."
                config.report(where, WARNING, message)


def _uses(config: Config) -> Iterator[tuple[Setting | Block, str, str]]:
    """Where macros may stand: the block or the line, how to call it, and the part of it that may hold them."""
    root = config.root
    yield from ((block, block.title, block.argument) for block in root.all("domain"))
    lists = [(root, "relay-domain"), *((block, "domain") for block in root.all("address-list"))]
    keys = [(block, "domain-key") for block in (root, *root.all("virtual-mta", "virtual-mta-pool", "domain-key-list"))]
    for block, name in (*lists, *keys):
        for setting in block.of(name):
            domain = (*items(setting.value), "")[1] if name == "domain-key" else setting.value
            yield setting, f"{name} {domain}", domain


def _looped(graph: dict[str, list[str]]) -> set[str]:
    """The macros in loops: what is left when those that use no other one are taken away again and again."""
    users: dict[str, list[str]] = {}
    uses = {name: sum(other in graph for other in set(others)) for name, others in graph.items()}
    for name, others in graph.items():
        for other in set(others):
            users.setdefault(other, []).append(name)
    free = [name for name, count in uses.items() if not count]
    left = set(graph)
    while free:
        name = free.pop()
        left.discard(name)
        for user in users.get(name, ()):
            uses[user] -= 1
            if not uses[user]:
                free.append(user)
    return left


def _recovery(config: Config) -> None:
    """mode=backoff without a way back: the default of backoff-to-normal-after is never."""
    stuck = {block.argument.lower(): block for block in config.root.all("smtp-pattern-list") if _enters(block)}
    leaving = {(id(block.parent), block.argument.lower()) for block in config.root.all("domain") if _leaves(block)}
    top = id(config.root)
    for block in config.root.all("domain"):
        setting = next(block.of("smtp-pattern-list"), None)
        if setting is None or (unquote(setting.value) or "").lower() not in stuck or config.partial:
            continue
        names = {block.argument.lower(), *_general(block.argument)}
        if not any((place, name) in leaving for name in names for place in (id(block.parent), top)):
            message = f"{block.title} enters backoff mode by {setting.value} and never leaves it."
            config.report(setting, WARNING, f"{message} Write backoff-to-normal-after 1h into the block.")


def _enters(block: Block) -> bool:
    for setting in block.of("reply"):
        parts = split(setting.value)
        actions = items(parts[1]) if parts else []
        if "mode=backoff" in actions and not any(action.startswith("backoff-to-normal-after=") for action in actions):
            return True
    return False


def _leaves(block: Block) -> bool:
    return any(block.last(name) not in (None, "never", "no", "false", "0") for name in _RECOVERY)


def _general(name: str) -> Iterator[str]:
    """The patterns that also cover a domain, from near to far."""
    labels = re.sub(r"^(\[\*\.\]|\*\.)", "", name.lower()).split(".")
    for start in range(len(labels)):
        parent = ".".join(labels[start:])
        yield from (parent, f"*.{parent}", f"[*.]{parent}")
    yield "*"
