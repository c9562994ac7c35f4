# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Talks to PowerMTA by its command pmta, which root and the group pmta may use."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

PMTA = "/usr/sbin/pmta"
# Also the empty ones: a pause must be there before the mail is.
QUEUES = ("--dom", "show", "queues", "--maxitems=100000", "--no-rcpt-events")
SECONDS = 20.0


class PowermtaError(Exception):
    """A sentence that says what pmta answered."""


class SilentError(PowermtaError):
    """It did not answer at all."""


def run(words: Sequence[str]) -> str:
    shown = f"pmta {' '.join(words)}"
    try:
        done = subprocess.run(
            [PMTA, *words], capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        raise PowermtaError(f"{shown}: {PMTA} cannot be run ({error.strerror})") from error
    except subprocess.TimeoutExpired as error:
        raise SilentError(f"{shown}: no answer within {SECONDS:.0f} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise PowermtaError(f"{shown}: {said[-1] if said else f'exit status {done.returncode}'}")
    return done.stdout
