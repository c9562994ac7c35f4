# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading what the DNS shall say of a domain, or of all domains of a profile. Private to the collection, pure."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _fleet_model as model
from ansible_collections.mailfleet.mta.plugins.module_utils import _names as names
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_dmarc import dmarc, progression, report_uri
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Node, shown
from ansible_collections.mailfleet.mta.plugins.module_utils._records_sts import MODES, MOST_AGE

_DAY = 86400
# Senders that hold a policy keep to it for this long; weeks, says RFC 8461.
_AGE = 14 * _DAY
_HTTPS = re.compile(r"https://[a-z0-9.-]+\.[a-z0-9-]+(:[0-9]+)?(/[!-~]*)?\Z", re.IGNORECASE)


def published(node: Node, template: model.Published, profile: str) -> model.Published:
    """What a domain does not say, its profile says."""
    read: dict[str, t.Callable[[Node], t.Any]] = {
        "mx": _mx,
        "spf": _spf,
        "dmarc": lambda field: dmarc(field, "reject" if profile == model.PARKED else "none"),
        "dkim_zone": _dkim_zone,
        "mta_sts": _mta_sts,
        "tls_rpt": _tls_rpt,
        "bimi": _bimi,
    }
    said = {key: node.field(key) for key in model.PROFILE_KEYS if not node.field(key).absent}
    policy = node.field("dmarc")
    return dataclasses.replace(
        template,
        progression=template.progression if policy.absent else progression(policy, profile == model.PARKED),
        paths={**template.paths, **{key: field.path for key, field in said.items()}},
        **{key: read[key](field) for key, field in said.items()},
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


def _dkim_zone(node: Node) -> str:
    if node.value == "":
        return ""
    return node.parsed(_zone_name, "", "Write a name in a zone of yours, such as dkim.example.net.")


def _zone_name(text: str) -> str:
    """Labels of a name that is not a host's may start with an underscore."""
    names.host_name(".".join(label[1:] if label.startswith("_") else label for label in text.split(".")))
    return names.ascii_name(text)


def _mta_sts(node: Node) -> dict[str, t.Any]:
    if not node.record(("mode", "mx", "max_age", "host")) or node.value == {}:
        return {}
    mode = node.field("mode")
    if mode.absent:
        mode.report("is missing.", "Write testing first, and enforce when the reports are clean.")
    patterns = [
        element.parsed(_mx_pattern, "", "Write a mail host, or a pattern such as *.mx.example.com.")
        for element in node.field("mx").elements()
    ]
    return {
        "mode": mode.choice(MODES, "testing"),
        "mx": [pattern for pattern in dict.fromkeys(patterns) if pattern],
        "max_age": node.field("max_age").integer(_AGE, _DAY, MOST_AGE),
        "host": node.field("host").parsed(
            names.host_name, "", "Name the web server that serves the policy, such as www.example.com."
        ),
    }


def _mx_pattern(text: str) -> str:
    return f"*.{names.host_name(text[2:])}" if text.startswith("*.") else names.host_name(text)


def _tls_rpt(node: Node) -> tuple[str, ...]:
    remedy = "Write an address such as mailto:tls-reports@example.com or https://example.com/tls-reports."
    found = []
    for element in node.elements():
        if element.absent or element.value == "":
            element.report("is empty.", remedy)
        else:
            found.append(element.parsed(_tls_uri, "", remedy))
    return tuple(uri for uri in dict.fromkeys(found) if uri)


def _tls_uri(text: str) -> str:
    return report_uri(text) if text.lower().startswith("mailto:") else _https(text)


def _bimi(node: Node) -> dict[str, str]:
    if not node.record(("logo", "certificate")) or node.value == {}:
        return {}
    logo, remedy = node.field("logo"), "Write its https:// address."
    if logo.absent:
        logo.report("is missing.", "Write the https:// address of the logo (SVG Tiny PS).")
    return {
        "logo": logo.parsed(_https, "", remedy),
        "certificate": node.field("certificate").parsed(_https, "", remedy),
    }


def _https(text: str) -> str:
    if not _HTTPS.match(text) or any(mark in text for mark in ",;"):
        raise ValueError("is no https:// address without commas and semicolons")
    return text
