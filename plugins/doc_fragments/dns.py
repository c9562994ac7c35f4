# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the DNS tasks have in common."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
notes:
  - Runs on the controller, inside of Ansible, which for 1,000 domains takes half a second less than a module.
  - One process serves all zones. At a primary server one signed message changes a zone, all or nothing, and only if
    the zone still holds what was read; otherwise it is read and planned again. Backends are read again just before
    they write, too.
  - After each write the records are read back, and the task waits until every address of every name server of the zone
    shows them. Zone files are the exception, because nobody knows when they are loaded.
  - A failure concerns its item only. The others are finished, the task fails at the end with a sentence a problem, and
    a re-run completes the rest.
requirements:
  - dnspython >= 2.3 on the controller
  - octodns >= 1.22 and the package of the provider, for O(dns.backends) with an octoDNS provider
attributes:
  check_mode:
    support: full
    description: Reads the DNS and returns the plan; writes nothing.
  diff_mode:
    support: full
    description: Before and after of the touched record sets, by zone.

options:
  dns:
    description:
      - How to reach the zones; the C(fleet_dns) of the inventory. A zone is changed at its primary server (DNS UPDATE,
        RFC 2136), or through one of the O(dns.backends).
      - Empty means that the DNS is not managed here. The records are then returned in RV(ignore:manual).
    type: dict
    default: {}
    suboptions:
      server:
        description:
          - IP address of the primary server that takes updates.
          - Without it and O(dns.backend) only O(dns.zones) are managed.
        type: str
      port:
        description: Port of O(dns.server), UDP and TCP.
        type: int
        default: 53
      key_name:
        description: Name of the TSIG key. Without it updates are not signed.
        type: str
      key_algorithm:
        description: Algorithm of the TSIG key.
        type: str
        choices: [hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512]
        default: hmac-sha256
      key_secret:
        description: Secret of the TSIG key, base64. It is never shown.
        type: str
      resolver:
        description:
          - IP address of a resolver that knows the addresses of the name servers of the zones.
          - Without it O(dns.server) is asked, which knows those in its own zones, and for zones with a backend the
            controller's own resolver.
        type: str
      ttl:
        description: TTL of records that are ours alone. A record set shared with others keeps its TTL.
        type: int
        default: 3600
      timeout:
        description: Seconds without an answer after which a server counts as silent.
        type: int
        default: 5
      wait:
        description:
          - Seconds without any progress after which the wait for the authoritative addresses ends. V(0) asks once.
          - A primary may take its time. BIND tells its secondaries 20 zones a second (its option C(notify-rate)).
        type: int
        default: 60
      backend:
        description: Name of the one of O(dns.backends) that changes the zones, instead of O(dns.server).
        type: str
      backends:
        description:
          - Other ways to change zones, by a name of your choice. Each has either C(provider) or C(directory).
          - C(provider) is an octoDNS provider, V(cloudflare), V(hetzner), V(ovh), V(powerdns), V(route53) or the path
            of any class, such as V(octodns_ns1.Ns1Provider). C(settings) are those of the class. A value C(env/NAME)
            is read from the controller's environment. It never changes or deletes what the task did not plan.
          - C(allow_gaps) (V(false)) accepts that a provider deletes a record set before it creates it anew, also when
            it holds values of others.
          - C(directory) holds zone files on the controller. A file that is there is changed as a whole, with the next
            serial; comments are not kept. Without a file one is written that has only the wanted records, to be
            included. C(file) (V({zone}.zone\)) is the pattern of their names.
        type: dict
        default: {}
      zones:
        description:
          - The same settings for single zones, by zone name; what is missing comes from above.
          - A zone that names a C(backend) inherits no server, and the other way round.
        type: dict
        default: {}
  limits:
    description: Protection against mass changes. Above a limit nothing is written; the message says how to raise it.
    type: dict
    default: {}
    suboptions:
      changes:
        description: Most record sets that one call changes. The default is 20000.
        type: int
      deletes:
        description: Most record sets that lose something in one call. The default is 500.
        type: int
      zone_changes:
        description: As O(limits.changes), for each zone. The default is 5000.
        type: int
      zone_deletes:
        description: As O(limits.deletes), for each zone. The default is 100.
        type: int
  name_server_port:
    description: Port at which the name servers of the zones are asked. Another one than 53 is for laboratories.
    type: int
    default: 53
  skip_name_servers:
    description: IP addresses of name servers that are not asked, for example one that is known to be down.
    type: list
    elements: str
    default: []
"""
