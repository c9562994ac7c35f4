# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_task import POLICY_SPEC, publish_steps
from ansible_collections.mailfleet.mta.plugins.plugin_utils._dns_action import DnsAction


class ActionModule(DnsAction):
    MASSES = {"domains": list, "evidence": dict}
    SPEC = POLICY_SPEC

    def _publish(self, params: dict[str, Any], check: bool) -> dict[str, Any]:
        return publish_steps(params, check, self._say)
