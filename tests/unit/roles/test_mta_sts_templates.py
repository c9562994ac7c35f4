# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The policies as the web server gets them."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.mailfleet.mta.plugins.action.generation import read_sources
from ansible_collections.mailfleet.mta.plugins.module_utils._records import policy_files
from ansible_collections.mailfleet.mta.plugins.module_utils._records_sts import parse_policy
from ansible_collections.mailfleet.mta.plugins.plugin_utils._render import lists, render_tree

TREE = Path(__file__).parents[3] / "roles/mta_sts/templates/tree"


def test_every_domain_has_its_file_and_nothing_is_added() -> None:
    policy = {"mode": "enforce", "mx": ["mail.example.com", "*.mx.example.net"], "max_age": 86400, "host": ""}
    domains = [
        {"domain": f"{name}.example", "mta_sts": said} for name, said in (("a", policy), ("b", policy), ("c", {}))
    ]
    files = policy_files(domains)
    tree = render_tree(read_sources(str(TREE)), {"policies": files}, lists({"policy": "policies"}, {"policies": files}))
    assert sorted(tree) == ["mta-sts.a.example/mta-sts.txt", "mta-sts.b.example/mta-sts.txt", "nginx.conf"]
    for file in files:
        text = tree[f"{file['name']}/mta-sts.txt"]
        assert text == file["text"]
        assert parse_policy(text).mx == ("mail.example.com", "*.mx.example.net")
