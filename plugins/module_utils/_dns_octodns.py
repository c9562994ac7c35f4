# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The backend for everything octoDNS has a provider for. Our planner decides; the provider carries out.

A provider never sees a plan that touches what is not ours: it compares only the record sets that we change,
after they were read again and found unchanged. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Lock
from typing import Any, Union

from ansible_collections.mailfleet.mta.plugins.module_utils._dns import Reading, Zone, write_all
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Change, Key, plain_name
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_octodns_client import (
    RefusedError,
    explain,
    open_provider,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_octodns_known import (
    Records,
    hidden_names,
    known,
    remembered_reads,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_octodns_records import (
    Contents,
    Guard,
    MovedError,
    empty_zone,
    found_in,
    is_shown,
    plan_of,
    record_for,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import BackendSettings, Settings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import Applied
from ansible_collections.mailfleet.mta.plugins.module_utils._txt import printable

WORKERS = 4  # zones read or written at the same time; APIs count requests
_SETTLING = (0.2, 0.5, 1.0, 2.0)  # seconds between looks
_Read = Union[Contents, str]  # a zone, or why there is none


class OctoDns:
    def __init__(self, place: BackendSettings, settings: Settings, sleep: Callable[[float], None] = time.sleep) -> None:
        self.place, self.settings, self.sleep = place, settings, sleep
        self.known = known(place)
        self.turn = Lock() if self.known.one_writer else nullcontext()
        self.provider: Any = None
        self.zones: set[str] = set()
        self.listed = False
        self.contents: dict[str, _Read] = {}
        self.reads: dict[str, Records] = {}

    def _open(self) -> None:
        """A new provider knows nothing: all of them remember what they read."""
        self.provider, self.contents = open_provider(self.place), {}
        self.reads = remembered_reads(self.provider)

    def read(self, keys: Iterable[Key]) -> Reading:
        reading = Reading({}, {}, {}, set())
        keys = list(keys)
        try:
            zones = self._zones({key[0] for key in keys})
        except RefusedError as error:
            reading.problems.update(dict.fromkeys(keys, str(error)))
            return reading
        except Exception as error:  # every class has its own
            reading.problems.update(dict.fromkeys(keys, explain(self.place, error).problem))
            return reading
        self._load({zone for zone in zones.values() if zone})
        for key in keys:
            self._take(reading, key, zones[key[0]])
        return reading

    def _take(self, reading: Reading, key: Key, zone: str) -> None:
        server = self.settings.server_for(key[0])
        contents = self.contents[zone] if zone else self._stranger("zone for it")
        if isinstance(contents, str) or server is None:
            reading.problems[key] = str(contents)
            return
        try:
            reading.found[key] = found_in(contents, *key)
        except ValueError as error:
            reading.problems[key] = str(error)
            return
        reading.zones[key[0]] = Zone(zone, server)

    def _stranger(self, what: str) -> str:
        return (
            f"DNS backend {self.place.name} has no {what}. "
            "Remedy: create the zone there, or give it another server or backend in dns.zones."
        )

    def _zones(self, names: Iterable[str]) -> dict[str, str]:
        """The longest zone of each name, of those that the provider lists; else of those in dns.zones."""
        if self.provider is None:
            self._open()
        if not self.zones:
            try:
                self.zones = {plain_name(zone) for zone in self.provider.list_zones()}
                self.listed = True
            except (AttributeError, NotImplementedError):
                self.zones = set(self.settings.zones_of(self.place.name))
        return {name: _longest(name, self.zones) for name in names}

    def _load(self, zones: Iterable[str]) -> None:
        missing = [zone for zone in zones if zone not in self.contents]
        with ThreadPoolExecutor(WORKERS) as pool:
            self.contents.update(zip(missing, pool.map(self._populate, missing)))

    def _populate(self, name: str, provider: Any = None) -> _Read:
        try:
            zone = empty_zone(name)
            exists = (provider or self.provider).populate(zone, target=True, lenient=True)
        except RefusedError as error:
            return str(error)
        except Exception as error:  # every class has its own
            return explain(self.place, error).problem
        if not exists and not self.listed:
            return self._stranger(f"zone {name}")
        return Contents(zone, hidden_names(name, self.reads.get(name, [])))

    def apply(self, zones: Mapping[Zone, Sequence[Change]]) -> dict[Zone, Applied]:
        self._open()
        applied = write_all(zones, self._write, WORKERS)
        self.provider = None
        return applied

    def _write(self, zone: Zone, changes: Sequence[Change]) -> Applied:
        refusal = "" if self.known.in_place or self.place.allow_gaps else _gap(changes)
        if refusal:
            return Applied(problem=f"DNS backend {self.place.name}: {refusal}")
        try:
            self._carry_out(zone.name, changes)
        except MovedError:
            return Applied(conflict=True)
        except RefusedError as error:
            return Applied(problem=f"DNS backend {self.place.name}: {error}")
        except Exception as error:  # every class has its own
            return explain(self.place, error)
        return Applied(atomic=self.known.atomic)

    def _carry_out(self, name: str, changes: Sequence[Change]) -> None:
        contents = self._populate(name)
        if isinstance(contents, str):
            raise RefusedError(contents)
        ours, whole = empty_zone(name), contents.zone.copy()
        for change in changes:
            existing = contents.record(change.name, change.type)
            if existing:
                whole.remove_record(existing)
            if change.after:
                record = record_for(ours, change, existing, self.known.verbatim)
                ours.add_record(record, lenient=True)
                whole.add_record(record, lenient=True)
        guard = Guard(changes)
        plan = self.provider.plan(ours, processors=[guard])
        own = guard.allowed(plan.changes) if plan else []
        if own:  # a provider that writes whole zones gets the whole zone
            with self.turn:
                self.provider.apply(plan_of(contents.zone, whole, own))
            self._settle(name, changes)

    def _settle(self, name: str, changes: Sequence[Change]) -> None:
        """Waits a little until the change is shown; reading back decides what it came to."""
        for pause in _SETTLING if self.known.late else ():
            contents = self._populate(name, open_provider(self.place))
            if isinstance(contents, str) or is_shown(contents, changes):
                return
            self.sleep(pause)


def _longest(name: str, zones: set[str]) -> str:
    labels = name.split(".")
    return next((zone for start in range(len(labels)) if (zone := ".".join(labels[start:])) in zones), "")


def _gap(changes: Iterable[Change]) -> str:
    """A provider that deletes first must not do so with values of others, which nobody could restore."""
    for change in changes:
        others = set(change.before.values) & set(change.after) if change.before else set()
        if others:
            return (
                f"{change.name} {change.type} also holds {', '.join(map(printable, sorted(others)))}, and "
                "this provider deletes a record set before it creates it anew. If that is interrupted, they are lost. "
                "Remedy: change it by hand, or accept that with allow_gaps: true."
            )
    return ""
