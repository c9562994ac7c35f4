#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
module: generation
short_description: Write a whole configuration tree as one checked, atomic generation
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description:
  - Renders a directory of Jinja templates on the controller and brings the result to the host in one call.
  - The tree is written beside the live one, checked by the program that will read it, and made live by one rename.
    Earlier generations stay for a rollback. When nothing differs, nothing is written.
  - The configuration lives in C(/etc/mailfleet/NAME/live), a symlink to one of C(/etc/mailfleet/NAME/generations/*).
  - Templates are plain Jinja. They see O(vars), the variable of each C({word}) in their path, and C(managed),
    a sentence for the head of a file. Names that begin with C(_) are only there to be included or imported.
options:
  name:
    description: The name of the configuration, usually that of the role.
    type: str
    required: true
  templates:
    description: The directory with the templates, sought like the O(ansible.builtin.template#module:src) of a role.
    type: str
    default: tree
  files:
    description:
      - Directories whose files go into the tree as they are, as a mapping of a directory of the tree
        to a directory sought like the O(ansible.builtin.copy#module:src) of a role.
      - Hidden directories and C(__pycache__) are left out. Only text is taken.
    type: dict
    default: {}
  vars:
    description: What the templates may use. Nothing else is visible to them.
    type: dict
    default: {}
  views:
    description:
      - The name of the variable that holds the answer of M(mailfleet.mta.compile). The view of this host becomes
        C(vars.view). In O(vars) itself Ansible would copy it leaf by leaf.
    type: str
  each:
    description:
      - Lists of items that have a C(name). A template with C({pool}) in its path is rendered once for each item
        of the list C(pool), with that item as its variable C(pool).
      - Instead of a list, the dotted name of a list in O(vars) is enough, and faster.
    type: dict
    default: {}
  powermta:
    description:
      - For a configuration of PowerMTA, its main C(file) in the tree and the C(version) that will load it.
      - The strict reader of M(mailfleet.mta.powermta_config_check) reads it on the controller with all that it includes
        from C(/etc/pmta). An error is a refusal, before the host is touched.
    type: dict
  only_check:
    description: Render and read on the controller, and end there. The host is not touched.
    type: bool
    default: false
  check:
    description:
      - Commands, as lists of words, that must succeed before the generation goes live.
        C({staged}) becomes the directory to check. They are not run in check mode.
    type: list
    elements: list
    default: []
  links:
    description:
      - Symlinks to make, as a mapping of an absolute path to a path in the tree.
      - A path directly in C(/etc/systemd/system) becomes a copy, because systemd would keep the target of a link.
    type: dict
    default: {}
  owners:
    description:
      - Who owns what. Files are C(root:root 0644) and directories C(root:root 0755) otherwise; a later rule wins.
    type: list
    elements: dict
    default: []
    suboptions:
      pattern:
        description: A shell pattern for paths in the tree. With a slash at its end it is about directories.
        type: str
        required: true
      owner:
        description: The user.
        type: str
      group:
        description: The group.
        type: str
      mode:
        description: The mode, in octal and in quotes.
        type: str
  secret:
    description: Shell patterns of files that get mode C(0600) unless O(owners) says otherwise, and no diff.
    type: list
    elements: str
    default: []
  units:
    description: systemd units whose state is reported in RV(inactive_units).
    type: list
    elements: str
    default: []
  known:
    description:
      - What M(mailfleet.mta.sender_info) returned as C(generations) earlier in this run. Where it shows that nothing
        would change, the host is not asked again. Give it only as long as the run has not changed the configuration.
    type: dict
    default: {}
  keep:
    description: How many generations stay on the host.
    type: int
    default: 5
  rollback:
    description:
      - Instead of writing anything, make the generation before the live one live again.
      - With O(confirm) the last one that was confirmed; if that is the live one, nothing happens.
    type: bool
    default: false
  absent:
    description: Instead of writing anything, remove every generation and the links to the live one.
    type: bool
    default: false
  confirm:
    description:
      - Report the changed files again on every run until M(mailfleet.mta.units) confirms that the services know them,
        so that a run that ended between the change and the reload is finished by the next one.
    type: bool
    default: false
  tree:
    description: The rendered tree. The action plugin fills it in.
    type: str
attributes:
  check_mode:
    description: Runs in check mode without a change, also on a host where nothing is installed yet.
    support: full
  diff_mode:
    description: Shows the difference of every file; those in O(secret) without their text.
    support: full
"""

EXAMPLES = r"""
- name: Write the configuration of the mail server
  mailfleet.mta.generation:
    name: postfix
    views: fleet_compiled
    each:
      pool: view.pools
    secret: ["*/sasl_passwd"]
    owners:
      - {pattern: "*/sasl_passwd", group: postfix, mode: "0640"}
    check:
      - [postfix, -c, "{staged}/postfix-trans", check]
    links:
      /etc/postfix-trans: postfix-trans
  register: __postfix_generation

- name: Return to the last configuration that worked
  mailfleet.mta.generation:
    name: postfix
    rollback: true
    confirm: true
"""

RETURN = r"""
generation:
  description: The live generation; in check mode the one that is live now.
  type: str
  returned: always
previous:
  description: The generation that was live before, if there was one.
  type: str
  returned: always
changed_files:
  description: Files (or directories, with a slash) that differ from what was live before, as paths in the tree.
  type: list
  elements: str
  returned: always
removed_files:
  description: Files that are gone.
  type: list
  elements: str
  returned: always
summary:
  description: The changes in short lines.
  type: list
  elements: str
  returned: always
inactive_units:
  description: Those of O(units) that are not active.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailfleet.mta.plugins.module_utils._command import host, runner
from ansible_collections.mailfleet.mta.plugins.module_utils._files import sentence
from ansible_collections.mailfleet.mta.plugins.module_utils._generation_run import RefusedError, generation
from ansible_collections.mailfleet.mta.plugins.module_utils._generation_store import ROOT


def main() -> None:
    rule = {"pattern": {"type": "str", "required": True}, "owner": {}, "group": {}, "mode": {}}
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "templates": {"type": "str", "default": "tree"},
            "files": {"type": "dict", "default": {}},
            "vars": {"type": "dict", "default": {}},
            "views": {"type": "str"},
            "each": {"type": "dict", "default": {}},
            "powermta": {"type": "dict"},
            "only_check": {"type": "bool", "default": False},
            "check": {"type": "list", "elements": "list", "default": []},
            "links": {"type": "dict", "default": {}},
            "owners": {"type": "list", "elements": "dict", "options": rule, "default": []},
            "secret": {"type": "list", "elements": "str", "no_log": False, "default": []},
            "units": {"type": "list", "elements": "str", "default": []},
            "known": {"type": "dict", "default": {}},
            "keep": {"type": "int", "default": 5},
            "rollback": {"type": "bool", "default": False},
            "absent": {"type": "bool", "default": False},
            "confirm": {"type": "bool", "default": False},
            "tree": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    try:
        result = generation(ROOT, module.params, module.check_mode, module._diff, runner(module.run_command))
    except RefusedError as refusal:
        module.fail_json(msg=f"{host()}: {refusal} The live configuration is unchanged.")
    except OSError as error:
        reason = sentence(error, f"{ROOT}/{module.params['name']}")
        module.fail_json(msg=f"{host()}: {reason} The live configuration is unchanged.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
