# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Records between octoDNS's classes and the words of _dns_model.py.

Uses octoDNS. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Change, Found, Key, RRset
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_octodns_client import RefusedError
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rdata import canonical
from ansible_collections.mailfleet.mta.plugins.module_utils._txt import printable, to_bytes, to_text

OCTODNS_ERROR = ""
try:
    from octodns.provider.plan import Plan
    from octodns.record import Delete, Record
    from octodns.zone import Zone as OctoZone
except ImportError as missing:
    OCTODNS_ERROR = str(missing)


class MovedError(Exception):
    """The zone does not hold any more what was read."""


class Contents(NamedTuple):
    """A zone as a provider shows it."""

    zone: Any
    hidden: dict[str, str]  # names where it has a record that it does not show: why

    def at(self, name: str) -> dict[str, Any]:
        return {record._type: record for record in self.zone.get(self.zone.hostname_from_fqdn(f"{name}."))}

    def record(self, name: str, rdtype: str) -> Any:
        return self.at(name).get(rdtype)

    def delegation(self, name: str) -> str:
        """The name from which on another zone begins."""
        apex = self.zone.name.rstrip(".")
        while name != apex and name:
            if "NS" in self.at(name):
                return name
            name = name.partition(".")[2]
        return ""


def empty_zone(name: str) -> Any:
    if OCTODNS_ERROR:
        raise RefusedError(
            f"The controller's Python lacks octoDNS ({OCTODNS_ERROR}). "
            "Remedy: install octodns and the provider's package beside ansible-core."
        )
    return OctoZone(f"{name}.", [])


def found_in(contents: Contents, name: str, rdtype: str) -> Found:
    """Raises RefusedError when we must keep our hands off it."""
    if rdtype in ("TXT", "MX") and name in contents.hidden:
        raise RefusedError(contents.hidden[name])
    below = contents.delegation(name)
    if below:
        raise RefusedError(f"belongs to {below}, which is delegated. Remedy: name its server or backend in dns.zones.")
    record = contents.record(name, rdtype)
    if record is None:
        alias = contents.record(name, "CNAME")
        return Found(cname=str(alias.value).rstrip(".").lower()) if alias else Found()
    if getattr(record, "dynamic", None) or getattr(record, "geo", None):
        raise RefusedError("answers differently by place or health. Remedy: make it a plain record, or name another.")
    if (record.octodns.get("cloudflare") or {}).get("proxied"):
        raise RefusedError("is proxied, so the DNS shows other values. Remedy: switch its proxy off.")
    return Found(RRset(record.ttl, tuple(sorted(text_of(rdtype, value) for value in _raw(record)))))


def is_shown(contents: Contents, changes: Iterable[Change]) -> bool:
    for change in changes:
        rrset = found_in(contents, change.name, change.type).rrset
        if set(rrset.values if rrset else ()) != set(change.after):
            return False
    return True


def _raw(record: Any) -> Sequence[Any]:
    return record.values if hasattr(record, "values") else [record.value]


def text_of(rdtype: str, value: Any) -> str:
    if rdtype == "TXT":
        return _unescaped(str(value))
    return canonical(rdtype, value.to_rdata_text() if hasattr(value, "to_rdata_text") else value.rdata_text)


def _unescaped(text: str) -> str:
    r"""The value of octoDNS's spelling, which escapes ; always and " and \ and bytes as the provider does."""
    if "\\" not in text:
        return text
    out, at = bytearray(), 0
    while at < len(text):
        step = 1
        if text[at] != "\\":
            out += to_bytes(text[at])
        elif text[at + 1 : at + 4].isdigit() and int(text[at + 1 : at + 4]) < 256:
            out.append(int(text[at + 1 : at + 4]))
            step = 4
        else:
            out += to_bytes(text[at + 1 : at + 2])
            step = 2
        at += step
    return to_text(bytes(out))


def record_for(zone: Any, change: Change, existing: Any, verbatim: bool) -> Any:
    """The record that the change leads to; values that stay keep the provider's spelling."""
    kept = {text_of(change.type, value): value for value in _raw(existing)} if existing else {}
    escaped = [text for text in change.after if change.type == "TXT" and text in kept and _is_escaped(kept[text])]
    if escaped and not verbatim:
        raise RefusedError(
            f"{change.name} TXT also holds '{printable(escaped[0])}', which this provider would write back with other "
            "escapes. Remedy: change the record set by hand."
        )
    parsed = [
        kept[text] if change.type == "TXT" and text in kept else _octodns_value(change.type, text)
        for text in change.after
    ]
    data: dict[str, Any] = {"type": change.type, "ttl": change.ttl}
    data |= {"value": parsed[0]} if change.type == "CNAME" else {"values": parsed}
    record = Record.new(zone, zone.hostname_from_fqdn(f"{change.name}."), data, lenient=True)
    if existing:
        record.octodns.update(copy.deepcopy(existing.octodns))
        if existing.ttl != change.ttl:
            record.octodns.get("cloudflare", {}).pop("auto-ttl", None)
    return record


def _is_escaped(value: Any) -> bool:
    plain = str(value).replace("\\;", "")
    return "\\" in plain or '"' in plain or not plain.isascii()


def _octodns_value(rdtype: str, text: str) -> Any:
    if rdtype == "TXT":
        if not text.isascii() or '"' in text or "\\" in text or not text:
            raise RefusedError(
                "a new TXT value that is empty or has quotes, backslashes or other than ASCII characters cannot be "
                "written, because octoDNS providers spell it differently. Remedy: add it by hand."
            )
        return text.replace(";", "\\;")
    kind = Record.registered_types()[rdtype]._value_type
    return (kind.from_rdata_text if hasattr(kind, "from_rdata_text") else kind.parse_rdata_text)(text)


def plan_of(existing: Any, desired: Any, changes: Sequence[Any]) -> Any:
    return Plan(existing, desired, changes, True)


class Guard:
    """An octoDNS processor that lets a provider see and plan our record sets only, if they are as they were read."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = {change.key: change for change in changes}

    def process_target_zone(self, existing: Any, *_target: Any, **_options: Any) -> Any:
        contents = Contents(existing, {})
        for change in self.changes.values():
            found = found_in(contents, change.name, change.type)
            before = change.before and RRset(change.before.ttl, tuple(sorted(change.before.values)))
            if found.rrset != before or found.cname:
                raise MovedError
            self._nothing_beside(contents, change)
        for record in list(existing.records):
            if _key(record) not in self.changes:
                existing.remove_record(record)
        return existing

    def _nothing_beside(self, contents: Contents, change: Change) -> None:
        """A CNAME beside other records is refused by some providers and breaks the name at the others."""
        if change.type == "CNAME" and set(contents.at(change.name)) - {"CNAME"}:
            raise MovedError

    def process_source_and_target_zones(self, desired: Any, existing: Any, *_target: Any, **_options: Any) -> Any:
        return desired, existing

    def allowed(self, planned: Iterable[Any]) -> list[Any]:
        """Of what a provider wants to do, that which we want too; once."""
        found: dict[Key, Any] = {}
        for change in planned:
            key = _key(change.record)
            if key in self.changes and isinstance(change, Delete) is not bool(self.changes[key].after):
                found.setdefault(key, change)
        return list(found.values())


def _key(record: Any) -> Key:
    return record.fqdn.rstrip(".").lower(), record._type
