# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Why mail of a source failed DMARC, and what to do about it, in words. Pure.

The first rule that fits wins. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Seen(NamedTuple):
    """What receivers saw of a source's failing mail."""

    kind: str  # own, unknown, forwarded, foreign
    domain: str  # of the From header
    dkim: tuple[tuple[str, str], ...]  # (result, domain)
    spf: tuple[tuple[str, str], ...]

    @property
    def broken_signature(self) -> bool:
        """Signed in the domain's name, but the signature does not hold."""
        return any(result not in ("pass", "none") and self.aligned(domain) for result, domain in self.dkim)

    @property
    def other_names(self) -> str:
        """Domains under which the mail did authenticate."""
        found = [domain for result, domain in (*self.dkim, *self.spf) if result == "pass" and not self.aligned(domain)]
        return ", ".join(dict.fromkeys(found))

    @property
    def dns_failed(self) -> bool:
        return any(result in ("temperror", "permerror") for result, _domain in (*self.dkim, *self.spf))

    def aligned(self, domain: str) -> bool:
        """Near enough for an explanation; the verdict itself is the receiver's."""
        return domain == self.domain or domain.endswith(f".{self.domain}") or self.domain.endswith(f".{domain}")


class Why(NamedTuple):
    cause: str
    remedy: str


def seen_of(source: Mapping[str, str]) -> Seen:
    return Seen(source["kind"], source["from"], _pairs(source["dkim"]), _pairs(source["spf"]))


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    words = [part.split(" ") for part in text.split(", ") if part]
    return tuple((part[0], part[1].rstrip(".").lower() if len(part) > 1 else "") for part in words)


_RULES: tuple[tuple[Callable[[Seen], bool], str, str], ...] = (
    (
        lambda seen: seen.kind == "foreign",
        "The inventory calls this network foreign; its mail does not count.",
        "Nothing. Under p=reject receivers refuse it.",
    ),
    (
        lambda seen: seen.kind == "forwarded",
        "The receiver knows a forwarder or a mailing list here, which changed the message or its envelope.",
        "Nothing; receivers that know it deliver such mail all the same.",
    ),
    (
        lambda seen: seen.kind == "own" and seen.dns_failed,
        "Our own mail; the receiver could not read the SPF or DKIM record.",
        "See whether all name servers of the domain answered on these days, and that the records are right.",
    ),
    (
        lambda seen: seen.kind == "own" and seen.broken_signature,
        "Our own mail; its signature does not fit the published key, or something changed the message after signing.",
        "Compare the selector's record with the signers (site.yml does), and look for a gateway behind them.",
    ),
    (
        lambda seen: seen.kind == "own" and bool(seen.other_names),
        "Our own mail, authenticated only as {other_names}, which is not {domain}.",
        "Have it signed for {domain}: add the domain to fleet_domains of this sender, or correct the From header.",
    ),
    (
        lambda seen: seen.kind == "own",
        "Our own mail, which nobody signed for {domain}.",
        "Send it through a pool of the fleet, whose signer refuses mail that it cannot sign.",
    ),
    (
        lambda seen: seen.broken_signature,
        "Mail signed for {domain} that was changed on its way, mostly by a forwarder or a mailing list.",
        "Nothing, if the numbers are small. If this is a service of yours, see that its key is published.",
    ),
    (
        lambda seen: bool(seen.other_names),
        "A service that sends in the name of {domain} and authenticates as {other_names}.",
        "If it is yours, set up DKIM for {domain} there and list its network in progression.senders; "
        "if not, list it in progression.foreign.",
    ),
    (
        lambda seen: seen.dns_failed,
        "The receiver could not read a record that it needed to judge this mail.",
        "See whether the name servers of the domain answered on these days.",
    ),
    (
        lambda seen: True,
        "Somebody who pretends to be {domain}, or a forgotten server of yours.",
        "If it is yours, move its mail to the fleet or list it in progression.senders with SPF and DKIM of its own; "
        "if not, list it in progression.foreign.",
    ),
)


def why(seen: Seen) -> Why:
    cause, remedy = next((cause, remedy) for fits, cause, remedy in _RULES if fits(seen))
    words = {"domain": seen.domain, "other_names": seen.other_names}
    return Why(cause.format(**words), remedy.format(**words))
