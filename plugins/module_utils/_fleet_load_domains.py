# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading fleet_domains, their profiles and warm-ups. Private to the collection, pure."""

from __future__ import annotations

import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils import _names as names
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_load_published import published
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Node, shown

_NAME_REMEDY = "Write a registered domain or a name below one, such as example.com."


_DEFAULT_PROFILES = {kinds[0]: name for name, kinds in reversed(model.DOMAIN_PROFILES.items()) if kinds}
Templates = t.Mapping[str, model.Published]


def domains(
    node: Node, profiles: Node, default_selector: Node, pools: t.Mapping[str, model.Pool]
) -> dict[str, model.Domain]:
    templates = _templates(profiles)
    fallback = default_selector.parsed(names.selector, "mf1", "Write a selector such as mf1.") or "mf1"
    found: dict[str, model.Domain] = {}
    spelled: dict[str, str] = {}
    for text, entry in node.entries():
        name = _name(text, entry)
        if name in spelled:
            entry.report(f"is the same domain as '{spelled[name]}'.", "Keep one of the two entries.")
            continue
        domain = _domain(name, entry, fallback, templates, pools)
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


def _templates(node: Node) -> Templates:
    """What each profile says for its domains."""
    found = {name: model.Published() for name in model.DOMAIN_PROFILES}
    found[model.PARKED] = model.Published(dmarc={"policy": "reject"})
    for name, entry in node.entries():
        if name not in found:
            near = names.did_you_mean(name, found)
            hint = f"Did you mean '{near}'?" if near else f"The profiles are {', '.join(found)}."
            entry.report("is no profile of a domain.", hint)
        entry.record(model.PROFILE_KEYS)
        found[name] = published(entry, found.get(name, model.Published()), name)
    return found


def _domain(
    name: str, node: Node, selector: str, templates: Templates, pools: t.Mapping[str, model.Pool]
) -> model.Domain:
    node.record(model.DOMAIN_KEYS)
    readable = node.absent or isinstance(node.value, dict)
    pool = node.field("pool").text()
    default = _DEFAULT_PROFILES[pools[pool].traffic] if pool in pools else "sending"
    profile = node.field("profile").choice(tuple(model.DOMAIN_PROFILES), default)
    sends = bool(pool) or profile not in model.SENDLESS
    if readable and sends:
        node.field("pool").required_text("Name the pool that sends this domain's mail, or set profile: parked.")
    return model.Domain(
        path=node.path,
        name=name,
        profile=profile,
        pool=pool,
        selector=node.field("selector").parsed(names.selector, selector, "Write a selector such as mf1 or s2026."),
        return_path=node.field("return_path").parsed(
            names.host_name,
            f"bounce.{name}" if sends else name,
            f"Write a name such as bounce.{name or 'example.com'}.",
        ),
        published=published(node, templates[profile], profile),
        warmup=warmup(node.field("warmup"), model.DOMAIN_PLANS),
    )


def warmup(node: Node, plans: t.Sequence[str]) -> dict[str, str]:
    """Plan and start of a warm-up; empty when there is none."""
    if node.absent or not node.record(("plan", "start")):
        return {}
    plan = node.field("plan")
    if plan.absent:
        plan.report("is missing.", f"Name one of: {', '.join(plans)}.")
    return {"plan": plan.choice(plans, plans[0]), "start": node.field("start").date()}
