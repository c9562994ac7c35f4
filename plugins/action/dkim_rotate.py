# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Decide on the controller what the senders' reports allow, and hand each sender what was decided for it."""

from __future__ import annotations

from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_task import decide_task, publish_task
from ansible_collections.mailfleet.mta.plugins.plugin_utils._dkim_action import DkimAction
from ansible_collections.mailfleet.mta.plugins.plugin_utils._masses import mass, named, registered, view_of

_DEFAULTS: dict[str, Any] = {
    "pairs": [],
    "domains": [],
    "views": "fleet_compiled",
    "reports": "__dkim_read",
    "decided": "dkim_decided",
    "policy": {},
    "action": "step",
    "only": [],
    "reason": "",
    "now": "",
    "dns": {},
    "keys": {},
    "limits": {},
    "name_server_port": 53,
    "skip_name_servers": [],
}
_REMOTE = ("step", "directory", "group")


class ActionModule(DkimAction):
    MODULE = "mailfleet.mta.dkim_rotate"

    def _step(self, arguments: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(arguments) - set(_DEFAULTS) - set(_REMOTE))
        if unknown:
            raise ValueError(f"{unknown[0]}: is no option. Use one of {', '.join((*_REMOTE, *_DEFAULTS))}.")
        params = {**_DEFAULTS, **{name: value for name, value in arguments.items() if value is not None}}
        step, check = params.get("step"), self._task.check_mode
        remote = {name: params[name] for name in _REMOTE if name in params}
        if step == "decide":
            params["domains"] = mass("domains", params["domains"], list, self._variables)
            views = named("views", f"{params['views']}.views", self._variables)
            return decide_task(params, self._reports(params), views, check)
        if step == "publish":
            params["keys"] = mass("keys", params["keys"], dict, self._variables)
            return publish_task(params, self._decisions(params), check)
        if step == "look":
            if params["pairs"]:
                return self._on_sender(remote, {"pairs": params["pairs"]})
            view = view_of(self._here, params["views"], self._variables)
            return self._on_sender(remote, {"pairs": view["signing"], "backend": view["backend"]})
        if step == "keep":
            decisions = self._decisions(params)
            states, gone = (decisions[name].get(self._here, empty) for name, empty in (("copies", {}), ("shred", [])))
            return self._on_sender(remote, {"states": states, "shred": gone}) if states or gone else {"changed": False}
        if step == "probe":
            probes = self._decisions(params)["probes"].get(self._here, [])
            return self._on_sender(remote, {"probes": probes}) if probes else {"changed": False, "refused": []}
        raise ValueError(f"step: '{step}' is none of look, decide, keep, publish, probe.")

    def _reports(self, params: dict[str, Any]) -> dict[str, Any]:
        """What the senders said in this run; those that could not be reached said nothing."""
        hosts = sorted({host for item in params["domains"] for host in item["signers"]})
        found = {host: registered(host, params["reports"], self._variables) for host in hosts}
        return {host: report for host, report in found.items() if report and "public" in report}

    def _decisions(self, params: dict[str, Any]) -> Any:
        return named("decided", f"{params['decided']}.decisions", self._variables)
