# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the audit returns: numbers, the table for the terminal, and the page of the role."""

from __future__ import annotations

import datetime
import html.parser
import json
import re
from pathlib import Path

import jinja2
import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_report import report
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_table import CHECKS
from tests.support.audit_world import DOMAIN, PTR, PTR6, SOURCES, SPF, findings

PAGE = Path(__file__).resolve().parents[4] / "roles/audit/templates/auth_check.html.j2"
EVIL = '<script>alert("mail")</script>'
BROKEN = {
    (PTR, "PTR"): None,
    (PTR6, "PTR"): None,
    ("example.com", "TXT"): [SPF.replace("-all", "~all"), EVIL],
    ("mf1._domainkey.example.com", "TXT"): [EVIL, "caf\udce9 \x1b[31m"],
}
SUBJECTS = [*SOURCES, DOMAIN]


def reported(levels=("error", "warning", "info"), fail_on="never", changes=None):
    return report(SUBJECTS, CHECKS, findings(BROKEN if changes is None else changes), levels, fail_on)


def page(result) -> str:
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(PAGE.read_text(encoding="utf-8"))
    moment = datetime.datetime(2026, 11, 22, 7, 30)
    return template.render(audit_state=result, now=lambda utc: moment)


def test_findings_come_by_level_and_numbers_count_them_all():
    result = reported(levels=["error", "warning"])
    levels = [finding["level"] for finding in result["findings"]]
    assert levels == sorted(levels)
    assert set(levels) == {"error", "warning"}
    assert result["summary"]["ok"] > 50
    assert result["summary"]["error"] == levels.count("error")
    assert result["checked"] == {"domains": 1, "parked": 0, "addresses": 2}
    assert len(result["checks"]) == len(CHECKS)
    assert not result["changed"]


def test_the_table_groups_by_check_and_names_the_remedy():
    table = "\n".join(reported()["table"])
    assert re.search(r"^error    ptr +2 addresses: 192\.0\.2\.10, 2001:db8::10$", table, re.MULTILINE)
    assert re.search(r"^warning  spf-soft-end +example\.com$", table, re.MULTILINE)
    assert "Remedy: Have the owner of the network publish exactly one record" in table
    assert table.index("error    ptr") < table.index("warning  spf-soft-end")
    assert reported(changes={})["table"] == []


def test_the_numbers_are_a_sentence():
    assert re.fullmatch(r"1 domain, 2 addresses: 0 errors, 0 warnings, 0 info, \d+ ok\.", reported(changes={})["msg"])
    one = reported(changes={("example.com", "TXT"): [SPF.replace("-all", "~all")]})
    assert "0 errors, 1 warning, 0 info" in one["msg"]


@pytest.mark.parametrize(
    ("fail_on", "changes", "fails"),
    [
        ("never", BROKEN, False),
        ("error", BROKEN, True),
        ("error", {("_smtp._tls.example.com", "TXT"): None}, False),
        ("warning", {("_smtp._tls.example.com", "TXT"): None}, False),
        ("error", {("example.com", "TXT"): [SPF.replace("-all", "~all")]}, False),
        ("warning", {("example.com", "TXT"): [SPF.replace("-all", "~all")]}, True),
    ],
)
def test_it_fails_when_asked_and_says_what_is_wrong(fail_on, changes, fails):
    result = reported(fail_on=fail_on, changes=changes)
    assert result.get("failed", False) is fails
    if fails:
        assert "Remedy:" in result["msg"]


def test_the_result_is_json_whatever_the_records_hold():
    assert "\\udce9" not in json.dumps(reported())
    assert json.loads(json.dumps(reported()))["findings"]


class Reader(html.parser.HTMLParser):
    """Sees to it that tags nest, and remembers what a browser would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.active: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br"):
            self.open.append(tag)
        names = {name for name, _value in attrs}
        if tag in ("script", "link", "img", "iframe") or names & {"src", "href", "onclick", "onload"}:
            self.active.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_whole_and_runs_nothing():
    reader = Reader()
    reader.feed(page(reported(levels=["error", "warning", "info", "ok"])))
    assert reader.open == []
    assert reader.active == []
    assert EVIL in reader.text, "shown as text"
    for word in ("192.0.2.10", "spf-soft-end", "2026-11-22 07:30", "The address has no PTR record."):
        assert word in reader.text


def test_a_page_without_findings_says_so():
    assert "Nothing was found." in page(reported(changes={}))


def test_the_template_escapes_everything_that_it_prints():
    printed = re.findall(r"{{(.*?)}}", PAGE.read_text(encoding="utf-8"))
    plain = [text for text in printed if not text.rstrip().endswith("| e") and "loop.first" not in text]
    assert printed
    assert plain == []
