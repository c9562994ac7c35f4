# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_task import SPEC, check_auth
from ansible_collections.mailfleet.mta.plugins.plugin_utils._dns_action import DnsAction


class ActionModule(DnsAction):
    MASSES = {"domains": list, "addresses": list, "keys": dict, "signing": list}
    SPEC = SPEC

    def _publish(self, params: dict[str, Any], check: bool) -> dict[str, Any]:
        result = check_auth(params)
        if params["show"]:
            self._display.display("\n".join([*result["table"], result["msg"]]))
        return result
