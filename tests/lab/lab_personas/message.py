# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What a received message says about itself. Pure."""

from __future__ import annotations

import re
from typing import Any

_UNFOLD = re.compile(rb"\r\n(?=[ \t])")
_TAG = re.compile(r"(?:^|;)\s*([a-z]+)\s*=\s*([^;]*)")
INJECTED = "x-mailfleet-injected"


def facts(raw: bytes, now: float) -> dict[str, Any]:
    """Header From, Message-ID, DKIM domains and selectors, X-Mailfleet-* headers, and seconds since injection."""
    head = raw.partition(b"\r\n\r\n")[0]
    found: dict[str, Any] = {"size": len(raw), "from": None, "message_id": None, "dkim": [], "headers": {}}
    for line in _UNFOLD.sub(b"", head).split(b"\r\n"):
        name, _colon, value = line.decode("utf-8", "replace").partition(":")
        name, value = name.strip().lower(), value.strip()
        if name == "dkim-signature":
            tags = {tag: re.sub(r"\s+", "", text) for tag, text in _TAG.findall(value)}
            found["dkim"].append({tag: tags.get(tag) for tag in ("d", "s", "a")})
        elif name == "from":
            found["from"] = value
        elif name == "message-id":
            found["message_id"] = value
        elif name.startswith("x-mailfleet-"):
            found["headers"][name] = value
    try:
        found["seconds"] = round(now - float(found["headers"][INJECTED]), 3)
    except (KeyError, ValueError):
        found["seconds"] = None
    return found
