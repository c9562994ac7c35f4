#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
module: sender_info
short_description: See in one quick call what a sender lacks
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description:
  - Reports which packages, paths and running units are missing, the release, and the network interface.
  - With it, a play asks each host once and then runs only the tasks that have something to do.
options:
  packages:
    description: Debian packages that should be installed.
    type: list
    elements: str
    default: []
  paths:
    description: Paths that should exist.
    type: list
    elements: str
    default: []
  owners:
    description: Paths whose package is of interest.
    type: list
    elements: str
    default: []
  units:
    description: systemd units that should be active.
    type: list
    elements: str
    default: []
  wanted:
    description: What shall be on a Postfix sender; see M(mailfleet.mta.queue_info).
    type: dict
  views:
    description:
      - Instead of O(wanted), the name of the variable that holds the answer of M(mailfleet.mta.compile).
        In a large fleet this is faster.
    type: str
attributes:
  check_mode:
    description: Only reads.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
"""

EXAMPLES = r"""
- name: See what the host lacks
  mailfleet.mta.sender_info:
    packages: [postfix, rspamd]
    paths: [/etc/ssl/private/mail.key]
    units: [rspamd.service]
  register: __postfix_sender
"""

RETURN = r"""
packages_missing:
  description: Those of O(packages) that are not installed.
  type: list
  elements: str
  returned: always
paths_missing:
  description: Those of O(paths) that do not exist.
  type: list
  elements: str
  returned: always
owners:
  description:
    - The C(package) and C(version) that own each of O(owners) that is there and belongs to a package.
    - C(version) is empty while the package is not wholly installed.
  type: dict
  returned: always
  sample: {"/usr/sbin/pmtad": {"package": "powermta", "version": "5.0r8-1"}}
units_inactive:
  description: Those of O(units) that are not active.
  type: list
  elements: str
  returned: always
generations:
  description:
    - The configurations of M(mailfleet.mta.generation) that are whole and in service, by their names, each with its
      C(seal), its C(generation) and the C(previous) one.
  type: dict
  returned: always
release:
  description: The C(id) and C(version_id) of the operating system.
  type: dict
  returned: always
  sample: {"id": "debian", "version_id": "12"}
interface:
  description: The interface of the default route, else the one that this SSH connection uses. Empty if there is none.
  type: str
  returned: always
changes:
  description: What differs between the live generation and O(wanted) in mail terms, a line for each pool.
  type: list
  elements: str
  returned: always
  sample: ["pool campaign: + 198.51.100.23, - shop.example.org"]
leaving:
  description: What the host has and O(wanted) lacks; see M(mailfleet.mta.queue_info).
  type: list
  elements: dict
  returned: always
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
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailfleet.mta.plugins.module_utils._command import host, runner
from ansible_collections.mailfleet.mta.plugins.module_utils._generation_run import in_order
from ansible_collections.mailfleet.mta.plugins.module_utils._generation_store import ROOT
from ansible_collections.mailfleet.mta.plugins.module_utils._network import NetworkError, default_interface
from ansible_collections.mailfleet.mta.plugins.module_utils._probe import (
    missing_packages,
    missing_paths,
    owners,
    this_release,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._queue_host import QueueError, report
from ansible_collections.mailfleet.mta.plugins.module_utils._systemd import Systemd


def main() -> None:
    many = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            "packages": many,
            "paths": many,
            "owners": many,
            "units": many,
            "wanted": {"type": "dict"},
            "views": {"type": "str"},
        },
        supports_check_mode=True,
    )
    run = runner(module.run_command)
    try:
        interface = default_interface(None, run)
    except NetworkError:  # a probe reports; who needs the interface says what is wrong
        interface = None
    try:
        queues = report(module.params["wanted"], [], run)
    except QueueError as error:
        module.fail_json(msg=f"{host()}: {error}")
    module.exit_json(
        packages_missing=missing_packages(module.params["packages"]),
        paths_missing=missing_paths(module.params["paths"]),
        owners=owners(module.params["owners"]),
        units_inactive=Systemd(run).inactive(module.params["units"]),
        generations=in_order(ROOT, run),
        release=this_release(),
        interface=interface or "",
        changes=queues["changes"],
        leaving=queues["leaving"],
        moving=queues["moving"],
        refusals=queues["refusals"],
    )


if __name__ == "__main__":
    main()
