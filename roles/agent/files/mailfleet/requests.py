# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Requests to the root-owned helper that talks to Postfix: reload an instance, try or flush its waiting mail.

A request is a file in a directory that a systemd path unit watches. The same request again replaces it, and each kind
has a least interval, so a storm of refusals costs no storm of reloads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from mailfleet.backoff import FLUSH, RELOAD, TRY

DIRECTORY = "/run/mailfleet/requests"
_INTERVALS = {RELOAD: 1.0, TRY: 2.0, FLUSH: 30.0}


class Requests:
    """What was asked is written by send(), as soon as its interval allows."""

    def __init__(self, directory: str = DIRECTORY, say: Callable[[str], None] = print) -> None:
        self._directory = directory
        self._say = say
        self._waiting: dict[tuple[str, str], list[str]] = {}
        self._sent: dict[tuple[str, str], float] = {}
        self._silent = False

    def ask(self, kind: str, pool: str, queue_ids: Sequence[str] = ()) -> None:
        """``kind`` is RELOAD, TRY (these messages) or FLUSH."""
        known = self._waiting.setdefault((kind, pool), [])
        known += [queue_id for queue_id in queue_ids if queue_id not in known]

    def send(self, now: float) -> None:
        """``now`` is a clock that is never set back."""
        for key in list(self._waiting):
            kind, pool = key
            if 0 <= now - self._sent.get(key, float("-inf")) < _INTERVALS[kind]:
                continue
            if self._write(f"{kind}-{pool}", self._waiting[key]):
                self._sent[key] = now
                del self._waiting[key]

    def _write(self, name: str, lines: Sequence[str]) -> bool:
        path = os.path.join(self._directory, name)
        try:
            with open(path + ".new", "w", encoding="ascii") as handle:
                handle.write("".join(f"{line}\n" for line in lines))
            os.replace(path + ".new", path)
        except OSError as error:
            if not self._silent:
                self._say(
                    f"{path} cannot be written ({error.strerror}): Postfix looks at held mail later, at its own times."
                )
            self._silent = True
            return False
        self._silent = False
        return True
