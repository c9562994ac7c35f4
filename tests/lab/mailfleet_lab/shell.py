# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Running commands: output is kept for the error message, never lost."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from .ui import LabError


def run(argv: Sequence[str | Path], *, log: Path | None = None, text: str | None = None) -> str:
    """Run a command and return its output; a LabError with the last lines of it when the command fails."""
    words = [str(word) for word in argv]
    given = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **given)
    if log:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as handle:
            handle.write(f"$ {' '.join(words)}\n{done.stdout}")
    if done.returncode:
        tail = "\n".join(done.stdout.splitlines()[-15:])
        where = f" (whole log: {log})" if log else ""
        raise LabError(f"'{' '.join(words[:6])}' failed with status {done.returncode}{where}:\n{tail}")
    return done.stdout


def succeeds(argv: Sequence[str | Path]) -> bool:
    """True when the command ends with status 0; its output does not matter."""
    words = [str(word) for word in argv]
    return subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
