# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What a PowerMTA configuration is made of once it has been read, and what can be said about it.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Optional

ERROR, WARNING = "error", "warning"
# What is wrong with a value: its level, and the words that follow the name of the directive.
Problem = Optional["tuple[str, str]"]


@dataclass(frozen=True, order=True)
class Finding:
    file: str
    line: int
    level: str
    directive: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.level}: {self.message}"


@dataclass(frozen=True)
class Setting:
    """A line in a block. A pattern of <bounce-category-patterns> has no keyword and the name "/"."""

    name: str
    value: str
    file: str
    line: int


@dataclass
class Block:
    """A tag with what stands in it; the whole configuration is the block "global"."""

    tag: str
    argument: str
    file: str
    line: int
    parent: Block | None = None
    settings: list[Setting] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    def of(self, *names: str) -> Iterator[Setting]:
        return (setting for setting in self.settings if setting.name in names)

    def last(self, name: str) -> str | None:
        """The value that counts when a directive stands more than once."""
        return next((setting.value for setting in reversed(self.settings) if setting.name == name), None)

    def all(self, *tags: str) -> Iterator[Block]:
        """The blocks below this one, at any depth, in their order."""
        for block in self.blocks:
            if not tags or block.tag in tags:
                yield block
            yield from block.all(*tags)

    @property
    def title(self) -> str:
        shown = self.argument if len(self.argument) <= 100 else self.argument[:97] + "..."
        return f"<{self.tag} {shown}>" if shown else f"<{self.tag}>"


def clip(message: str) -> str:
    """A sentence that can be read, even about a line of a megabyte."""
    return message if len(message) <= 500 else f"{message[:240]} ... {message[-240:]}"


@dataclass
class Config:
    root: Block
    findings: list[Finding] = field(default_factory=list)
    # Something was included that could not be read here, so a name may be defined there.
    partial: bool = False
    files: list[str] = field(default_factory=list)

    def report(self, where: Setting | Block, level: str, message: str) -> None:
        name = where.name if isinstance(where, Setting) else where.tag
        self.findings.append(Finding(where.file, where.line, level, name, clip(message)))
