#!/usr/bin/python
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
module: dkim_rotate
short_description: Replace DKIM keys without a moment in which mail is unsigned or its key is missing
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description:
  - Takes the rotation of every domain at most one step further - C(idle), C(staged), C(published), C(visible),
    C(soaked), C(canary), C(switched) - and each former key - draining, revoked, removed.
  - A step is taken on evidence only, from the keys and the live configuration of all signers, from every address of
    every authoritative name server, and from what receivers said. Where evidence is missing the domain stays as it is
    and the result says why.
  - O(step=decide) ends the run before anything is changed while a sender has another MTA than that of its group.
  - Nothing waits. RV(results) has C(not_before), the time from which another run may do more.
  - The states are kept on the signers, beside the keys. A state that was lost is rebuilt from facts, which only takes
    more time.
  - The role P(mailfleet.mta.dkim#role) has the tasks in their order; the playbook is C(mailfleet.mta.dkim_rotate).
options:
  step:
    description:
      - What to do. V(decide) and V(publish) work on the controller, the others on every sender.
      - V(look) reads, V(decide) decides for all domains, V(keep) writes the states, V(publish) brings keys into the DNS
        and former ones out of it, V(probe) sends a message of each domain that needs a verdict.
    type: str
    choices: [look, decide, keep, publish, probe]
    required: true
  pairs:
    description:
      - For O(step=look), the domains of this sender, each with C(domain) and C(selector). All that it signs for by
        O(views) when empty.
    type: list
    elements: dict
    default: []
  domains:
    description:
      - For O(step=decide), the list RV(mailfleet.mta.compile#module:domains).
      - The name of the variable that holds the list is enough, and faster.
    type: raw
    default: []
  views:
    description:
      - For O(step=look) and O(step=decide), the name of the variable that holds the answer of M(mailfleet.mta.compile).
    type: str
    default: fleet_compiled
  reports:
    description: For O(step=decide), the variable in which every sender registered its O(step=look).
    type: str
    default: __dkim_read
  decided:
    description: For the steps after it, the variable in which O(step=decide) was registered.
    type: str
    default: dkim_decided
  policy:
    description:
      - Durations such as V(48h) - C(rotate_after) (V(90d)), C(soak) (V(48h)), C(drain) (V(7d)), C(revoke_hold)
        (V(30d)), C(emergency_soak) (V(15m)). A soak is never shorter than the TTLs of the zone, a drain never
        shorter than a day more than mail may wait in a queue.
      - C(starts) (V(25)) is how many rotations one run may begin, C(prefix) (V(mf)) how selectors begin, C(ed25519)
        (V(false)) whether each RSA key has an Ed25519 key beside it.
      - C(verify) is V(received), by what a receiver said of C(sightings) (V(1)) messages from each sender, or
        V(preflight), by key and DNS alone.
      - C(seen) lists where receivers' verdicts lie, each with one of C(maildir) (a path), C(imap) (C(host), C(user),
        C(password), C(port) (V(993)), C(folder) (V(INBOX))) or C(dmarc) (the path of parsedmarc's reports), the first
        two with the C(authserv_id) of the receiver.
      - A mailbox is read by IMAP over TLS, if the controller trusts the certificate. Its mail stays as it is.
      - C(probe) is an address whose mailbox is one of them, for domains that send little.
    type: dict
    default: {}
  action:
    description:
      - V(step) goes on. V(status) only tells. V(rotate) begins before a key is old.
      - V(hold) stops all steps forward until V(release).
      - V(emergency) replaces the keys without drain, and revokes the old ones as soon as all senders sign with new
        ones; mail that is queued then fails DKIM.
    type: str
    choices: [step, status, rotate, hold, release, emergency]
    default: step
  only:
    description: The domains that O(action) is for. All domains when empty, except for V(emergency), which needs them.
    type: list
    elements: str
    default: []
  reason:
    description: Why they are held, for those who ask.
    type: str
    default: ""
  now:
    description: The time to decide by, such as V(2026-11-22T10:00:00Z) or V(+8d). The controller's clock when empty.
    type: str
    default: ""
  dns:
    description: How to reach the DNS servers; the C(fleet_dns) of the inventory. See M(mailfleet.mta.dns_auth).
    type: dict
    default: {}
  keys:
    description:
      - For O(step=publish), RV(mailfleet.mta.dkim_keys#module:public_keys).
      - A variable's name is taken too, as in O(domains).
    type: raw
    default: {}
  limits:
    description: Protection against mass changes of the DNS; see M(mailfleet.mta.dns_auth).
    type: dict
    default: {}
  name_server_port:
    description: Port of the name servers. Another one than 53 is for laboratories.
    type: int
    default: 53
  skip_name_servers:
    description: Addresses of name servers that cannot be asked from the controller.
    type: list
    elements: str
    default: []
  job:
    description: What travels to the sender, in one opaque string. The action plugin fills it in.
    type: str
  directory:
    description: Where the keys are.
    type: path
    default: /var/lib/mailfleet/dkim
  group:
    description: The group of the signing service, which may read the private keys.
    type: str
    default: _rspamd
attributes:
  check_mode:
    description: Reads signers, DNS and verdicts, and says what would be done. Writes nothing.
    support: full
  diff_mode:
    description: States and records, never a key.
    support: full
"""

EXAMPLES = r"""
- name: Look at keys, states and queues
  mailfleet.mta.dkim_rotate:
    step: look
    views: fleet_compiled
  register: __dkim_read

- name: Decide what every domain does in this run
  mailfleet.mta.dkim_rotate:
    step: decide
    domains: fleet_compiled.domains
    dns: "{{ fleet_dns }}"
    policy: {rotate_after: 90d, seen: [{maildir: /var/mail/seed, authserv_id: mx.example.net}]}
  run_once: true
  register: dkim_decided
"""

RETURN = r"""
results:
  description: One entry for each domain that changed, or that has something to say.
  returned: step=decide
  type: list
  elements: dict
  sample:
    - {domain: example.com, stage: visible, signs: [mf1], next: mf202611a, actions: [let mf202611a soak],
       not_before: "2026-11-24 10:00 UTC", reasons: []}
report:
  description: RV(results) as one sentence each.
  returned: step=decide
  type: list
  elements: str
summary:
  description: How many domains are in each stage.
  returned: step=decide
  type: dict
  sample: {idle: 3, visible: 1}
next_run:
  description: When a run can do more; empty when nothing is due.
  returned: step=decide
  type: str
staged:
  description: Whether keys are to be made.
  returned: step=decide
  type: bool
decisions:
  description: The states and what they need, for the steps that follow.
  returned: step=decide
  type: dict
problems:
  description: Sentences about what went wrong; the rest of the fleet is finished.
  returned: step=decide or step=publish
  type: list
  elements: str
overtaken:
  description: Domains whose state on this sender was newer, because another controller was here meanwhile.
  returned: step=keep
  type: list
  elements: str
refused:
  description: Sentences about probes that could not be sent.
  returned: step=probe
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.mailfleet.mta.plugins.module_utils._command import runner
from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_steps import carry_out
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_orders import ORDERS
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_steps import STEPS


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "step": {"type": "str", "choices": ["look", "decide", "keep", "publish", "probe"], "required": True},
            "pairs": {"type": "list", "elements": "dict", "default": []},
            "domains": {"type": "raw", "default": []},
            "views": {"type": "str", "default": "fleet_compiled"},
            "reports": {"type": "str", "default": "__dkim_read"},
            "decided": {"type": "str", "default": "dkim_decided"},
            "policy": {"type": "dict", "default": {}, "no_log": True},
            "action": {"type": "str", "choices": list(ORDERS), "default": "step"},
            "only": {"type": "list", "elements": "str", "default": []},
            "reason": {"type": "str", "default": ""},
            "now": {"type": "str", "default": ""},
            "dns": {"type": "dict", "default": {}, "no_log": True},
            "keys": {"type": "raw", "default": {}, "no_log": False},
            "limits": {"type": "dict", "default": {}},
            "name_server_port": {"type": "int", "default": 53},
            "skip_name_servers": {"type": "list", "elements": "str", "default": []},
            "job": {"type": "str", "no_log": True},
            "directory": {"type": "path", "default": "/var/lib/mailfleet/dkim"},
            "group": {"type": "str", "default": "_rspamd"},
        },
        supports_check_mode=True,
    )
    step, run = STEPS[module.params["step"]], runner(module.run_command)
    carry_out(module, lambda store, job, check_mode: step(store, job, check_mode, run))


if __name__ == "__main__":
    main()
