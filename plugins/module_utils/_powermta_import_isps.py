# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The ISP profiles of a PowerMTA configuration: its rollups, macros and <domain> blocks against those shipped. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_import_lines import (
    YES,
    Lines,
    duration,
    rate,
    seconds,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_view import powermta_view

Plain = dict[str, Any]
ROLLUP = ".rollup"
_MACRO = re.compile(r"\$\{?([A-Za-z0-9_]+)\}?")
_ONE_UNIT = re.compile(r"\d+[smhd]\Z")
_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass
class Found:
    """What the configuration says of one profile."""

    name: str
    tags: list[str] = field(default_factory=list)
    domains: set[str] = field(default_factory=set)
    complete: bool = False  # the domains are all there are, by a macro
    rollups: set[tuple[str, bool]] = field(default_factory=set)
    own_queue: bool = True  # the rollup queue has the name of the profile, so its hosts are all there are
    settings: Plain = field(default_factory=dict)


class Profiles:
    """Every <domain> tag of the configuration belongs to one profile."""

    def __init__(self, lines: Lines, shipped: Mapping[str, model.Isp]) -> None:
        self._lines = lines
        self._shipped = shipped
        self._of_domain = {domain: isp.name for isp in shipped.values() for domain in isp.domains}
        self._of_mx = {mx: isp.name for isp in shipped.values() for mx in isp.mx}
        self._macros: dict[str, list[str]] = {}
        for setting in lines.all(lines.root, "domain-macro"):
            macro, _blank, words = setting.value.replace("\t", " ").partition(" ")
            self._macros[macro] = [item.strip().lower() for item in words.split(",") if item.strip()]
        self._queues = self._rollup_names()
        self.found: dict[str, Found] = {}
        self.profile_of: dict[str, str] = {}
        for name, items in self._macros.items():
            if "." in "".join(items) and not items[0].startswith("."):
                self._add(f"${name}")
        for block in lines.root.all("domain"):
            self._add(block.argument, block)
        for target, name in self._queues.items():
            found = self._one(name)
            found.rollups |= self._rollups.get(target, set())
            found.own_queue = found.own_queue and target == name + ROLLUP
        self._settings()

    def _rollup_names(self) -> dict[str, str]:
        """The profile of each rollup queue, by its name or by MX hosts that a shipped profile has, too."""
        self._rollups: dict[str, set[tuple[str, bool]]] = {}
        for block in self._lines.root.all("mx-rollup-list"):
            for setting in self._lines.all(block, "mx"):
                words = setting.value.lower().split()
                if len(words) > 1:
                    self._rollups.setdefault(words[1], set()).add((words[0], "rollup-by-ip" in words[2:]))
        found = {}
        for queue, entries in self._rollups.items():
            name = slug(queue[: -len(ROLLUP)] if queue.endswith(ROLLUP) else queue)
            known = {self._of_mx[mx] for mx, _by_ip in entries if mx in self._of_mx}
            found[queue] = known.pop() if len(known) == 1 else name
        return found

    def _one(self, name: str) -> Found:
        return self.found.setdefault(name, Found(name))

    def _add(self, tag: str, block: Block | None = None) -> None:
        tag = tag.lower() if not tag.startswith("$") else tag
        if tag in self.profile_of or tag.startswith("{"):
            return
        macro = _MACRO.search(tag)
        domains: list[str] = []
        complete = False
        if tag == "*":
            name = model.DEFAULT_ISP
        elif tag.endswith(ROLLUP):
            name = self._queues.get(tag) or slug(tag[: -len(ROLLUP)])
        elif macro:
            items = self._macros.get(macro[1], [])
            domains = [_MACRO.sub(item.replace("\\", ""), tag, count=1).replace("..", ".") for item in items]
            name = self._named(slug(macro[1]), domains)
            complete = tag == macro[0] and name == slug(macro[1])
        elif tag.startswith(("*.", "[")):
            if block:
                self._lines.whole(
                    block, f"{block.title} is about names below a domain, and profiles have whole names or MX."
                )
            return
        else:
            domains = [tag]
            name = self._named(slug(tag), domains)
        found = self._one(name)
        found.tags.append(tag)
        found.domains |= set(domains)
        found.complete = found.complete or complete
        self.profile_of[tag] = name

    def _named(self, name: str, domains: list[str]) -> str:
        known = {self._of_domain[domain] for domain in domains if domain in self._of_domain}
        if name not in self._shipped and len(known) == 1:
            return known.pop()
        return name

    # ---- what the global <domain> blocks say -------------------------------------------------------------------------

    def _settings(self) -> None:
        for block in self._lines.root.blocks:
            name = self.profile_of.get(block.argument.lower() if "$" not in block.argument else block.argument)
            if block.tag == "domain" and name:
                self._domain(block, self.found[name])

    def _domain(self, block: Block, found: Found) -> None:
        lines, said = self._lines, found.settings
        for setting in block.of("queue-to"):
            lines.note(setting, "queue-to is not carried over: list the domain in the profile whose queue it is.")
        number = lines.take(block, "max-msg-per-connection")
        if number and number.isdecimal() and int(number):
            self._say(block, said, "messages_per_connection", int(number))
        limit = lines.take(block, "max-msg-rate")
        if limit and (own := rate(limit)):
            if not own[1]:
                lines.note(block, f"max-msg-rate {limit} becomes {own[0]}, because rates are for an hour at most.")
            self._say(block, said, "message_rate", own[0])
        retry = lines.take(block, "retry-after")
        if retry:
            first = retry.split(",")[0].strip()
            span = seconds(first)
            if span is None or not 60 <= span <= 86400 or first != retry:
                lines.note(block, f"retry-after {retry} is not carried over whole: one interval from 1m to 1d fits.")
            if span is not None and 60 <= span <= 86400:
                self._say(block, said, "retry_after", first if _ONE_UNIT.match(first) else duration(span))
        tls = self._tls(block)
        if tls:
            self._say(block, said, "tls", tls)

    def _tls(self, block: Block) -> str | None:
        """Nothing where the configuration says nothing: then the shipped profile knows better."""
        if not any(block.of("use-starttls", "use-dane", "require-starttls")):
            return None
        self._lines.expect(block, use_starttls="yes")
        if (self._lines.take(block, "use-dane") or "no") in YES:
            self._lines.take(block, "require-starttls")
            return "dane"
        return "encrypt" if (self._lines.take(block, "require-starttls") or "no") in YES else "may"

    def _say(self, block: Block, said: Plain, key: str, value: Any) -> None:
        if said.setdefault(key, value) != value:
            self._lines.note(block, f"{key} is {value} here and {said[key]} in another block of the same profile.")

    # ---- against the shipped profiles --------------------------------------------------------------------------------

    def overlay(self) -> dict[str, Plain]:
        """fleet_isps without the connections: what differs from the shipped profiles, and profiles of its own."""
        return {name: entry for name, found in sorted(self.found.items()) if (entry := self._entry(found))}

    def _entry(self, found: Found) -> Plain:
        own = self._shipped.get(found.name)
        base = own or self._shipped[model.DEFAULT_ISP]
        other = self.found.get(model.DEFAULT_ISP, Found("")).settings
        entry = {}
        for key, value in found.settings.items():
            default = getattr(base, key) if own else other.get(key, getattr(base, key))
            if value != default:
                entry[key] = value
        if own and own.message_rate and "message_rate" not in found.settings and found.tags:
            self._lines.note(self._lines.root, f"profile {found.name} has a rate here and none in the configuration.")
        shown = set(own.domains) if own else set()
        if found.domains and (found.domains != shown if found.complete else not found.domains <= shown):
            entry["domains"] = sorted(found.domains if found.complete else found.domains | shown)
        if found.rollups:
            hosts = {mx for mx, _by_ip in found.rollups}
            known = set(own.mx) if own and not found.own_queue else set()
            if not found.own_queue and not hosts <= known:
                entry["mx"] = sorted(hosts | known)
            elif found.own_queue and (own is None or found.rollups != printed_rollups(own)):
                entry["mx"] = sorted(hosts)
        return entry


def slug(name: str) -> str:
    return _SLUG.sub("-", name.lower()).strip("-")[:32] or "profile"


def printed_rollups(isp: model.Isp) -> set[tuple[str, bool]]:
    """The lines of <mx-rollup-list> that the role prints of a profile."""
    row = {**vars(isp), "domains": list(isp.domains), "mx": list(isp.mx)}
    view = {"isps": [row], "pools": [], "signing": [], "entry": None}
    lines = powermta_view(view, {"message_rate": "60/h"})["rollups"]
    return {(line["mx"], line["by_ip"]) for line in lines}
