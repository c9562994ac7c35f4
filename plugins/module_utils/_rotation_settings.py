# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The settings of a rotation as an operator writes them: durations, limits, where to see what receivers think. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._mailbox import mailbox_problems
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import DAY, HOUR, Policy

_UNITS = {"s": 1, "m": 60, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"([0-9]{1,9})([smhd]?)\Z")
_PREFIX = re.compile(r"[a-z][a-z0-9-]{0,15}\Z")
_NUMBERS = ("starts", "sightings")
_DURATIONS = ("rotate_after", "soak", "drain", "revoke_hold", "emergency_soak")
_VERIFY = ("received", "preflight")
_PLACES = ("maildir", "imap", "dmarc")
ROOT = "dkim_rotation"


class Source(NamedTuple):
    """Where messages or reports of receivers are; the password is kept out of repr."""

    kind: str
    place: Mapping[str, Any]
    authserv_id: str

    def __repr__(self) -> str:
        return self.kind


class Settings(NamedTuple):
    policy: Policy
    sources: tuple[Source, ...]
    probe: str  # an address whose mailbox is one of the sources


def parse_duration(value: Any) -> int:
    match = _DURATION.match(str(value))
    if not match:
        raise ValueError(f"'{value}' is no duration; write a number with s, m, h or d, such as 48h")
    return int(match.group(1)) * _UNITS[match.group(2) or "s"]


def parse_now(text: str, clock: float) -> int:
    """A moment in UTC, or as a duration from now such as +8d; empty is now."""
    text = text.strip()
    if not text:
        return int(clock)
    if text.startswith("+"):
        return int(clock) + parse_duration(text[1:])
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(f"'{text}' is no time; write it as 2026-11-22T10:00:00Z or as +8d") from None
    return int(moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp())


def parse_settings(raw: Mapping[str, Any]) -> Settings:
    """Raises ValueError with all problems, each with its path."""
    problems: list[str] = []
    fields: dict[str, Any] = {}
    for name, value in raw.items():
        try:
            if name in ("seen", "probe"):
                continue
            fields[name] = _field(name, value)
        except ValueError as fault:
            problems.append(f"{ROOT}.{name}: {fault}.")
    sources = _sources(raw.get("seen") or [], problems)
    probe = str(raw.get("probe") or "")
    if probe and (probe.count("@") != 1 or not probe.isascii() or any(c.isspace() or c in "<>" for c in probe)):
        problems.append(f"{ROOT}.probe: '{probe}' is no mail address.")
    if problems:
        raise ValueError("\n".join(sorted(problems)))
    return Settings(Policy(**fields), sources, probe)


def _field(name: str, value: Any) -> Any:
    if name in _DURATIONS:
        return parse_duration(value)
    if name in _NUMBERS:
        if isinstance(value, bool) or not str(value).isdigit() or int(value) < 1:
            raise ValueError(f"'{value}' is no number above 0")
        return int(value)
    if name == "prefix":
        if not _PREFIX.match(str(value)):
            raise ValueError(f"'{value}' cannot begin a selector; write up to 16 of a-z, 0-9 and -")
        return str(value)
    if name == "ed25519":
        if not isinstance(value, bool):
            raise ValueError(f"'{value}' is neither true nor false")
        return value
    if name == "verify":
        if value not in _VERIFY:
            raise ValueError(f"'{value}' is none of {', '.join(_VERIFY)}")
        return value
    known = sorted((*_DURATIONS, *_NUMBERS, "prefix", "ed25519", "verify", "seen", "probe"))
    raise ValueError(f"is no setting; use one of {', '.join(known)}")


def _sources(raw: Any, problems: list[str]) -> tuple[Source, ...]:
    found = []
    for number, entry in enumerate(raw if isinstance(raw, list) else [raw]):
        path = f"{ROOT}.seen[{number}]"
        kinds = [kind for kind in _PLACES if isinstance(entry, Mapping) and kind in entry]
        if len(kinds) != 1:
            problems.append(f"{path}: names none or several of {', '.join(_PLACES)}; write one of them.")
            continue
        kind, place = kinds[0], entry[kinds[0]]
        place = {"path": place} if isinstance(place, str) and kind != "imap" else place
        wrong = mailbox_problems(place, f"{path}.imap") if kind == "imap" else _path_problems(place, f"{path}.{kind}")
        if set(entry) - {kind, "authserv_id"}:
            wrong.append(f"{path}: knows {kind} and authserv_id.")
        problems += wrong
        if not wrong and kind != "dmarc" and not entry.get("authserv_id"):
            problems.append(f"{path}.authserv_id: is missing; name the receiver whose Authentication-Results count.")
        elif not wrong:
            found.append(Source(kind, place, str(entry.get("authserv_id") or "").lower()))
    return tuple(found)


def _path_problems(place: Any, path: str) -> list[str]:
    if isinstance(place, Mapping) and set(place) == {"path"} and place["path"]:
        return []
    return [f"{path}: is no path; write where it is on the controller."]
