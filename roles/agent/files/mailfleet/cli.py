# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The command line: finds the subcommand's module in mailfleet.commands and hands it the arguments."""

from __future__ import annotations

import argparse
import importlib
import os
import pkgutil
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from mailfleet import commands


class Command(Protocol):
    """What a module of mailfleet.commands has."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        arguments, command = _parse(words)
        return command.run(arguments)
    except BrokenPipeError:
        # The reader (head, less) has seen enough; nothing more may be written, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def names() -> list[str]:
    """All subcommands."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(commands.__path__))


def load(name: str) -> Command:
    return cast(Command, importlib.import_module(f"mailfleet.commands.{name.replace('-', '_')}"))


def _parse(words: list[str]) -> tuple[argparse.Namespace, Command]:
    parser = argparse.ArgumentParser(prog="mailfleet", description="What this sender does, and why.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    known = names()
    # Only the module that is called is loaded; the list needs the help line of all.
    for name in [words[0]] if words and words[0] in known else known:
        command = load(name)
        command.add_arguments(subparsers.add_parser(name, help=command.HELP, description=command.HELP))
    arguments = parser.parse_args(words)
    return arguments, load(arguments.command)
