#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
module: powermta_config_check
short_description: Check PowerMTA configurations before a server is asked to load them
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description:
  - Reads the configuration language of PowerMTA 5.0 with blocks, types of values, names and includes, and says in a
    sentence what is wrong and what to do.
  - Meant to run on the controller, with C(delegate_to=localhost). It needs neither PowerMTA nor root.
  - Errors are what the guides for 5.0 exclude. Warnings are what they leave open, what is deprecated, and what is
    allowed but hardly meant.
options:
  files:
    description: Configurations to check. Each one is a whole of its own with what it includes.
    type: list
    elements: path
    default: []
  content:
    description: The text of a configuration to check, beside the O(files).
    type: str
  base:
    description:
      - Directory that stands for C(/etc/pmta), and for the root, where includes are not found as they stand.
      - The directory of the including file by default.
    type: path
  target:
    description: Version of PowerMTA that loads the configuration, such as V(5.0r1). V(5.0) means its late releases.
    type: str
    default: "5.0"
  fail_on:
    description: The module fails when it has found an error, or even a warning, or never.
    type: str
    choices: [error, warning, never]
    default: error
attributes:
  check_mode:
    description: Only reads.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
"""

EXAMPLES = r"""
- name: Check my own directives before any host is touched
  mailfleet.mta.powermta_config_check:
    files: [files/powermta/config]
  delegate_to: localhost
  run_once: true

- name: Look at a text, with warnings
  mailfleet.mta.powermta_config_check:
    content: |
      <domain gmail.com>
        max-smtp-out 8
      </domain>
    fail_on: never
  delegate_to: localhost
  register: __powermta_checked
"""

RETURN = r"""
findings:
  description: Everything that was found, in the order of files and lines.
  type: list
  elements: dict
  returned: always
  sample:
    - file: config
      line: 12
      level: error
      directive: retry-after
      message: retry-after takes intervals with commas and without blanks, such as 10m,30m,2h, not "10m, 30m".
errors:
  description: How many findings are errors.
  type: int
  returned: always
  sample: 1
warnings_found:
  description: How many findings are warnings.
  type: int
  returned: always
  sample: 0
read:
  description: The files that were read, with the included ones.
  type: list
  elements: str
  returned: always
  sample: [/etc/pmta/config, /etc/pmta/pools.conf]
"""

from dataclasses import asdict
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import check_text
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_files import LocalFiles

SHOWN = 20


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "path", "default": []},
            "content": {"type": "str"},
            "base": {"type": "path"},
            "target": {"type": "str", "default": "5.0"},
            "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
        },
        required_one_of=[["files", "content"]],
        supports_check_mode=True,
    )
    port = LocalFiles(module.params["base"] or "")
    texts = {} if module.params["content"] is None else {"content": module.params["content"]}
    try:
        texts.update({path: port.read(path) for path in module.params["files"]})
        checked = [check_text(text, path, module.params["target"], port) for path, text in texts.items()]
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}. Correct the name or its permissions.")
    except ValueError as error:
        module.fail_json(msg=f"target: {error}")
    found = [finding for config in checked for finding in config.findings]
    errors = [finding for finding in found if finding.level == "error"]
    result: dict[str, Any] = {
        "changed": False,
        "findings": [asdict(finding) for finding in found],
        "errors": len(errors),
        "warnings_found": len(found) - len(errors),
        "read": [path for config in checked for path in config.files],
    }
    bad = {"error": errors, "warning": found, "never": []}[module.params["fail_on"]]
    if bad:
        rest = f"\nand {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        module.fail_json(msg="\n".join(str(finding) for finding in bad[:SHOWN]) + rest, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
