# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The command pmta-config-check, for people who have only PowerMTA.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TextIO

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import check_text
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_files import LocalFiles, text_of
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import ERROR, WARNING, Finding
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_table import DEFAULT_VERSION, version

CLEAN, FINDINGS, UNREADABLE = 0, 1, 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pmta-config-check",
        description="Checks PowerMTA configurations with all that they include. Changes nothing and needs no root.",
        epilog="Exit status: 0 nothing found, 1 findings, 2 a file cannot be read.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a configuration; - reads the standard input")
    parser.add_argument(
        "--version", default=DEFAULT_VERSION, metavar="VERSION", help="of PowerMTA, such as 5.0 or 5.0r1"
    )
    parser.add_argument(
        "--base", default="", metavar="DIRECTORY", help="stands for /etc/pmta where includes are looked for"
    )
    parser.add_argument("--level", choices=(ERROR, WARNING), default=WARNING, help="error leaves the warnings out")
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    return parser


def main(arguments: Sequence[str] | None = None, out: TextIO = sys.stdout, errors: TextIO = sys.stderr) -> int:
    options = _parser().parse_args(arguments)
    try:
        version(options.version)
    except ValueError as error:
        errors.write(f"pmta-config-check: {error}\n")
        return UNREADABLE
    files = LocalFiles(options.base)
    found: list[Finding] = []
    read: set[str] = set()
    status = CLEAN
    for path in options.files:
        if path in read:
            continue
        try:
            text = text_of(sys.stdin.buffer.read()) if path == "-" else files.read(path)
        except OSError as error:
            errors.write(f"{path}: {error.strerror or error}. Correct the name or its permissions.\n")
            status = UNREADABLE
            continue
        config = check_text(text, path, options.version, files)
        read.update(config.files)
        found += [finding for finding in config.findings if options.level == WARNING or finding.level == ERROR]
    lines = [json.dumps([asdict(finding) for finding in found], indent=2)] if options.json else map(_printable, found)
    try:
        out.writelines(f"{line}\n" for line in lines)
        out.flush()
    except BrokenPipeError:
        # Who reads has seen enough, as head does; nothing is left to flush at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
    return status or (FINDINGS if found else CLEAN)


def _printable(finding: Finding) -> str:
    """One line of text, whatever the file holds: no control character reaches the terminal."""
    text = str(finding).encode("utf-8", errors="backslashreplace").decode("utf-8")
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
