#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
module: dmarc_evidence
short_description: Read what DMARC aggregate reports say of all domains
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description:
  - Takes the reports that parsedmarc read since the last call into a small database, each report once, and sums up
    the last days for every domain.
  - Reports that cannot be read are named in RV(problems) and do no harm. Those whose mail its sender did not sign are
    counted apart and are no evidence.
options:
  domains:
    description:
      - Who sends for each domain, by domain, with the lists of networks C(own) and C(foreign). Mail of a source in
        neither counts as unknown when it fails.
      - JSON text is taken too, see O(mailfleet.mta.dns_auth#module:domains).
    type: raw
    required: true
  addresses:
    description: Addresses of the fleet; each may send for every domain.
    type: list
    elements: str
    default: []
  window:
    description: How many days count.
    type: int
    default: 14
  incoming:
    description: Where the service C(mailfleet-dmarc-reports) leaves what it read.
    type: path
    default: /var/lib/mailfleet-dmarc/incoming
  directory:
    description: Where the database is.
    type: path
    default: /var/lib/mailfleet/dmarc
  resolver:
    description: IP address of the resolver that knows the names of sources. The default is the one of the host.
    type: str
    default: ''
  today:
    description: The day to end with, as V(2026-11-22). The default is the present day in UTC.
    type: str
attributes:
  check_mode:
    description: Sums up what is in the database; new reports stay where they are.
    support: full
  diff_mode:
    description: Reports are not shown.
    support: none
"""

EXAMPLES = r"""
- name: Read the reports of the last two weeks
  mailfleet.mta.dmarc_evidence:
    domains:
      example.com: {own: [203.0.113.0/24], foreign: []}
    addresses: "{{ fleet_compiled.addresses }}"
  register: dmarc_reports_evidence
"""

RETURN = r"""
domains:
  description: What the reports say, by domain.
  type: dict
  returned: always
  contains:
    days:
      description: Date and messages that passed, failed, failed from unknown sources, were forwarded, are foreign.
      type: list
      elements: list
      returned: always
      sample: [["2026-11-21", 1200, 3, 10, 4, 0]]
    sources:
      description: The 50 sources with the most failing mail, what receivers saw, and their names.
      type: list
      elements: dict
      returned: always
    more_sources:
      description: Number of the sources that are not listed.
      type: int
      returned: always
    seen:
      description: The days from which on reports showed other policies than before.
      type: list
      elements: list
      returned: always
      sample: [["2026-10-01", ["none n"]]]
    unsigned:
      description: Who says to report, reports and messages of those that are no evidence.
      type: list
      elements: list
      returned: always
      sample: [["google.com", 3, 1200]]
    recorded:
      description: Stage and day that M(mailfleet.mta.dmarc_pages) recorded.
      type: list
      elements: str
      returned: always
new:
  description: Number of reports that were new.
  type: int
  returned: always
known:
  description: Number of reports that came a second time and were left out.
  type: int
  returned: always
unsigned:
  description: Number of new reports whose mail its sender did not sign.
  type: int
  returned: always
problems:
  description: Reports that could not be read, and why.
  type: list
  elements: str
  returned: always
"""

import datetime
import json

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailfleet.mta.plugins.module_utils._command import host
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_collect import EvidenceError, evidence
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_evidence import Known, senders_of
from ansible_collections.mailfleet.mta.plugins.module_utils._files import sentence


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "domains": {"type": "raw", "required": True},
            "addresses": {"type": "list", "elements": "str", "default": []},
            "window": {"type": "int", "default": 14},
            "incoming": {"type": "path", "default": "/var/lib/mailfleet-dmarc/incoming"},
            "directory": {"type": "path", "default": "/var/lib/mailfleet/dmarc"},
            "resolver": {"type": "str", "default": ""},
            "today": {"type": "str"},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        domains = json.loads(given["domains"]) if isinstance(given["domains"], str) else given["domains"]
        today = datetime.date.fromisoformat(given["today"]) if given["today"] else _today()
        known = Known(given["addresses"], senders_of(domains))
        result = evidence(
            given["directory"], given["incoming"], known, given["window"], today, given["resolver"], module.check_mode
        )
    except (EvidenceError, ValueError) as error:
        module.fail_json(msg=f"{host()}: {error}")
    except OSError as error:
        module.fail_json(msg=f"{host()}: {sentence(error, given['directory'])} No report was lost.")
    module.exit_json(**result)


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.timezone.utc).date()


if __name__ == "__main__":
    main()
