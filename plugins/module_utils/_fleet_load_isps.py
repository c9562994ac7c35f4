# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading ISP profiles: the shipped ones with the inventory's overlay. Private to the collection, pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils import _names as names
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Node, Problem, shown

_PROFILE_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}\Z")
_RATE = re.compile(r"[1-9][0-9]{0,6}/(s|min|h)\Z")
_CAUTIOUS = model.Isp(
    path="fleet_isp_profiles.other",
    name=model.DEFAULT_ISP,
    connections=5,
    messages_per_connection=20,
    retry_after="10m",
    tls="may",
    domains=(),
    mx=(),
    rollup="provider",
)


def isps(shipped: Node, overlay: Node) -> dict[str, model.Isp]:
    """All profiles, sorted by name; what a profile does not say it has from the profile 'other'."""
    base = dict(shipped.entries())
    edits = dict(overlay.entries())
    other = _CAUTIOUS
    for layer in (base, edits):
        if model.DEFAULT_ISP in layer:
            other = _other(layer[model.DEFAULT_ISP], other)
    found = {model.DEFAULT_ISP: other}
    for name in sorted({*base, *edits} - {model.DEFAULT_ISP}):
        if name in edits and edits[name].value is None:
            _dropped(name, edits[name], base)
            continue
        profile = _profile(name, base[name], other) if name in base else None
        if name in edits:
            _check_name(name, edits[name], base)
            profile = _profile(name, edits[name], profile or other)
        if profile is not None:
            found[name] = profile
    return found


def _other(node: Node, default: model.Isp) -> model.Isp:
    if node.value is None:
        node.report("cannot be dropped: it is the profile of every receiver without one.", "Remove this line.")
        return default
    for key in ("domains", "mx"):
        if not node.field(key).absent and node.field(key).value != []:
            node.field(key).report(
                "has no meaning here: this profile is for every receiver without one.", "Add a profile of its own."
            )
    return _profile(model.DEFAULT_ISP, node, default, patterns=False)


def _dropped(name: str, node: Node, base: dict[str, Node]) -> None:
    if name not in base:
        near = names.did_you_mean(name, base)
        node.report("drops a profile that is not shipped.", f"Did you mean '{near}'?" if near else "Remove this line.")


def _check_name(name: str, node: Node, base: dict[str, Node]) -> None:
    if name in base:
        return
    if not _PROFILE_NAME.match(name):
        node.report(
            f"{shown(name)} is not a profile name.",
            "Use up to 32 lower-case letters, digits and '-', starting with a letter.",
        )
    elif isinstance(node.value, dict) and not node.value.get("domains") and not node.value.get("mx"):
        near = names.did_you_mean(name, base)
        node.report(
            "is a new profile without domains and mx, so no mail would use it.",
            f"Did you mean '{near}'?" if near else "Add domains or mx patterns.",
        )


def _profile(name: str, node: Node, default: model.Isp, patterns: bool = True) -> model.Isp:
    own = default if default.name == name else _without_names(default)
    node.record(model.ISP_KEYS)
    rate = node.field("message_rate")
    return model.Isp(
        path=node.path,
        name=name,
        connections=node.field("connections").integer(own.connections, 1, 1000),
        messages_per_connection=node.field("messages_per_connection").integer(own.messages_per_connection, 1, 100000),
        retry_after=node.field("retry_after").duration(own.retry_after, "1m", "1d"),
        tls=node.field("tls").choice(model.TLS_LEVELS, own.tls),
        domains=_names(node.field("domains"), names.host_name, "example.com", own.domains) if patterns else (),
        mx=_names(node.field("mx"), _mx_pattern, "*.mx.example.com", own.mx) if patterns else (),
        rollup=node.field("rollup").choice(("provider", "site"), own.rollup),
        message_rate=rate.parsed(_rate, own.message_rate, "Write messages and unit, such as 10/s, 100/min or 5000/h."),
    )


def _without_names(isp: model.Isp) -> model.Isp:
    return model.Isp(
        path=isp.path,
        name=isp.name,
        connections=isp.connections,
        messages_per_connection=isp.messages_per_connection,
        retry_after=isp.retry_after,
        tls=isp.tls,
        domains=(),
        mx=(),
        rollup="provider",
        message_rate=isp.message_rate,
    )


def _names(node: Node, parse: t.Callable[[str], str], example: str, default: tuple[str, ...]) -> tuple[str, ...]:
    if node.absent:
        return default
    found = set()
    for element in node.elements():
        if element.absent or element.value == "":
            element.report("is empty.", "Fill it in or remove it.")
        else:
            found.add(element.parsed(parse, "", f"Write a name such as {example}."))
    return tuple(sorted(found - {""}))


def _mx_pattern(text: str) -> str:
    return "*." + names.host_name(text[2:]) if text.startswith("*.") else names.host_name(text)


def _rate(text: str) -> str:
    if not _RATE.match(text):
        raise ValueError("is not a rate")
    return text


def ambiguous(profiles: t.Iterable[model.Isp]) -> list[Problem]:
    """Domains and MX patterns that two profiles claim."""
    problems = []
    for kind in ("domains", "mx"):
        owner: dict[str, model.Isp] = {}
        # A profile of the inventory yields to a shipped one, so that the message points to the user's own line.
        for isp in sorted(profiles, key=lambda isp: (isp.path.startswith("fleet_isps"), isp.name)):
            for name in getattr(isp, kind):
                first = owner.setdefault(name, isp)
                if first is not isp:
                    problems.append(
                        Problem(
                            f"{isp.path}.{kind}",
                            f"'{name}' belongs to the profile '{first.name}' already.",
                            f"Remove it here, or set fleet_isps.{first.name}.{kind} to a list without it.",
                        )
                    )
    return problems
