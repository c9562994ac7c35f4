# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.mailfleet.mta.plugins.module_utils._queue import holdings_of
from ansible_collections.mailfleet.mta.plugins.plugin_utils._masses import view_of
from ansible_collections.mailfleet.mta.plugins.plugin_utils._remote import explained


class ActionModule(ActionBase):
    """The first look at a host, where a full disk shows first."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        host, arguments = variables["inventory_hostname"], dict(self._task.args)
        views = arguments.pop("views", None)
        if views:
            try:
                arguments["wanted"] = holdings_of(view_of(host, str(views), variables))
            except ValueError as error:
                return {"failed": True, "msg": f"{host}: {error}"}
        result = self._execute_module("mailfleet.mta.sender_info", module_args=arguments, task_vars=task_vars)
        return explained(result, host)
