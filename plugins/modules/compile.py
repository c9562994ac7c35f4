#!/usr/bin/python
# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name; there is no code that runs on a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: compile
short_description: Validate the fleet and compute what every sender needs
version_added: 1.0.0
description:
  - Reads the variables of the role P(mailfleet.mta.fleet#role) of every inventory host that defines C(fleet_ips),
    also of hosts outside of C(--limit), and checks what they mean for each other.
  - Fails with all problems at once, each with its path in the inventory and the remedy. No host is contacted.
  - Otherwise returns one view a sender, which the roles print into configuration files, and what the DNS has to say of
    every domain. The same inventory always gives the same result.
  - The result holds the password hashes of the applications. It is never printed, whatever the verbosity.
author:
  - mailfleet contributors (@mailfleet)
requirements:
  - netaddr on the controller
  - publicsuffixlist on the controller
attributes:
  check_mode:
    support: full
    description: The action never changes anything.
  diff_mode:
    support: none
    description: The roles that write configuration show the difference.
options: {}
"""

EXAMPLES = r"""
- name: Compile the fleet
  mailfleet.mta.compile:
  run_once: true
  register: fleet_compiled

- name: Show what this host signs
  ansible.builtin.debug:
    var: fleet_compiled.views[inventory_hostname].signing
"""

RETURN = r"""
views:
  description: For every sender what its configuration needs, by host name.
  returned: success
  type: dict
  contains:
    host:
      description: The name of the host in the inventory.
      type: str
      returned: success
    submission_address:
      description: Where applications reach the host.
      type: str
      returned: success
    interface:
      description: The network interface of the source addresses; null for that of the default route.
      type: str
      returned: success
    addresses:
      description: Source addresses with their family (4 or 6), sorted.
      type: list
      elements: dict
      returned: success
    pools:
      description:
        - Pools with an address on the host.
        - Each with its instance, port, networks, applications, domains, addresses, ceilings, lanes and routes.
      type: list
      elements: dict
      returned: success
    isps:
      description: ISP profiles, sorted by name, the default profile V(other) last.
      type: list
      elements: dict
      returned: success
    signing:
      description: Domains that the host signs, with selector and pool.
      type: list
      elements: dict
      returned: success
    elsewhere:
      description: All domains of the fleet with their pool, its traffic class, and the endpoints that accept them.
      type: list
      elements: dict
      returned: success
    entry:
      description: The general endpoint with its routes by sender domain; null when there is none.
      type: dict
      returned: success
domains:
  description: For every domain what its DNS records are made of.
  returned: success
  type: list
  elements: dict
policies:
  description: The MTA-STS policies of all domains, to be served as C(url) by the web server behind C(name).
  returned: success
  type: list
  elements: dict
  sample:
    - name: mta-sts.example.com
      domain: example.com
      url: https://mta-sts.example.com/.well-known/mta-sts.txt
      id: a1c4293f20637bfb7a58b4b0e0887b29
      text: "version: STSv1\nmode: testing\nmx: mail.example.com\nmax_age: 1209600\n"
addresses:
  description: All source addresses of the fleet.
  returned: success
  type: list
  elements: str
summary:
  description: How many hosts, pools, addresses, domains, isps and lanes there are.
  returned: success
  type: dict
  sample: {addresses: 6, domains: 4, hosts: 3, isps: 75, lanes: 450, pools: 3}
problems:
  description: All problems of the inventory.
  returned: failure
  type: list
  elements: dict
  sample:
    - path: fleet_domains.example.com.pool
      message: pool 'x' does not exist.
      remedy: "Name one of: campaign, trans, or add it to fleet_pools."
"""
