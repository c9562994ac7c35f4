# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Makes this checkout importable as ansible_collections.mailfleet.mta, however pytest is started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
COLLECTIONS = CHECKOUT / ".ansible" / "collections"


def link_collection() -> None:
    link = COLLECTIONS / "ansible_collections" / "mailfleet" / "mta"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to("../../../..")
    sys.path.insert(0, str(COLLECTIONS))
    # Read by ansible when a test imports it, and by every ansible command a test starts.
    os.environ["ANSIBLE_CONFIG"] = str(CHECKOUT / "ansible.cfg")
    os.environ["ANSIBLE_COLLECTIONS_PATH"] = str(COLLECTIONS)


link_collection()
