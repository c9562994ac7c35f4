# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Read what a host has: packages, paths, its release. IO: files only, no process.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from ansible_collections.mailfleet.mta.plugins.module_utils._files import read_text

_DPKG = "/var/lib/dpkg"
_STANZA = re.compile(r"^Package: (\S+)\n(?:.+\n)*?Status: \S+ \S+ installed$", re.MULTILINE)
_VALUE = re.compile(r"^([A-Z_]+)=[\"']?(.*?)[\"']?$", re.MULTILINE)


def installed(status: str) -> set[str]:
    """The packages that dpkg's status file calls installed (asking dpkg itself takes a process and 30 times longer)."""
    return set(_STANZA.findall(status))


def release(text: str) -> dict[str, str]:
    values = dict(_VALUE.findall(text))
    return {"id": values.get("ID", ""), "version_id": values.get("VERSION_ID", "")}


def missing_packages(packages: Sequence[str], status: str = f"{_DPKG}/status") -> list[str]:
    if not packages:
        return []
    present = installed(read_text(status))
    return [package for package in packages if package not in present]


def owners(paths: Sequence[str], dpkg: str = _DPKG) -> dict[str, dict[str, str]]:
    """The package and version that own each path; a path that is not there or not dpkg's has none.

    A package that dpkg did not finish has no version.
    """
    wanted = {os.fsencode(path): path for path in paths if os.path.exists(path)}
    found: dict[str, dict[str, str]] = {}
    if not wanted:
        return found
    status = read_text(f"{dpkg}/status")
    for name in sorted(os.listdir(f"{dpkg}/info")) if os.path.isdir(f"{dpkg}/info") else ():
        if not name.endswith(".list"):
            continue
        with open(f"{dpkg}/info/{name}", "rb") as handle:
            listed = handle.read()
        for line, path in wanted.items():
            if b"\n" + line + b"\n" in listed:
                package = name[: -len(".list")].partition(":")[0]
                found[path] = {"package": package, "version": version_of(package, status)}
    return found


def version_of(package: str, status: str) -> str:
    lines = rf"^Package: {re.escape(package)}\n(?:.+\n)*?Status: \S+ \S+ installed\n(?:.+\n)*?Version: (\S+)$"
    stanza = re.search(lines, status, re.MULTILINE)
    return stanza[1] if stanza else ""


def missing_paths(paths: Sequence[str]) -> list[str]:
    """Paths that do not lead to anything; a dangling link is missing, too."""
    return [path for path in paths if not os.path.exists(path)]


def this_release() -> dict[str, str]:
    return release(read_text("/etc/os-release"))
