# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Commands through the real AnsibleModule."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args

from ansible_collections.mailfleet.mta.plugins.module_utils._command import Answer, Run, runner


@pytest.fixture(name="run")
def run_of_a_module() -> Run:
    with patch_module_args({}):
        return runner(AnsibleModule(argument_spec={}).run_command)


@pytest.mark.parametrize(
    ("argv", "options", "expected"),
    [
        (["printf", "%s", "$HOME ~ ü"], {}, Answer(0, "$HOME ~ ü", "")),
        (["cat"], {"stdin": "line\nno newline"}, Answer(0, "line\nno newline", "")),
        (["sh", "-c", "echo no >&2; exit 3"], {}, Answer(3, "", "no\n")),
        (["sh", "-c", "echo inner: not found >&2; exit 127"], {}, Answer(127, "", "inner: not found\n")),
        (["/no/such/thing"], {}, Answer(127, "", "/no/such/thing is not installed")),
        (["/etc/passwd"], {}, Answer(126, "", "/etc/passwd cannot be executed")),
        (["sleep", "5"], {"timeout": 0.05}, Answer(124, "", "sleep gave no answer within 0.05 s")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_answers(run: Run, argv: list[str], options: dict[str, object], expected: Answer) -> None:
    assert run(argv, **options) == expected


def test_finds_tools_of_daemons(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert "/usr/sbin" in run(["printenv", "PATH"]).out
    assert os.environ["PATH"].startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(1, "out\n", "\n err \n"), "err; out"),
        (Answer(1, "", "1\n2\n3\n4\n5\n6\n"), "2; 3; 4; 5; 6"),
        (Answer(9, "", ""), "it ended with code 9 and said nothing"),
    ],
)
def test_words_of_a_failure(answer: Answer, words: str) -> None:
    assert answer.words == words
