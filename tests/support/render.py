# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Print a host's view as configuration of either backend without a host and without Ansible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jinja2.nativetypes import NativeEnvironment

from ansible_collections.mailfleet.mta.plugins.action.generation import read_sources
from ansible_collections.mailfleet.mta.plugins.filter.powermta import powermta as in_powermta_terms
from ansible_collections.mailfleet.mta.plugins.plugin_utils._render import render_tree

ROLES = Path(__file__).resolve().parents[2] / "roles"
ROLE = ROLES / "postfix"
POWERMTA = ROLES / "powermta"


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


def powermta(view: dict[str, Any], **options: Any) -> dict[str, str]:
    """Every file of the host's generation, as tasks/configure.yml has it rendered; options are the role's."""
    shipped = yaml.safe_load((POWERMTA / "vars/main.yml").read_text())
    own = yaml.safe_load((POWERMTA / "defaults/main.yml").read_text())
    set_ = {name.removeprefix("powermta_"): value for name, value in own.items()} | options
    bounces = NativeEnvironment().from_string(shipped["__powermta_bounce_domains"])
    context = {
        "view": view,
        "mta": in_powermta_terms(view, set_["backoff"], leaving=set_.get("leaving", [])),
        "backoff": set_["backoff"],
        "parts": shipped["__powermta_parts"],
        "classes": shipped["__powermta_classes"],
        "oversigned": shipped["__powermta_oversigned"],
        "accounting": shipped["__powermta_accounting"],
        "accounting_days": set_["accounting_days"],
        "postmaster": set_["postmaster"] or "postmaster@example.com",
        "connections": set_["connections"],
        "tls_certificate": "/etc/mailfleet/tls/powermta.pem",
        "message_size_limit": set_["message_size_limit"],
        "http_port": set_["http_port"],
        "http_access": set_["http_access"],
        "bounce_domains": bounces.render(__powermta_view=view, powermta_bounces=set_["bounces"]),
        "feedback_addresses": set_["feedback"],
        "local": set_["local"],
    }
    licenses = [{"name": "license", "text": set_["license"]}] if set_["license"] else []
    return render_tree(read_sources(str(POWERMTA / "templates/tree")), context, {"license": licenses})
