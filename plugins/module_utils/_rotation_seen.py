# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What receivers said of our signatures: Authentication-Results of messages, DMARC aggregate reports. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import Sighting

_COMMENT = re.compile(r"\([^()]*\)")
_ADDRESS = re.compile(r"\[(?:IPv6:)?([0-9A-Fa-f.:]+)\]")
_PROPERTY = re.compile(r"(\S+?)=\"?([^\s\";]+)")
Hosts = Mapping[str, str]  # source address -> host
Seen = tuple[str, Sighting]  # domain and what was seen of it


def of_message(raw: bytes, stored: int, authserv_id: str, hosts: Hosts) -> list[Seen]:
    """The DKIM results that this receiver wrote; anybody can write the header of another one."""
    mail = message_from_bytes(raw, policy=policy.compat32)
    host = _source(mail, hosts)
    if not host:
        return []
    for header in mail.get_all("Authentication-Results") or []:
        parts = _COMMENT.sub("", " ".join(str(header).split())).split(";")
        if parts[0].lower().split()[:1] == [authserv_id]:
            return [seen for part in parts[1:] for seen in _dkim(part, host, stored)]
    return []


def _source(mail: Message, hosts: Hosts) -> str:
    """The host of ours that brought the message, by the topmost Received header that names one."""
    for header in mail.get_all("Received") or []:
        for address in _ADDRESS.findall(str(header)):
            if address.lower() in hosts:
                return hosts[address.lower()]
    return ""


def _dkim(part: str, host: str, stored: int) -> Iterator[Seen]:
    properties = {name.lower(): value for name, value in _PROPERTY.findall(part)}
    domain, selector = properties.get("header.d", ""), properties.get("header.s", "")
    if properties.get("dkim") in ("pass", "fail", "permerror") and domain and selector:
        yield domain.lower(), Sighting(host, selector.lower(), properties["dkim"] == "pass", stored)


def of_report(report: Mapping[str, Any], hosts: Hosts) -> Iterator[Seen]:
    """One aggregate report as parsedmarc writes it; it counts from its beginning, so only whole days after a switch."""
    begin = _utc(str(report.get("report_metadata", {}).get("begin_date", "")))
    for record in report.get("records", []):
        host = hosts.get(str(record.get("source", {}).get("ip_address", "")).lower(), "")
        for result in record.get("auth_results", {}).get("dkim", []) if host else []:
            selector, verdict = str(result.get("selector") or ""), result.get("result")
            if selector and verdict in ("pass", "fail", "permerror"):
                sighting = Sighting(host, selector.lower(), verdict == "pass", begin, int(record.get("count", 1)))
                yield str(result.get("domain", "")).lower(), sighting


def _utc(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return 0
    return int(moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp())
