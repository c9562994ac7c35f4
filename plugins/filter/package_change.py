# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

DOCUMENTATION = r"""
name: package_change
short_description: What a run does about a package that may be installed
version_added: 1.0.0
author: mailfleet contributors (@mailfleet)
description:
  - Compares the package that is wanted with the one that is installed, as dpkg orders versions.
  - Reads a package file on the controller, which needs dpkg only for one packed with zstd.
options:
  _input:
    description:
      - The package that is wanted, a path of a C(.deb) on the controller, C(NAME), or C(NAME=VERSION).
      - A path of no file, and a name without version, want nothing else than what is installed.
    type: str
    required: true
  installed:
    description:
      - The C(package) and C(version) that are installed, from C(owners) of M(mailfleet.mta.sender_info).
      - Empty where none is. Without a version where its installation did not end.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what would change
  ansible.builtin.debug:
    msg: "{{ 'powermta=5.0r9-1' | mailfleet.mta.package_change({'package': 'powermta', 'version': '5.0r8-1'}) }}"
"""

RETURN = r"""
_value:
  description:
    - C(step) is V(keep), V(install), V(upgrade) or V(downgrade).
    - C(before) and C(after) are the package with its version, as it is installed and as it is wanted.
  type: dict
"""

import os
from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.mailfleet.mta.plugins.module_utils._debian import VERSION, step
from ansible_collections.mailfleet.mta.plugins.plugin_utils._package_file import UnreadableHereError, package_of


def package_change(wanted: str, installed: Mapping[str, Any]) -> dict[str, str]:
    name, version = _from_file(wanted) if "/" in wanted else _named(wanted)
    return {
        "step": step(version, installed.get("version", "")),
        "before": " ".join(filter(None, (installed.get("package"), installed.get("version")))),
        "after": f"{name} {version}".strip(),
    }


def _from_file(path: str) -> tuple[str, str]:
    if not os.path.exists(path):
        return path, ""
    try:
        return package_of(path)
    except UnreadableHereError as reason:
        raise AnsibleFilterError(
            f"{path} is {reason}. Install dpkg 1.21.18 or newer there, or pack the file anew where it can be read: "
            "dpkg-deb -R FILE DIRECTORY, then dpkg-deb --root-owner-group -Zxz -b DIRECTORY FILE."
        ) from None
    except ValueError as reason:
        raise AnsibleFilterError(f"{path} is no Debian package: {reason}. Name the .deb of your vendor.") from None


def _named(text: str) -> tuple[str, str]:
    name, equals, version = text.partition("=")
    if equals and not VERSION.fullmatch(version):
        raise AnsibleFilterError(f"{text} names no whole version. Write it as `apt-cache policy {name}` does.")
    return name, version


class FilterModule:
    """Filters of the collection."""

    def filters(self) -> dict[str, object]:
        return {"package_change": package_change}
