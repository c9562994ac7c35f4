# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""TLS-RPT: where reports about TLS failures go (RFC 8460). Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._txt import build_tags, has_version, parse_tags, printable

VERSION = "TLSRPTv1"
_SCHEMES = ("mailto:", "https://")


class TlsRpt(NamedTuple):
    rua: tuple[str, ...]
    other: tuple[tuple[str, str], ...] = ()


def is_tlsrpt(text: str) -> bool:
    return has_version(text, VERSION)


def parse_tlsrpt(text: str) -> TlsRpt:
    if not is_tlsrpt(text):
        raise ValueError(f"the record does not start with 'v={VERSION}'")
    tags = parse_tags(text)
    rua = tuple(uri.strip() for uri in tags.get("rua", "").split(",") if uri.strip())
    if not rua:
        raise ValueError("tag rua (where reports go) is missing")
    wrong = [uri for uri in rua if not uri.lower().startswith(_SCHEMES)]
    if wrong:
        raise ValueError(f"rua '{printable(wrong[0])}' starts with neither {' nor '.join(_SCHEMES)}")
    return TlsRpt(rua, tuple((name, value) for name, value in tags.items() if name not in ("v", "rua")))


def build_tlsrpt(record: TlsRpt) -> str:
    return build_tags([("v", VERSION), ("rua", ",".join(record.rua)), *record.other])
