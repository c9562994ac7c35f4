# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The Debian mirror this machine already uses, read from its own apt configuration."""

from __future__ import annotations

import functools
import os
import re
import subprocess

from .shell import run
from .ui import LabError

REMEDY = "Set MAILFLEET_LAB_MIRROR to the address of a Debian mirror."
_PASSED_ON = re.compile(r"Acquire::(http|https|Check-|Retries|ForceIPv)")


@functools.cache
def mirror() -> str:
    """Address of the main Debian archive (not the security one, which has its own layout)."""
    given = os.environ.get("MAILFLEET_LAB_MIRROR")
    if given:
        return given
    listing = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(LABEL)", "Created-By: Packages"]
    found = _debian_uris(run(listing))
    if not found:
        # Origin is known only after the first download of the indexes.
        subprocess.run(["apt-get", "update"], stdout=subprocess.DEVNULL, check=False)
        found = _debian_uris(run(listing))
    if not found:
        raise LabError(f"The apt configuration of this machine names no Debian mirror. {REMEDY}")
    return found[0]


def _debian_uris(listing: str) -> list[str]:
    rows = [line.split(maxsplit=2) for line in listing.splitlines()]
    return [row[0] for row in rows if len(row) == 3 and row[1] == "Debian" and row[2] == "Debian"]


@functools.cache
def apt_settings() -> tuple[str, ...]:
    """The settings without which apt does not reach that mirror: proxies, retries, clock checks."""
    lines = run(["apt-config", "dump", "Acquire"]).splitlines()
    return tuple(line for line in lines if _PASSED_ON.match(line) and not line.endswith('"";'))
