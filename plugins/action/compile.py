# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Collect the fleet's variables of all senders and compile them; everything else is pure (_fleet.py)."""

from __future__ import annotations

import datetime
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import MissingLibraryError, compile_fleet
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_model import FLEET_VARIABLES, HOST_VARIABLES
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_read import Problem
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_supports import SUPPORTS

_ABSENT = object()
_OWN = {*FLEET_VARIABLES, *HOST_VARIABLES, "fleet_compiled"}


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    _VALID_ARGS = frozenset()

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        # The views of a large fleet are long and hold password hashes: no verbosity prints them.
        result.update(changed=False, _ansible_verbose_override=True)
        raw, unreadable = _Collector(self._templar, task_vars or {}).collect()
        try:
            compiled, problems = compile_fleet(raw)
        except MissingLibraryError as missing:
            raise AnsibleActionFail(str(missing)) from None
        # A variable that could not be templated is missing for the rules, so their word about it counts for nothing.
        problems = sorted(unreadable) if unreadable else problems
        if not problems:
            return {**result, **compiled}
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        listed = "\n".join(f"- {problem}" for problem in problems)
        return {
            **result,
            "failed": True,
            "msg": f"The inventory has {count}; no host was touched.\n{listed}",
            "problems": [problem.as_dict() for problem in problems],
        }


class _Collector:
    """Reads the variables of the model for every sender of the inventory, also outside of --limit."""

    def __init__(self, templar: t.Any, task_vars: dict[str, t.Any]) -> None:
        self._templar = templar
        self._task_vars = task_vars
        self._hostvars = task_vars["hostvars"]
        self._unreadable: list[Problem] = []

    def collect(self) -> tuple[dict[str, t.Any], list[Problem]]:
        variables = {str(host): self._hostvars.raw_get(host) for host in self._hostvars}
        senders = sorted(host for host, own in variables.items() if "fleet_ips" in own)
        current = str(self._task_vars["inventory_hostname"])
        reference = current if current in senders or not senders else senders[0]
        hosts = {host: self._host(host, variables[host], variables[reference]) for host in senders}
        addressed = {host: hosts.get(host, own) for host, own in variables.items() if "ansible_host" in own}
        raw = {
            "reference": reference,
            "fleet": {name: self._fleet_value(name, reference, current) for name in FLEET_VARIABLES},
            "hosts": hosts,
            "idle": [host for host, own in variables.items() if host not in hosts and "senders" in own["group_names"]],
            "management": {host: str(own["ansible_host"]) for host, own in addressed.items()},
            "strays": {name: host for host in reversed(senders) for name in variables[host] if _is_stray(name)},
        }
        return raw, self._unreadable

    def _fleet_value(self, name: str, reference: str, current: str) -> t.Any:
        """The reference host's value; defaults of the role are visible only through the current host."""
        if reference != current and name in self._hostvars[reference]:
            return self._host_value(reference, name)
        return self._plain(name, lambda: self._templar.template(self._task_vars.get(name)))

    def _host(self, host: str, own: dict[str, t.Any], reference: dict[str, t.Any]) -> dict[str, t.Any]:
        wanted = [name for name in (*HOST_VARIABLES, "ansible_host") if name in own]
        # Templating costs, and group variables are the same objects for all hosts: only what differs is looked at.
        differing = [name for name in FLEET_VARIABLES if own.get(name, _ABSENT) != reference.get(name, _ABSENT)]
        return {
            **{name: self._host_value(host, name) for name in wanted},
            "backend": " and ".join(sorted(set(own["group_names"]) & set(SUPPORTS))),
            "fleet": {name: self._host_value(host, name) if name in own else None for name in differing},
        }

    def _host_value(self, host: str, name: str) -> t.Any:
        return self._plain(f"{host}.{name}", lambda: self._hostvars[host][name])

    def _plain(self, path: str, read: t.Callable[[], t.Any]) -> t.Any:
        try:
            return _to_plain(read())
        except AnsibleError as fault:
            reason = str(fault).replace("\n", " ")
            self._unreadable.append(Problem(path, f"cannot be read: {reason}", "Correct its template or its Vault."))
            return None


def _is_stray(name: str) -> bool:
    return str(name).startswith("fleet_") and name not in _OWN


def _to_plain(value: t.Any) -> t.Any:
    """Plain Python of a templated value; its containers template lazily, so each is walked once, here."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        return {_to_plain(key): _to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_plain(item) for item in value]
    for kind in (int, float, datetime.date):
        if isinstance(value, kind):
            return value
    return str(value)
