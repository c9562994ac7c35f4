# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading the DMARC policy of a domain (RFC 9989) and how it moves. Private to the collection, pure."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.mailfleet.mta.plugins.module_utils import _names as names
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Node, shown

_POLICIES = ("none", "quarantine", "reject")
_ALIGNMENTS = ("r", "s")
_KEYS = ("policy", "sp", "np", "adkim", "aspf", "rua", "ruf", "fo", "testing", "progression")
_PROGRESSION_KEYS = ("goal", "hold", "senders", "foreign")
_REMOVED = ("pct", "rf", "ri")
_LOCAL_PART = re.compile(r"[A-Za-z0-9.#$&'*+/=?^_`{|}~%-]{1,64}\Z")
_FO = re.compile(r"[01ds](:[01ds])*\Z")


def dmarc(node: Node, default: str = "none") -> dict[str, t.Any]:
    """The keys that were written; empty where the inventory says nothing, so that what is published stays."""
    if node.absent:
        return {}
    known: tuple[str, ...] = _KEYS
    if isinstance(node.value, dict):
        for key in _REMOVED:
            if key in node.value:
                node.field(key).report(
                    "was removed from DMARC by RFC 9989 (May 2026).",
                    "Remove it; to try a stricter policy out use testing: true." if key == "pct" else "Remove it.",
                )
        known = (*_KEYS, *(key for key in _REMOVED if key in node.value))
    if not node.record(known):
        return {"policy": default}
    found: dict[str, t.Any] = {"policy": node.field("policy").choice(_POLICIES, default)}
    for key, choices in (("sp", _POLICIES), ("np", _POLICIES), ("adkim", _ALIGNMENTS), ("aspf", _ALIGNMENTS)):
        if not node.field(key).absent:
            found[key] = node.field(key).choice(choices, choices[0])
    for key in ("rua", "ruf"):
        uris = _report_uris(node.field(key))
        if uris:
            found[key] = uris
    if not node.field("fo").absent:
        found["fo"] = node.field("fo").parsed(_failure_options, "0", "Write 0, 1, d or s, joined by colons.")
    if not node.field("testing").absent:
        found["testing"] = node.field("testing").boolean(False)
    return found


def progression(node: Node, parked: bool) -> dict[str, t.Any]:
    """How dmarc.yml moves the policy; empty where the inventory pins one or says nothing about DMARC."""
    own, policy = node.field("progression"), node.field("policy")
    if node.absent or not isinstance(node.value, dict):
        return {}
    if not policy.absent or parked:
        if parked and not own.absent:
            own.report("is for names that send mail, and this one is parked.", "Remove it.")
        elif not own.absent:
            own.report("stands beside a policy, which keeps dmarc.yml from moving it.", "Remove one of the two.")
        return {}
    if not node.field("testing").absent:
        node.field("testing").report("stands without a policy.", "Add the policy, or leave testing to dmarc.yml.")
    if not own.absent and node.field("rua").absent:
        node.field("rua").report(
            "is missing, so no receiver sends the reports that the progression waits for.",
            "Write a list of addresses such as mailto:dmarc@example.com.",
        )
    own.record(_PROGRESSION_KEYS)
    return {
        "goal": own.field("goal").choice(_POLICIES[1:], "reject"),
        "hold": own.field("hold").boolean(False),
        **{key: _networks(own.field(key)) for key in ("senders", "foreign")},
    }


def _networks(node: Node) -> list[str]:
    remedy = "Write an address or a network such as 192.0.2.0/24."
    return sorted({found for element in node.elements() if (found := element.parsed(_network, "", remedy))})


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError("is not an address or network") from None


def _report_uris(node: Node) -> list[str]:
    remedy = "Write an address such as mailto:dmarc@example.com."
    found = []
    for element in node.elements():
        if element.absent or element.value == "":
            element.report("is empty.", remedy)
        else:
            found.append(element.parsed(report_uri, "", remedy))
    return list(dict.fromkeys(uri for uri in found if uri))


def report_uri(text: str) -> str:
    scheme, _colon, mailbox = text.partition(":")
    if scheme.lower() != "mailto":
        raise ValueError("is not a mailto: address, the only kind that receivers use")
    if "!" in mailbox:
        raise ValueError("has a size limit ('!'), which RFC 9989 removed")
    local, _at, domain = mailbox.rpartition("@")
    if not _LOCAL_PART.match(local):
        raise ValueError(f"has no mailbox before the '@' ({shown(local)})")
    try:
        return f"mailto:{local}@{names.host_name(domain)}"
    except ValueError as fault:
        raise ValueError(f"has a domain {shown(domain)} that {fault}") from None


def _failure_options(text: str) -> str:
    if not _FO.match(text):
        raise ValueError("is not a list of failure options")
    return text
