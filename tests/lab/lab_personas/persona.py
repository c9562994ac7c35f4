# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What one provider decides: pure state, no sockets, time is a parameter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

REFUSALS = {"": None, "temporary": "temporary", "ip": "blocked", "content": "content"}
# Share of the good limits that a score still earns; below the last line the address is blocked.
LEVELS = ((0.8, 1.0), (0.5, 0.5), (0.2, 0.25), (float("-inf"), 0.0))
JUDGED_FROM = 50


@dataclass
class Source:
    """What a provider knows about one address that sends to it."""

    connections: int = 0
    tokens: float | None = None
    tokens_at: float = 0.0
    day: int = 0
    today: int = 0
    allowance: float = 0.0
    accepted: int = 0
    unknown: int = 0
    complaints: int = 0

    def share(self) -> float:
        """The part of the limits that the address has earned: 1, 0.5, 0.25 or 0."""
        sent = self.accepted + self.unknown
        if sent < JUDGED_FROM:
            return 1.0
        score = 1 - 4 * self.unknown / sent - 150 * self.complaints / sent
        return next(share for least, share in LEVELS if score >= least)


@dataclass
class Persona:
    """One provider: its settings, and what it remembers."""

    name: str
    settings: dict[str, Any]
    sources: dict[str, Source] = field(default_factory=dict)
    greylisted: dict[tuple[str, str, str], float] = field(default_factory=dict)
    serial: int = 0

    def source(self, ip: str) -> Source:
        return self.sources.setdefault(ip, Source())

    def text(self, key: str, **words: str) -> str:
        """A reply in the provider's words, with an id that is never the same twice."""
        self.serial += 1
        unique = hashlib.sha256(f"{self.name}{self.serial}".encode()).hexdigest()[:12]
        return str(self.settings["texts"][key]).format(
            id=unique, **{"host": "", "ip": "", "rcpt": "", "domain": "", **words}
        )

    def _refusal(self, ip: str, stage: str) -> str | None:
        kind = REFUSALS[self.settings["refuse"]]
        chosen = self.settings["sources"]
        if kind and (not chosen or ip in chosen):
            wanted = "data" if kind == "content" else self.settings["refuse_at"]
            return kind if stage == wanted else None
        if stage == self.settings["refuse_at"] and self._share(ip) == 0:
            return "blocked"
        return None

    def _share(self, ip: str) -> float:
        return self.source(ip).share() if self.settings["reputation"] else 1.0

    def connect(self, ip: str) -> int:
        """Count a connection, until disconnect(); says how many the address has open now."""
        self.source(ip).connections += 1
        return self.source(ip).connections

    def crowded(self, ip: str) -> bool:
        """True when the address has more connections open than it may."""
        limit = self.settings["connections_per_ip"] * max(self._share(ip), 0.25)
        return bool(limit) and self.source(ip).connections > max(1, int(limit))

    def greet(self, ip: str) -> str | None:
        """Key of the refusal at the banner, or None."""
        return "connections" if self.crowded(ip) else self._refusal(ip, "banner")

    def disconnect(self, ip: str) -> None:
        self.source(ip).connections -= 1

    def mail(self, ip: str, earlier: int, now: float) -> str | None:
        """Key of the refusal of MAIL FROM, given how many messages this session brought before."""
        limit = self.settings["messages_per_connection"]
        if limit and earlier >= limit:
            return "messages"
        return self._refusal(ip, "mail") or self._too_fast(ip, "mail", now)

    def rcpt(self, ip: str, mail_from: str, rcpt: str, now: float) -> str | None:
        """Key of the refusal of a recipient; what an address is like is written in its local part."""
        local, _at, domain = rcpt.lower().rpartition("@")
        if domain not in self.settings["domains"] and domain not in self.settings["also"]:
            return "relay"
        if local.startswith("unknown"):
            self.source(ip).unknown += 1
            return "unknown"
        for prefix in ("full", "later"):
            if local.startswith(prefix):
                return prefix
        wait = self.settings["greylist"]
        if wait:
            first = self.greylisted.setdefault((ip, mail_from, rcpt), now)
            if now < first + wait:
                return "greylist"
        return None

    def limited(self, signers: Iterable[str]) -> str:
        """The DKIM domain of a message that is refused for it, or ""."""
        return next((domain for domain in signers if domain in self.settings["signers"]), "")

    def data(self, ip: str, now: float) -> str | None:
        """Key of the refusal of a whole message, or None: then it counts as delivered."""
        refused = self._refusal(ip, "data") or self._too_fast(ip, "data", now) or self._too_much(ip, now)
        if not refused:
            source = self.source(ip)
            source.accepted += 1
            source.today += 1
        return refused

    def _too_fast(self, ip: str, stage: str, now: float) -> str | None:
        """A bucket that holds ten seconds' worth of messages."""
        rate = self.settings["messages_per_minute"] * self._share(ip)
        if not rate or stage != self.settings["rate_at"]:
            return None
        source, size = self.source(ip), max(1.0, rate / 6)
        filled = size if source.tokens is None else source.tokens + (now - source.tokens_at) * rate / 60
        source.tokens, source.tokens_at = min(size, filled), now
        if source.tokens < 1:
            return "rate"
        source.tokens -= 1
        return None

    def _too_much(self, ip: str, now: float) -> str | None:
        """The daily volume of a new address: it may grow from day to day, never jump."""
        first = self.settings["first_day"]
        if not first:
            return None
        source = self.source(ip)
        day = int(now // self.settings["day_seconds"])
        if day != source.day:
            source.allowance = max(first, source.today * self.settings["growth"])
            source.day, source.today = day, 0
        return "rate" if source.today >= source.allowance else None

    def complaint(self, ip: str) -> None:
        self.source(ip).complaints += 1

    def forget(self) -> None:
        """Forget the past, but not the connections that are open."""
        self.greylisted.clear()
        self.sources = {ip: Source(connections=source.connections) for ip, source in self.sources.items()}


def load(table: Mapping[str, Mapping[str, Any]]) -> dict[str, Persona]:
    """All personas of a table, each laid over the entry `default`."""
    default = table["default"]
    return {
        name: Persona(name, {**default, **entry, "texts": {**default["texts"], **entry.get("texts", {})}})
        for name, entry in table.items()
        if name != "default"
    }


def parse_setting(default: Mapping[str, Any], word: str) -> tuple[str, Any]:
    """Read `connections_per_ip=2` or `latency=0.1,0.5` as the type that the default has."""
    name, equals, text = word.partition("=")
    if not equals or name not in default or name == "texts":
        known = ", ".join(sorted(set(default) - {"texts"}))
        raise ValueError(f"'{word}' is no setting of a persona. Known ones: {known}.")
    kind = default[name]
    if name == "refuse" and text not in REFUSALS:
        raise ValueError(f"refuse={text} is not known. Use one of: {', '.join(filter(None, REFUSALS))}, or nothing.")
    try:
        if isinstance(kind, bool):
            return name, {"true": True, "false": False}[text]
        if isinstance(kind, list):
            items = text.split(",") if text else []
            return name, [float(item) for item in items] if name == "latency" else items
        return name, type(kind)(text)
    except (ValueError, KeyError):
        raise ValueError(f"'{word}' does not fit: {name} is a {type(kind).__name__}, such as {kind!r}.") from None
