# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Reads a PowerMTA configuration with what it includes into blocks, and reports every line that it cannot be.

Files come through a port, so that this is pure.
This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Protocol

from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_facts as facts
from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_lex as lex
from ansible_collections.mailfleet.mta.plugins.module_utils import _powermta_table as table
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_arguments import check_argument
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_continue import continuation
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import Line, unquote
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import (
    ERROR,
    WARNING,
    Block,
    Config,
    Finding,
    Setting,
    clip,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_patterns import NESTED
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_setting import problems, unknown

_BARE = frozenset(facts.BARE_BLOCKS.split())
_OLD = frozenset(facts.OLD_BLOCKS.split())
_NEW = frozenset(facts.BLOCKS_SINCE_5_0.split())
MAX_DEPTH = 20
# Files that include each other twice and twice again would be read without end.
MAX_FILES = 10_000
MAX_NESTING = 4
# Looking for the name that was meant takes its time; nobody reads more of it.
MAX_SUGGESTIONS = 200


class Files(Protocol):
    """Where files come from."""

    def find(self, name: str, included_by: str) -> tuple[list[str], bool]:
        """The files that a name or pattern means, and whether their directory can be seen from here."""

    def read(self, path: str) -> str:
        """The text of a file; OSError when it cannot be read."""


def _tag(line: Line) -> str:
    tag = line.name.lower()
    return facts.OTHER_TAGS.get(tag, tag)


class Reader:
    def __init__(self, files: Files, version: tuple[int, int, int]) -> None:
        self.files = files
        self.version = version
        self.config = Config(Block("global", "", "", 1))
        self.block = self.config.root
        self.path: list[str] = []
        self._misplaced: set[int] = set()
        self._asked: set[str] = set()

    def read(self, path: str, text: str) -> Config:
        self.config.root.file = path
        self._file(path, text)
        return self.config

    def _file(self, path: str, text: str) -> None:
        self.path.append(path)
        self.config.files.append(path)
        if text.startswith("\ufeff"):
            self._report(1, WARNING, "", "The file begins with a byte order mark. Save it as UTF-8 without one.")
            text = text[1:]
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            self._report(line, ERROR, "", "The file holds bytes that are not text, and was not read. Save it as UTF-8.")
            self.config.partial, text = True, ""
        if "\ufffd" in text:
            line = text.count("\n", 0, text.index("\ufffd")) + 1
            self._report(line, WARNING, "", "The file holds bytes that are not UTF-8. Save it as UTF-8.")
        outer = self.block
        self._lines(lex.read_lines(text))
        while self.block is not outer:
            if id(self.block) not in self._misplaced:
                block = self.block
                message = f"{block.title} is never closed. Write </{block.tag}> behind its last line."
                self.config.report(block, ERROR, message)
            self.block = self.block.parent or self.config.root
        self.path.pop()

    def _lines(self, lines: Sequence[Line]) -> None:
        skip = 0
        for place, line in enumerate(lines):
            if skip:
                skip -= 1
            elif line.kind == lex.OPEN:
                self._open(line)
            elif line.kind == lex.CLOSE:
                self._close(line)
            elif line.kind == lex.BAD:
                self._report(line.number, ERROR, line.name, f"<{line.name}: {line.value}. Write it as <tag argument>.")
            else:
                line, skip, message = continuation(line, lines, place)
                if message:
                    self._report(line.number, WARNING, line.name or "/", message)
                self._setting(line, checked=not message or line.kind != lex.REGEX)

    def _open(self, line: Line) -> None:
        tag = _tag(line)
        parents = facts.BLOCKS.get(tag)
        argument = line.value
        self._bound_nesting()
        block = Block(tag, argument, self.path[-1], line.number, self.block)
        if line.name.lower() != tag:
            message = f"<{line.name}> stands in one example of a guide and nowhere else. Write <{tag}>."
            self.config.report(block, WARNING, message)
        elif line.name != tag:
            self.config.report(block, WARNING, f"<{line.name}> is written with capitals. Write <{tag}>.")
        if parents is None:
            close = difflib.get_close_matches(tag, facts.BLOCKS, 1, 0.7)
            remedy = f"Did you mean <{close[0]}>?" if close else "Remove it with what stands in it."
            level = ERROR if self.version <= (5, 0, 99) and tag not in _OLD else WARNING
            what = "a block of releases before 5.0" if tag in _OLD else "not a block of PowerMTA"
            self.config.report(block, level, f"<{line.name}> is {what}. {remedy}")
        elif self.block.tag not in parents.split() and self.block.tag in facts.BLOCKS:
            outer = self.block
            self._misplaced.add(id(outer))
            message = f"<{tag}> cannot stand inside {outer.title} of line {outer.line}."
            self.config.report(block, ERROR, f"{message} Close that with </{outer.tag}> first, or move this one.")
        if tag in _NEW and self.version < (5, 0, 0):
            self.config.report(block, ERROR, f"<{tag}> is unknown to this version; it came with 5.0. Remove it.")
        problem = check_argument(block) if parents is not None else None
        if problem:
            self.config.report(block, problem[0], f"<{tag}> {problem[1]}")
        text = unquote(argument)
        block.argument = argument if text is None else text
        self._enter(block)

    def _enter(self, block: Block) -> None:
        self.block.blocks.append(block)
        self.block = block

    def _bound_nesting(self) -> None:
        if self._depth() > MAX_NESTING:
            # So deep that closing tags were forgotten; the next block starts afresh beside this one.
            self._misplaced.add(id(self.block))
            self.block = self.block.parent or self.config.root

    def _depth(self) -> int:
        depth, block = 0, self.block.parent
        while block:
            depth, block = depth + 1, block.parent
        return depth

    def _close(self, line: Line) -> None:
        tag = _tag(line)
        block: Block | None = self.block
        while block and block.tag != tag:
            block = block.parent
        if block is None or block is self.config.root or block.file != self.path[-1]:
            opened = f" {self.block.title} of line {self.block.line} is open." if self.block.parent else ""
            message = f"</{line.name}> closes nothing.{opened} Remove it, or write the tag that it belongs to."
            self._report(line.number, ERROR, tag, message)
            return
        while self.block is not block:
            message = f"{self.block.title} is not closed before </{tag}> in line {line.number}."
            self.config.report(self.block, ERROR, f"{message} Write </{self.block.tag}> behind its last line.")
            self.block = self.block.parent or self.config.root
        self.block = block.parent or self.config.root
        if line.value and line.value == block.argument:
            self._report(line.number, WARNING, tag, f"A closing tag has no argument. Write </{tag}>.")
        elif line.value:
            message = f"</{tag} {line.value}> does not close {block.title} of line {block.line}. Write </{tag}>."
            self._report(line.number, ERROR, tag, message)

    def _setting(self, line: Line, checked: bool) -> None:
        scope = self.block.tag
        name = line.name.lower() if line.kind == lex.SETTING else "/"
        directive = table.DIRECTIVES.get(scope, {}).get(name)
        if name == "/" and scope == "bounce-category-patterns":
            directive = table.CATEGORY
        elif name == "*" and scope == "pattern-list":
            directive = table.RESULT
        if scope not in facts.BLOCKS and scope != "global":
            return
        if name.startswith(facts.LEFT_OUT) or (directive and line.value == facts.LEFT_OUT):
            # Judged when it is known whether this is a part or a whole.
            self.block.settings.append(Setting(facts.LEFT_OUT, line.value, self.path[-1], line.number))
            return
        if directive is None:
            self._unknown(line, scope)
            return
        setting = Setting(directive.name, line.value, self.path[-1], line.number)
        if checked:
            shown = "This pattern" if name == "/" else line.name
            for level, message in problems(directive, line, self.version):
                self._report(line.number, level, directive.name, f"{shown} {message}")
        self.block.settings.append(setting)
        if name == "include" and line.value:
            self._include(setting)
        elif scope == "pattern-list" and line.value.endswith(NESTED):
            # A list in place of a result has no name and goes on up to its own closing tag.
            self._bound_nesting()
            self._enter(Block("pattern-list", "", self.path[-1], line.number, self.block))

    def _unknown(self, line: Line, scope: str) -> None:
        if line.kind == lex.REGEX:
            message = f"A pattern cannot stand alone in {table.place(scope)}. Move it to <bounce-category-patterns>."
            self._report(line.number, ERROR, "/", message)
        else:
            self._asked.add(line.name)
            level, message = unknown(line, scope, self.version, suggest=len(self._asked) <= MAX_SUGGESTIONS)
            self._report(line.number, level, line.name, message)

    def _include(self, setting: Setting) -> None:
        name = unquote(setting.value) or setting.value
        if name.lower().startswith(("http://", "https://")):
            self.config.partial = True
            return
        paths, visible = self.files.find(name, self.path[-1])
        if not paths:
            self.config.partial = self.config.partial or not visible
            if visible and not set("*?[") & set(name):
                self.config.report(
                    setting, ERROR, f"include names {name}, which does not exist. Create it or remove the line."
                )
            else:
                missing = f"No file matches {name}" if visible else f"{name} is not on this machine"
                message = f"{missing}, so what it defines was not checked. Check where it is."
                self.config.report(setting, WARNING, message)
        for path in paths:
            if path in self.path or len(self.path) > MAX_DEPTH:
                self.config.report(setting, ERROR, f"include leads back to {path}. Remove one of the two.")
                continue
            if len(self.config.files) >= MAX_FILES:
                self.config.partial = True
                message = f"include leads to more than {MAX_FILES} files, and the rest was not read. Include each once."
                self.config.report(setting, ERROR, message)
                return
            try:
                text = self.files.read(path)
            except OSError as error:
                self.config.partial = True
                reason = error.strerror or "unreadable"
                self.config.report(setting, ERROR, f"include names {path}, which cannot be read: {reason}.")
                continue
            self._file(path, text)

    def _report(self, line: int, level: str, directive: str, message: str) -> None:
        self.config.findings.append(Finding(self.path[-1], line, level, directive[:60], clip(message)))
