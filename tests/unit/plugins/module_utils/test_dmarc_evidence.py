# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""From what parsedmarc wrote to what the gate and the pages read: each report once, hostile ones refused."""

from __future__ import annotations

import copy
import datetime
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils import _dmarc_collect as collect
from ansible_collections.mailfleet.mta.plugins.module_utils import _dmarc_reports as reports
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_evidence import (
    SOURCES,
    Known,
    runs,
    senders_in,
    senders_of,
    summarize,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_store import KEEP, Store, record_stages
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import Message, Record, name_wire
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_read import Endpoint, NoReply

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures/dmarc/aggregate.json"
GENUINE: list[dict[str, Any]] = json.loads(FIXTURE.read_text(encoding="utf-8"))
TODAY = datetime.date(2024, 1, 26)
SENDERS = senders_of({"example.com": {"own": ["198.51.100.0/24"], "foreign": ["203.0.113.0/24"]}, "twlnet.com": {}})
KNOWN = Known(["192.0.2.10"], SENDERS)


def made(number: int = 1, day: datetime.date = TODAY, rows: int = 1, **changes: Any) -> dict[str, Any]:
    """A report as parsedmarc writes it; changes are paths such as records__0__count."""
    report = copy.deepcopy(next(entry for entry in GENUINE if entry["report_metadata"]["org_name"] == "example.org"))
    report["report_metadata"].update(report_id=str(number), begin_date=f"{day} 00:00:00", end_date=f"{day} 23:59:59")
    report["records"][0].update(interval_begin=f"{day} 00:00:00")
    report["records"] *= rows
    for path, value in changes.items():
        place: Any = report
        *parents, last = [int(word) if word.isdigit() else word for word in path.split("__")]
        for parent in parents:
            place = place[parent]
        place[last] = value
    return report


def read(*documents: Any) -> tuple[list[reports.Report], list[str]]:
    return reports.read_reports(json.dumps(documents), TODAY)


class TestReading:
    def test_genuine_reports(self) -> None:
        found, problems = reports.read_reports(json.dumps(GENUINE), datetime.date(2024, 1, 26))
        old = found[-1]
        assert (old.org, old.domain, old.policy, old.testing) == ("example.org", "example.com", "quarantine", "")
        assert old.rows == (
            reports.Row(
                "example.com",
                "2024-01-25",
                "198.51.100.123",
                True,
                False,
                "pass example.com example",
                "pass example.edu",
                2,
            ),
        )
        assert [report.org for report in found] == ["example.net", "example.org"]
        assert len(problems) == 2  # the others are too old for this day
        found, problems = reports.read_reports(json.dumps(GENUINE), datetime.date(2023, 11, 20))
        (new,) = found
        assert (new.policy, new.testing, new.days) == ("reject", "y", ("2023-11-14",))
        assert [(row.passed, row.messages) for row in new.rows] == [(True, 5), (False, 2)]
        assert new.rows[1].spf == "fail spoofed.example.com"

    def test_a_report_of_the_golden_receiver(self) -> None:
        text = FIXTURE.with_name("golden.json").read_text(encoding="utf-8")
        (report,), problems = reports.read_reports(text, datetime.date(2026, 11, 22))
        assert (report.org, report.policy, problems) == ("Golden", "none", [])
        known = Known(["198.51.100.21", "2001:db8:100::21"], senders_of({"example.com": {}}))
        found = summarize(report.rows, known)["example.com"]
        assert found["days"] == [["2026-11-21", 12, 0, 3, 0, 0]]
        assert found["sources"] == [
            {
                "source": "203.0.113.1",
                "kind": "unknown",
                "from": "example.com",
                "dkim": "",
                "spf": "none spoofer.example",
                "messages": 3,
            }
        ]

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"records__0__count": 0}, "counts 0 messages"),
            ({"records__0__count": 10**12}, "counts 1000000000000 messages"),
            ({"records__0__count": "5"}, "counts 5 messages"),
            ({"records__0__source__ip_address": "mail.example"}, "does not appear to be an IPv4 or IPv6 address"),
            ({"records__0__interval_begin": None}, "a row without a day"),
            ({"records__0__interval_begin": "2026-01-01 00:00:00"}, "is of 2026-01-01"),
            ({"records__0__policy_evaluated": None}, "lacks or misuses"),
            ({"policy_published__domain": "../../etc"}, "names the domain"),
            ({"policy_published__domain": "<script>.example"}, "names the domain 'script .example'"),
            ({"policy_published__p": "delete"}, "shows the policy delete"),
            ({"report_metadata__begin_date": "yesterday"}, "has the time 'yesterday'"),
            ({"report_metadata__begin_date": "2023-06-01 00:00:00"}, "covers 2023-06-01 to"),
            ({"records": 5}, "lacks or misuses"),
            ({"report_metadata": "x"}, "lacks or misuses"),
        ],
    )
    def test_what_makes_no_sense_is_refused_and_the_others_count(self, changes: dict[str, Any], words: str) -> None:
        found, problems = read(made(1), made(2, **changes), made(3))
        assert [report.number for report in found] == ["1", "3"]
        (problem,) = problems
        assert words in problem

    def test_a_report_has_only_so_many_rows(self) -> None:
        assert "more than 20000" in read(made(rows=reports.ROWS + 1))[1][0]

    @pytest.mark.parametrize("text", ["", "{", '[{"a":', "[" * 100000, "{}", "3"])
    def test_a_file_that_was_cut_off_is_one_problem(self, text: str) -> None:
        found, (problem,) = reports.read_reports(text, TODAY)
        assert found == []
        assert problem.startswith("is not")

    @given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
    def test_no_document_whatsoever_breaks_the_reader(self, document: Any) -> None:
        found, problems = reports.read_reports(json.dumps([document]), TODAY)
        assert (found, len(problems)) == ([], 1)

    def test_words_of_strangers_are_short_and_plain(self) -> None:
        evil = {"domain": '"><img src=x>' + "a" * 500, "selector": "s, pass example.com", "result": "fail"}
        (report,) = read(made(records__0__auth_results__dkim=[evil] * 9))[0]
        assert "<" not in report.rows[0].dkim
        assert len(report.rows[0].dkim) < 250
        assert report.rows[0].dkim.count(",") == 0

    @pytest.mark.parametrize(
        ("reason", "forwarded"),
        [
            ({"type": "mailing_list", "comment": None}, True),
            ({"type": "forwarded", "comment": "x"}, True),
            ({"type": "local_policy", "comment": "arc=pass"}, True),
            ({"type": "local_policy", "comment": "whatever"}, False),
            ({"type": None, "comment": None}, False),
        ],
    )
    def test_what_the_receiver_says_of_forwarders(self, reason: dict[str, Any], forwarded: bool) -> None:
        (report,) = read(made(records__0__policy_evaluated__policy_override_reasons=[reason]))[0]
        assert report.rows[0].forwarded is forwarded

    def test_mail_counts_for_the_name_in_the_from_header_inside_of_the_domain(self) -> None:
        for header, domain in (
            ("tx.example.com", "tx.example.com"),
            ("example.net", "example.com"),
            (None, "example.com"),
        ):
            (report,) = read(made(records__0__identifiers__header_from=header))[0]
            assert report.rows[0].domain == domain


def row(source: str, passed: bool = False, messages: int = 1, domain: str = "example.com", **more: Any) -> reports.Row:
    return reports.Row(domain, "2024-01-25", source, passed, more.pop("forwarded", False), "", "", messages)


class TestSumming:
    def test_days_tell_whose_mail_failed(self) -> None:
        rows = [
            row("192.0.2.99", True, 100),
            row("192.0.2.10", messages=1),
            row("192.0.2.10", messages=2, forwarded=True),
            row("198.51.100.7", messages=4),
            row("2001:db8::1", messages=8),
            row("192.0.2.50", messages=16, forwarded=True),
            row("203.0.113.5", messages=32),
            row("192.0.2.10", messages=64, domain="example.net"),
        ]
        found = summarize(rows, KNOWN)
        assert list(found) == ["example.com"]
        assert found["example.com"]["days"] == [["2024-01-25", 100, 7, 8, 16, 32]]
        assert [(source["source"], source["kind"]) for source in found["example.com"]["sources"]] == [
            ("203.0.113.5", "foreign"),
            ("192.0.2.50", "forwarded"),
            ("2001:db8::1", "unknown"),
            ("198.51.100.7", "own"),
            ("192.0.2.10", "own"),
        ]

    def test_names_below_a_domain_are_its_own_unless_they_have_an_entry(self) -> None:
        known = Known([], senders_of({"example.com": {}, "tx.example.com": {}}))
        names = ("a.tx.example.com", "tx.example.com", "b.example.com", "example.com", "notexample.com")
        assert [known.domain(name) for name in names] == [
            "tx.example.com",
            "tx.example.com",
            "example.com",
            "example.com",
            "",
        ]

    def test_only_the_worst_sources_are_named(self) -> None:
        many = [row(f"192.0.{n // 250}.{n % 250 + 1}", messages=n + 1) for n in range(SOURCES + 7)]
        found = summarize(many, Known([], SENDERS))["example.com"]
        assert len(found["sources"]) == SOURCES
        assert found["sources"][0]["messages"] == SOURCES + 7
        assert found["more_sources"] == 7

    def test_policies_are_told_by_the_days_on_which_they_changed(self) -> None:
        seen = [
            ("a.example", "1", "none "),
            ("a.example", "2", "none n,none "),
            ("a.example", "3", "none ,none n"),
            ("a.example", "4", "reject y"),
            ("b.example", "1", "none "),
        ]
        assert runs(seen) == {
            "a.example": [["1", ["none "]], ["2", ["none ", "none n"]], ["4", ["reject y"]]],
            "b.example": [["1", ["none "]]],
        }

    def test_who_sends_for_a_domain(self) -> None:
        auth = {
            "domain": "example.com",
            "spf_extra": ["include:x.example", "ip4:192.0.2.0/28", "ip6:2001:db8::/64"],
            "progression": {"senders": ["198.51.100.1/32"], "foreign": ["203.0.113.0/24"]},
        }
        assert senders_in([auth, {"domain": "example.org", "progression": {}}]) == {
            "example.com": {
                "own": ["198.51.100.1/32", "192.0.2.0/28", "2001:db8::/64"],
                "foreign": ["203.0.113.0/24"],
            },
            "example.org": {"own": [], "foreign": []},
        }


class Host:
    """The directories of an evidence host."""

    def __init__(self, path: Path) -> None:
        self.directory, self.incoming = path / "evidence", path / "incoming"
        self.incoming.mkdir(parents=True)
        self.runs = 0

    def parsed(self, *documents: Any, log: str = "", text: str | None = None) -> Path:
        self.runs += 1
        run = self.incoming / f"20240126T04300{self.runs}"
        run.mkdir()
        (run / "aggregate.json").write_text(json.dumps(documents) if text is None else text)
        (run / "log").write_text(log)
        return run

    def evidence(self, check: bool = False, today: datetime.date = TODAY) -> dict[str, Any]:
        return collect.evidence(str(self.directory), str(self.incoming), KNOWN, 14, today, "", check)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(collect, "read_text", lambda path: "")  # no resolver
    return Host(tmp_path)


class TestCollecting:
    def test_each_report_counts_once(self, host: Host) -> None:
        host.parsed(made(1), made(2))
        host.parsed(made(2), made(3))
        first = host.evidence()
        assert (first["changed"], first["new"], first["known"], first["problems"]) == (True, 3, 1, [])
        assert first["domains"]["example.com"]["days"] == [["2024-01-26", 6, 0, 0, 0, 0]]
        assert list(host.incoming.iterdir()) == []
        host.parsed(made(1))
        again = host.evidence()
        assert (again["changed"], again["new"], again["known"]) == (False, 0, 1)
        assert again["domains"] == first["domains"]

    def test_reports_that_nobody_signed_are_counted_apart(self, host: Host) -> None:
        forged = made(7, records__0__count=900)
        run = host.parsed(made(1))
        (run / "unsigned.json").write_text(
            json.dumps([forged, made(1), made(8, policy_published__domain="else.example")])
        )
        found = host.evidence()
        assert (found["changed"], found["new"], found["unsigned"]) == (True, 1, 3)
        assert found["domains"]["example.com"]["days"] == [["2024-01-26", 2, 0, 0, 0, 0]]
        assert found["domains"]["example.com"]["unsigned"] == [["example.org", 2, 902]]
        assert found["domains"]["twlnet.com"]["unsigned"] == []
        assert found["problems"][0].startswith("3 of the new reports came in mail without a valid DKIM")
        run = host.parsed(forged)
        (run / "unsigned.json").write_text(json.dumps([forged]))
        again = host.evidence()
        assert (again["new"], again["unsigned"], again["problems"]) == (1, 0, [])  # the signed one counts after all

    def test_reports_of_one_number_by_two_receivers_are_two(self, host: Host) -> None:
        host.parsed(made(1), made(1, report_metadata__org_name="Another"))
        assert host.evidence()["new"] == 2

    def test_check_mode_reads_and_leaves_everything(self, host: Host) -> None:
        host.parsed(made(1))
        planned = host.evidence(check=True)
        assert (planned["changed"], planned["domains"]) == (True, {})
        assert not host.directory.exists()
        host.evidence()
        host.parsed(made(2))
        before = (host.directory / "evidence.sqlite").read_bytes()
        planned = host.evidence(check=True)
        assert planned["domains"]["example.com"]["days"] == [["2024-01-26", 2, 0, 0, 0, 0]]
        assert (host.directory / "evidence.sqlite").read_bytes() == before
        assert len(list(host.incoming.iterdir())) == 1

    def test_bad_reports_are_named_and_do_no_harm(self, host: Host) -> None:
        line = "2024-01-26 04:30:01,5 - ERROR - [cli.py:3247] - Failed to parse drop/bomb.xml.gz - Decompressed report"
        host.parsed(made(1), made(2, records__0__count=-1), log=f"{line}\n2024-01-26 04:30:01,5 - INFO - [x] - fine\n")
        host.parsed(text='[{"report_meta')
        found = host.evidence()
        assert found["new"] == 1
        assert found["problems"] == [
            "20240126T043001: report 2 of example.org: counts -1 messages in a row",
            "Failed to parse drop/bomb.xml.gz - Decompressed report",
            "20240126T043002: "
            "is not the JSON of parsedmarc (Unterminated string starting at: line 1 column 3 (char 2)); "
            "it was probably cut off",
        ]
        assert list(host.incoming.iterdir()) == []

    def test_links_and_large_files_are_not_read(
        self, host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        secret = tmp_path / "secret"
        secret.write_text("2024-01-26 04:30:01,5 - ERROR - [x] - the secret\n")
        run = host.parsed(made(1))
        (run / "log").unlink()
        (run / "log").symlink_to(secret)
        (host.incoming / "0").symlink_to(tmp_path)
        os.mkfifo(host.parsed(made(2)) / "pipe")
        monkeypatch.setattr(collect, "MOST_BYTES", 5000)
        host.parsed(text=" " * 5001)
        found = host.evidence()
        assert found["new"] == 2
        assert found["problems"] == ["20240126T043003: aggregate.json has 5001 bytes, more than 5000, and was not read"]
        assert secret.exists()

    def test_a_damaged_store_is_a_sentence(self, host: Host) -> None:
        host.directory.mkdir()
        (host.directory / "evidence.sqlite").write_text("this is no database, but long enough to look at" * 100)
        with pytest.raises(collect.EvidenceError, match="Remedy: look at the file system"):
            host.evidence()

    def test_what_is_old_goes(self, host: Host) -> None:
        host.parsed(made(1))
        host.evidence()
        later = TODAY + datetime.timedelta(days=KEEP + 1)
        assert host.evidence(today=later)["domains"]["example.com"]["seen"] == []

    def test_only_the_window_counts(self, host: Host) -> None:
        host.parsed(made(1), made(2, TODAY - datetime.timedelta(days=15)), made(3, TODAY - datetime.timedelta(days=14)))
        found = host.evidence()["domains"]["example.com"]
        assert [day[0] for day in found["days"]] == ["2024-01-12", "2024-01-26"]
        assert found["seen"] == [["2024-01-11", ["quarantine "]]]

    def test_stages_are_kept_beside_the_reports(self, host: Host) -> None:
        host.parsed(made(1))
        host.evidence()
        path = str(host.directory / "evidence.sqlite")
        stages = {"example.com": ["p=none", "2024-01-01"], "example.net": ["p=reject", "2024-01-02"]}
        assert record_stages(path, stages, check=True) == ["example.com", "example.net"]
        assert host.evidence()["domains"]["example.com"]["recorded"] is None
        assert record_stages(path, stages, check=False) == ["example.com", "example.net"]
        assert record_stages(path, stages, check=False) == []
        assert host.evidence()["domains"]["example.com"]["recorded"] == ["p=none", "2024-01-01"]


def test_names_of_sources_are_asked_for_once_a_month(tmp_path: Path) -> None:
    def asking(questions, _timeout, recursion):
        (server,) = questions
        assert recursion
        replies = {}
        for key in questions[server]:
            record = Record(key[0], "PTR", 60, name_wire("mail.example.net"))
            found = Message(1, 0, True, False, key, (record,), ())
            gone = Message(1, 3, True, False, key, (), ())
            replies[server, key] = {"1": found, "2": gone}.get(key[0][0], NoReply("did not answer"))
        return replies

    names = collect.look_up(["192.0.2.1", "192.0.2.2", "192.0.2.3"], Endpoint("192.0.2.53", 53), asking)
    assert names == {"192.0.2.1": "mail.example.net", "192.0.2.2": ""}
    store = Store(str(tmp_path / "evidence.sqlite"))
    store.name(names, TODAY)
    asked = ["192.0.2.1", "192.0.2.3"]
    assert store.unnamed(asked, TODAY) == ["192.0.2.3"]
    assert store.unnamed(asked, TODAY + datetime.timedelta(days=31)) == asked
    store.close()


def test_check_mode_reads_the_evidence_of_a_version_without_unsigned_reports(tmp_path):
    path = str(tmp_path / "evidence.sqlite")
    Store(path).close()
    base = sqlite3.connect(path)
    base.execute("drop table unsigned")
    base.close()
    store = Store(path, readonly=True)
    assert store.evidence(KNOWN, TODAY, 14)["example.com"]["unsigned"] == []
    store.close()
