# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading fleet_domains and warm-ups. Private to the collection, pure."""

from __future__ import annotations

import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils import _names as names
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_dmarc import dmarc
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Node, shown

_NAME_REMEDY = "Write a registered domain or a name below one, such as example.com."


def domains(node: Node, default_selector: Node) -> dict[str, model.Domain]:
    fallback = default_selector.parsed(names.selector, "mf1", "Write a selector such as mf1.") or "mf1"
    found: dict[str, model.Domain] = {}
    spelled: dict[str, str] = {}
    for text, entry in node.entries():
        name = _name(text, entry)
        if name in spelled:
            entry.report(f"is the same domain as '{spelled[name]}'.", "Keep one of the two entries.")
            continue
        domain = _domain(name, entry, fallback)
        if name:
            spelled[name] = text
            found[name] = domain
    return found


def _name(text: str, entry: Node) -> str:
    try:
        name = names.host_name(text)
    except ValueError as fault:
        entry.report(f"{shown(text)} {fault}.", _NAME_REMEDY)
        return ""
    if not names.registrable(name):
        entry.report(f"{shown(text)} is a public suffix that nobody can register.", _NAME_REMEDY)
        return ""
    return name


def _domain(name: str, node: Node, selector: str) -> model.Domain:
    node.record(model.DOMAIN_KEYS)
    remedy = "Name the pool that sends this domain's mail."
    readable = node.absent or isinstance(node.value, dict)
    return model.Domain(
        path=node.path,
        name=name,
        pool=node.field("pool").required_text(remedy) if readable else "",
        selector=node.field("selector").parsed(names.selector, selector, "Write a selector such as mf1 or s2026."),
        return_path=node.field("return_path").parsed(
            names.host_name, f"bounce.{name}", f"Write a name such as bounce.{name or 'example.com'}."
        ),
        mx=_mx(node.field("mx")),
        spf=_spf(node.field("spf")),
        dmarc=dmarc(node.field("dmarc")),
        warmup=warmup(node.field("warmup"), model.DOMAIN_PLANS),
    )


def _mx(node: Node) -> tuple[tuple[int, str], ...]:
    found: list[tuple[int, str]] = []
    for element in node.elements():
        if element.absent:
            element.report("is empty.", "Write {host: mail.example.com, preference: 10}.")
            continue
        if not element.record(("host", "preference")):
            continue
        host = element.field("host")
        if host.absent:
            host.report("is missing.", "Name the mail host, such as mail.example.com.")
        name = host.parsed(names.host_name, "", "Name the mail host (no address), such as mail.example.com.")
        preference = element.field("preference").integer(10, 0, 65535)
        if name and any(name == other for _number, other in found):
            element.report(f"names '{name}' a second time.", "Keep one of the two entries.")
        elif name:
            found.append((preference, name))
    return tuple(sorted(found))


def _spf(node: Node) -> tuple[str, ...]:
    found: list[str] = []
    for element in node.elements():
        term = element.required_text("Fill it in or remove it.")
        if term in found:
            element.report(f"repeats {shown(term)}.", "Remove one of the two.")
        elif term:
            found.append(term)
    return tuple(found)


def warmup(node: Node, plans: t.Sequence[str]) -> dict[str, str]:
    """Plan and start of a warm-up; empty when there is none."""
    if node.absent or not node.record(("plan", "start")):
        return {}
    plan = node.field("plan")
    if plan.absent:
        plan.report("is missing.", f"Name one of: {', '.join(plans)}.")
    return {"plan": plan.choice(plans, plans[0]), "start": node.field("start").date()}
