#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Documentation of the action plugin of the same name; there is no code that runs on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dmarc_policy
short_description: Move the DMARC policies of many domains by what aggregate reports say
version_added: 1.0.0
description:
  - Reads the published policy of every domain whose C(progression) is not empty, decides by the reports whether it
    takes a step, and publishes the step.
  - The stages are V(p=none) for 28 days, V(p=quarantine; t=y) for 14, V(p=quarantine) for 21, V(p=reject; t=y) for 21,
    then V(p=reject), twelve weeks in all. RFC 9989 has no percentage; with V(t=y) receivers apply the policy one level
    below.
  - At most one step forward in a run, and only when the time is over, the reports are there, and nothing in them speaks
    against it. When a domain's own mail fails, the policy goes back to the one that was in force before.
  - Never sleeps; RV(domains) says when the next step may come.
author:
  - mailfleet contributors (@mailfleet)
extends_documentation_fragment:
  - mailfleet.mta.dns
options:
  domains:
    description:
      - The list RV(mailfleet.mta.compile#module:domains) of the compiled fleet.
      - JSON text is taken too, see O(mailfleet.mta.dns_auth#module:domains).
    type: raw
    required: true
  evidence:
    description: The RV(mailfleet.mta.dmarc_evidence#module:domains), or their JSON text.
    type: raw
    default: {}
  gate:
    description: What the reports must show. Rates are percentages.
    type: dict
    default: {}
    suboptions:
      window:
        description: Days of reports that count. The default is 14.
        type: int
      days:
        description: How many of them must have reports. The default is 7.
        type: int
      messages:
        description: How many messages of the domain itself they must tell of. The default is 100.
        type: int
      pass_rate:
        description: The least share of the domain's own mail that passed. The default is 99.5.
        type: float
      unknown_rate:
        description: The largest share of failing mail of unknown sources in all mail. The default is 2.
        type: float
      silence:
        description: Age in days of the last report from which on data is missing. The default is 4.
        type: int
      rollback_rate:
        description: Below this share of passing mail the policy goes back. The default is 98.
        type: float
      rollback_days:
        description: The days over which that share is taken. The default is 7.
        type: int
  most_steps:
    description: How many domains take a step forward in one run; the others follow in the next ones.
    type: int
    default: 50
  today:
    description: The day, as V(2026-11-22).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Decide on the DMARC policies, and publish the steps
  mailfleet.mta.dmarc_policy:
    domains: fleet_compiled.domains
    evidence: "{{ dmarc_reports_evidence.domains | to_json }}"
    dns: "{{ fleet_dns }}"
    gate: {messages: 500}
    today: "{{ now(utc=true, fmt='%Y-%m-%d') }}"
  register: dmarc_reports_steps
"""

RETURN = r"""
domains:
  description: One entry for each domain whose policy moves.
  type: list
  elements: dict
  returned: always
  contains:
    domain:
      description: The domain.
      type: str
      returned: always
    move:
      description: V(forward), V(back), V(hold), V(done) or V(failed).
      type: str
      returned: always
    stage:
      description: The policy that was published.
      type: str
      returned: always
    next:
      description: The policy that is published now; empty if that is the same.
      type: str
      returned: always
    since:
      description: The day on which RV(domains[].stage) was reached.
      type: str
      returned: always
    not_before:
      description: The first day on which the next step may come.
      type: str
      returned: always
    reasons:
      description: What held the policy or moved it.
      type: list
      elements: str
      returned: always
    decided_by:
      description: The first of these reasons.
      type: str
      returned: always
lines:
  description: The same in one sentence each.
  type: list
  elements: str
  returned: always
stages:
  description: Stage and day for each domain, for M(mailfleet.mta.dmarc_pages) to record.
  type: dict
  returned: always
results:
  description: One entry for each domain that changed, failed or has a remark; RV(summary) counts the others.
  type: list
  elements: dict
  returned: always
summary:
  description: Number of domains by outcome.
  type: dict
  returned: always
zones:
  description: What was written; in check mode what would be.
  type: list
  elements: dict
  returned: always
duration_s:
  description: Seconds spent.
  type: float
  returned: always
"""
