# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Runs on the controller, in its own process: a large fleet's records never go through a module's arguments."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.mailfleet.mta.plugins.module_utils._dns_task import AUTH_SPEC, publish_auth


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, params = self.validate_argument_spec(AUTH_SPEC)
        try:
            result.update(publish_auth(params, self._task.check_mode, self._say))
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from None
        return result

    def _say(self, text: str) -> None:
        self._display.display(f"dns_auth: {text}")
