# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Plan on the controller what the senders' reports ask for, and hand each sender what the others sealed for it."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_keys import Report, Wanted, plan_keys
from ansible_collections.mailfleet.mta.plugins.plugin_utils._dkim_action import DkimAction
from ansible_collections.mailfleet.mta.plugins.plugin_utils._masses import mass, registered, view_of

_TRAVELS: dict[str, Any] = {"pairs": [], "seal": {}, "receive": {}}


class ActionModule(DkimAction):
    MODULE = "mailfleet.mta.dkim_keys"

    def _step(self, arguments: dict[str, Any]) -> dict[str, Any]:
        step = arguments.get("step", "read")
        if step == "plan":
            return self._plan(arguments)
        views = arguments.pop("views", None)
        if views:
            arguments["pairs"] = view_of(self._here, str(views), self._variables)["signing"]
        job = {option: arguments.pop(option, None) or empty for option, empty in _TRAVELS.items()}
        if step == "store" and not self._task.check_mode:
            job["parcels"] = self._parcels(job["receive"], arguments.get("made", "__dkim_made"))
        return self._on_sender(arguments, job)

    def _plan(self, arguments: dict[str, Any]) -> dict[str, Any]:
        domains: list[Wanted] = mass("domains", arguments.get("domains"), list, self._variables)
        name = arguments.get("reports", "__dkim_read")
        hosts = sorted({host for item in domains for host in item["signers"]})
        reports: dict[str, Report] = {host: own for host in hosts if (own := registered(host, name, self._variables))}
        plan = plan_keys(domains, reports, boolean(arguments.get("staged", False)))
        if plan.problems:
            listed = "\n".join(f"- {problem}" for problem in plan.problems)
            return {"failed": True, "msg": f"No key was made or shared.\n{listed}", "problems": plan.problems}
        return {
            "changed": False,
            "public_keys": plan.public_keys,
            "pending": plan.pending,
            "signing": plan.signing,
            "plan": {"make": plan.make, "seal": plan.seal, "store": plan.store},
        }

    def _parcels(self, receive: dict[str, Any], name: str) -> dict[str, str]:
        parcels = {}
        for owner in receive:
            made = registered(owner, name, self._variables) or {}
            if self._here not in made.get("parcels", {}):
                raise ValueError(f"{self._here}: {owner} sealed no keys for this host; see its task above. Run again.")
            parcels[owner] = made["parcels"][self._here]
        return parcels
