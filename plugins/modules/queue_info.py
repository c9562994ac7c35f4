#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
module: queue_info
short_description: See what a run would take away from a sender, and the mail that still needs it
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description:
  - Compares what the live generation of the role P(mailfleet.mta.postfix#role) or P(mailfleet.mta.powermta#role) has
    with what is wanted.
  - Reads only the queues of pools from which something leaves; without such a pool it reads one small file.
options:
  wanted:
    description:
      - What is wanted, as P(mailfleet.mta.holdings#filter) prints it. C(pools) maps each pool to its C(addresses) and
        C(domains) (with the return-path names), C(fleet) lists the names of all domains of the fleet, C(backend) is the
        MTA.
      - Without it nothing is compared.
    type: dict
  senders:
    description: Domains whose queued mail is counted, by their part in the envelope sender.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Only reads.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
"""

EXAMPLES = r"""
- name: See what would leave
  mailfleet.mta.queue_info:
    wanted: "{{ fleet_compiled.views[inventory_hostname] | mailfleet.mta.holdings }}"
  register: __postfix_leaving

- name: Refuse to remove what mail still waits for
  ansible.builtin.fail:
    msg: "{{ __postfix_leaving.refusals | join(' ') }}"
  when: __postfix_leaving.refusals | length > 0
"""

RETURN = r"""
changes:
  description: What differs between the live generation and O(wanted) in mail terms, a line for each pool.
  type: list
  elements: str
  returned: always
  sample: ["pool campaign: + 198.51.100.23, - shop.example.org"]
leaving:
  description:
    - What the host has and is wanted no more. C(kind) is V(pool), V(address) or V(domain).
    - C(queued) counts all mail of a pool, the mail of a pool that is on its way for an address (deferred mail chooses
      another one at its next try), and the mail from a domain.
    - On PowerMTA all mail of an address counts, and C(virtual_mtas) has the C(name) and C(helo) of every address that
      leaves with its pool or by itself.
  type: list
  elements: dict
  returned: always
  sample: [{"pool": "campaign", "kind": "address", "name": "198.51.100.21", "queued": 37}]
moving:
  description:
    - The C(mta) that the host has while it shall have the other one, and its C(pools). Empty otherwise.
    - It may go when it takes no more mail and has none; RV(refusals) says what is missing.
  type: dict
  returned: always
  sample: {"mta": "postfix", "pools": ["campaign", "trans"]}
refusals:
  description: A sentence for everything in RV(leaving) that still has mail.
  type: list
  elements: str
  returned: always
senders:
  description: The queued mail of each pool by the domains in O(senders).
  type: dict
  returned: always
  sample: {"campaign": {"example.com": 12}}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailfleet.mta.plugins.module_utils._command import host, runner
from ansible_collections.mailfleet.mta.plugins.module_utils._queue_host import QueueError, report


def main() -> None:
    module = AnsibleModule(
        argument_spec={"wanted": {"type": "dict"}, "senders": {"type": "list", "elements": "str", "default": []}},
        supports_check_mode=True,
    )
    try:
        result = report(module.params["wanted"], module.params["senders"], runner(module.run_command))
    except QueueError as error:
        module.fail_json(msg=f"{host()}: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
