#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
module: source_addresses
short_description: Keep the source addresses of a sender on its network interface
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description:
  - Adds all addresses in one call, verifies that they can be used, and keeps them over a reboot by the unit
    C(mailfleet-addresses.service), whatever manages the network.
  - Knows what it added (C(/etc/mailfleet/addresses/state.json)). An address that was there before is used and left
    alone; so is the address of the SSH connection.
  - The host does not use these addresses for any traffic but that of programs that bind to them.
options:
  addresses:
    description: The addresses the host shall have.
    type: list
    elements: dict
    required: true
    suboptions:
      address:
        description: An IPv4 or IPv6 address without a prefix length.
        type: str
        required: true
      family:
        description: Not needed; the address tells it.
        type: int
        choices: [4, 6]
  interface:
    description:
      - The interface to put them on.
      - Without it, that of the earlier run, else that of the default route, else that of the SSH connection.
    type: str
  remove:
    description:
      - Also remove addresses that an earlier run added and nobody wants any more.
      - Without it they are reported in RV(removable), so that a play can add first, change what uses the addresses,
        and remove last.
    type: bool
    default: false
attributes:
  check_mode:
    description: Computes everything, changes nothing.
    support: full
  diff_mode:
    description: Shows the addresses before and after.
    support: full
"""

EXAMPLES = r"""
- name: Put the source addresses on the interface
  mailfleet.mta.source_addresses:
    interface: eth0
    addresses:
      - {address: 192.0.2.10, family: 4}
      - {address: "2001:db8::10", family: 6}
  register: __addresses_result

- name: Remove what nothing uses any more
  mailfleet.mta.source_addresses:
    addresses: [{address: 192.0.2.10}]
    remove: true
  when: __addresses_result.removable | length > 0
"""

RETURN = r"""
interface:
  description: The interface that has the addresses.
  type: str
  returned: always
added:
  description: Addresses that were added.
  type: list
  elements: str
  returned: always
removed:
  description: Addresses that were removed.
  type: list
  elements: str
  returned: always
removable:
  description: Addresses that O(remove) would remove.
  type: list
  elements: str
  returned: always
adopted:
  description: Wanted addresses that something else put there.
  type: list
  elements: str
  returned: always
kept:
  description: Addresses nobody wants any more that stay, because this SSH connection uses them.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailfleet.mta.plugins.module_utils._addresses import AddressError
from ansible_collections.mailfleet.mta.plugins.module_utils._addresses_host import converge
from ansible_collections.mailfleet.mta.plugins.module_utils._announce import announce
from ansible_collections.mailfleet.mta.plugins.module_utils._command import host, runner
from ansible_collections.mailfleet.mta.plugins.module_utils._files import sentence
from ansible_collections.mailfleet.mta.plugins.module_utils._network import NetworkError
from ansible_collections.mailfleet.mta.plugins.module_utils._systemd import UnitError


def main() -> None:
    address = {"address": {"type": "str", "required": True}, "family": {"type": "int", "choices": [4, 6]}}
    module = AnsibleModule(
        argument_spec={
            "addresses": {"type": "list", "elements": "dict", "options": address, "required": True},
            "interface": {"type": "str"},
            "remove": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        result = converge("/", module.params, module.check_mode, runner(module.run_command), announce)
    except (AddressError, NetworkError, UnitError) as error:
        module.fail_json(msg=f"{host()}: {error}")
    except OSError as error:
        module.fail_json(msg=f"{host()}: {sentence(error, '/etc/mailfleet/addresses')} No address was changed.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
