# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The value of smtp-hosts. Pure."""

from __future__ import annotations

from collections.abc import Iterator


def given_hosts(text: str) -> Iterator[tuple[int, str, int]]:
    """smtp-hosts: commas divide equals, semicolons what comes next."""
    for number, group in enumerate(text.split(";")):
        for word in group.split(","):
            host, port = word.strip(), 25
            head, _colon, tail = host.rpartition(":")
            if head not in ("", "lookup-mx") and tail.isdigit() and head.count("[") == head.count("]"):
                host, port = head, int(tail)
            if host:
                yield number * 1000, host, port
