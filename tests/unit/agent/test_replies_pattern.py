# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The patterns that Python and PCRE read alike."""

from __future__ import annotations

import re

import pytest
from mailfleet import replies_pattern as patterns
from mailfleet import replies_rules


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("user (is )?unknown", {"unknown"}),
        ("no such (user|person)", {"such"}),
        (r"\[(tss|ipts)0?4\]", {"tss", "ipts"}),
        ("over ?quota", {"quota"}),
        ("(rate|frequency|volume) exceed", {"exceed"}),
        ("block|black", {"block", "black"}),
        (r"\bib\d{3}", None),
        ("(abc)?", None),
        ("abc|x", None),
        ("qu(ota|een)", {"ota", "een"}),
    ],
)
def test_words(text: str, words: set[str] | None) -> None:
    assert patterns.words(patterns.parse(text)) == words


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("a|b", "a|b"),
        ("(a|bc)d", "(?:a|bc)d"),
        ("(ab)?c", "(?:ab)?c"),
        (r"^5\d\d \#?5\.1\.[01]\b", r"^5[0-9][0-9] \#?5\.1\.[01]\b"),
        ("a.{0,20}b$", "a.{0,20}b$"),
        (r"x(?!.{0,5}y)", r"x(?!.{0,5}y)"),
    ],
)
def test_python(text: str, python: str) -> None:
    assert patterns.python(patterns.parse(text)) == python


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("User", "'U' never occurs: replies are matched in lower case"),
        ("(a", "a group is not closed"),
        ("a)", ") closes no group"),
        ("a||b", "an alternative is empty"),
        ("", "an alternative is empty"),
        ("*a", "* stands alone; write \\* for the character"),
        ("dt:spm**", "two quantifiers follow each other"),
        ("a^b", "^ stands inside; write \\^ for the character"),
        ("(^a)", "^ stands inside; write \\^ for the character"),
        ("a$b", "$ stands alone; write \\$ for the character"),
        (r"\Aa", "\\A is not common to Python and PCRE"),
        (r"(a)\1", "\\1 is not common to Python and PCRE"),
        (r"\\[hcm1\\]", "a doubled backslash matches a backslash, which no reply has"),
        ("a\\", "a backslash ends the pattern"),
        ("(?i)a", "only ( and (?! open a group"),
        ("(?<=a)b", "only ( and (?! open a group"),
        ("[ts01]", "[ts01] is a set of characters; write \\[ for a bracket"),
        ("[A-Z]", "a set [...] has something else than lower-case characters, digits and escapes"),
        ("[[:alpha:]]", "a set [...] has something else than lower-case characters, digits and escapes"),
        (r"\b?a", "a place cannot be repeated"),
        ("(a+)+b", "it may take too long; use .{0,30} instead of .* (cost 1000000000000000, limit 5000)"),
        ("a.*b.*c", "it may take too long; use .{0,30} instead of .* (cost 1002001, limit 5000)"),
    ],
)
def test_refused(text: str, sentence: str) -> None:
    with pytest.raises(patterns.PatternError, match=f"^{re.escape(sentence)}$"):
        patterns.parse(text)


def test_every_shipped_pattern_is_bounded() -> None:
    for rule in replies_rules.load().rules:
        for pattern in rule.patterns:
            assert re.compile(patterns.python(pattern.node))
            assert patterns.cost(pattern.node) <= patterns.COST_LIMIT
