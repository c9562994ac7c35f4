# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Makes PowerMTA's queues what the operator's pauses say, and tells the ledger what PowerMTA holds back by itself.

PowerMTA's own `pause queue` knows neither reasons nor ends, nor queues that begin later: so the pauses are the agent's,
and every few seconds the queues are made to agree with them. What somebody paused by hand stays as it is.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mailfleet import powermta_command, powermta_queue, state
from mailfleet.backoff import Backoff
from mailfleet.ledger_names import Names
from mailfleet.ledger_query import Queries
from mailfleet.powermta_command import PowermtaError, SilentError
from mailfleet.powermta_queue import Queue
from mailfleet.state import Key

EVERY_SECONDS = 5.0
# A queue that begins during a pause sends until it is seen, and a server that comes back has forgotten its pauses.
SOON_SECONDS = 1.0
LANES = "lane_state"


class Keeper:
    """``tick`` writes inside a transaction of the ledger; PowerMTA is talked to outside of it."""

    def __init__(
        self,
        view: Mapping[str, Any],
        say: Callable[[str], None] = print,
        run: Callable[[Sequence[str]], str] | None = None,
    ) -> None:
        self._names = Names(view)
        self._transactional = {pool["name"] for pool in view["pools"] if pool["traffic"] == "transactional"}
        self._say = say
        self._run = run or powermta_command.run
        self._seen: list[Queue] | None = None
        self._looked = float("-inf")
        self._every = SOON_SECONDS
        self._commands: list[list[str]] = []
        self._problem = ""

    def look(self) -> None:
        """Ask PowerMTA for its queues; without an answer the last ones stay."""
        try:
            self._seen = list(powermta_queue.parse(self._run(powermta_command.QUEUES), self._names))
        except PowermtaError as error:
            self._trouble(str(error))
        else:
            self._problem = ""

    def clock_set(self, db: sqlite3.Connection, seconds: float, now: float) -> None:
        state.move(db, seconds)

    def tick(self, db: sqlite3.Connection, now: float) -> None:
        """Remember what was seen, and what is to be done about it."""
        seen, self._seen = self._seen, None
        state.create(db)
        state.bound(db, now)
        held = state.snapshot(db)
        if any(pause.active(now) for pause in held.controls.values()):
            self._every = SOON_SECONDS
        elif seen is not None:
            self._every = EVERY_SECONDS
        if seen is None:
            return
        ours = {queue.name for queue in powermta_queue.load(db) if queue.ours}
        kept = []
        for queue in seen:
            pause = None
            if queue.pool:  # others than the fleet's are nobody's business here
                pause = held.paused(queue.pool, queue.ip, queue.isp, queue.pool in self._transactional, now)
            new = pause is not None and not queue.paused
            if new:
                self._commands.append(["pause", "queue", queue.name])
            elif not pause and queue.paused and queue.name in ours:
                self._commands += [["resume", "queue", queue.name], ["schedule", "--retry-recipients", queue.name]]
            # Ours until it is seen to go on: a command may fail, and we may end before we give it.
            kept.append(queue._replace(ours=(queue.name in ours and (bool(pause) or queue.paused)) or new))
        powermta_queue.save(db, kept)
        state.save(db, LANES, _backoff(db, held.lanes, kept, now))

    def act(self) -> None:
        """What fails is seen again by the next look; nobody waits here for one who does not answer anything."""
        commands, self._commands = self._commands, []
        for command in commands:
            try:
                self._run(command)
            except SilentError as error:
                self._trouble(str(error))
                return
            except PowermtaError as error:
                self._trouble(str(error))

    def committed(self) -> None:
        self.act()
        now = time.monotonic()
        if now - self._looked >= self._every:
            self._looked = now
            self.look()

    def stopping(self) -> None:
        """Nothing waits: what is left to do is seen again by the next look."""

    def _trouble(self, sentence: str) -> None:
        self._every = SOON_SECONDS
        if sentence != self._problem:
            self._say(f"{sentence}. Mail goes on; the status does not know PowerMTA's queues now.")
        self._problem = sentence


def _backoff(
    db: sqlite3.Connection, known: Mapping[Key, Backoff], queues: Sequence[Queue], now: float
) -> dict[Key, Backoff]:
    """Which lanes PowerMTA holds back, since when this was seen, and the latest words of the receiver."""
    held = {(queue.pool, queue.ip, queue.isp) for queue in queues if queue.mode == powermta_queue.BACKOFF}
    changed = {lane: Backoff() for lane in known if lane not in held}
    for lane in held - set(known):
        refusal = Queries(db).last_refusal(lane[1], lane[2])
        said = (refusal.cls, refusal.rule, "", refusal.reply) if refusal else ("", "", "", "")
        changed[lane] = Backoff(powermta_queue.BACKOFF, now, 0.0, 1, now, 0, 0, *said)
    return changed
