# Copyright: (c) 2026, mailfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a variable holds, the outcome is a view or problems, never an exception."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils._fleet import compile_fleet
from ansible_collections.mailfleet.mta.plugins.module_utils._fleet_model import FLEET_VARIABLES, HOST_VARIABLES

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures/fleet"
BASE: dict[str, Any] = yaml.safe_load((FIXTURES / "base.yml").read_text(encoding="utf-8"))

# Words that lead deep into the rules, beside arbitrary ones.
VALUES = """
trans campaign outreach example.com bounce.example.com 192.0.2.20 2001:db8::1 ::ffff:1.2.3.4 0.0.0.0/0 10m $6$x$y mf1
include:x.example +all mailto:a@example.com!1 other gmail *.google.com . .. - / : % @ six-weeks cold 2026-11-21 hmac-md5
parked primary enforce https://x.example/logo.svg *.example.com c2VjcmV0c2VjcmV0 co.uk localhost 1e9 ´ ß.example xn--a
"""
NAMES = """
pool helo weight warmup plan start traffic port networks connections retry_after tls domains mx spf dmarc policy rua
return_path selector password_hash server key_name key_secret zones host preference mx1 trans other
profile dkim_zone mta_sts mode max_age tls_rpt bimi logo parked primary
"""
WORDS = st.sampled_from(VALUES.split())
KEYS = st.sampled_from(NAMES.split())
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=20) | st.dates()
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(KEYS | WORDS | SCALARS, inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)


def positions(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        found += positions(value[key], (*path, key))
    return found


VARIABLES = [("fleet", name) for name in FLEET_VARIABLES] + [("hosts", "mx1", name) for name in HOST_VARIABLES]
INSIDE = [path for path in positions(BASE) if len(path) > (2 if path[0] == "fleet" else 3)]
SPOTS = st.sampled_from(VARIABLES) | st.sampled_from(INSIDE)


def check(raw: dict[str, Any]) -> None:
    result, problems = compile_fleet(raw)
    assert bool(result) != bool(problems)
    json.dumps(result)
    for problem in problems:
        sentence = str(problem)
        assert problem.path
        assert problem.remedy
        assert "\n" not in problem.path
        sentence.encode("utf-8", "backslashreplace")
    json.dumps([problem.as_dict() for problem in problems])


@given(st.lists(st.tuples(SPOTS, ANYTHING), min_size=1, max_size=4))
def test_any_value_anywhere(edits: list[tuple[tuple[Any, ...], Any]]) -> None:
    raw = copy.deepcopy(BASE)
    for path, value in edits:
        holder = raw
        try:
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue  # an earlier edit took the spot away
    check(raw)


@given(st.dictionaries(st.sampled_from(FLEET_VARIABLES), ANYTHING), st.dictionaries(WORDS, ANYTHING, max_size=3))
def test_any_fleet(fleet: dict[str, Any], addresses: dict[str, Any]) -> None:
    check({"fleet": fleet, "hosts": {"mx1": {"fleet_ips": addresses}, "mx2": {"fleet_ips": fleet}}, "management": {}})
