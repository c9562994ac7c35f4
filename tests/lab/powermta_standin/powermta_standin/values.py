# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Values of the configuration, as numbers. The strict reader has checked them. Pure."""

from __future__ import annotations

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_UNITS = {"d": 86400, "day": 86400, "h": 3600, "hr": 3600, "m": 60, "min": 60, "s": 1, "sec": 1}
_BYTES = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def yes(text: str) -> bool:
    return text.lower() in ("yes", "true")


def seconds(text: str) -> float:
    """1d12h, 300s or 0; never is for ever."""
    if text == "never":
        return float("inf")
    return float(sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([wdhms])", text.lower())))


def rate(text: str) -> tuple[int, float] | None:
    """Messages and the interval in seconds, as in 83/10m; None without a limit."""
    match = re.fullmatch(r"(\d+)/(\d*)([a-z]+)", text)
    return (int(match[1]), int(match[2] or 1) * float(_UNITS[match[3]])) if match else None


def count(text: str) -> int | None:
    """A whole number; None for 0 and unlimited."""
    return int(text) or None if text.isdigit() else None


def size(text: str) -> int | None:
    match = re.fullmatch(r"(\d+)([bkmgt]?)", text.lower())
    return int(match[1]) * _BYTES[match[2]] or None if match else None


def network(text: str) -> Network:
    """10/8, 0/0, 192.0.2.1, 2001:db8::/32 or [2001:db8::1]."""
    text = text.strip("[]").removeprefix("IPv6:")
    address, _slash, length = text.partition("/")
    if ":" not in address:
        address = ".".join([*address.split("."), "0", "0", "0"][:4])
    return ipaddress.ip_network(f"{address}/{length}" if length else address, strict=False)


def pattern(text: str) -> re.Pattern[str]:
    """A PCRE as Python reads it. Where the two differ, the expression never matches: better than not to start."""
    try:
        return re.compile(text, re.IGNORECASE | re.DOTALL)
    except re.error:
        return re.compile(r"(?!)")
