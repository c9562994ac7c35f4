# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The same answer as text, JSON, XML or dotted lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

FORMATS = ("--json", "--xml", "--dom")


def show(data: dict[str, Any], form: str) -> str:
    if form == "--json":
        return json.dumps({"status": "success", "data": data}, indent=2)
    if form == "--xml":
        return f"<rsp><data>{''.join(_xml(data))}</data></rsp>"
    if form == "--dom":
        return "\n".join(f'{path}="{_plain(value)}"' for path, value in _leaves(data, ""))
    return "\n".join(_text(data))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    else:
        yield path, value


def _xml(data: dict[str, Any]) -> Iterator[str]:
    for name, value in data.items():
        for inner in value if isinstance(value, list) else [value]:
            text = "".join(_xml(inner)) if isinstance(inner, dict) else escape(_plain(inner))
            yield f"<{name}>{text}</{name}>"


def _text(data: dict[str, Any]) -> Iterator[str]:
    for name, value in data.items():
        if isinstance(value, list) and all(isinstance(row, dict) for row in value):
            yield from _table(value, name)
        elif isinstance(value, dict):
            yield from (f"{path} {_plain(leaf)}" for path, leaf in _leaves(value, ""))
        else:
            yield f"{name}: {_plain(value)}"


def _table(rows: list[dict[str, Any]], name: str) -> Iterator[str]:
    if not rows:
        yield f"No {name}s found."
        return
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for row in cells:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


def _cell(value: Any) -> str:
    return "; ".join(map(str, value[-1:])) if isinstance(value, list) else _plain(value)
