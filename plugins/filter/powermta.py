# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
name: powermta
short_description: The view of a host in PowerMTA's terms
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description: Says which virtual-MTAs, queues, sources and reply patterns the role P(mailfleet.mta.powermta#role) prints.
options:
  _input:
    description: The view of a host, from C(fleet_compiled.views).
    type: dict
    required: true
  backoff:
    description:
      - The C(message_rate) of a queue in backoff mode, C(to_normal_after), the time until it is normal again, and
        C(reenable_after), the time for which a source address stops that a receiver blocks.
    type: dict
    required: true
  reply_rules:
    description: The text of a rule file, laid over the shipped reply rules.
    type: str
    default: ''
  leaving:
    description: What M(mailfleet.mta.queue_info) says that leaves, as long as it may have mail.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: See how many queues have limits
  ansible.builtin.debug:
    msg: "{{ (fleet_compiled.views[inventory_hostname] | mailfleet.mta.powermta(backoff)).isps | length }}"
  vars:
    backoff: {message_rate: 60/h, to_normal_after: 1h, reenable_after: 15m}
"""

RETURN = r"""
_value:
  description: What the templates of the role print.
  type: dict
"""

from collections.abc import Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_view import powermta_view
from ansible_collections.mailfleet.mta.plugins.plugin_utils._reply_rules import powermta_replies


def powermta(
    view: dict[str, Any], backoff: dict[str, Any], reply_rules: str = "", leaving: Sequence[dict[str, Any]] = ()
) -> dict[str, Any]:
    providers = [isp["name"] for isp in view["isps"]]
    try:
        replies = powermta_replies(providers, reply_rules, backoff["to_normal_after"], backoff["reenable_after"])
    except ValueError as problems:
        raise AnsibleFilterError(f"agent_reply_rules: {problems}") from None
    return {**powermta_view(view, backoff, leaving), "replies": replies}


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, object]:
        return {"powermta": powermta}
