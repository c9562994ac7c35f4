# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""MTA-STS: the DNS record and the policy file (RFC 8461). Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._txt import build_tags, has_version, parse_tags, printable

MODES = ("none", "testing", "enforce")
MOST_AGE = 31557600
VERSION = "STSv1"
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_END = "none"  # begins the id of a policy that ends the domain's policies
_OURS = re.compile(rf"[0-9a-f]{{32}}|{_END}[0-9a-f]{{28}}")
_PATTERN = re.compile(r"(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*")

Pairs = tuple[tuple[str, str], ...]


class Sts(NamedTuple):
    id: str
    other: Pairs = ()


class StsPolicy(NamedTuple):
    mode: str
    mx: tuple[str, ...]  # host names; *.example.com stands for one label
    max_age: int
    other: Pairs = ()


def is_sts(text: str) -> bool:
    return has_version(text, VERSION)


def parse_sts(text: str) -> Sts:
    if not is_sts(text):
        raise ValueError(f"the record does not start with 'v={VERSION}'")
    tags = parse_tags(text)
    if not _ID.fullmatch(tags.get("id", "")):
        raise ValueError(f"id '{printable(tags.get('id', ''))}' is not 1 to 32 letters and digits")
    return Sts(tags["id"], tuple((name, value) for name, value in tags.items() if name not in ("v", "id")))


def build_sts(record: Sts) -> str:
    return build_tags([("v", VERSION), ("id", record.id), *record.other])


def parse_policy(text: str) -> StsPolicy:
    """A policy file as it is fetched. Raises ValueError with the fault."""
    pairs: list[tuple[str, str]] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise ValueError(f"the line '{printable(line[:80])}' is not of the form 'name: value'")
        pairs.append((name.strip(), value.strip()))
    found = dict(reversed(pairs))  # of a name that is there twice, the first counts
    if not pairs or found.get("version") != VERSION:
        raise ValueError(f"the policy has no 'version: {VERSION}'")
    if found.get("mode") not in MODES:
        raise ValueError(f"mode '{printable(found.get('mode', ''))}' is none of {', '.join(MODES)}")
    age = found.get("max_age", "")
    if not re.fullmatch(r"[0-9]{1,10}", age) or int(age) > MOST_AGE:
        raise ValueError(f"max_age '{printable(age)}' is not a number of seconds up to {MOST_AGE}")
    hosts = tuple(value.lower() for name, value in pairs if name == "mx")
    wrong = [host for host in hosts if not _PATTERN.fullmatch(host)]
    if wrong:
        raise ValueError(f"mx '{printable(wrong[0])}' is no host name and no pattern such as *.example.com")
    if not hosts and found["mode"] != "none":
        raise ValueError("the policy names no mx")
    ours = ("version", "mode", "mx", "max_age")
    return StsPolicy(found["mode"], hosts, int(age), tuple(pair for pair in pairs if pair[0] not in ours))


def build_policy(policy: StsPolicy) -> str:
    """Lines end in CRLF, which the RFC asks for first and every reader knows."""
    pairs = [
        ("version", VERSION),
        ("mode", policy.mode),
        *(("mx", host) for host in policy.mx),
        ("max_age", str(policy.max_age)),
        *policy.other,
    ]
    return "".join(f"{name}: {value}\r\n" for name, value in pairs)


def policy_id(policy: StsPolicy) -> str:
    """The same for the same policy, on every controller and at any time; of one that ends all others it says so."""
    digest = hashlib.sha256(build_policy(policy).encode()).hexdigest()
    return (_END + digest if policy.mode == "none" else digest)[:32]


def is_policy_id(text: str) -> bool:
    """Is it one that policy_id made?"""
    return bool(_OURS.fullmatch(text))


def ends_policy(text: str) -> bool:
    """Does the record name a policy that ends all others?"""
    try:
        found = parse_sts(text).id
    except ValueError:
        return False
    return is_policy_id(found) and found.startswith(_END)


def policy_host(domain: str) -> str:
    return f"mta-sts.{domain}"


def policy_url(domain: str) -> str:
    return f"https://{policy_host(domain)}/.well-known/mta-sts.txt"


def uncovered(mx: Iterable[str], hosts: Iterable[str]) -> list[str]:
    """The hosts that no pattern of a policy allows; a star stands for exactly the leftmost label."""
    allowed = {pattern.lower() for pattern in mx}
    plain = [host.rstrip(".").lower() for host in hosts]
    return [host for host in plain if host not in allowed and f"*.{host.partition('.')[2]}" not in allowed]
