# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""After a run in check mode on bare hosts."""

from __future__ import annotations

import difflib
import os
import subprocess
from pathlib import Path

LOOK = Path(__file__).resolve().parents[1] / "look"


def test_check_mode_left_everything_as_it_was() -> None:
    before = (Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "look").read_text()
    after = subprocess.run([LOOK], capture_output=True, text=True, check=True).stdout
    written = list(difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=0))
    assert not written, "\n".join(written[:40])
