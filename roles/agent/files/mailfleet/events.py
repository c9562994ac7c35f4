# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What became of mail, in one form for every MTA: the ledger counts events, backoff and metrics listen to them.

A result says one thing about one recipient of one message:

    delivered, deferred, bounced   a lane tried to deliver; together these are the attempts
    moved       one MX host of the receiver turned the lane away and the next one is asked; the attempt goes on
    suspended   put off without asking the receiver: the lane or its destination is held back
    rejected    given up without asking the receiver
    expired     given up because it waited too long; its attempts were counted when they were made
    returned    a receiver that had accepted it sent it back later
    complained  its recipient called it spam, as the receiver reports

So delivered + bounced + rejected + expired are recipients that are done with, each counted once;
returned and complained come on top.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

DELIVERED = "delivered"
DEFERRED = "deferred"
BOUNCED = "bounced"
MOVED = "moved"
SUSPENDED = "suspended"
REJECTED = "rejected"
EXPIRED = "expired"
RETURNED = "returned"
COMPLAINED = "complained"

ATTEMPTS = frozenset({DELIVERED, DEFERRED, BOUNCED})
FINAL = frozenset({DELIVERED, BOUNCED, REJECTED, EXPIRED})
# The receiver said no, now or for good.
REFUSALS = frozenset({DEFERRED, BOUNCED, MOVED})

# Where a refusal came: before the greeting was over, or in answer to a command.
CONNECT, MAIL, RCPT, DATA, END = "connect", "mail", "rcpt", "data", "end"


class Event(NamedTuple):
    """One line of an MTA's record about one recipient, joined with what earlier lines said of the message."""

    time: float  # seconds since 1970
    result: str
    pool: str
    lane: str  # "" when no lane was used and none is remembered
    isp: str  # name of the ISP profile
    ip: str  # the lane's IPv4 address, by which it is named; "" without a lane
    queue_id: str
    # Fleet domain of the envelope sender, also by its return path; "" for the MTA's own reports, "?" when not known.
    domain: str
    recipient_domain: str
    relay: str  # host that answered; "" when none did
    relay_ip: str
    delay: float  # seconds since the message came in
    dsn: str
    stage: str
    reply: str  # the receiver's words; "local: ..." for the MTA's own
    cls: str  # class, rule and action of the reply rules; "" where no receiver refused
    rule: str
    action: str
    reused: bool = False  # delivered by a connection that earlier messages had opened
    session: float = 0.0  # seconds from the lookup of its names to the end, where the MTA says them


class Verdict(Protocol):
    """What the reply rules say about a reply."""

    @property
    def cls(self) -> str: ...

    @property
    def rule(self) -> str: ...

    @property
    def action(self) -> str: ...


# classify(isp, reply)
Classify = Callable[[str, str], Verdict]
