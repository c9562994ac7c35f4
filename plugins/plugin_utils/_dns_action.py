# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the DNS actions share. They run in the controller's own process: no module is shipped, no interpreter started.

This plugin util is PRIVATE to the collection.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase

from ansible_collections.mailfleet.mta.plugins.plugin_utils._masses import mass


class DnsAction(ActionBase):
    _requires_connection = False
    _supports_check_mode = True

    # Option -> type of the options that hold the fleet. They skip the general validation, which copies them several
    # times.
    MASSES: ClassVar[dict[str, type]]
    SPEC: ClassVar[dict[str, dict[str, Any]]]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        try:
            result.update(self._publish(self._params(task_vars or {}), self._task.check_mode))
        except ValueError as error:
            raise AnsibleActionFail(str(error)) from None
        if not self._task.diff:
            result.pop("diff", None)  # a thousand of them take a second on their way to the controller's main process
        return result

    def _publish(self, params: dict[str, Any], check: bool) -> dict[str, Any]:
        raise NotImplementedError

    def _params(self, variables: dict[str, Any]) -> dict[str, Any]:
        masses = {name: mass(name, self._task.args.get(name), kind, variables) for name, kind in self.MASSES.items()}
        known = [*self.MASSES, *self.SPEC]
        unknown = [name for name in self._task.args if name not in known]
        if unknown:
            raise ValueError(f"{unknown[0]}: is no option. Remedy: use one of {', '.join(known)}.")
        small = {name: value for name, value in self._task.args.items() if name not in masses}
        validation = ArgumentSpecValidator(self.SPEC).validate(small)
        if validation.error_messages:
            raise ValueError("; ".join(validation.error_messages))
        return {**validation.validated_parameters, **masses}

    def _say(self, text: str) -> None:
        self._display.display(f"{self._task.action}: {text}")
