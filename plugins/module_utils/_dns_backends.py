# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Several backends as one: every name goes to the server or backend that dns.zones gives it.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ansible_collections.mailfleet.mta.plugins.module_utils._dns import Backend, Reading, Rfc2136, Zone
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Change, Key
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import BackendSettings, Server, Settings
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_update import Applied
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_zonefile import ZoneFiles


class Backends:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.open: dict[str, Backend] = {"": Rfc2136(settings)}
        for name, place in settings.backends.items():
            self.open[name] = _octodns(place, settings) if place.provider else ZoneFiles(place, settings)

    def read(self, keys: Iterable[Key]) -> Reading:
        whole = Reading({}, {}, {}, set())
        shares: dict[str, list[Key]] = {}
        servers: dict[str, Server | None] = {}
        for key in keys:
            if key[0] not in servers:
                servers[key[0]] = self.settings.server_for(key[0])
            server = servers[key[0]]
            shares.setdefault(server.backend if server else "", []).append(key)
        for name, share in shares.items():
            reading = self.open[name].read(share)
            whole.found.update(reading.found)
            whole.zones.update(reading.zones)
            whole.problems.update(reading.problems)
            whole.unmanaged.update(reading.unmanaged)
        return whole

    def apply(self, zones: Mapping[Zone, Sequence[Change]]) -> dict[Zone, Applied]:
        applied: dict[Zone, Applied] = {}
        for name in dict.fromkeys(zone.server.backend for zone in zones):
            share = {zone: changes for zone, changes in zones.items() if zone.server.backend == name}
            applied.update(self.open[name].apply(share))
        return applied

    def file_of(self, zone: Zone) -> str:
        """The file the zone is written to; empty for zones that are changed where the world asks."""
        backend = self.open[zone.server.backend]
        return str(backend.path(zone.name)) if isinstance(backend, ZoneFiles) else ""


def _octodns(place: BackendSettings, settings: Settings) -> Backend:
    """octoDNS is loaded only for those who use it."""
    from ansible_collections.mailfleet.mta.plugins.module_utils._dns_octodns import OctoDns

    return OctoDns(place, settings)
