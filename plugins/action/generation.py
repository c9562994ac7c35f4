# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase

from ansible_collections.mailfleet.mta.plugins.module_utils._generation import RefusedError, pack, seal, wanted
from ansible_collections.mailfleet.mta.plugins.plugin_utils._masses import view_of
from ansible_collections.mailfleet.mta.plugins.plugin_utils._remote import explained
from ansible_collections.mailfleet.mta.plugins.plugin_utils._render import RenderError, lists, plain, render_tree
from ansible_collections.mailfleet.mta.plugins.plugin_utils._strict_reader import read_strictly

_FOR_THE_CONTROLLER = ("templates", "vars", "each", "files", "powermta", "only_check", "known", "views")


_UNCHANGED: Mapping[str, Any] = {
    "changed": False, "changed_files": [], "removed_files": [], "summary": [], "inactive_units": [],
}  # fmt: skip


class ActionModule(ActionBase):
    """Render here, then one module call on the host, if it is not known already that nothing would change."""

    _supports_check_mode = True
    _requires_connection = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        host = (task_vars or {})["inventory_hostname"]
        arguments = dict(self._task.args)
        here = {option: arguments.pop(option, None) or {} for option in _FOR_THE_CONTROLLER}
        if not arguments.get("rollback") and not arguments.get("absent"):
            try:
                sources = read_sources(self._find_needle("templates", str(here["templates"] or "tree")))
                context = plain(here["vars"])
                if here["views"]:
                    context["view"] = plain(view_of(host, str(here["views"]), task_vars or {}), "view")
                each = lists(plain(here["each"], "each"), context)
                tree = render_tree(sources, context, each)
                for target, source in sorted(here["files"].items()):
                    verbatim = read_sources(self._find_needle("files", source))
                    tree.update({f"{target}/{path}": text for path, text in verbatim.items()})
                warnings = read_strictly(tree, **plain(here["powermta"])) if here["powermta"] else []
                if here["only_check"]:
                    return {"changed": False, "warnings": warnings}
                known = here["known"].get(arguments["name"])
                if known and known["seal"] == _seal(tree, plain(arguments)):
                    return {**_UNCHANGED, "generation": known["generation"], "previous": known["previous"]}
                arguments["tree"] = pack(tree)
            except (RefusedError, RenderError, AnsibleError, OSError, ValueError) as error:
                return {"failed": True, "msg": f"{host}: {error}"}
        result = self._execute_module("mailfleet.mta.generation", module_args=arguments, task_vars=task_vars)
        result.pop("invocation", None)  # it says nothing that the task does not, at length
        return explained(result, host)


def _seal(tree: Mapping[str, str], arguments: Mapping[str, Any]) -> str:
    """Of what these arguments ask for."""
    full = wanted(tree, arguments.get("owners") or [], arguments.get("secret") or [])
    return seal(full, arguments.get("links") or {}, arguments.get("units") or [])


def read_sources(directory: str) -> dict[str, str]:
    """All files below a directory, by their relative path."""
    sources: dict[str, str] = {}
    for base, directories, names in os.walk(directory):
        # Python's leavings of a run from the checkout.
        directories[:] = [name for name in directories if not name.startswith((".", "__pycache__"))]
        for name in names:
            path = os.path.join(base, name)
            with open(path, encoding="utf-8") as handle:
                sources[os.path.relpath(path, directory)] = handle.read()
    return sources
