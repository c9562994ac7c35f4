# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""mailfleet classify and mailfleet lint-replies, started from the checkout."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

MAILFLEET = Path(__file__).resolve().parents[3] / "roles" / "agent" / "files" / "bin" / "mailfleet"


def mailfleet(*words: str, text: str = "") -> tuple[int, str, str]:
    result = subprocess.run([str(MAILFLEET), *words], input=text, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout, result.stderr


def test_classify() -> None:
    replies = [
        {"provider": "google", "text": "550 5.1.1 The email account that you tried to reach does not exist."},
        {"provider": "", "text": ""},
        {"provider": None, "text": None},
        {"text": "552 5.2.2 over quota"},
        {"provider": 5, "text": 550},
    ]
    code, output, errors = mailfleet("classify", text="".join(json.dumps(reply) + "\n" for reply in replies))
    assert (code, errors) == (0, "")
    answers = [json.loads(line) for line in output.splitlines()]
    assert [answer["class"] for answer in answers] == [
        "invalid-recipient", "server-busy", "server-busy", "mailbox-full", "policy-other",
    ]  # fmt: skip
    assert answers[0] == {"class": "invalid-recipient", "rule": "recipient-unknown", "action": "suppress"}


@pytest.mark.parametrize("line", ["nonsense", "[]", '"550 no"'])
def test_classify_names_a_line_that_it_cannot_read(line: str) -> None:
    code, output, errors = mailfleet("classify", text=f'{line}\n{{"text": "550 user unknown"}}\n')
    assert code == 1
    assert [json.loads(one)["class"] for one in output.splitlines()] == [None, "invalid-recipient"]
    assert errors.startswith("mailfleet classify: line 1 is no JSON object like")


def test_own_rules(tmp_path: Path) -> None:
    rules = tmp_path / "mine.rules"
    rules.write_text("[gmail]\nsize  mine\n    huge\n", encoding="utf-8")
    code, output, _errors = mailfleet(
        "classify", "--rules", str(rules), text='{"provider": "gmail", "text": "552 huge"}\n'
    )
    assert (code, json.loads(output)["rule"]) == (0, "mine")
    code, output, _errors = mailfleet("lint-replies", str(rules))
    assert code == 1
    assert output.startswith("mine: no reply of the corpus matches it.")
    rules.write_text("[gmail]\nsize  mine\n    (\n", encoding="utf-8")
    code, output, errors = mailfleet("classify", "--rules", str(rules))
    assert code == 2
    assert f"{rules}:3: the pattern '(' is refused: an alternative is empty." in errors
    assert mailfleet("lint-replies", str(tmp_path / "none"))[0] == 2


def test_the_shipped_rules_are_clean() -> None:
    code, output, _errors = mailfleet("lint-replies")
    assert code == 0, output
    assert "rules with" in output


def test_the_list_of_commands() -> None:
    code, output, _errors = mailfleet("--help")
    assert code == 0
    assert {"classify", "lint-replies"} <= set(output.split())
