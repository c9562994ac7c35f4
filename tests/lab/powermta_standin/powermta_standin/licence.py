# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The licence file of the stand-in, in a form of its own. Pure."""

from __future__ import annotations

import datetime

PATH = "/etc/pmta/license"


class LicenceError(Exception):
    """Why the daemon does not start, in one sentence."""


def read(text: str, today: datetime.date) -> dict[str, str]:
    """The entries of a licence that is valid today."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    entries = {name.strip(): value.strip() for name, _colon, value in (line.partition(":") for line in lines if line)}
    if entries.get("product") != "PowerMTA" or "expires" not in entries:
        raise LicenceError(f"{PATH} is not a licence for PowerMTA: it needs the lines product and expires.")
    try:
        expires = datetime.date.fromisoformat(entries["expires"])
    except ValueError:
        raise LicenceError(f'{PATH}: "{entries["expires"]}" is not a date such as 2027-12-31.') from None
    if expires < today:
        raise LicenceError(f"{PATH}: the licence expired on {expires}.")
    return entries
