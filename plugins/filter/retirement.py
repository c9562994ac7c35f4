# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
name: retirement
short_description: Which DNS records of a former pool no mail needs any more
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description: Compares what M(mailfleet.mta.dns_auth) could take away with the mail that is still queued.
options:
  _input:
    description: The list RV(mailfleet.mta.dns_auth#module:pending_removals).
    type: list
    elements: dict
    required: true
  compiled:
    description: What M(mailfleet.mta.compile) returned.
    type: dict
    required: true
  queued:
    description: For every host that was asked, RV(mailfleet.mta.queue_info#module:senders).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what has to wait
  ansible.builtin.debug:
    msg: "{{ (dns_state.pending_removals | mailfleet.mta.retirement(fleet_compiled, queued)).waiting }}"
"""

RETURN = r"""
_value:
  description: C(release) lists the domains whose records may go, C(waiting) has a sentence for each of the others.
  type: dict
"""

from ansible_collections.mailfleet.mta.plugins.module_utils._retire import retirement


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, object]:
        return {"retirement": retirement}
