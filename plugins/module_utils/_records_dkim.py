# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""DKIM key records (RFC 6376 section 3.6.1). Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._txt import build_tags, parse_tags

_SPACE = re.compile(r"\s+")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")


class DkimKey(NamedTuple):
    public_key: str  # base64; empty = revoked
    key_type: str = "rsa"
    other: tuple[tuple[str, str], ...] = ()  # h, s, t, n: kept, sorted

    @property
    def revoked(self) -> bool:
        return not self.public_key

    @property
    def same_key(self) -> tuple[str, str]:
        return self.key_type, self.public_key


@lru_cache(maxsize=4096)
def parse_dkim(text: str) -> DkimKey:
    tags = parse_tags(text)
    if "v" in tags and (next(iter(tags)) != "v" or tags["v"] != "DKIM1"):
        raise ValueError("tag v is not DKIM1 or not first")
    if "p" not in tags:
        raise ValueError("tag p (the public key) is missing")
    public_key = _SPACE.sub("", tags["p"])
    if not _BASE64.fullmatch(public_key):
        raise ValueError("tag p is not base64")
    other = tuple(sorted((name, value) for name, value in tags.items() if name not in ("v", "k", "p")))
    return DkimKey(public_key, tags.get("k", "rsa"), other)


def dkim_alias(domain: str, selector: str) -> str:
    """Where verifiers look."""
    return f"{selector}._domainkey.{domain}"


def dkim_name(domain: str, selector: str, zone: str = "") -> str:
    """Where the key is published: with a `zone` of ours for delegated keys, a CNAME leads there."""
    return f"{selector}.{domain}.{zone}" if zone else dkim_alias(domain, selector)


def dkim_key(public_key: str) -> DkimKey:
    """An Ed25519 key is its 32 raw bytes (RFC 8463); an RSA key is never that short."""
    return DkimKey(public_key, "ed25519" if len(public_key) == 44 else "rsa")


def build_dkim(key: DkimKey) -> str:
    return build_tags([("v", "DKIM1"), ("k", key.key_type), *key.other, ("p", key.public_key)])


NO_KEY = build_dkim(DkimKey(""))  # at every_selector: the domain signs nothing


def every_selector(domain: str) -> str:
    return f"*._domainkey.{domain}"
