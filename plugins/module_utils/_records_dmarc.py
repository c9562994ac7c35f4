# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""DMARC policy records (RFC 9989) and who may get their reports (RFC 9990). Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._txt import build_tags, has_version, parse_tags

# Option of fleet_domains.<domain>.dmarc -> tag.
TAGS = {"policy": "p", **{tag: tag for tag in ("sp", "np", "adkim", "aspf", "fo", "rua", "ruf")}, "testing": "t"}
POLICIES = ("none", "quarantine", "reject")
# What a receiver of reports publishes for each domain outside of its own organisation that sends it some.
AUTHORISATION = "v=DMARC1"


class Dmarc(NamedTuple):
    policy: str = "none"
    other: tuple[tuple[str, str], ...] = ()  # every tag except v and p, in order

    def addresses(self, tag: str) -> tuple[str, ...]:
        """The addresses of rua or ruf."""
        text = next((value for name, value in self.other if name == tag), "")
        return tuple(uri.strip() for uri in text.split(",") if uri.strip())

    @property
    def key(self) -> tuple[str, frozenset[tuple[str, str]]]:
        """Order of tags and spaces between addresses mean nothing."""
        return self.policy.lower(), frozenset((name, "".join(value.split())) for name, value in self.other)


def is_dmarc(text: str) -> bool:
    return has_version(text, "DMARC1")


@lru_cache(maxsize=4096)
def parse_dmarc(text: str) -> Dmarc:
    if not is_dmarc(text):
        raise ValueError("the record does not start with 'v=DMARC1'")
    tags = parse_tags(text)
    policy = tags.get("p", "none")
    if policy.lower() not in POLICIES:
        raise ValueError(f"policy '{policy}' is none of {', '.join(POLICIES)}")
    return Dmarc(policy, tuple((name, value) for name, value in tags.items() if name not in ("v", "p")))


def build_dmarc(record: Dmarc) -> str:
    return build_tags([("v", "DMARC1"), ("p", record.policy), *record.other])


def dmarc_from_options(options: Mapping[str, Any]) -> Dmarc:
    unknown = sorted(name for name in options if name not in TAGS)
    if unknown:
        raise ValueError(f"unknown DMARC option '{unknown[0]}'; known are {', '.join(TAGS)}")
    tags = {}
    for option, tag in TAGS.items():
        value = options.get(option)
        if value is None or value == []:
            continue
        if isinstance(value, bool):
            value = "y" if value else "n"
        tags[tag] = ",".join(value) if isinstance(value, (list, tuple)) else str(value)
    policy = tags.pop("p", "none")
    if policy not in POLICIES:
        raise ValueError(f"DMARC policy '{policy}' is none of {', '.join(POLICIES)}")
    return Dmarc(policy, tuple(tags.items()))


def report_receivers(uris: Iterable[str]) -> tuple[str, ...]:
    """The domains of mailto: addresses, each once, in order; a size limit (`!10m`) is of older records."""
    found = []
    for uri in uris:
        scheme, _colon, address = uri.strip().partition(":")
        domain = address.partition("!")[0].partition("?")[0].rpartition("@")[2].rstrip(".").lower()
        if scheme.lower() == "mailto" and domain:
            found.append(domain)
    return tuple(dict.fromkeys(found))


def authorisation_name(domain: str, receiver: str) -> str:
    return f"{domain}._report._dmarc.{receiver}"
