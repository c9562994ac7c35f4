# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""TXT records as text, bytes and tag lists.

A TXT value is one Python string here: the strings of the record joined, because that is what
SPF, DKIM and DMARC define. Bytes that are no UTF-8 survive the round trip (surrogateescape).

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

STRING_LIMIT = 255


def to_bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def printable(value: str) -> str:
    """For people and JSON: bytes that are no UTF-8 are shown as escapes."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def split_strings(value: str) -> list[bytes]:
    """The strings of a TXT record, none longer than 255 bytes; an empty value is one empty string."""
    data = to_bytes(value)
    return [data[i : i + STRING_LIMIT] for i in range(0, len(data), STRING_LIMIT)] or [b""]


def txt_rdata(value: str) -> bytes:
    return b"".join(bytes([len(part)]) + part for part in split_strings(value))


def parse_txt_rdata(rdata: bytes) -> str:
    parts, at = [], 0
    while at < len(rdata):
        end = at + 1 + rdata[at]
        if end > len(rdata):
            raise ValueError("a string runs past the end of the TXT record")
        parts.append(rdata[at + 1 : end])
        at = end
    return to_text(b"".join(parts))


def parse_tags(text: str) -> dict[str, str]:
    """Tag list of RFC 6376 section 3.2, also used by DMARC: `a=b; c=d`, order kept."""
    tags: dict[str, str] = {}
    for part in text.split(";"):
        part = part.strip()
        if not part:
            continue
        name, separator, value = part.partition("=")
        name = name.strip()
        if not separator or not name:
            raise ValueError(f"'{printable(part)}' is not of the form tag=value")
        if name in tags:
            raise ValueError(f"tag '{printable(name)}' is there twice")
        tags[name] = value.strip()
    return tags


def build_tags(tags: Mapping[str, str] | Iterable[tuple[str, str]]) -> str:
    pairs = tags.items() if isinstance(tags, Mapping) else tags
    return "; ".join(f"{name}={value}" for name, value in pairs)


def has_version(text: str, version: str) -> bool:
    """Is this a tag list whose first tag is `v=` and this version?"""
    name, separator, value = text.partition(";")[0].partition("=")
    return bool(separator) and name.strip() == "v" and value.strip() == version
