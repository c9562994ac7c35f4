# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

from __future__ import annotations

import pytest

from ansible_collections.mailfleet.mta.plugins.plugin_utils._render import (
    MANAGED,
    RenderError,
    lists,
    plain,
    render_tree,
)

POOLS = {"pool": [{"name": "trans", "port": 2587}, {"name": "campaign", "port": 2588}]}


@pytest.mark.parametrize(
    ("sources", "each", "expected"),
    [
        ({"main.cf.j2": "# {{ managed }}\nx = {{ x }}\n"}, {}, {"main.cf": f"# {MANAGED}\nx = 1\n"}),
        ({"raw": "{{ x }}\n"}, {}, {"raw": "{{ x }}\n"}),
        ({"a/{pool}/m.j2": "{{ pool.port }}"}, POOLS, {"a/trans/m": "2587", "a/campaign/m": "2588"}),
        ({"{pool}.{lane}.j2": "{{ pool.port }}{{ lane.n }}"}, {**POOLS, "lane": [{"name": "l", "n": 7}]},
         {"trans.l": "25877", "campaign.l": "25887"}),
        ({"{pool}.j2": ""}, {"pool": []}, {}),
        ({"_macros.j2": "{% macro m(v) %}<{{ v }}>{% endmacro %}",
          "a.j2": "{% import '_macros.j2' as k %}{{ k.m(x) }}"}, {}, {"a": "<1>"}),
        ({"a.j2": "{% for i in [1, 2] %}\n  {% if i > 1 %}\n{{ i }}\n  {% endif %}\n{% endfor %}"}, {}, {"a": "2\n"}),
        ({"a.j2": "{{ '<&>' }}"}, {}, {"a": "<&>"}),
    ],
)  # fmt: skip
def test_render(sources: dict[str, str], each: dict, expected: dict[str, str]) -> None:
    assert render_tree(sources, {"x": 1}, each) == expected


@pytest.mark.parametrize(
    ("sources", "each", "message"),
    [
        ({"a.j2": "\n\n{{ y }}"}, {}, "a.j2 line 3: 'y' is undefined."),
        ({"a.j2": "{{ x.y.z }}"}, {}, "a.j2 line 1: 'int object' has no attribute 'y'."),
        ({"a.j2": "ok\n{% for %}"}, {}, "a.j2 line 2: Expected an expression, got 'end of statement block'."),
        ({"_m.j2": "\n{{ y }}", "a.j2": "{% include '_m.j2' %}"}, {}, "_m.j2 line 2: 'y' is undefined."),
        ({"a.j2": "{% include 'none' %}"}, {}, "a.j2 line 1: none."),
        ({"a.j2": "\n{{ 1 / 0 }}"}, {}, "a.j2 line 2: division by zero."),
        ({"a.j2": "\n{{ [1] | join(1, 2, 3, 4) }}"}, {}, "a.j2 line 2: "),
        ({"{pool}.j2": ""}, {}, "{pool}.j2 is written once per {pool}, but `each` has no list named pool."),
        ({"{pool}.j2": ""}, {"pool": [{"name": "../x"}]}, "{pool}.j2: '../x' cannot be part of a file name."),
        ({"a.j2": "", "a": ""}, {}, "a.j2 would write a, which another template already writes."),
    ],
)
def test_error_names_template_and_line(sources: dict[str, str], each: dict, message: str) -> None:
    with pytest.raises(RenderError) as error:
        render_tree(sources, {"x": 1}, each)
    assert str(error.value).startswith(message)


class Text(str):
    """Like a string that Ansible tagged."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({Text("a"): [Text("b"), 1, 1.5, True, None]}, {"a": ["b", 1, 1.5, True, None]}),
        (("a",), ["a"]),
        ("${x} $6$salt$hash {}", "${x} $6$salt$hash {}"),
    ],
)
def test_plain(value: object, expected: object) -> None:
    got = plain(value)
    assert got == expected
    if isinstance(got, dict):
        # Equal is not enough: a subclass of str that carries a tag compares equal as well.
        assert [key.__class__ for key in got] == [str]
        assert got["a"][0].__class__ is str


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [{"b": "{{ x }}"}]}, "vars.a[0].b still holds a template"),
        ({"a": object()}, "vars.a is a object; templates take"),
    ],
)
def test_plain_refuses(value: object, message: str) -> None:
    with pytest.raises(RenderError, match=message.replace("[", r"\[")):
        plain(value)


@pytest.mark.parametrize("each", [{"pool": [{"name": "a"}]}, {"pool": "view.pools"}])
def test_lists(each: dict) -> None:
    assert lists(each, {"view": {"pools": [{"name": "a"}]}}) == {"pool": [{"name": "a"}]}


@pytest.mark.parametrize("each", [{"pool": "view.none"}, {"pool": "view.name.x"}, {"pool": ["a"]}, {"pool": {"a": 1}}])
def test_lists_refuses(each: dict) -> None:
    with pytest.raises(RenderError, match=r"each.pool is no list of mappings"):
        lists(each, {"view": {"name": "x"}})
