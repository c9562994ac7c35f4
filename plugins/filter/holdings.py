# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
name: holdings
short_description: What each pool of a host shall have
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description: Prints the part of a host's view that M(mailfleet.mta.queue_info) compares.
options:
  _input:
    description: The view of a host, from C(fleet_compiled.views).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: See what would leave
  mailfleet.mta.queue_info:
    wanted: "{{ fleet_compiled.views[inventory_hostname] | mailfleet.mta.holdings }}"
"""

RETURN = r"""
_value:
  description:
    - C(pools) with the C(addresses) and C(domains) of each pool, C(fleet) with all names of the fleet, and C(backend).
  type: dict
"""

from ansible_collections.mailfleet.mta.plugins.module_utils._queue import holdings_of


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, object]:
        return {"holdings": holdings_of}
