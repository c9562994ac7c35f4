# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Checks PowerMTA configurations, from a checkout or an installed collection; needs Python 3.9 and nothing else."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path

UTILS = "ansible_collections.mailfleet.mta.plugins.module_utils"


def main(command: str = "_powermta_cli") -> int:
    """Without Ansible nobody makes the collection importable, so its packages are made here."""
    sys.dont_write_bytecode = True
    parts = UTILS.split(".")
    for count in range(1, len(parts) + 1):
        package = types.ModuleType(".".join(parts[:count]))
        package.__path__ = []
        sys.modules[package.__name__] = package
    package.__path__ = [str(Path(__file__).resolve().parents[2] / "plugins/module_utils")]
    return int(importlib.import_module(f"{UTILS}.{command}").main())


if __name__ == "__main__":
    sys.exit(main())
