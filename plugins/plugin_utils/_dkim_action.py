# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the DKIM actions share: the controller plans from what the senders said, each sender gets its job.

This plugin util is PRIVATE to the collection.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_steps import pack


class DkimAction(ActionBase):
    _supports_check_mode = True
    _requires_connection = True

    MODULE: ClassVar[str]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        self._variables = task_vars or {}
        # Results hold the keys and states of a whole fleet: no verbosity prints them.
        result["_ansible_verbose_override"] = True
        try:
            result.update(self._step(dict(self._task.args)))
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from None
        if not self._task.diff:
            result.pop("diff", None)  # that of a fleet takes its time on the way to the controller's main process
        return result

    def _step(self, arguments: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    @property
    def _here(self) -> str:
        return str(self._variables["inventory_hostname"])

    def _on_sender(self, arguments: dict[str, Any], job: dict[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = self._execute_module(
            self.MODULE, module_args={**arguments, "job": pack({"host": self._here, **job})}, task_vars=self._variables
        )
        done.pop("invocation", None)
        return done
