#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Documentation of the action plugin of the same name; there is no code that runs on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_auth
short_description: Publish the mail records of many domains
version_added: 1.0.0
description:
  - Works out the records of every domain of the fleet, compares them with the DNS, and publishes what is missing. These
    are MX, SPF, DKIM, DMARC and return-path, and as the inventory says MTA-STS, TLS-RPT, BIMI, delegated DKIM, and the
    permission to send DMARC reports to another domain; for a parked domain null MX, SPF and DKIM that pass nobody.
  - Records of others are never touched. The SPF record of a domain is merged with the one that is there; other TXT
    values of the name stay, and so does their TTL.
  - A DKIM key that is published under the selector is never replaced by another one, because mail signed with it may
    still be on its way.
  - A published DMARC policy stays as long as the inventory does not say one.
  - What the inventory does not name any more, O(phase=final) removes (an ended MTA-STS policy and its alias, what a
    parked name had; with O(leftovers=remove) TLS-RPT, BIMI and the permission for DMARC reports), if it stands at a
    name that only this purpose uses and is written as this module writes it. Anything else there stays, and a warning
    names it. The records of a domain that is no longer in O(domains) stay.
author:
  - mailfleet contributors (@mailfleet)
extends_documentation_fragment:
  - mailfleet.mta.dns
options:
  domains:
    description:
      - The list RV(mailfleet.mta.compile#module:domains) of the compiled fleet.
      - In a large fleet give the name of the variable instead, as in the example. Ansible templates every leaf of a
        list, which for 1,000 domains takes four times as long as the task itself. JSON text is taken, too.
    type: raw
    required: true
  keys:
    description:
      - A dictionary of public DKIM keys, base64, by domain and selector.
      - A variable's name and JSON text are taken too, as in O(domains).
    type: raw
    default: {}
  phase:
    description:
      - V(add) takes nothing away. What could go is returned in RV(pending_removals).
      - V(final) also removes it; addresses in SPF records only for the domains in O(release).
    type: str
    choices: [add, final]
    default: add
  release:
    description:
      - Domains of which no mail is left that another pool of the fleet may still send.
      - A name that several domains share is released with the last of them.
    type: list
    elements: str
    default: []
  retired:
    description: Addresses that are no longer in the fleet; SPF records lose them like those of other pools.
    type: list
    elements: str
    default: []
  leftovers:
    description:
      - What O(phase=final) does with TLS-RPT and BIMI records and permissions for DMARC reports that the inventory does
        not name and that others may have written in the same words.
      - V(keep) leaves them, and a warning names each.
    type: str
    choices: [keep, remove]
    default: keep
"""

EXAMPLES = r"""
- name: Publish what receivers must see before mail leaves
  mailfleet.mta.dns_auth:
    domains: fleet_compiled.domains
    keys: "{{ fleet_dkim_public }}"
    dns: "{{ fleet_dns }}"
    phase: add
  run_once: true
  register: fleet_dns_published

- name: Take the addresses of a former pool out of SPF, once its queue holds no mail of the domain
  mailfleet.mta.dns_auth:
    domains: fleet_compiled.domains
    keys: "{{ fleet_dkim_public }}"
    dns: "{{ fleet_dns }}"
    phase: final
    release:
      - example.com
  run_once: true
  when: fleet_dns_published.pending_removals | length > 0
"""

RETURN = r"""
results:
  description: One entry for each domain that changed, failed or has a remark; RV(summary) counts the others.
  type: list
  elements: dict
  returned: always
  sample:
    - {item: example.com, changed: true, failed: false, actions: [change example.com TXT], msg: ''}
pending_removals:
  description: What phase V(final) removes.
  type: list
  elements: dict
  returned: always
  contains:
    domain:
      description: The domain; for the addresses it must be in O(release).
      type: str
      returned: always
    name:
      description: The name of the record.
      type: str
      returned: always
    type:
      description: The type of the record.
      type: str
      returned: always
    ips:
      description: Addresses of other pools in an SPF record.
      type: list
      elements: str
      returned: always
    others:
      description:
        - Values of another kind, for example an MX of the return path, or a record that the inventory does not name any
          more. They need no release.
      type: list
      elements: str
      returned: always
foreign:
  description: What others published at the names of the fleet, and what was therefore kept.
  type: list
  elements: dict
  returned: always
  sample:
    - {domain: example.com, name: example.com, type: TXT, values: ["include:_spf.example.net"]}
summary:
  description: Number of items by outcome.
  type: dict
  returned: always
  sample: {total: 3, ok: 3, changed: 1, failed: 0}
zones:
  description: What was written; in check mode what would be.
  type: list
  elements: dict
  returned: always
  contains:
    zone:
      description: Name of the zone.
      type: str
      returned: always
    server:
      description: The primary it was written to.
      type: str
      returned: always
    changes:
      description: The changed record sets.
      type: list
      elements: str
      returned: always
    atomic:
      description: Whether all changes of the zone went in one message, all or nothing.
      type: bool
      returned: when not in check mode
    attempts:
      description: More than 1 when somebody else changed the same records meanwhile.
      type: int
      returned: when not in check mode
    serial:
      description: Serial of the zone afterwards.
      type: int
      returned: when not in check mode
manual:
  description: Records of names for which O(dns) has no server and no backend, to be published by hand.
  type: list
  elements: dict
  returned: always
  sample: [{name: example.net, type: TXT, ttl: 3600, values: ["v=spf1 ip4:192.0.2.10 -all"]}]
duration_s:
  description: Seconds spent.
  type: float
  returned: always
"""
