# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Turns PowerMTA's accounting records into events. A record says all that there is to say, so nothing is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailfleet import events, powermta_acct
from mailfleet.events import Classify, Event
from mailfleet.ledger_names import Names
from mailfleet.powermta_acct import Record, host, reply

ROLLUP = ".rollup"
# The domain of what does not tell whose mail it is about.
UNKNOWN = "?"
_RESULTS = {
    powermta_acct.DELIVERY: events.DELIVERED,
    powermta_acct.BOUNCE: events.BOUNCED,
    powermta_acct.TRANSIENT: events.DEFERRED,
    # A connection that failed, or a host that turned it away, whoever's mail it was for.
    powermta_acct.QUEUE: events.MOVED,
    powermta_acct.REMOTE_BOUNCE: events.RETURNED,
    powermta_acct.FEEDBACK: events.COMPLAINED,
}
# Mail that left in other ways went to no receiver.
_TO_RECEIVERS = ("", "smtp", "lmtp")
# Where the receiver, its name or the way to it was the trouble (RFC 3463); all else is PowerMTA's own decision.
_ADDRESSING = (".1.", ".4.")
_TOO_LATE = ".4.7"


def isp_of(names: Names, queue: str, recipient_domain: str = "", relay: str = "") -> str:
    """The profile whose rollup queue it is, or that of the domain behind a queue of its own."""
    profile = queue[: -len(ROLLUP)] if queue.endswith(ROLLUP) else ""
    return profile if names.profile(profile) else names.isp(recipient_domain or queue, relay)


class Joiner:
    def __init__(self, names: Names, classify: Classify) -> None:
        self._names = names
        self._classify = classify

    def join(self, records: Iterable[Record]) -> Iterator[Event]:
        for record in records:
            if record.delivery not in _TO_RECEIVERS:
                continue
            if record.kind == powermta_acct.FEEDBACK:
                yield self._complaint(record)
            else:
                yield self._event(record)

    def _event(self, record: Record) -> Event:
        names = self._names
        said, result = reply(record), _RESULTS[record.kind]
        code = record.status.partition(" ")[0]
        if result == events.BOUNCED and not said.asked:
            result = _unasked(code)
        queue, _slash, vmta = record.queue.partition("/")
        recipient_domain = record.rcpt.rpartition("@")[2].lower()
        relay, relay_ip = host(record.mta)
        pool, ip = names.source(record.source_ip, record.vmta or vmta)
        domain = names.domain(record.orig)
        if not domain and record.kind in (powermta_acct.QUEUE, powermta_acct.REMOTE_BOUNCE):
            domain = UNKNOWN
        isp = isp_of(names, queue, recipient_domain, relay)
        cls, rule, action = "", "", ""
        if result in events.REFUSALS or result == events.RETURNED:
            verdict = self._classify(isp, said.text)
            cls, rule, action = verdict.cls, verdict.rule, verdict.action
        return Event(
            record.time, result, record.pool or pool or names.pool_of(domain), record.vmta or vmta, isp, ip, "", domain,
            recipient_domain, relay, record.destination_ip or relay_ip,
            max(0.0, record.time - record.queued) if record.queued else 0.0, code,
            events.CONNECT if result == events.MOVED else "", said.text, cls, rule, action,
        )  # fmt: skip

    def _complaint(self, record: Record) -> Event:
        """The class is the receiver's own word for it, such as abuse."""
        names = self._names
        domain = names.domain(record.orig or f"@{record.reported_domain}") or UNKNOWN
        pool, ip = names.source(record.source_ip, record.vmta)
        recipient_domain = record.rcpt.rpartition("@")[2].lower()
        relay = host(record.reporting_mta)[0]
        isp = names.isp(recipient_domain, relay)
        return Event(
            record.time, events.COMPLAINED, record.pool or pool or names.pool_of(domain), record.vmta, isp, ip, "",
            domain, recipient_domain, relay, "", 0.0, "", "", "", record.feedback or "abuse", "", "",
        )  # fmt: skip


def _unasked(code: str) -> str:
    """What became of a message that no receiver refused."""
    if code.endswith(_TOO_LATE):
        return events.EXPIRED
    return events.BOUNCED if code[1:4] in _ADDRESSING else events.REJECTED
