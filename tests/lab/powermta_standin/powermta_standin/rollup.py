# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Rollup of domains into one queue by their mail exchangers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import words
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block


@dataclass(frozen=True)
class Entry:
    exchangers: tuple[str, ...]
    queue: str

    def covers(self, hosts: Sequence[str]) -> bool:
        """All hosts of the lowest preference are named, and no name of the list is missing among them."""
        wanted = self.exchangers
        return all(any(_same(host, name) for name in wanted) for host in hosts) and all(
            any(_same(host, name) for host in hosts) for name in wanted
        )


class Rollup:
    def __init__(self, blocks: Iterable[Block]) -> None:
        rows = (words(setting.value) or [] for block in blocks for setting in block.of("mx"))
        # With or without rollup-by-ip, each domain of the queue is delivered to its own exchangers here.
        self.entries = [Entry(tuple(row[0].lower().split(",")), row[1].lower()) for row in rows]

    def queue(self, hosts: Sequence[str]) -> str | None:
        """The queue of a domain whose exchangers of lowest preference are these."""
        return next((entry.queue for entry in self.entries if hosts and entry.covers(hosts)), None)


def _same(host: str, name: str) -> bool:
    host, name = host.rstrip("."), name.rstrip(".")
    return host.endswith(name[1:]) if name.startswith("*.") else host == name
