# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Checks of DMARC (RFC 9989, RFC 9990) and of alignment. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ALL_DOMAINS,
    ERROR,
    INFO,
    WARNING,
    Check,
    Domain,
    Look,
    Verdict,
    judged,
    record,
    seen,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._names import registrable
from ansible_collections.mailfleet.mta.plugins.module_utils._records_dmarc import (
    POLICIES,
    Dmarc,
    authorisation_name,
    is_dmarc,
    parse_dmarc,
    report_receivers,
)

_REMOVED = ("pct", "rf", "ri")  # by RFC 9989
_FO = re.compile(r"[01ds](:[01ds])*\Z")
_URI = re.compile(r"(mailto:[^@\s]+@[^@\s!]+|https?://\S+)(![0-9]+[kmgt]?)?\Z", re.IGNORECASE)


class Policy(NamedTuple):
    at: str  # the domain whose record it is
    text: str
    dmarc: Dmarc

    @property
    def tags(self) -> dict[str, str]:
        return dict(self.dmarc.other)

    @property
    def shown(self) -> str:
        return record(f"_dmarc.{self.at}", "TXT", self.text)


def _levels(name: str) -> list[str]:
    """The names that a receiver asks, down from the sending domain to its registered one."""
    top = registrable(name) or name
    names = [name]
    while names[-1] != top:
        names.append(names[-1].partition(".")[2])
    return [*names[:1], *names[1:][-7:]]


def _texts(look: Look, at: str) -> list[str]:
    return [value for value in look.values(f"_dmarc.{at}", "TXT") if is_dmarc(value)]


def _found(look: Look, domain: Domain) -> tuple[str, list[str]]:
    for at in _levels(domain.name):
        texts = _texts(look, at)
        if texts:
            return at, texts
    return domain.name, []


def policy_of(look: Look, domain: Domain) -> Policy | None:
    at, texts = _found(look, domain)
    if len(texts) != 1 or _fault(texts[0]):
        return None
    return Policy(at, texts[0], parse_dmarc(texts[0]))


def _fault(text: str) -> str:
    try:
        tags = dict(parse_dmarc(text).other)
    except ValueError as error:
        return str(error)
    for tag in ("sp", "np"):
        if tag in tags and tags[tag].lower() not in POLICIES:
            return f"{tag}={tags[tag]} is none of {', '.join(POLICIES)}"
    for tag in ("adkim", "aspf"):
        if tags.get(tag, "r").lower() not in ("r", "s"):
            return f"{tag}={tags[tag]} is neither r nor s"
    if not _FO.match(tags.get("fo", "0").lower()):
        return f"fo={tags['fo']} is not made of 0, 1, d and s"
    uris = [uri.strip() for tag in ("rua", "ruf") if tag in tags for uri in tags[tag].split(",")]
    wrong = next((uri for uri in uris if not _URI.match(uri)), None)
    return "" if wrong is None else f"'{wrong}' is no address for reports; write mailto:dmarc@example.com"


def _present(look: Look, domain: Domain) -> Iterator[Verdict]:
    at, texts = _found(look, domain)
    shown = [record(f"_dmarc.{at}", "TXT", text) for text in texts] or seen(look, f"_dmarc.{domain.name}", "TXT")
    yield judged(bool(texts), "The domain has no DMARC record.", *shown)


def _one(look: Look, domain: Domain) -> Iterator[Verdict]:
    at, texts = _found(look, domain)
    if texts:
        shown = [record(f"_dmarc.{at}", "TXT", text) for text in texts]
        text = f"_dmarc.{at} has {len(texts)} DMARC records, so none of them counts."
        yield judged(len(texts) == 1, text, *shown, at=at)


def _syntax(look: Look, domain: Domain) -> Iterator[Verdict]:
    at, texts = _found(look, domain)
    for text in texts:
        fault = _fault(text)
        shown = record(f"_dmarc.{at}", "TXT", text)
        yield judged(not fault, f"The DMARC record is not valid: {fault}.", shown, at=at)


def in_force(policy: Policy, domain: Domain) -> str:
    """What receivers do with mail of this domain that fails."""
    tag = "sp" if policy.at != domain.name else "p"
    stated = policy.tags.get("sp", policy.dmarc.policy) if tag == "sp" else policy.dmarc.policy
    weaker = POLICIES[max(0, POLICIES.index(stated.lower()) - 1)]
    return weaker if policy.tags.get("t", "n").lower() == "y" else stated.lower()


def _enforced(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = policy_of(look, domain)
    if policy:
        force = in_force(policy, domain)
        yield judged(force != "none", f"The policy in force is {force}: forged mail is delivered.", policy.shown)


def _subdomains(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = policy_of(look, domain)
    if policy and policy.at == domain.name:
        own = POLICIES.index(policy.dmarc.policy.lower())
        weak = [tag for tag in ("sp", "np") if POLICIES.index(policy.tags.get(tag, POLICIES[own]).lower()) < own]
        text = f"{' and '.join(weak)} of the DMARC record is weaker than p, so subdomains can be forged."
        yield judged(not weak, text, policy.shown)


def _unused_subdomains(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = policy_of(look, domain)
    if policy and policy.at == domain.name == (registrable(domain.name) or domain.name):
        least = policy.tags.get("np", policy.tags.get("sp", policy.dmarc.policy)).lower()
        text = "Names that do not exist below the domain can be forged (np is not reject)."
        yield judged(least == "reject", text, policy.shown)


def _removed(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = policy_of(look, domain)
    if policy:
        old = [tag for tag in _REMOVED if tag in policy.tags]
        text = f"The DMARC record has {', '.join(old)}, which RFC 9989 removed."
        yield judged(not old, text, policy.shown, at=policy.at, tags=", ".join(old))


def _reports(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = policy_of(look, domain)
    if policy:
        yield judged(bool(policy.dmarc.addresses("rua")), "No address gets aggregate reports (rua).", policy.shown)


def _receivers(policy: Policy) -> list[str]:
    uris = (*policy.dmarc.addresses("rua"), *policy.dmarc.addresses("ruf"))
    return list(report_receivers(uris))


def _authorised(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = policy_of(look, domain)
    for receiver in _receivers(policy) if policy else []:
        if policy and (registrable(receiver) or receiver) != (registrable(policy.at) or policy.at):
            name = authorisation_name(policy.at, receiver)
            allowed = any(is_dmarc(value) for value in look.values(name, "TXT"))
            text = f"{receiver} has not agreed to get the reports of {policy.at}, so receivers send none."
            yield judged(allowed, text, policy.shown, *seen(look, name, "TXT"), name=name)


def _report_mailbox(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = policy_of(look, domain)
    for receiver in _receivers(policy) if policy else []:
        hosts = look.values(receiver, "MX")
        there = bool(hosts or look.addresses(receiver)) and hosts != ("0 .",)
        yield judged(there, f"{receiver}, which gets reports, takes no mail.", *seen(look, receiver, "MX", "A", "AAAA"))


def _spf_aligned(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = policy_of(look, domain)
    strict = policy is not None and policy.tags.get("aspf", "r").lower() == "s"
    same = (registrable(domain.return_path) or domain.return_path) == (registrable(domain.name) or domain.name)
    right = domain.return_path == domain.name if strict else same
    how = "strictly (aspf=s)" if strict else "by its registered domain"
    evidence = [f"return path {domain.return_path}", *([policy.shown] if policy else [])]
    yield judged(right, f"The return path {domain.return_path} does not match the From domain {how}.", *evidence)


CHECKS = (
    Check(
        "dmarc",
        ERROR,
        "There is a DMARC record.",
        "Gmail 5.7.40, Yahoo, Outlook 5.7.515; RFC 9989",
        "Run site.yml, which publishes _dmarc.{domain}.",
        _present,
        ALL_DOMAINS,
    ),
    Check(
        "dmarc-one",
        ERROR,
        "There is one DMARC record.",
        "RFC 9989 4.7",
        "Delete all but one of the records at _dmarc.{at}.",
        _one,
        ALL_DOMAINS,
    ),
    Check(
        "dmarc-syntax",
        ERROR,
        "The DMARC record is valid.",
        "RFC 9989 4.6 and 4.7",
        "Correct the record at _dmarc.{at}.",
        _syntax,
        ALL_DOMAINS,
    ),
    Check(
        "dmarc-policy",
        INFO,
        "DMARC quarantines or rejects forged mail.",
        "Gmail and Yahoo accept none; BIMI and protection need more",
        "When the reports show that all own mail passes, set dmarc.policy of {domain} to quarantine, then reject.",
        _enforced,
    ),
    Check(
        "dmarc-subdomains",
        WARNING,
        "Subdomains are as well protected as the domain.",
        "RFC 9989 4.7",
        "Take sp and np out of dmarc of {domain}, or set them to its policy.",
        _subdomains,
    ),
    Check(
        "dmarc-no-such-name",
        INFO,
        "Names that do not exist cannot be forged.",
        "RFC 9989 4.7",
        "Set dmarc.np of {domain} to reject; it harms no mail.",
        _unused_subdomains,
    ),
    Check(
        "dmarc-removed-tags",
        WARNING,
        "The DMARC record has no removed tag.",
        "RFC 9989 C.6",
        "Take {tags} out of _dmarc.{at}; to try a policy out use t=y.",
        _removed,
        ALL_DOMAINS,
    ),
    Check(
        "dmarc-rua",
        WARNING,
        "Aggregate reports go somewhere.",
        "Yahoo; RFC 9990",
        "Set dmarc.rua of {domain}.",
        _reports,
    ),
    Check(
        "dmarc-rua-authorised",
        ERROR,
        "Who gets reports has agreed to it.",
        "RFC 9990 4",
        'Publish {name} TXT "v=DMARC1" in the other zone.',
        _authorised,
        ALL_DOMAINS,
    ),
    Check(
        "dmarc-rua-mailbox",
        WARNING,
        "Who gets reports takes mail.",
        "RFC 9990 3.5",
        "Set dmarc.rua of {domain} to a mailbox that exists.",
        _report_mailbox,
        ALL_DOMAINS,
    ),
    Check(
        "alignment-return-path",
        WARNING,
        "The return path matches the From domain.",
        "Gmail 5.7.32, Yahoo, Outlook 5.7.515; RFC 9989 4.4",
        "Set return_path of {domain} to a name below its registered domain; with aspf=s to the domain itself.",
        _spf_aligned,
    ),
)
