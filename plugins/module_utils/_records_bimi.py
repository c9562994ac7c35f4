# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""BIMI: the logo beside the mail of a domain (draft-brand-indicators-for-message-identification). Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._txt import build_tags, has_version, parse_tags, printable

VERSION = "BIMI1"
SELECTOR = "default"


class Bimi(NamedTuple):
    logo: str  # https address of an SVG; empty together with `certificate`: the domain takes no part
    certificate: str = ""  # https address of the mark certificate (PEM)
    other: tuple[tuple[str, str], ...] = ()

    @property
    def declined(self) -> bool:
        return not self.logo and not self.certificate


def is_bimi(text: str) -> bool:
    return has_version(text, VERSION)


def parse_bimi(text: str) -> Bimi:
    if not is_bimi(text):
        raise ValueError(f"the record does not start with 'v={VERSION}'")
    tags = parse_tags(text)
    if "l" not in tags:
        raise ValueError("tag l (the logo) is missing")
    logo, certificate = tags["l"], tags.get("a", "")
    for name, value in (("l", logo), ("a", certificate)):
        if value and not value.lower().startswith("https://"):
            raise ValueError(f"tag {name} '{printable(value)}' is no https:// address")
    return Bimi(logo, certificate, tuple((name, value) for name, value in tags.items() if name not in ("v", "l", "a")))


def build_bimi(record: Bimi) -> str:
    return build_tags([("v", VERSION), ("l", record.logo), ("a", record.certificate), *record.other])
