#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
module: units
short_description: Start, reload, restart and stop many systemd units in one call
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description:
  - Brings all named units into the wanted state with one C(systemctl) call per verb.
  - When a unit does not come up, the message has its last log lines.
options:
  started:
    description: Units that shall be enabled and running.
    type: list
    elements: str
    default: []
  reload:
    description: Units to reload if they are running.
    type: list
    elements: str
    default: []
  restart:
    description: Units to restart if they are running.
    type: list
    elements: str
    default: []
  stopped:
    description: Units that shall be disabled and not running.
    type: list
    elements: str
    default: []
  daemon_reload:
    description: Let systemd read its unit files again first. It also happens when systemd itself asks for it.
    type: bool
    default: false
  confirm:
    description: Names of generations whose services know their files after this task; see M(mailfleet.mta.generation).
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Reports what would be done, also for units that do not exist yet.
    support: full
  diff_mode:
    description: Shows the units' states before and after.
    support: full
"""

EXAMPLES = r"""
- name: Let the instances use their new configuration
  mailfleet.mta.units:
    started: [mailfleet-postfix@trans.service, mailfleet-postfix@campaign.service]
    reload: [mailfleet-postfix@campaign.service]
    confirm: [postfix]
"""

RETURN = r"""
results:
  description: The verbs that were used, in their order, each with its units.
  type: list
  elements: dict
  returned: always
  sample: [{"verb": "reload", "units": ["mailfleet-postfix@campaign.service"]}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailfleet.mta.plugins.module_utils._command import host, runner
from ansible_collections.mailfleet.mta.plugins.module_utils._generation_store import ROOT, Store
from ansible_collections.mailfleet.mta.plugins.module_utils._systemd import Systemd, UnitError, Wish, plan, predicted


def main() -> None:
    many = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            "started": many,
            "reload": many,
            "restart": many,
            "stopped": many,
            "daemon_reload": {"type": "bool", "default": False},
            "confirm": many,
        },
        supports_check_mode=True,
    )
    confirm = module.params.pop("confirm")
    wish = Wish(**module.params)
    systemd = Systemd(runner(module.run_command))
    before = systemd.states(wish.units)
    steps = plan(before, wish)
    if not module.check_mode:
        try:
            systemd.carry_out(steps, wish.started)
        except UnitError as error:
            module.fail_json(msg=f"{host()}: {error}")
        for name in confirm:
            Store(f"{ROOT}/{name}").confirm()
    texts = ({unit: state.words for unit, state in before.items()}, predicted(before, steps))
    old, new = ("".join(f"{unit}: {words}\n" for unit, words in sorted(text.items())) for text in texts)
    module.exit_json(
        changed=bool(steps),
        results=[{"verb": verb, "units": units} for verb, units in steps.items()],
        diff={"before_header": "units", "after_header": "units", "before": old, "after": new},
    )


if __name__ == "__main__":
    main()
