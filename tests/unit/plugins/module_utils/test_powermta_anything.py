# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The reader bears any text, in bounded time, and its lines say what they said before."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_check import findings
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_directives import NAMES
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_facts import BLOCKS
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_lex import read_line, unquote, words
from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_regex import broken

WORDS = sorted({word.rstrip(":") for word in NAMES.split() if not word.startswith("[")})
PIECES = [
    "/",
    "\\",
    "#",
    '"',
    "{",
    "}",
    "<",
    ">",
    "$a",
    ",",
    "=",
    "0/0",
    "10m",
    "5/h",
    "yes",
    "*",
    "[",
    "(",
    "mode=backoff",
]
tags = st.sampled_from(sorted(BLOCKS)).flatmap(lambda tag: st.sampled_from([f"<{tag} x>", f"<{tag}>", f"</{tag}>"]))
values = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=5).map(" ".join)
lines = st.one_of(tags, st.tuples(st.sampled_from(WORDS), values).map(" ".join), st.text(max_size=30))


@given(st.text())
@example("\0\n<\n</\n<a\n< a>\n\ufeff")
def test_any_text(text: str) -> None:
    findings(text)


@settings(max_examples=300)
@given(st.lists(lines, max_size=25).map("\n".join))
def test_any_lines(text: str) -> None:
    for found in findings(text):
        assert 0 < found.line <= text.count("\n") + text.count("\r") + 1


@given(st.one_of(lines, st.text()))
def test_a_line_reads_as_it_was_written(raw: str) -> None:
    line = read_line(raw.replace("\n", " ").replace("\r", " "))
    if line and line.kind != "bad":
        assert read_line(line.text) == replace(line, glued=False, cut=False)


@given(st.text())
def test_any_pattern_and_value(text: str) -> None:
    broken(text)
    words(text)
    unquote(text)


@pytest.mark.parametrize(
    "text",
    [
        "<domain x>\n" * 20_000,
        "<pattern-list p>\n" + "* <pattern-list>\n" * 20_000,
        "".join(f"<tag{number} x>\n</x>\n" for number in range(10_000)),
        "".join(f"domain-macro a{number} $a{number + 1}\n" for number in range(10_000)),
        "".join(f"http-access 10.{number % 200}.{number // 200}.1 admin\n" for number in range(10_000)),
        "".join(f"directive-{number} 1\n" for number in range(10_000)),
        "<domain" + " " * 500_000 + "x",
        "<domain x>\nmax-smtp-out " + "9" * 500_000,
        "<smtp-pattern-list a>\nreply /" + "[[:(" * 100_000 + "/ skip-mx",
        "command " + '"a' * 200_000,
        "<domain " + "".join(f"$a{number}" for number in range(100_000)) + ">\n</domain>",
        "smtp-port 25\n" * 20_000 + "".join(f"<virtual-mta v{number}>\n</virtual-mta>\n" for number in range(10_000)),
    ],
    ids=range(12),
)
def test_hostile_text_takes_no_time(text: str) -> None:
    start = time.process_time()
    assert findings(text) != [] or text.startswith("http-access")
    assert time.process_time() - start < 5
