# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Answers Postfix at submission: is this message queued, or put aside (HOLD) until its sender domain may send again?

The transport map sees recipients only, so what depends on the sender is decided here. Postfix asks at DATA, when the
queue ID is known (SMTPD_POLICY_README); "policy_context" is the pool. A message is never refused: put aside, it is
accepted, and the ledger has it released in its turn. When in doubt the answer is DUNNO.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from mailfleet.aside import ANY
from mailfleet.ledger_names import Names
from mailfleet.state import State

DUNNO = "DUNNO"
_TEXT = 200


class Policy:
    """``isp`` finds the ISP profile of a recipient of a pool; "" when it cannot."""

    def __init__(
        self,
        names: Names,
        transactional: Callable[[str], bool],
        state: Callable[[], State],
        isp: Callable[[str, str], Awaitable[str]],
        wall: Callable[[], float],
    ) -> None:
        self._names, self._transactional, self._state, self._isp, self._wall = names, transactional, state, isp, wall

    async def answer(self, attributes: Mapping[str, str]) -> str:
        pool, domain = attributes.get("policy_context", ""), self._names.domain(attributes.get("sender", ""))
        state, now = self._state(), self._wall()
        pause = state.paused_domain(domain, self._transactional(pool), now)
        if pause:
            return hold(domain, ANY, pause.reason)
        held = {key[2]: how for key, how in state.domains.items() if key[:2] == (pool, domain)}
        if not held:
            return DUNNO
        # Empty when there are several: such a message waits as a whole.
        recipient = attributes.get("recipient", "")
        if not recipient:
            return hold(domain, ANY, next(iter(held.values())).reason)
        isp = await self._isp(pool, recipient) or self._names.isp(recipient.rpartition("@")[2].lower(), "")
        return hold(domain, isp, held[isp].reason) if isp in held else DUNNO


def hold(domain: str, isp: str, reason: str) -> str:
    """In this form mailfleet.postfix_log finds it in the log again."""
    words = " ".join("".join(char if " " <= char <= "~" and char != ";" else " " for char in reason).split())
    return f"HOLD put aside by mailfleet: {domain} at {isp}: {words[:_TEXT]}"
