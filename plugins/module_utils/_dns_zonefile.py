# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The backend for those who can only export: one file a zone in a directory of the controller.

A file that is there is read, changed and written whole, with the next serial. A zone without a file gets one
that holds our records alone, to be included. Uses dnspython. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._dns import Reading, Zone
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Change, Found, Key, RRset
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rdata import rdata_text, rdata_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import BackendSettings, Settings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import Applied
from ansible_collections.mailfleet.mta.plugins.module_utils._files import replace_file, sentence
from ansible_collections.mailfleet.mta.plugins.module_utils._names import registrable, suffix_list_missing

try:
    import dns.exception
    import dns.name
    import dns.rdata
    import dns.rdataset
    import dns.rdatatype
    import dns.zone
    import dns.zonefile
except ImportError:  # reported by _dns_update.require_dnspython
    pass

_MODE = 0o644  # a zone is public, and the name server is another user
_HEAD = "; Written by mailfleet.mta: records may be edited here, comments are not kept.\n"
_SIGNED = {"RRSIG", "NSEC", "NSEC3PARAM"}
_SERIALS = 1 << 32


class UnreadableError(ValueError):
    """A file from which no plan can be made, as a sentence."""


def parse_zone(name: str, text: str) -> dns.zone.Zone:
    try:
        return dns.zone.from_text(text, origin=f"{name}.", relativize=False, check_origin=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise UnreadableError(f"cannot be read as zone {name}: {str(error) or type(error).__name__}") from None


def print_zone(zone: dns.zone.Zone) -> str:
    """Sorted, every name and TTL in full, the SOA first: the same zone is always the same text."""
    lines: list[str] = []
    for name, node in sorted(zone.nodes.items()):
        own = sorted(node.rdatasets, key=lambda rdataset: dns.rdatatype.to_text(rdataset.rdtype))
        for rdataset in own:
            own_lines = sorted(rdataset.to_text(name).splitlines())
            lines = [*own_lines, *lines] if rdataset.rdtype == dns.rdatatype.SOA else [*lines, *own_lines]
    return _HEAD + "".join(f"{line}\n" for line in lines)


def found_in(zone: dns.zone.Zone, name: str, rdtype: str) -> Found:
    """Raises UnreadableError when the name is none of this zone."""
    full = dns.name.from_text(f"{name}.")
    above = full
    while above != zone.origin:
        if zone.get_rdataset(above, "NS"):
            at = above.to_text(omit_final_dot=True)
            raise UnreadableError(f"belongs to {at}, which is delegated. Remedy: name its server in dns.zones.")
        above = above.parent()
    rdataset = zone.get_rdataset(full, rdtype)
    if rdataset:
        values = sorted(rdata_text(rdtype, rdata.to_wire()) for rdata in rdataset)
        return Found(RRset(rdataset.ttl, tuple(values)))
    alias = zone.get_rdataset(full, "CNAME")
    return Found(cname=alias[0].target.to_text(omit_final_dot=True).lower()) if alias else Found()


def change_zone(zone: dns.zone.Zone, changes: Iterable[Change]) -> None:
    for change in changes:
        name = dns.name.from_text(f"{change.name}.")
        zone.delete_rdataset(name, change.type)
        if change.after:
            rdataset = zone.find_rdataset(name, change.type, create=True)
            for value in change.after:
                wire = rdata_wire(change.type, value)
                rdataset.add(dns.rdata.from_wire("IN", change.type, wire, 0, len(wire)), change.ttl)
            rdataset.ttl = change.ttl
    soa = zone.get_rdataset("@", "SOA")
    if soa:
        serial: Any = soa[0]
        zone.replace_rdataset(
            "@", dns.rdataset.from_rdata(soa.ttl, serial.replace(serial=(serial.serial + 1) % _SERIALS or 1))
        )


def moved(zone: dns.zone.Zone, changes: Iterable[Change]) -> bool:
    """Is anything else there than when it was planned?"""
    for change in changes:
        found = found_in(zone, change.name, change.type)
        before = change.before and RRset(change.before.ttl, change.before.values)
        if found.rrset != before or found.cname:
            return True
        node = zone.get_node(dns.name.from_text(f"{change.name}."))
        if change.type == "CNAME" and node and any(r.rdtype != dns.rdatatype.CNAME for r in node.rdatasets):
            return True
    return False


class ZoneFiles:
    def __init__(self, place: BackendSettings, settings: Settings) -> None:
        self.place, self.settings = place, settings
        self.directory = Path(place.directory).expanduser()

    def path(self, zone: str) -> Path:
        return self.directory / self.place.file.replace("{zone}", zone)

    def read(self, keys: Iterable[Key]) -> Reading:
        reading = Reading({}, {}, {}, set())
        mapped = set(self.settings.zones_of(self.place.name)) | set(self._files())
        zones: dict[str, dns.zone.Zone | str] = {}
        for key in keys:
            server, name = self.settings.server_for(key[0]), _zone_of(key[0], mapped)
            if name and name not in zones:
                zones[name] = self._zone(name)
            zone = zones[name] if name else self._nameless()
            try:
                if isinstance(zone, str) or server is None:
                    raise UnreadableError(str(zone))
                reading.found[key] = found_in(zone, *key)
                reading.zones[key[0]] = Zone(name, server)
            except ValueError as error:
                reading.problems[key] = str(error)
        return reading

    def _files(self) -> Iterator[str]:
        pattern = re.escape(self.place.file).replace(re.escape("{zone}"), r"(.+)")
        for path in self.directory.iterdir() if self.directory.is_dir() else ():
            match = re.fullmatch(pattern, path.name)
            if match:
                yield match.group(1).lower()

    def _nameless(self) -> str:
        return f"DNS backend {self.place.name} does not know its zone. Remedy: name the zone in dns.zones."

    def _zone(self, name: str) -> dns.zone.Zone | str:
        path = self.path(name)
        try:
            zone = parse_zone(name, path.read_text(encoding="utf-8") if path.exists() else "")
        except UnreadableError as error:
            return f"{path} {error}. Remedy: make it one that named-checkzone accepts, without $INCLUDE."
        except UnicodeDecodeError:
            return f"{path} is no UTF-8. Remedy: write it in ASCII."
        except OSError as error:
            return f"{sentence(error, str(path))} Remedy: let the controller read it."
        apex = zone.get_node("@")
        if apex and _SIGNED & {dns.rdatatype.to_text(rdataset.rdtype) for rdataset in apex.rdatasets}:
            return f"{path} is signed (DNSSEC). Remedy: give the zone file before it is signed."
        return zone

    def apply(self, zones: Mapping[Zone, Sequence[Change]]) -> dict[Zone, Applied]:
        return {zone: self._write(zone.name, changes) for zone, changes in zones.items()}

    def _write(self, name: str, changes: Sequence[Change]) -> Applied:
        zone, path = self._zone(name), self.path(name)
        if isinstance(zone, str):
            return Applied(problem=zone)
        try:
            if moved(zone, changes):
                return Applied(conflict=True)
            change_zone(zone, changes)
            replace_file(path, print_zone(zone), _MODE)
        except ValueError as error:
            return Applied(problem=f"{path}: {error}")
        except OSError as error:
            return Applied(problem=f"{sentence(error, str(path))} Remedy: let the controller write {self.directory}.")
        return Applied()


def _zone_of(name: str, zones: set[str]) -> str:
    labels = name.split(".")
    found = next((zone for start in range(len(labels)) if (zone := ".".join(labels[start:])) in zones), "")
    return found or ("" if suffix_list_missing() else registrable(name))
