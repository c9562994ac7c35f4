# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Checks of TLS towards us: MTA-STS, TLS-RPT, TLSA. They concern replies and bounces. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    ERROR,
    INFO,
    POLICY,
    WARNING,
    Answer,
    Check,
    Domain,
    Look,
    Verdict,
    bad,
    good,
    judged,
    record,
    seen,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_mx import mail_hosts
from ansible_collections.mailfleet.mta.plugins.module_utils._records_sts import (
    StsPolicy,
    build_policy,
    is_sts,
    parse_policy,
    parse_sts,
    policy_host,
    policy_url,
    uncovered,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._records_tlsrpt import is_tlsrpt, parse_tlsrpt

_SHORT_AGE = 86400
_DIGESTS = {"1": 64, "2": 128}  # matching type -> hexadecimal digits


def _sts(look: Look, domain: Domain) -> list[str]:
    return [value for value in look.values(f"_mta-sts.{domain.name}", "TXT") if is_sts(value)]


def _sts_present(look: Look, domain: Domain) -> Iterator[Verdict]:
    if mail_hosts(look, domain.name):
        shown = seen(look, f"_mta-sts.{domain.name}", "TXT")
        yield judged(bool(_sts(look, domain)), "The domain takes mail without asking for TLS (MTA-STS).", *shown)


def _sts_record(look: Look, domain: Domain) -> Iterator[Verdict]:
    texts = _sts(look, domain)
    for text in texts:
        fault = "" if len(texts) == 1 else f"there are {len(texts)} of them"
        try:
            parse_sts(text)
        except ValueError as error:
            fault = fault or str(error)
        shown = record(f"_mta-sts.{domain.name}", "TXT", text)
        yield judged(not fault, f"The MTA-STS record is not valid: {fault}.", shown)


def _file(look: Look, domain: Domain) -> Answer:
    """The policy file; its values are the content type and the text."""
    host = policy_host(domain.name)
    addresses = look.addresses(host)
    if not addresses:
        return Answer(fault=f"{host} has no address")
    return look.answer(host, POLICY, addresses[0])


def _policy(look: Look, domain: Domain) -> StsPolicy | None:
    if not _sts(look, domain):
        return None
    file = _file(look, domain)
    try:
        return None if file.fault or not file.values else parse_policy(file.values[1])
    except ValueError:
        return None


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _sts_file(look: Look, domain: Domain) -> Iterator[Verdict]:
    if _sts(look, domain):
        file, url = _file(look, domain), policy_url(domain.name)
        if file.fault or not file.values:
            yield bad(f"The policy file cannot be fetched: {file.fault}.", url)
            return
        kind, text = file.values
        fault = (
            "" if kind.partition(";")[0].strip().lower() == "text/plain" else f"its type is '{kind}', not text/plain"
        )
        try:
            parse_policy(text)
        except ValueError as error:
            fault = fault or str(error)
        yield judged(not fault, f"The policy file is not valid: {fault}.", url, *_lines(text))


def _sts_same(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = _policy(look, domain)
    if policy and domain.policy:
        wanted, served = (sorted(_lines(build_policy(one._replace(other=())))) for one in (domain.policy, policy))
        shown = [*(f"served: {line}" for line in served), *(f"inventory: {line}" for line in wanted)]
        yield judged(served == wanted, "The policy that is served is not the one of the inventory.", *shown)


def _sts_mode(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = _policy(look, domain)
    if policy:
        yield judged(policy.mode == "enforce", f"The policy's mode is {policy.mode}.", f"mode: {policy.mode}")


def _sts_hosts(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = _policy(look, domain)
    if policy and policy.mode != "none":
        left = uncovered(policy.mx, mail_hosts(look, domain.name))
        shown = [*seen(look, domain.name, "MX"), *(f"mx: {pattern}" for pattern in policy.mx)]
        text = f"The policy does not allow {', '.join(left)}, so senders do not deliver there."
        yield judged(not left, text, *shown, hosts=", ".join(left))


def _sts_age(look: Look, domain: Domain) -> Iterator[Verdict]:
    policy = _policy(look, domain)
    if policy:
        text = f"Senders remember the policy for {policy.max_age} s only."
        yield judged(policy.max_age >= _SHORT_AGE, text, f"max_age: {policy.max_age}")


def _tlsrpt_texts(look: Look, domain: Domain) -> list[str]:
    return [value for value in look.values(f"_smtp._tls.{domain.name}", "TXT") if is_tlsrpt(value)]


def _rpt_present(look: Look, domain: Domain) -> Iterator[Verdict]:
    if mail_hosts(look, domain.name):
        shown = seen(look, f"_smtp._tls.{domain.name}", "TXT")
        yield judged(bool(_tlsrpt_texts(look, domain)), "Nobody gets reports about TLS (TLS-RPT).", *shown)


def _rpt_record(look: Look, domain: Domain) -> Iterator[Verdict]:
    texts = _tlsrpt_texts(look, domain)
    for text in texts:
        fault = "" if len(texts) == 1 else f"there are {len(texts)} of them"
        try:
            parse_tlsrpt(text)
        except ValueError as error:
            fault = fault or str(error)
        shown = record(f"_smtp._tls.{domain.name}", "TXT", text)
        yield judged(not fault, f"The TLS-RPT record is not valid: {fault}.", shown)


def _tlsa(look: Look, domain: Domain) -> Iterator[tuple[str, Answer]]:
    hosts = dict.fromkeys([*mail_hosts(look, domain.name), *mail_hosts(look, domain.return_path)])
    for host in hosts:
        name = f"_25._tcp.{host}"
        answer = look.sure(name, "TLSA")
        if answer.values:
            yield name, answer


def _tlsa_usable(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name, answer in _tlsa(look, domain):
        for value in answer.values:
            fault = _tlsa_fault(value)
            yield judged(not fault, f"{name} has a TLSA record of no use: {fault}.", record(name, "TLSA", value))


def _tlsa_fault(value: str) -> str:
    usage, selector, matching, data = value.split(" ", 3)
    if usage not in ("2", "3"):
        return f"usage {usage} is none of 2 and 3, which mail uses"
    if selector not in ("0", "1") or matching not in ("0", "1", "2"):
        return f"selector {selector} or matching type {matching} is unknown"
    digits = len(data.replace(" ", ""))
    wanted = _DIGESTS.get(matching, digits)
    return "" if digits == wanted else f"its digest has {digits} digits, not {wanted}"


def _tlsa_secure(look: Look, domain: Domain) -> Iterator[Verdict]:
    for name, answer in _tlsa(look, domain):
        shown = [record(name, "TLSA", value) for value in answer.values]
        text = f"The resolver did not confirm {name} by DNSSEC, so senders ignore it."
        yield good(*shown) if answer.secure else bad(text, *shown)


CHECKS = (
    Check(
        "mta-sts",
        INFO,
        "Senders must use TLS towards the domain (MTA-STS).",
        "RFC 8461",
        "Publish an MTA-STS policy and _mta-sts.{domain}.",
        _sts_present,
    ),
    Check(
        "mta-sts-record",
        ERROR,
        "The MTA-STS record is valid.",
        "RFC 8461 3.1",
        'Publish one record _mta-sts.{domain} TXT "v=STSv1; id=..." with letters and digits as id.',
        _sts_record,
    ),
    Check(
        "mta-sts-file",
        ERROR,
        "The MTA-STS policy file can be fetched and read.",
        "RFC 8461 3.2 and 3.3",
        "Serve the file at mta-sts.{domain} over HTTPS as text/plain, with a valid certificate and no redirect.",
        _sts_file,
    ),
    Check(
        "mta-sts-other-policy",
        WARNING,
        "The policy file says what the inventory says.",
        "RFC 8461 3.2",
        "Put the file that site.yml prints for {domain} on its web server.",
        _sts_same,
    ),
    Check(
        "mta-sts-mode",
        INFO,
        "The MTA-STS policy is enforced.",
        "RFC 8461 5",
        "When TLS-RPT shows no failures, set its mode to enforce and give the record a new id.",
        _sts_mode,
    ),
    Check(
        "mta-sts-mx",
        ERROR,
        "The MTA-STS policy allows every mail host.",
        "RFC 8461 4.1",
        "Add {hosts} to the policy and give the record a new id.",
        _sts_hosts,
    ),
    Check(
        "mta-sts-age",
        WARNING,
        "The MTA-STS policy is remembered for a day or longer.",
        "RFC 8461 3.2 and 10.2",
        "Set max_age to 604800 or more.",
        _sts_age,
    ),
    Check(
        "tls-rpt",
        INFO,
        "Failures of TLS are reported (TLS-RPT).",
        "RFC 8460",
        'Publish _smtp._tls.{domain} TXT "v=TLSRPTv1; rua=mailto:..."',
        _rpt_present,
    ),
    Check(
        "tls-rpt-record",
        ERROR,
        "The TLS-RPT record is valid.",
        "RFC 8460 3",
        "Correct the record at _smtp._tls.{domain}; keep one.",
        _rpt_record,
    ),
    Check(
        "tlsa",
        ERROR,
        "TLSA records of mail hosts are usable.",
        "RFC 7672 3.1, RFC 6698 2.1",
        "Publish 3 1 1 with the SHA-256 of the host's key, or delete the record.",
        _tlsa_usable,
    ),
    Check(
        "tlsa-dnssec",
        WARNING,
        "TLSA records are signed by DNSSEC.",
        "RFC 7672 2.2",
        "Sign the zone, or ask through a resolver that validates.",
        _tlsa_secure,
    ),
)
