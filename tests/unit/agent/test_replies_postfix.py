# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The rules as Postfix tables decide as the classifier does."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from mailfleet import cli, replies, replies_lint, replies_pattern, replies_postfix, replies_rules

RULES = replies_rules.load()
FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "replies"
KNOWN = [
    reply
    for name in ("corpus.jsonl", "recalled.jsonl")
    for reply in replies_lint.corpus((FIXTURES / name).read_text("utf-8").splitlines())
    if re.match(r"[45]\d\d", reply.text) and reply.text.isascii()
]
# For Python, which is slower at this than PCRE.
SOME = KNOWN[::5]
LINE = re.compile(r"/(\^.*\(\.\*\)\$)(\(\?\(DEFINE\).*\))?/ (\S+)")
JOINT = r"(?:[45]\d\d[- ,](?:[45]\.\d+\.\d+ )?)?"


def status(reply: str) -> str:
    """As Postfix asks: with its own status code in front, and what it was doing behind."""
    enhanced = re.match(r"\d{3}[- ]#?(\d\.\d{1,3}\.\d{1,3})\b", reply)
    code = enhanced[1] if enhanced and enhanced[1][0] == reply[0] else f"{reply[0]}.0.0"
    return f"{code} host mx.example.net[192.0.2.1] said: {reply} (in reply to RCPT TO command)"


def read(table: str) -> Callable[[str], str | None]:
    """The table for Python: DEFINE is the one thing that only PCRE has."""
    lines = []
    for line in table.splitlines():
        if line.startswith("/"):
            match = LINE.fullmatch(line)
            assert match, line
            lines.append((re.compile(match[1].replace("(?&j)", JOINT), re.IGNORECASE | re.DOTALL), match[3]))

    def lookup(text: str) -> str | None:
        for expression, result in lines:
            match = expression.search(text)
            if match:
                return match.expand(result.replace("$", "\\"))
        return None

    return lookup


def expected(reply: replies_lint.Labelled) -> str:
    verdict = replies.classify(reply.provider, reply.text)
    rule = next(rule for rule in RULES.rules if rule.name == verdict.rule)
    if rule.cls in replies_postfix.PASSING or rule.action == "stop-source":
        return "4"
    return "5" if rule.action == "suppress" else reply.text[0]


def tables(provider: str) -> list[str]:
    own = replies_postfix.delivery_status_filter(RULES, RULES.canonical(provider))
    return [own, replies_postfix.delivery_status_filter(RULES)]


def decided(lookups: list[Callable[[str], str | None]], text: str) -> str:
    answers = (lookup(text) for lookup in lookups)
    return next((answer for answer in answers if answer), text)


def test_the_tables_decide_as_the_classifier() -> None:
    general = read(replies_postfix.delivery_status_filter(RULES))
    own = {reply.provider: read(tables(reply.provider)[0]) for reply in SOME}
    wrong = []
    for reply in SOME:
        asked = status(reply.text)
        answer = decided([own[reply.provider], general], asked)
        assert answer[1:] == asked[1:]
        if answer[0] != expected(reply):
            wrong.append((reply.name, answer))
    assert wrong == []


@pytest.mark.parametrize(
    ("provider", "reply", "digit"),
    [
        ("godaddy", "550 IB504 too many", "4"),
        ("qq", "550 Ip frequency limited", "4"),
        ("gmail", "550-5.7.28 There is an unusual rate of unsolicited 550-5.7.28 email", "4"),
        ("gmail", "550 5.1.1 The email account that you 550-5.1.1 tried to reach does not exist", "5"),
        ("ovh", "450 4.1.1 User unknown in virtual mailbox table", "5"),
        ("ovh", "451 4.3.0 Temporary lookup failure", "4"),
        ("ovh", "554 5.7.1 Greylisted", "4"),
        ("ovh", "550 5.7.1 blocked using zen.spamhaus.org", "4"),
        ("ovh", "450 4.7.1 Your access has been terminated, contact abuse desk", "4"),
        ("ovh", "421 4.7.1 IP address not registered", "4"),
        ("ovh", "450 4.2.0 account on hold for payment check", "4"),
        ("ovh", "554 5.7.1 Spam", "5"),
        ("ovh", "550 too many / slashes", "5"),
    ],
)
def test_a_lane(provider: str, reply: str, digit: str) -> None:
    asked = status(reply)
    assert decided([read(table) for table in tables(provider)], asked) == digit + asked[1:]


def test_a_block_stands_where_no_source_stops() -> None:
    table = replies_postfix.delivery_status_filter(RULES, blocks_pass=False)
    asked = status("550 5.7.1 blocked using zen.spamhaus.org")
    assert read(table)(asked) in (None, asked)


def test_delivered_mail_is_left_alone() -> None:
    for table in tables("gmail"):
        assert table.splitlines()[1] == "if /^[45]/"
        assert read(table)("2.0.0 host mx[192.0.2.1] said: 250 2.0.0 OK greylisted") is None


def test_postfix_reads_the_tables(tmp_path: Path) -> None:
    """By Postfix itself, where it is installed with its pcre tables."""
    postmap = shutil.which("postmap", path="/usr/sbin:/usr/bin")
    if (
        not postmap
        or "pcre" not in subprocess.run(["postconf", "-m"], capture_output=True, text=True, check=False).stdout
    ):
        pytest.skip("no Postfix with pcre tables here")
    asked = [status(reply.text) for reply in KNOWN if len(reply.text) < 900]
    for provider in ["*", "other", *sorted({one for rule in RULES.rules for one in rule.providers} - {"*"})]:
        table = replies_postfix.delivery_status_filter(RULES, provider)
        path = tmp_path / "table"
        path.write_text(table, encoding="utf-8")
        result = subprocess.run(
            [postmap, "-q", "-", f"pcre:{path}"],
            input="\n".join(asked) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.stderr == ""
        answers = dict(line.split("\t", 1) for line in result.stdout.splitlines())
        lookup = read(table)
        assert {text: lookup(text) for text in asked if lookup(text)} == answers


def test_the_joint_is_one_expression() -> None:
    assert JOINT in replies_pattern.PCRE_JOINT


def test_the_command_writes_the_tables_of_all_lanes(tmp_path: Path) -> None:
    config = tmp_path / "agent.json"
    config.write_text('{"isps": [{"name": "gmail"}, {"name": "other"}]}')
    assert cli.main(["filters", str(tmp_path / "filters"), "--config", str(config)]) == 0
    written = {path.name: path.read_text() for path in (tmp_path / "filters").iterdir()}
    assert set(written) == {"gmail.pcre", "every.pcre", "other.pcre"}
    assert written["every.pcre"] != written["other.pcre"]
    assert read(written["gmail.pcre"])(status("550-5.7.28 There is an unusual rate of unsolicited mail"))


def test_wrong_rules_write_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, rules = tmp_path / "agent.json", tmp_path / "own.rules"
    config.write_text('{"isps": [{"name": "gmail"}]}')
    rules.write_text("nonsense\n")
    assert cli.main(["filters", str(tmp_path / "filters"), "--config", str(config), "--rules", str(rules)]) == 1
    assert "own.rules" in capsys.readouterr().err
    assert not (tmp_path / "filters").exists()
