# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What is known of single octoDNS providers: their packages, and where they would mislead us.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_settings import BackendSettings

# OVH keeps these as types of their own, which octoDNS neither shows nor changes.
_OVH_TYPES = ("SPF", "DMARC")
Records = list[Mapping[str, Any]]


class Known(NamedTuple):
    path: str
    package: str
    defaults: Mapping[str, Any] = MappingProxyType({})
    atomic: bool = False  # all changes of a zone, or none
    in_place: bool = True  # a record set is changed, not deleted and created anew
    verbatim: bool = False  # TXT values with escapes go back as they came
    one_writer: bool = False  # answers 500 when two write at once
    late: bool = False  # says yes before it shows the change


KNOWN = {
    # Its own pause after 429 is five minutes, four times; page rules are no DNS and need another permission.
    "cloudflare": Known(
        "octodns_cloudflare.CloudflareProvider",
        "octodns-cloudflare",
        {"pagerules": False, "retry_count": 2, "retry_period": 10},
    ),
    "hetzner": Known("octodns_hetzner.HetznerProvider", "octodns-hetzner", {"backend": "hcloud"}, late=True),
    "ovh": Known("octodns_ovh.OvhProvider", "octodns-ovh", {"endpoint": "ovh-eu"}, in_place=False),
    # On SQLite two writers lock each other out.
    "powerdns": Known(
        "octodns_powerdns.PowerDnsProvider", "octodns-powerdns", atomic=True, verbatim=True, one_writer=True
    ),
    "route53": Known("octodns_route53.Route53Provider", "octodns-route53", atomic=True),
}


def known(place: BackendSettings) -> Known:
    """Of a class that nobody looked at the worse is assumed."""
    found = KNOWN.get(place.provider) or next((own for own in KNOWN.values() if own.path == place.provider), None)
    if found is None:
        return Known(place.provider, place.provider.partition(".")[0].replace("_", "-"), in_place=False, late=True)
    old_hetzner = found is KNOWN["hetzner"] and place.settings.get("backend") == "dnsapi"
    return found._replace(in_place=False) if old_hetzner else found


def read_strictly(provider: Any) -> None:
    """Hetzner's adapter takes a failed read for an empty zone, and would then write over what it did not see."""
    client: Any = getattr(provider, "_client", None)
    if type(client).__name__ == "HCloudZonesClient":
        client._get_rrsets = lambda zone: zone.get_rrset_all()


def remembered_reads(provider: Any) -> dict[str, Records]:
    """By zone, all that OVH's provider reads, also what it leaves out."""
    records: dict[str, Records] = {}
    if type(provider).__module__.startswith("octodns_ovh"):

        def get_records(zone_name: str) -> Records:
            records[zone_name] = type(provider).get_records(provider, zone_name)
            return records[zone_name]

        provider.get_records = get_records
    return records


def hidden_names(zone: str, records: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """A second SPF record beside one that is left out would break both."""
    return {
        ".".join(part for part in (record["subDomain"], zone) if part): (
            f"has a record of OVH's own type {record['fieldType']}, which octoDNS does not show. "
            "Remedy: make it a TXT record in OVH's panel."
        )
        for record in records
        if record["fieldType"] in _OVH_TYPES
    }
