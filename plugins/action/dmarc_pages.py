# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import json
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_pages import views
from ansible_collections.mailfleet.mta.plugins.module_utils._generation import pack
from ansible_collections.mailfleet.mta.plugins.plugin_utils._remote import explained


class ActionModule(ActionBase):
    """The pages are made here, from the templates of the role, and written by one module call on the host."""

    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        host = (task_vars or {})["inventory_hostname"]
        given = {name: _plain(value) for name, value in self._task.args.items()}
        try:
            found = views(given.pop("domains"), given.pop("evidence"))
            directory = self._find_needle("templates", "pages")
            tree = pages(directory, found, given.pop("problems", None) or [], given["today"])
        except (AnsibleError, TemplateError, KeyError, TypeError, ValueError) as error:
            return {"failed": True, "msg": f"{host}: the pages cannot be made ({type(error).__name__}: {error})."}
        given["stages"] = json.dumps(given.get("stages") or {})
        # The host needs the pages only, not what they were made of.
        arguments = {**given, "domains": [], "evidence": {}, "pages": pack(tree)}
        result = self._execute_module("mailfleet.mta.dmarc_pages", module_args=arguments, task_vars=task_vars)
        result.pop("invocation", None)
        return explained(result, host)


def _plain(value: Any) -> Any:
    """JSON text or the data itself."""
    return json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value


def pages(directory: str, domains: list[dict[str, Any]], problems: list[str], today: str) -> dict[str, str]:
    """A page for each domain and one that lists them. What a report says is text, never HTML."""
    environment = Environment(
        loader=FileSystemLoader(directory),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    page, index = environment.get_template("domain.html.j2"), environment.get_template("index.html.j2")
    tree = {view["page"]: page.render(domain=view, today=today) for view in domains}
    tree["index.html"] = index.render(domains=domains, problems=problems, today=today)
    return tree
