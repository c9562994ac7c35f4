# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Print a host's view as Postfix configuration without a host and without Ansible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ansible_collections.mailfleet.mta.plugins.action.generation import read_sources
from ansible_collections.mailfleet.mta.plugins.plugin_utils._render import render_tree

ROLE = Path(__file__).resolve().parents[2] / "roles/postfix"


def postfix(view: dict[str, Any], dovecot: str = "2.3", steering: str = "socketmap") -> dict[str, str]:
    """Every file of the host's generation, as tasks/configure.yml has it rendered."""
    shipped = yaml.safe_load((ROLE / "vars/main.yml").read_text())
    entry = [view["entry"]] if view["entry"] else []
    context = {
        "view": view,
        "instances": [pool["instance"] for pool in view["pools"]] + ["postfix-entry" for _only in entry],
        "classes": shipped["__postfix_classes"],
        "tls": {"certificate": "/etc/mailfleet/tls/submission.pem", "key": "/etc/mailfleet/tls/submission.key"},
        "steering": steering,
        "message_size_limit": 26214400,
        "log_days": 14,
        "dovecot_version": dovecot,
    }
    return render_tree(read_sources(str(ROLE / "templates/tree")), context, {"pool": view["pools"], "entry": entry})
