# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Run commands on the host. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

# Daemons' tools live in sbin, which is not in the path of every login.
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True)
class Answer:
    """What a command said. A command that does not exist answers 127, one that takes too long 124, like a shell."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """The command's own words about a failure, on one line."""
        lines = [line.strip() for line in (self.err + "\n" + self.out).splitlines() if line.strip()]
        return "; ".join(lines[-5:]) or f"it ended with code {self.code} and said nothing"


Run = Callable[..., Answer]


def run(argv: Sequence[str], stdin: str | None = None, timeout: float = 60) -> Answer:
    """Run one command without a shell."""
    environment = {**os.environ, **_ENVIRONMENT}
    try:
        done = subprocess.run(
            list(argv), input=stdin, capture_output=True, text=True, errors="replace",
            timeout=timeout, env=environment, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        return Answer(127, "", f"{argv[0]} is not installed")
    except PermissionError:
        return Answer(126, "", f"{argv[0]} cannot be executed")
    except subprocess.TimeoutExpired:
        return Answer(124, "", f"{argv[0]} gave no answer within {timeout:g} s")
    return Answer(done.returncode, done.stdout, done.stderr)


def host() -> str:
    """The name that error sentences use for this machine."""
    return platform.node().split(".")[0]
