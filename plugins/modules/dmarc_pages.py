#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
module: dmarc_pages
short_description: Record the stages of DMARC policies and write a page for each domain
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description:
  - Makes the pages on the controller, from the templates C(pages) of the role, and writes those that differ.
  - Records since when each domain is at its stage, beside the reports. A lost record only makes a policy slower.
options:
  domains:
    description: The RV(mailfleet.mta.dmarc_policy#module:domains), or their JSON text.
    type: raw
    required: true
  evidence:
    description: The RV(mailfleet.mta.dmarc_evidence#module:domains), or their JSON text.
    type: raw
    required: true
  stages:
    description: The RV(mailfleet.mta.dmarc_policy#module:stages), or their JSON text.
    type: raw
    default: {}
  problems:
    description: Reports that could not be read; the first page lists them.
    type: list
    elements: str
    default: []
  today:
    description: The day that the pages name, as V(2026-11-22).
    type: str
    required: true
  pages_directory:
    description: Where the pages are written. All other C(.html) files in there are removed.
    type: path
    default: /var/lib/mailfleet/dmarc/pages
  directory:
    description: Where the database is.
    type: path
    default: /var/lib/mailfleet/dmarc
  pages:
    description: The rendered pages. The action plugin fills it in.
    type: str
attributes:
  check_mode:
    description: Tells which pages would change.
    support: full
  diff_mode:
    description: The names of the pages are in the result; their text is not shown.
    support: none
"""

EXAMPLES = r"""
- name: Keep what was decided, and show it
  mailfleet.mta.dmarc_pages:
    domains: "{{ dmarc_reports_steps.domains }}"
    evidence: "{{ dmarc_reports_evidence.domains }}"
    stages: "{{ dmarc_reports_steps.stages }}"
    problems: "{{ dmarc_reports_evidence.problems }}"
    today: "2026-11-22"
"""

RETURN = r"""
changed_pages:
  description: Names of the pages that were written.
  type: list
  elements: str
  returned: always
removed_pages:
  description: Names of the pages of domains that are gone.
  type: list
  elements: str
  returned: always
recorded:
  description: Domains whose stage was recorded anew.
  type: list
  elements: str
  returned: always
"""

import json
import os
import sqlite3

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailfleet.mta.plugins.module_utils._command import host
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_store import record_stages
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_write import write_pages
from ansible_collections.mailfleet.mta.plugins.module_utils._files import sentence
from ansible_collections.mailfleet.mta.plugins.module_utils._generation import unpack


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "domains": {"type": "raw", "required": True},
            "evidence": {"type": "raw", "required": True},
            "stages": {"type": "raw", "default": {}},
            "problems": {"type": "list", "elements": "str", "default": []},
            "today": {"type": "str", "required": True},
            "pages_directory": {"type": "path", "default": "/var/lib/mailfleet/dmarc/pages"},
            "directory": {"type": "path", "default": "/var/lib/mailfleet/dmarc"},
            "pages": {"type": "str"},
        },
        supports_check_mode=True,
    )
    given = module.params
    stages = json.loads(given["stages"]) if isinstance(given["stages"], str) else given["stages"]
    store = os.path.join(given["directory"], "evidence.sqlite")
    try:
        recorded = record_stages(store, stages, module.check_mode)
        result = write_pages(given["pages_directory"], unpack(given["pages"]), module.check_mode)
    except sqlite3.Error as error:
        module.fail_json(msg=f"{host()}: {store}: {error}. Remedy: look at the file system, then run again.")
    except OSError as error:
        module.fail_json(msg=f"{host()}: {sentence(error, given['pages_directory'])}")
    module.exit_json(changed=bool(recorded or any(result.values())), recorded=recorded, **result)


if __name__ == "__main__":
    main()
