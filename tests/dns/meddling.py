# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""octoDNS providers as they might be: one that plans against others' records, one that writes whole zones."""

from __future__ import annotations

from octodns.record import Delete
from octodns.zone import Zone
from octodns_powerdns import PowerDnsProvider


class MeddlingProvider(PowerDnsProvider):
    """Wants to delete all that it does not find in what is desired."""

    def _extra_changes(self, existing, desired, changes):
        everything = Zone(desired.name, [])
        self.populate(everything, lenient=True)
        wanted = {(record.name, record._type) for record in desired.records}
        return [Delete(record) for record in everything.records if (record.name, record._type) not in wanted]


class WholeZoneProvider(PowerDnsProvider):
    """Replaces the zone by what is desired, whatever the changes are."""

    def _apply(self, plan):
        wanted = {(record.name, record._type) for record in plan.desired.records}
        gone = [Delete(r) for r in plan.existing.records if (r.name, r._type) not in wanted and r._type != "NS"]
        mods = [self._mod_Delete(change) for change in gone]
        for record in plan.desired.records:
            values, rdtype = self._records_for(record)
            mods.append(
                {"name": record.fqdn, "type": rdtype, "ttl": record.ttl, "changetype": "REPLACE", "records": values}
            )
        self._patch(f"zones/{plan.desired.name}", data={"rrsets": mods})
