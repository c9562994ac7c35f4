# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Requests to the helper of root that talks to Postfix: reload an instance, try, flush, put aside or release its mail.

A request is a datagram to a socket of systemd, which starts the helper. The same request is asked once at a time, and
each kind has a least interval, so that a storm of refusals costs no storm of reloads.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence

from mailfleet.backoff import FLUSH, HOLD, RELEASE, RELOAD, TRY

SOCKET = "/run/mailfleet/requests.sock"
_INTERVALS = {RELOAD: 1.0, TRY: 2.0, FLUSH: 30.0, HOLD: 1.0, RELEASE: 1.0}
_IDS = {TRY: 100, HOLD: 1000, RELEASE: 1000}
_OF_RELEASED = (TRY, FLUSH)


class Requests:
    """What was asked leaves by send(), as soon as its interval allows."""

    def __init__(self, path: str = SOCKET, say: Callable[[str], None] = print) -> None:
        self._path = path
        self._say = say
        self._waiting: dict[tuple[str, str], list[str]] = {}
        self._sent: dict[tuple[str, str], float] = {}
        self._silent = False

    def ask(self, kind: str, pool: str, queue_ids: Sequence[str] = ()) -> None:
        """``kind`` is RELOAD, FLUSH, or with messages TRY, HOLD and RELEASE."""
        known = self._waiting.setdefault((kind, pool), [])
        known += [queue_id for queue_id in queue_ids if queue_id not in known]
        del known[_IDS.get(kind, 0) :]

    def send(self, now: float) -> None:
        """``now`` is a clock that is never set back; at the end of time no interval counts."""
        # What is on hold cannot be tried, so it is released first.
        for key in sorted(self._waiting, key=lambda key: key[0] in _OF_RELEASED):
            kind, pool = key
            if 0 <= now - self._sent.get(key, float("-inf")) < _INTERVALS[kind]:
                continue
            if kind in _OF_RELEASED and (RELEASE, pool) in self._waiting:
                continue
            if self._told(" ".join([kind, pool, *self._waiting[key]])):
                self._sent[key] = now
                del self._waiting[key]

    def _told(self, text: str) -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as helper:
                helper.connect(self._path)
                helper.send(text.encode())
        except OSError as error:
            if not self._silent:
                reason = os.strerror(error.errno or 0)
                self._say(f"{self._path} takes no request ({reason}): Postfix looks at held mail at its own times.")
            self._silent = True
            return False
        self._silent = False
        return True
