# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reply rules as PowerMTA reads them: <smtp-pattern-list> and <bounce-category-patterns>. Pure.

All lines of a list that match apply, and of those that contradict each other the first; a list has the provider's own
rules before those of every receiver. What waits is in backoff mode or has its source address disabled, and both end by
themselves, always.
"""

from __future__ import annotations

from mailfleet import replies_pattern
from mailfleet.replies_postfix import PASSING
from mailfleet.replies_rules import EVERY, Rule, RuleSet

SLOWER = frozenset({"slow-source", "slow-domain", "stop-domain", "fewer-connections", "shorter-sessions"})
# PowerMTA's own categories (user's guide 12.7) of our classes.
CATEGORIES = {
    "invalid-recipient": "bad-mailbox",
    "inactive": "inactive-mailbox",
    "mailbox-full": "quota-issues",
    "domain-not-found": "bad-domain",
    "content-spam": "spam-related",
    "ip-blocked": "policy-related",
    "domain-blocked": "policy-related",
    "auth-failure": "policy-related",
    "rate-limited": "policy-related",
    "greylisted": "policy-related",
    "connection-limit": "policy-related",
    "server-busy": "bad-connection",
    "tls": "protocol-errors",
    "size": "quota-issues",
    "relay-denied": "relaying-issues",
    "policy-other": "policy-related",
}


def pattern_list(rules: RuleSet, provider: str, *, recover: str, reenable: str) -> list[str]:
    """The reply lines of a provider's own rules, or of the general ones ("*")."""
    lines = []
    for rule in _own(rules, provider):
        actions = _actions(rule, recover, reenable)
        for expression in expressions(rule):
            if actions:
                lines.append(f"reply /{expression}/ {actions}")
            # skip-mx also keeps the mail where the receiver wrote 5xx for what will pass.
            if actions != "skip-mx" and (rule.cls in PASSING or (provider != EVERY and rule.action == "stop-source")):
                lines += [f"reply /{permanent}/ skip-mx" for permanent in _permanent(expression)]
    return list(dict.fromkeys(lines))


def _permanent(expression: str) -> list[str]:
    """The expression for 5xx only; nothing when it is about 4xx."""
    if expression.startswith("^4"):
        return []
    return [f"^(?=5){expression[1:]}" if expression.startswith("^") else f"^5.*{expression}"]


def bounce_categories(rules: RuleSet) -> list[str]:
    """Lines for bounces of every receiver: a provider's short codes mean something else at another one."""
    return [
        f"/(?i){expression}/ {CATEGORIES[rule.cls]}" for rule in _own(rules, EVERY) for expression in expressions(rule)
    ]


def _own(rules: RuleSet, provider: str) -> list[Rule]:
    general = provider == EVERY
    return [rule for rule in rules.rules if rule.concerns(provider) and (rule.providers == (EVERY,)) == general]


def _actions(rule: Rule, recover: str, reenable: str) -> str:
    slower = f"mode=backoff,backoff-to-normal-after={recover}"
    if rule.action == "stop-source":
        return f"{slower},disable-source-ip,reenable-after={reenable}"
    if rule.action in SLOWER:
        return slower
    if rule.cls == "server-busy":
        return "skip-mx"
    # Only a temporary refusal at RCPT is turned into a bounce; a permanent one is one already.
    return "bounce-rcpt" if rule.action == "suppress" else ""


def expressions(rule: Rule) -> list[str]:
    """PCRE, one an alternative. A # would start a comment, and nobody knows how a quotation mark is read."""
    found = []
    for pattern in rule.patterns:
        for text in replies_pattern.pcre(pattern.node):
            placed = text[2:] if text.startswith(".*") else f"^{text}"
            plain = placed.replace(replies_pattern.PCRE_SPACE, " ")
            found.append(plain.replace(r"\#", "#").replace("#", r"\x23").replace(r"\"", '"').replace('"', r"\x22"))
    return found
