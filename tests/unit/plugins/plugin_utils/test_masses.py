# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.plugin_utils._masses import mass, view_of

VARIABLES: dict[str, Any] = {"fleet": {"domains": [{"domain": "example.com"}], "keys": {}}, "text": "[1]"}


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ([1], list, [1]),
        ("[1]", list, [1]),
        (' {"a": 1}', dict, {"a": 1}),
        ("fleet.domains", list, VARIABLES["fleet"]["domains"]),
        ("fleet.keys", dict, {}),
        (None, list, []),
    ],
)
def test_a_value_its_json_or_its_name(value: Any, kind: type, expected: Any) -> None:
    assert mass("domains", value, kind, VARIABLES) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("fleet.doains", "domains: there is no variable 'fleet.doains'."),
        ("fleet.domains.0", "domains: there is no variable 'fleet.domains.0'."),
        ("", "domains: there is no variable ''."),
        ("[1", "domains: is text, but no JSON"),
        ("fleet.keys", "domains: is no list."),
        ("text", "domains: is no list."),
        (7, "domains: is no list."),
    ],
)
def test_what_is_none_of_them_is_named(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match="Remedy: ") as error:
        mass("domains", value, list, VARIABLES)
    assert str(error.value).startswith(message)


def test_the_view_of_a_host() -> None:
    assert view_of("mx1", "compiled", {"compiled": {"views": {"mx1": 1}}}) == 1
    with pytest.raises(ValueError, match=r"views: compiled has no view of this host\. Remedy: "):
        view_of("mx2", "compiled", {"compiled": {"views": {"mx1": 1}}})
