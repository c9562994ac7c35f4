# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""A world in which every check of the audit is kept, for tests that break one thing at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Union

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import (
    PARKED,
    POLICY,
    Answer,
    Domain,
    Finding,
    Question,
    Source,
    Subject,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_run import audit
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_table import CHECKS
from ansible_collections.mailfleet.mta.plugins.module_utils._records_sts import parse_policy

Key = Union[tuple[str, str], tuple[str, str, str]]  # name, type, and the name server where it differs there
Records = Mapping[Key, Union[list[str], Answer, None]]  # None: nothing there

ADDRESS, ADDRESS6, HELO = "192.0.2.10", "2001:db8::10", "mta10.example.net"
PTR = "10.2.0.192.in-addr.arpa"
PTR6 = "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
NS1, NS2 = "192.0.2.53", "198.51.100.53"
KEY_2048 = (
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0ObDqhcWG2HD7gEooIQ8dp+IXste3u56XZwIAwp9vqNl6VXa1ZWS+3+NQ7Va8In4"
    "NteXNBbTTCqshFs0E+zg3DVKXcQQpQr+x1Kp3RecGimJkvujMjY6ofiQFTTPXnFg+8Hx3bjmw43hQmbsL8wEztdQ2JZukvEqCdq71W/C5eOV"
    "AIwy02AgjRk8T9H1FcqBL0uxe+yVH+soVbjaR3g7NRP1cKH5B3PzCR87c4xvPY19tv+1uqm7bSiTTZ6RvHHWz6ldcH23EkVlxqYO73azwpui"
    "FSdQ6SalCkIdewZ9cVNI1rd8SVqpSZKbM8J4egUshbfMuKVKPThJ6olPLXa8AwIDAQAB"
)
KEY_1024 = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC7VEVFO8NdnNftLlpT9xjWEwJ5jU+DEdT+KQfrehI5HszUe9OQqxJ72SWayRucEto7UcZ6"
    "yNkwVMwOSCjs5JnTiIrg3f81HkbG/ShVuGWV1lQAUTKeIjlDMtCY0tRYJdpej435qcG7LvLkG3/gp6Wp8Z4tcF89CB3Q7++NrO/vDQIDAQAB"
)
KEY_512 = (
    "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAM9cNfRmF5nfwedAtHQhWTJ3O27Ev446il0anSG8wuXQHRBMjud2rSquZ1G/SJfpX2kHl7aKUbsd"
    "PGKq9lA/U10CAwEAAQ=="
)
KEY_ED25519 = "NhjEnLaumLBYzCi6AV5DLI1yARD04afn0xhKzCjttoM="

SPF = f"v=spf1 ip4:{ADDRESS} ip6:{ADDRESS6} -all"
DKIM = f"v=DKIM1; k=rsa; p={KEY_2048}"
DMARC = "v=DMARC1; p=reject; rua=mailto:dmarc@reports.example.org"
STS = "version: STSv1\nmode: enforce\nmx: mail.example.net\nmax_age: 604800\n"
SOA = "ns1.example.net. hostmaster.example.net. 1 3600 600 86400 3600"
DIGEST = "ab" * 32

DOMAIN = Domain(
    name="example.com",
    pool="campaign",
    return_path="bounce.example.com",
    ips=(ADDRESS, ADDRESS6),
    other_ips=("192.0.2.20",),
    selectors=("mf1",),
    keys={"mf1": KEY_2048},
    policy=parse_policy(STS),
)
SOURCES = [Source(address, HELO, frozenset((ADDRESS, ADDRESS6))) for address in (ADDRESS, ADDRESS6)]
ZONES = ("parked.example", "example.com", "example.net", "example.org", "192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa")

RECORDS: Records = {
    (PTR, "PTR"): [f"{HELO}."],
    (PTR6, "PTR"): [f"{HELO}."],
    (HELO, "A"): [ADDRESS],
    (HELO, "AAAA"): [ADDRESS6],
    (HELO, "TXT"): ["v=spf1 a -all"],
    ("example.com", "SOA"): [SOA],
    ("example.com", "NS"): ["ns1.example.net.", "ns2.example.net."],
    ("ns1.example.net", "A"): [NS1],
    ("ns2.example.net", "A"): [NS2],
    ("example.com", "MX"): ["10 mail.example.net."],
    ("mail.example.net", "A"): ["192.0.2.25"],
    ("_25._tcp.mail.example.net", "TLSA"): Answer((f"3 1 1 {DIGEST}",), 3600, secure=True),
    ("example.com", "TXT"): [SPF, "google-site-verification=abc"],
    ("bounce.example.com", "MX"): ["10 mail.example.net."],
    ("bounce.example.com", "TXT"): ["v=spf1 include:_spf.example.net -all"],
    ("_spf.example.net", "TXT"): [SPF],
    ("mf1._domainkey.example.com", "TXT"): [DKIM],
    ("_dmarc.example.com", "TXT"): [DMARC],
    ("example.com._report._dmarc.reports.example.org", "TXT"): ["v=DMARC1"],
    ("reports.example.org", "MX"): ["10 mail.example.net."],
    ("_mta-sts.example.com", "TXT"): ["v=STSv1; id=1"],
    ("mta-sts.example.com", "A"): ["192.0.2.80"],
    ("mta-sts.example.com", POLICY): ["text/plain", STS],
    ("_smtp._tls.example.com", "TXT"): ["v=TLSRPTv1; rua=mailto:tls@reports.example.org"],
    ("default._bimi.example.com", "TXT"): ["v=BIMI1; l=https://example.com/logo.svg; a=https://example.com/vmc.pem"],
}


PARKED_DOMAIN = DOMAIN._replace(
    name="parked.example", pool="", return_path="bounce.parked.example", ips=(), keys={}, kind=PARKED
)
PARKED_RECORDS: Records = {
    ("parked.example", "SOA"): [SOA],
    ("parked.example", "NS"): ["ns1.example.net.", "ns2.example.net."],
    ("parked.example", "MX"): ["0 ."],
    ("parked.example", "TXT"): ["v=spf1 -all"],
    ("bounce.parked.example", "TXT"): ["v=spf1 -all"],
    ("_dmarc.parked.example", "TXT"): ["v=DMARC1; p=reject; rua=mailto:dmarc@reports.example.org"],
    ("parked.example._report._dmarc.reports.example.org", "TXT"): ["v=DMARC1"],
    ("mailfleet-audit-no-such-key._domainkey.parked.example", "TXT"): ["v=DKIM1; k=rsa; p="],
}
RECORDS = {**RECORDS, **PARKED_RECORDS}


def fetcher(records: Records) -> Callable[[Collection[Question]], dict[Question, Answer]]:
    names = {key[0] for key, value in records.items() if value}

    def one(name: str, rdtype: str, at: str, aliases: tuple[str, ...] = ()) -> Answer:
        found = records.get((name, rdtype, at), records.get((name, rdtype)))
        if isinstance(found, Answer):
            return found
        alias = records.get((name, "CNAME"))
        if isinstance(alias, list) and not found:
            return one(alias[0], rdtype, at, (*aliases, alias[0]))
        exists = any(other == name or other.endswith(f".{name}") for other in names)
        zone = next((zone for zone in ZONES if name == zone or name.endswith(f".{zone}")), "")
        values = tuple(found or ()) if rdtype == POLICY else tuple(sorted(found or ()))
        return Answer(values, 3600 if found else 0, aliases, exists, zone=zone)

    return lambda questions: {question: one(*question) for question in questions}


def findings(changes: Records | None = None, **domain: object) -> list[Finding]:
    """Everything that the audit says of the world with these changes; keywords change the domain."""
    subjects: list[Subject] = [*SOURCES, DOMAIN._replace(**domain), PARKED_DOMAIN]  # type: ignore[arg-type]
    return audit(subjects, CHECKS, fetcher({**RECORDS, **(changes or {})}))
