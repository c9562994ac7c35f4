# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Options that hold a whole fleet. Ansible templates every single leaf of a structure, which for 1,000 domains takes
longer than the tasks themselves; a name or a JSON text is one leaf.

This plugin util is PRIVATE to the collection.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def mass(option: str, value: Any, kind: type, variables: Mapping[str, Any]) -> Any:
    """The value itself, or what its JSON text says, or what the variable holds whose dotted name it is."""
    if isinstance(value, str):
        value = _text(option, value) if value.lstrip()[:1] in ("{", "[", '"') else named(option, value, variables)
    if value is None:
        value = kind()
    if not isinstance(value, kind):
        raise ValueError(f"{option}: is no {kind.__name__}. Remedy: give one, its JSON text, or a variable's name.")
    return value


def named(option: str, name: str, variables: Mapping[str, Any]) -> Any:
    """What a variable holds that a task of this run registered, as it is."""
    found: Any = variables
    for word in name.split("."):
        if not isinstance(found, Mapping) or word not in found:
            raise ValueError(f"{option}: there is no variable '{name}'. Remedy: name one that this run registered.")
        found = found[word]
    return found


def view_of(host: str, name: str, variables: Mapping[str, Any]) -> Any:
    """The view of a host, in the answer of the module compile that was registered under this name."""
    views = named("views", f"{name}.views", variables)
    if host not in views:
        raise ValueError(f"views: {name} has no view of this host. Remedy: compile the fleet with this host in it.")
    return views[host]


def registered(host: str, name: str, variables: Mapping[str, Any]) -> Any:
    """What a task of this run registered for a host, as it is, unless it failed there or said nothing."""
    hostvars = variables["hostvars"]
    found = hostvars.raw_get(host).get(name) if host in hostvars else None
    return None if not found or found.get("failed") or found.get("unreachable") else found


def _text(option: str, value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"{option}: is text, but no JSON ({error}). Remedy: use the filter to_json.") from error
