#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
module: dkim_keys
short_description: Make DKIM keys and share them between the senders of a domain
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description:
  - Sees to it that all senders of a domain sign with one key per selector, which never rests on the controller.
  - A run has four steps. Every sender reports its public keys (V(read)); the controller plans (V(plan)); one
    sender of each domain makes a missing key and seals it for the others (V(make)); they open and keep it (V(store)).
    When nothing is missing, the run ends after V(plan).
  - Private keys travel sealed for the exchange key of the receiving sender. An existing key is never overwritten.
  - The role P(mailfleet.mta.dkim#role) has the tasks in their order.
options:
  step:
    description: What to do. V(plan) works on the controller only.
    type: str
    choices: [read, plan, make, store]
    default: read
  pairs:
    description: The keys in question, each with C(domain) and C(selector). For O(step=read) and O(step=make).
    type: list
    elements: dict
    default: []
  views:
    description:
      - Instead of O(pairs), the name of the variable that holds the answer of M(mailfleet.mta.compile), for all keys
        of this sender. In a large fleet this is faster.
    type: str
  seal:
    description: For O(step=make), for each sender to seal for its public C(exchange) key and the C(pairs).
    type: dict
    default: {}
  receive:
    description: For O(step=store), for each sender that shares keys a list as in O(pairs).
    type: dict
    default: {}
  domains:
    description:
      - For O(step=plan), the C(domain), C(pool), C(selector) and C(signers) of each domain.
      - The selector names the first key of a domain; from then on the senders know which they sign with.
      - The name of the variable that holds the list is enough, and faster.
    type: raw
    default: []
  staged:
    description: For O(step=plan), whether to make the keys that a rotation is about to publish, too.
    type: bool
    default: false
  reports:
    description: For O(step=plan), the variable in which every sender registered its O(step=read).
    type: str
    default: __dkim_read
  made:
    description: For O(step=store), the variable in which every sender registered its O(step=make).
    type: str
    default: __dkim_made
  job:
    description: All of this in one opaque string. The action plugin fills it in.
    type: str
  directory:
    description: Where the keys are, as C(<domain>/<selector>.private) and C(.public).
    type: path
    default: /var/lib/mailfleet/dkim
  group:
    description: The group of the signing service, which may read the private keys.
    type: str
    default: _rspamd
attributes:
  check_mode:
    description: Reads, plans and reports what would be made and shared.
    support: full
  diff_mode:
    description: Lists domains and selectors, never a key.
    support: full
"""

EXAMPLES = r"""
- name: Read the public keys of this sender
  mailfleet.mta.dkim_keys:
    pairs: [{domain: example.com, selector: mf1}]
  register: __dkim_read

- name: Plan who makes and who receives a key
  mailfleet.mta.dkim_keys:
    step: plan
    domains: [{domain: example.com, pool: campaign, selector: mf1, signers: [mx1, mx2]}]
  run_once: true
  register: dkim_state
"""

RETURN = r"""
public:
  description: The public keys of this sender by domain and selector.
  type: dict
  returned: step=read
orphans:
  description: Public keys without their private half.
  type: dict
  returned: step=read
exchange:
  description: The public half of this sender's exchange key; empty in check mode as long as it has none.
  type: str
  returned: step=read
pace:
  description: About how many keys this sender makes in a second. Senders share the work by it.
  type: int
  returned: step=read
rotation:
  description: This sender's copy of where the rotation of each domain stands; see M(mailfleet.mta.dkim_rotate).
  type: dict
  returned: step=read
signing:
  description:
    - On O(step=read), the selectors by domain that this sender signs with by its live configuration.
    - On O(step=plan), for every sender the C(domain), C(pool) and C(selector) of each signature.
  type: dict
  returned: step=read or step=plan
public_keys:
  description: By domain and selector the value of p= for DNS; null as long as it is not known.
  type: dict
  returned: step=plan
pending:
  description: Whether keys must be made or shared.
  type: bool
  returned: step=plan
plan:
  description: C(make), C(seal) and C(store) for each sender.
  type: dict
  returned: step=plan
parcels:
  description: The sealed keys for each receiving sender.
  type: dict
  returned: step=make
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_steps import STEPS, carry_out


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "step": {"type": "str", "choices": ["read", "plan", "make", "store"], "default": "read"},
            "pairs": {"type": "list", "elements": "dict", "default": []},
            "views": {"type": "str"},
            "seal": {"type": "dict", "default": {}},
            "receive": {"type": "dict", "default": {}},
            "domains": {"type": "raw", "default": []},
            "staged": {"type": "bool", "default": False},
            "reports": {"type": "str", "default": "__dkim_read"},
            "made": {"type": "str", "default": "__dkim_made"},
            "job": {"type": "str", "no_log": True},
            "directory": {"type": "path", "default": "/var/lib/mailfleet/dkim"},
            "group": {"type": "str", "default": "_rspamd"},
        },
        supports_check_mode=True,
    )
    carry_out(module, STEPS[module.params["step"]])


if __name__ == "__main__":
    main()
