# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The world host: everything that a sender meets outside. Pure, apart from reading the persona table."""

from __future__ import annotations

import dataclasses
import json

from . import bind
from .hostfiles import File
from .settings import HERE, HOSTS, Host
from .zones import Table

PERSONAS = HERE.parent / "lab_personas"
SHARED = "/srv/lab"
UNITS = ("named-primary", "named-secondary")


def table() -> Table:
    return json.loads((PERSONAS / "table.json").read_text())


def host() -> Host:
    """The world with the addresses of all personas."""
    world = HOSTS["world"]
    found = [address for persona in table().values() for group in persona["addresses"].values() for address in group]
    masks = [f"{address}/{32 if ':' in address else 24}" for address in found]
    return dataclasses.replace(world, addresses=(*world.addresses, *masks))


def files(secret: str) -> dict[str, File]:
    return {**bind.files(table(), secret)}
