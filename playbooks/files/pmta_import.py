# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Writes the inventory for an existing PowerMTA server, from a checkout or an installed collection."""

from __future__ import annotations

import sys

from pmta_config_check import main

if __name__ == "__main__":
    sys.exit(main("_powermta_import_cli"))
