# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
name: dmarc_senders
short_description: Who sends for each domain beside the fleet
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description: Prints what M(mailfleet.mta.dmarc_evidence) compares the sources of reports with.
options:
  _input:
    description: The domains of the compiled fleet, C(fleet_compiled.domains).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Read what the reports say
  mailfleet.mta.dmarc_evidence:
    domains: "{{ fleet_compiled.domains | mailfleet.mta.dmarc_senders | to_json }}"
"""

RETURN = r"""
_value:
  description: By domain, the networks C(own) (of its SPF record and of C(progression.senders)) and C(foreign).
  type: dict
"""

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_evidence import senders_in


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, object]:
        return {"dmarc_senders": senders_in}
