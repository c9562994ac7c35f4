#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Documentation of the action plugin of the same name; there is no code that runs on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_records
short_description: Converge a list of DNS records in many zones
version_added: 1.0.0
description:
  - Brings record sets, or single values of shared record sets, to the wanted state, by DNS UPDATE (RFC 2136), in zone
    files, or through an octoDNS provider.
  - The zone of each name is found by its SOA record.
author:
  - mailfleet contributors (@mailfleet)
extends_documentation_fragment:
  - mailfleet.mta.dns
options:
  records:
    description:
      - The record sets. A name and type may be there once.
      - Thousands of them are faster as the JSON text of the list (filter P(ansible.builtin.to_json#filter)).
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Full name of the record.
        type: str
        required: true
      type:
        description: Type of the record.
        type: str
        required: true
        choices: [A, CNAME, PTR, MX, TXT, AAAA, SRV, TLSA, CAA]
      values:
        description:
          - The values in presentation format. Host names are complete with or without the final dot.
          - A TXT value is one string of any length, without quotes; it is split as DNS wants it.
        type: list
        elements: str
        default: []
      ttl:
        description: Default is the O(dns.ttl) of the zone.
        type: int
      ownership:
        description:
          - V(rrset) means that the values are the whole record set.
          - V(value) means that other values and the TTL of the set stay.
        type: str
        choices: [rrset, value]
        default: rrset
      match:
        description: With O(records[].ownership=value), existing values that start with this are replaced.
        type: str
        default: ''
      state:
        description:
          - V(absent) removes the values, and those that O(records[].match) finds.
          - Without values and O(records[].match) it removes the record set.
        type: str
        choices: [present, absent]
        default: present
"""

EXAMPLES = r"""
- name: Publish records in two zones
  mailfleet.mta.dns_records:
    dns:
      server: 192.0.2.53
      key_name: mailfleet
      key_secret: "{{ vault_dns_key }}"
    records:
      - name: mx1.example.com
        type: A
        values: [192.0.2.10]
      - name: example.com
        type: TXT
        ownership: value
        match: google-site-verification=
        values: [google-site-verification=abc]
      - name: old.example.net
        type: CNAME
        state: absent
  run_once: true

- name: Publish a record in a zone at Cloudflare
  mailfleet.mta.dns_records:
    dns:
      backends:
        cf:
          provider: cloudflare
          settings: {token: env/CLOUDFLARE_TOKEN}
      zones:
        example.org: {backend: cf}
    records:
      - name: _smtp._tls.example.org
        type: TXT
        values: [v=TLSRPTv1; rua=mailto:tls@example.com]
  run_once: true
"""

RETURN = r"""
results:
  description: One entry for each record that changed, failed or has a remark; RV(summary) counts the others.
  type: list
  elements: dict
  returned: always
  sample:
    - {item: mx1.example.com A, changed: true, failed: false, actions: [add mx1.example.com A], msg: ''}
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
