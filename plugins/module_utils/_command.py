# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Run commands on the host. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import platform
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


def runner(run_command: Callable[..., tuple[int, str, str]]) -> Run:
    """What runs one command without a shell, by AnsibleModule.run_command: run(argv, stdin=None, timeout=60)."""

    def run(argv: Sequence[str], stdin: str | None = None, timeout: float = 60) -> Answer:
        # The module's own way of running commands knows no time limit.
        code, out, err = run_command(
            ["timeout", "--kill-after=5", f"{timeout:g}", *argv],
            data=stdin,
            binary_data=True,
            environ_update=_ENVIRONMENT,
            expand_user_and_vars=False,
            errors="surrogate_or_replace",
        )
        if code == 124:
            return Answer(code, "", f"{argv[0]} gave no answer within {timeout:g} s")
        if err.startswith("timeout: failed to run"):  # a script that misses something ends with the same codes
            return Answer(code, "", f"{argv[0]} {'is not installed' if code == 127 else 'cannot be executed'}")
        return Answer(code, out, err)

    return run


def host() -> str:
    """The name that error sentences use for this machine."""
    return platform.node().split(".")[0]
