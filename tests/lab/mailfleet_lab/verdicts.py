# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What the golden receiver wrote into a message: who brought it, and SPF, DKIM and DMARC. Pure."""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import Any

INJECTED = "X-Mailfleet-Injected"
_COMMENT = re.compile(r"\([^()]*\)")
_RECEIVED = re.compile(r"from (?P<helo>\S+) \((?P<ptr>\S+) \[(?:IPv6:)?(?P<source>[^\]]+)\]\)")
_PROPERTY = re.compile(r"(\S+?)=(\S+)")
_TLS = re.compile(r"using (\S+) with")


def verdicts(raw: bytes, stored: float) -> dict[str, Any]:
    """One message of the golden inbox, as the lab prints it."""
    mail = message_from_bytes(raw, policy=policy.default)
    received = " ".join(str(mail["Received"]).split())
    hop, tls = _RECEIVED.search(received), _TLS.search(received)
    results = parse_results(str(mail["Authentication-Results"] or ""))
    dkim = [{"result": r["result"], "d": r.get("header.d"), "s": r.get("header.s")} for r in results["dkim"]]
    injected = mail[INJECTED]
    return {
        "message_id": str(mail["Message-ID"] or "") or None,
        "source": hop["source"] if hop else None,
        "helo": hop["helo"] if hop else None,
        "ptr": hop["ptr"] if hop else None,
        "tls": tls[1] if tls else None,
        "mail_from": str(mail["Return-Path"] or "").strip("<>"),
        "rcpt": str(mail["X-Original-To"] or ""),
        "from": parseaddr(str(mail["From"] or ""))[1].rpartition("@")[2],
        "spf": results["spf"][0]["result"] if results["spf"] else None,
        "dkim": [signature for signature in dkim if signature["result"] != "none"],
        "dmarc": results["dmarc"][0]["result"] if results["dmarc"] else None,
        "headers": {k.lower(): str(v) for k, v in mail.items() if k.lower().startswith("x-mailfleet-")},
        "stored": stored,
        "seconds": round(stored - float(injected), 3) if injected else None,
    }


def parse_results(header: str) -> dict[str, list[dict[str, str]]]:
    """An Authentication-Results header by method: each result with its properties, comments left out."""
    found: dict[str, list[dict[str, str]]] = {"dkim": [], "spf": [], "dmarc": []}
    for part in _COMMENT.sub("", header).split(";")[1:]:
        properties = dict(_PROPERTY.findall(part))
        for method, results in found.items():
            if method in properties:
                results.append({"result": properties.pop(method), **properties})
    return found
