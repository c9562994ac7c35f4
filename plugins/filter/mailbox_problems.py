# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
name: mailbox_problems
short_description: What is wrong with the settings of a mailbox
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description: Checks how a mailbox is to be read by IMAP. Says nothing about the mailbox itself, and never the password.
positional: path
options:
  _input:
    description: The mailbox, with C(host), C(user), C(password), C(port) and C(folder).
    type: dict
    required: true
  path:
    description: The variable, for the sentences.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Check the mailbox
  ansible.builtin.assert:
    that: dmarc_reports_imap | mailfleet.mta.mailbox_problems('dmarc_reports_imap') | length == 0
"""

RETURN = r"""
_value:
  description: A sentence for each problem.
  type: list
  elements: str
"""

from ansible_collections.mailfleet.mta.plugins.module_utils._mailbox import mailbox_problems


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, object]:
        return {"mailbox_problems": mailbox_problems}
