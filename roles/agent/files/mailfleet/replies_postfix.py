# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The reply rules as Postfix's smtp_delivery_status_filter of a lane: pcre tables. Pure.

Postfix asks the tables about every recipient, delivered or not, with "5.1.1 host mx.example.com[192.0.2.1] said: 550
5.1.1 ... (in reply to RCPT TO command)". The answer is the same text with another first digit: a refusal that will pass
is tried again although the receiver wrote 5xx, and an address that does not exist bounces at once although it wrote
4xx. The class and action stay what the reply's own text says, also for the agent, which reads that text in the log.

A lane has two tables, "<ISP>" with its ISP's own rules, if there are any, and "every" with those of all receivers.
The lanes of ISP "other" have the table "other" alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailfleet import replies_pattern
from mailfleet.ledger_names import OTHER_ISP
from mailfleet.replies_rules import EVERY, Rule, RuleSet

# Classes that pass by themselves, whatever the first digit.
PASSING = {"rate-limited", "greylisted", "connection-limit", "server-busy", "mailbox-full"}

_START = r"^([45])([0-9.]+ (?:host [^ ]+ (?:said|refused to talk to me): )?+)"
_SAME = "/ $1$2$3"
_HEADER = "# Which refusals are tried again, by the reply rules. Written by mailfleet; changes are overwritten."


def tables(rules: RuleSet, isps: Iterable[str]) -> dict[str, str]:
    """By name, for the lanes of these ISP profiles."""
    found = {isp: delivery_status_filter(rules, rules.canonical(isp)) for isp in isps if isp != OTHER_ISP}
    return {
        **found,
        "every": delivery_status_filter(rules),
        OTHER_ISP: delivery_status_filter(rules, blocks_pass=False),
    }


def delivery_status_filter(rules: RuleSet, provider: str = EVERY, *, blocks_pass: bool = True) -> str:
    """The table of the provider's own rules, or of the general ones ("*").

    blocks_pass: what this source address may not send waits for another one of the pool, or for the block's end. Not
    for receivers without a profile (the ISP "other"): there the source never stops, and a block is what it says.
    """
    general = provider == EVERY
    own = [rule for rule in rules.rules if rule.concerns(provider) and (rule.providers == (EVERY,)) == general]
    lines = [line for rule in own for line in _lines(rule, _digit(rule, blocks_pass))]
    while general and lines and lines[-1].endswith(_SAME):
        lines.pop()
    # What was delivered needs no look at the rest.
    return "\n".join([_HEADER, "if /^[45]/", *lines, "endif", ""])


def _digit(rule: Rule, blocks_pass: bool) -> str | None:
    """With which digit such a refusal goes on; None as the receiver wrote it."""
    if rule.cls in PASSING or (blocks_pass and rule.action == "stop-source"):
        return "4"
    return "5" if rule.action == "suppress" else None


def _lines(rule: Rule, digit: str | None) -> Iterator[str]:
    """One an alternative, also for a rule that changes nothing: it decides all the same."""
    for pattern in rule.patterns:
        for expression in replies_pattern.pcre(pattern.node):
            joint = replies_pattern.PCRE_JOINT if replies_pattern.PCRE_SPACE in expression else ""
            yield f"/{_START}(?={expression})(.*)$" + joint + (f"/ {digit}$2$3" if digit else _SAME)
