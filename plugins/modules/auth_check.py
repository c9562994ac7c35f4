#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Documentation of the action plugin of the same name; there is no code that runs on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: auth_check
short_description: Check what receivers see of the domains and addresses of the fleet
version_added: 1.0.0
author:
  - mailfleet contributors (@mailfleet)
description:
  - Asks the DNS, as a receiver does, about every sending domain and source address, and holds the answers against what
    Gmail, Yahoo, Outlook and others demand. PTR and HELO, zones and name servers, MX, SPF, DKIM, DMARC, MTA-STS with
    its policy file, TLS-RPT, TLSA and BIMI.
  - Each finding has a level, the records as they were seen, and a remedy. RV(checks) lists every check.
  - Runs on the controller, reads only, and needs no host. Answers are awaited side by side; a server that does not
    answer is a finding, not a failure.
requirements:
  - dnspython >= 2.3 on the controller
  - publicsuffixlist on the controller
options:
  domains:
    description:
      - The list RV(mailfleet.mta.compile#module:domains) of the compiled fleet, or its JSON text.
    type: raw
    default: []
  addresses:
    description:
      - The source addresses, each a dictionary with C(address) and C(helo), or the JSON text of the list.
    type: raw
    default: []
  keys:
    description:
      - Public DKIM keys that the senders hold, base64, by domain and selector. With them it is seen whether the
        published key is the one that signs.
      - JSON text is taken too.
    type: raw
    default: {}
  signing:
    description:
      - What the senders sign with now, each a dictionary with C(domain) and C(selector), or the JSON text of the list.
      - Without it a domain is taken to sign with the selector of the inventory, which a rotation leaves behind.
    type: raw
    default: []
  resolver:
    description: IP address of the resolver that is asked. Without it the first one of the controller.
    type: str
    default: ''
  resolver_port:
    description: Port of O(resolver). Another one than 53 is for laboratories.
    type: int
    default: 53
  timeout:
    description: Seconds without an answer after which a server counts as silent.
    type: int
    default: 5
  name_server_port:
    description: Port at which the name servers of the zones are asked. Another one than 53 is for laboratories.
    type: int
    default: 53
  policy_port:
    description: Port at which MTA-STS policy files are fetched. Another one than 443 is for laboratories.
    type: int
    default: 443
  ca_file:
    description: Certificates (PEM) that are trusted for policy files, beside those of the controller.
    type: path
    default: ''
  levels:
    description: Findings of these levels are returned. V(ok) adds every check that is kept, dozens a domain.
    type: list
    elements: str
    choices: [error, warning, info, ok]
    default: [error, warning, info]
  skip:
    description: Names of checks that are left out.
    type: list
    elements: str
    default: []
  show:
    description: Whether RV(table) and RV(msg) are printed to the terminal as it is, whatever format results have there.
    type: bool
    default: false
  fail_on:
    description: The task fails when there is an error, or even a warning, or never.
    type: str
    choices: [error, warning, never]
    default: never
attributes:
  check_mode:
    support: full
    description: Only reads.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: Compile the fleet
  mailfleet.mta.compile:
  run_once: true
  register: fleet_compiled

- name: See what receivers see
  mailfleet.mta.auth_check:
    domains: fleet_compiled.domains
    addresses: >-
      {{ fleet_compiled.views.values() | map(attribute='pools') | flatten | map(attribute='ips') | flatten | to_json }}
    show: true
  run_once: true
  register: seen

- name: Look at one address of somebody else
  mailfleet.mta.auth_check:
    addresses:
      - address: 192.0.2.10
        helo: mta10.example.com
    resolver: 192.0.2.53
    levels: [error, warning, info, ok]
    skip: [helo-spf]
    fail_on: error
"""

RETURN = r"""
findings:
  description: What was found, the worst first.
  type: list
  elements: dict
  returned: always
  contains:
    check:
      description: Name of the check, as in RV(checks). V(dns-answers) names checks that could not be made.
      type: str
      returned: always
    level:
      description: One of error, warning, info, ok.
      type: str
      returned: always
    kind:
      description: Whether RV(findings[].subject) is a domain, a parked one, or an address.
      type: str
      returned: always
    subject:
      description: The name of the domain, or the address.
      type: str
      returned: always
    text:
      description: What is wrong, or for V(ok) what is right.
      type: str
      returned: always
    evidence:
      description: The records as they were seen.
      type: list
      elements: str
      returned: always
    remedy:
      description: What to do; empty for V(ok).
      type: str
      returned: always
    source:
      description: Who demands it.
      type: str
      returned: always
  sample:
    - check: ptr
      level: error
      kind: address
      subject: 192.0.2.10
      text: The address has no PTR record.
      evidence: ["10.2.0.192.in-addr.arpa PTR: no such name (NXDOMAIN)"]
      remedy: "Have the owner of the network publish exactly one record: 192.0.2.10 PTR mta10.example.com."
      source: Gmail 4.7.23 and 5.7.25, Yahoo, Orange 107, GMX; IPv6 above all
summary:
  description: How many findings there are of each level, whatever O(levels) says.
  type: dict
  returned: always
  sample: {error: 1, warning: 0, info: 2, ok: 57}
checked:
  description: How many domains, parked domains and addresses were looked at.
  type: dict
  returned: always
  sample: {domains: 1, parked: 0, addresses: 1}
msg:
  description: The numbers in a sentence; with what is wrong when the task fails.
  type: str
  returned: always
  sample: "1 domain, 1 address: 1 error, 0 warnings, 2 info, 57 ok."
table:
  description: Lines for the terminal, by level and check.
  type: list
  elements: str
  returned: always
checks:
  description: Every check that was made, with its name, kind, level, title and source.
  type: list
  elements: dict
  returned: always
  sample:
    - {check: ptr, kind: address, level: error, title: The address has a PTR record., source: Gmail 5.7.25}
questions:
  description: How many questions were asked.
  type: int
  returned: always
  sample: 61
duration_s:
  description: Seconds spent.
  type: float
  returned: always
  sample: 0.21
"""
