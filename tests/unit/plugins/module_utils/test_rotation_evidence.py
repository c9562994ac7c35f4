# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What the DNS, receivers and operators say, read for a rotation."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils import _rotation_dns
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Found, RRset, Wanted
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_plan import make_plan
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_rules import dkim_removed, dkim_revoked
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import DAY, Policy, Sighting
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_inbox import read_all
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_records import shown_by, wanted_records
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_seen import of_message, of_report
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_settings import (
    Source,
    parse_now,
    parse_settings,
)
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import Retiring, State

KEY = "v=DKIM1; k=rsa; p=QUJD"
WANTED = Wanted("s._domainkey.example.com", "TXT", 60, (KEY,), domains=("example.com",))


def found(*values: str) -> Found:
    return Found(RRset(60, values)) if values else Found()


@pytest.mark.parametrize(
    ("answers", "what", "words"),
    [
        ([found(KEY), found(KEY)], "key", ""),
        # Providers write the same key in their own way: tags are compared, not texts.
        ([found(KEY), found("k=rsa;p=QUJD;"), found("v=DKIM1 ; p=QU JD")], "key", ""),
        ([found(), found()], "absent", "not in the DNS"),
        ([found("v=DKIM1; p="), found("v=DKIM1; k=rsa; p=")], "revoked", ""),
        ([found(KEY), found()], "mixed", "at server 1 it is not in the DNS"),
        ([found(KEY), found("v=DKIM1; p=REVG")], "mixed", "server 1"),
        ([found(KEY), "did not answer within 5 s"], "unknown", "at server 1, which did not answer"),
        ([found(KEY, "v=DKIM1; p=REVG")], "several", "has 2 TXT records where DKIM allows one"),
        ([found("google-site-verification=x")], "other", "no DKIM key"),
        ([], "unknown", ""),
    ],
)
def test_answers_of_all_servers(answers: list[Any], what: str, words: str) -> None:
    shown = shown_by({f"server {number}": answer for number, answer in enumerate(answers)})
    assert (shown.what, words in shown.why) == (what, True)
    assert shown.public_key == ("QUJD" if what == "key" else shown.public_key)


@pytest.mark.parametrize(
    ("rule", "have", "after", "problem"),
    [
        (dkim_revoked, (KEY,), ("v=DKIM1; k=rsa; p=",), ""),
        (dkim_revoked, ("k=rsa; t=s; p=QUJD;",), ("v=DKIM1; k=rsa; t=s; p=",), ""),
        (dkim_revoked, ("v=DKIM1; p=",), ("v=DKIM1; p=",), ""),
        (dkim_revoked, (), (), ""),
        (dkim_revoked, ("v=DKIM1; p=REVG",), None, "publishes another DKIM key"),
        (dkim_revoked, (KEY, "v=DKIM1; p=REVG"), None, "has other records"),
        (dkim_removed, ("v=DKIM1; p=",), (), ""),
        (dkim_removed, (), (), ""),
        (dkim_removed, (KEY,), None, "still publishes a DKIM key"),
        (dkim_removed, ("v=spf1 -all",), None, "has other records"),
    ],
)
def test_revoke_and_remove(rule: Any, have: tuple[str, ...], after: tuple[str, ...] | None, problem: str) -> None:
    outcome = rule(WANTED, have, True)
    assert outcome.values == after
    assert problem in outcome.problem


def test_the_guard_of_a_revocation_is_the_exact_record_that_was_read() -> None:
    have = found("k=rsa;  p=QUJD;")
    (change,) = make_plan([WANTED._replace(rule="dkim_revoked")], {WANTED.key: have}).changes
    assert (change.before, change.after) == (have.rrset, ("v=DKIM1; k=rsa; p=",))
    assert change.loses, "mass revocations count against the limits"


def test_an_alias_at_the_selector_is_a_problem_and_changes_nothing() -> None:
    plan = make_plan([WANTED._replace(rule="dkim")], {WANTED.key: Found(cname="s.example.net")})
    assert plan.changes == []
    assert "is a CNAME to s.example.net" in plan.problems["example.com"][0].text


def test_records_of_a_state() -> None:
    retiring = (Retiring("a", 1, 9), Retiring("b", 1, 9, 5), Retiring("c", 1, 9, 5, 7))
    state = State("example.com", "mf2", since=0, stage="published", next="mf3", retiring=retiring, paired=("mf3",))
    keys = dict.fromkeys(("mf2", "mf3", "mf3-e", "a", "b"), "QUJD")
    records = {want.name.split(".")[0]: want for want in wanted_records(state, keys, lambda name: 60)}
    assert {name: want.rule for name, want in records.items()} == {
        "mf2": "dkim", "mf3": "dkim", "mf3-e": "dkim", "a": "dkim", "b": "dkim_revoked", "c": "dkim_removed",
    }  # fmt: skip
    staged = State("example.com", "mf2", since=0, stage="staged", next="mf3")
    assert [want.name for want in wanted_records(staged, keys, lambda name: 60)] == ["mf2._domainkey.example.com"]


def test_records_of_a_domain_whose_keys_are_in_a_zone_of_ours() -> None:
    state = State("example.com", "mf2", since=0, retiring=(Retiring("b", 1, 9, 5), Retiring("c", 1, 9, 5, 7)))
    wanted = wanted_records(state, {"mf2": "QUJD", "b": "QUJD"}, lambda name: 60, "dk.example.net")
    assert [(want.name, want.type, want.rule, want.absent) for want in wanted] == [
        ("mf2.example.com.dk.example.net", "TXT", "dkim", False),
        ("mf2._domainkey.example.com", "CNAME", "cname", False),
        ("b.example.com.dk.example.net", "TXT", "dkim_revoked", False),
        ("c.example.com.dk.example.net", "TXT", "dkim_removed", False),
        ("c._domainkey.example.com", "CNAME", "plain", True),
    ]


def test_recursive_resolvers_are_never_asked_for_a_selector() -> None:
    assert "recursion" not in Path(_rotation_dns.__file__).read_text()


HOSTS = {"192.0.2.10": "mx1", "2001:db8::10": "mx1", "192.0.2.20": "mx2"}


def message(*headers: str, source: str = "192.0.2.10") -> bytes:
    received = f"Received: from mta.example.com (mta.example.com [{source}])\r\n\tby mx.golden.example\r\n"
    return ("".join(f"{header}\r\n" for header in headers) + received + "\r\nHello\r\n").encode()


RESULTS = (
    "Authentication-Results: mx.golden.example;\r\n\tdkim=pass (ok) header.d=example.com header.s=mf1 header.b=x;\r\n"
    '\tdkim=fail ("bad") header.d=Example.com header.s=MF2;\r\n\tdkim=none; spf=pass smtp.mailfrom=b@example.com'
)


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        (message(RESULTS), [("mx1", "mf1", True), ("mx1", "mf2", False)]),
        (message(RESULTS, source="IPv6:2001:db8::10"), [("mx1", "mf1", True), ("mx1", "mf2", False)]),
        (message(RESULTS, source="203.0.113.9"), []),
        (message(RESULTS.replace("mx.golden", "mx.other")), []),
        (message("Authentication-Results: mx.other.example; dkim=fail header.d=x.example header.s=q", RESULTS),
         [("mx1", "mf1", True), ("mx1", "mf2", False)]),
        (message(RESULTS, RESULTS.replace("pass", "fail")), [("mx1", "mf1", True), ("mx1", "mf2", False)]),
        (message("Subject: none"), []),
        (b"\xff\xfe\0", []),
    ],
)  # fmt: skip
def test_only_the_trusted_receivers_word_about_our_hosts_counts(raw: bytes, seen: list[Any]) -> None:
    got = of_message(raw, 7, "mx.golden.example", HOSTS)
    assert got == [("example.com", Sighting(host, selector, good, 7)) for host, selector, good in seen]


REPORT = {
    "report_metadata": {"begin_date": "2026-11-20 00:00:00"},
    "records": [
        {
            "source": {"ip_address": "192.0.2.20"},
            "count": 40,
            "auth_results": {"dkim": [{"domain": "example.com", "selector": "mf1", "result": "pass"}]},
        },
        {
            "source": {"ip_address": "198.51.100.9"},
            "count": 3,
            "auth_results": {"dkim": [{"domain": "example.com", "selector": "mf1", "result": "fail"}]},
        },
    ],
}


def test_reports_count_from_their_beginning() -> None:
    assert list(of_report(REPORT, HOSTS)) == [("example.com", Sighting("mx2", "mf1", True, 1795132800, 40))]


def test_sources_are_read_together_and_a_broken_one_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "mail/new").mkdir(parents=True)
    for number, at in enumerate((100, 200)):
        path = tmp_path / f"mail/new/{number}"
        path.write_bytes(message(RESULTS))
        os.utime(path, (at, at))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/one.json").write_text(json.dumps([REPORT]))
    sources = (
        Source("maildir", {"path": str(tmp_path / "mail")}, "mx.golden.example"),
        Source("dmarc", {"path": str(tmp_path / "reports")}, ""),
        Source("maildir", {"path": str(tmp_path / "empty")}, "mx.golden.example"),
        Source("maildir", {"path": str(tmp_path / "lost/gone")}, "mx.golden.example"),
    )
    seen, problems = read_all(sources, HOSTS, 150)
    assert [(s.host, s.selector, s.time) for s in seen["example.com"]] == [
        ("mx1", "mf1", 200), ("mx1", "mf2", 200), ("mx2", "mf1", 1795132800),
    ]  # fmt: skip
    assert len(problems) == 1
    assert "gone cannot be read" in problems[0]


def test_settings() -> None:
    assert parse_settings({}) == (Policy(), (), "")
    raw = {
        "rotate_after": "180d", "soak": "90m", "starts": 3, "verify": "preflight", "probe": "seed@example.net",
        "seen": {"maildir": "/var/mail/seed", "authserv_id": "MX.example.net"},
    }  # fmt: skip
    settings = parse_settings(raw)
    assert settings.policy == Policy(rotate_after=180 * DAY, soak=5400, starts=3, verify="preflight")
    assert settings.sources == (Source("maildir", {"path": "/var/mail/seed"}, "mx.example.net"),)
    secret = Source("imap", {"host": "h", "password": "secret"}, "x")
    assert "secret" not in repr(secret)


def test_all_problems_of_the_settings_at_once() -> None:
    raw = {
        "soak": "2 days", "starts": 0, "prefix": "Ü", "ed25519": "yes", "verify": "hope", "sok": 1, "probe": "seed",
        "seen": [
            {"maildir": "/x"}, {"pigeon": 1}, {"maildir": {"paths": "/x"}, "authserv_id": "y"},
            {"dmarc": "/x", "by": "y"}, {"imap": {"host": "x", "user": "y"}, "authserv_id": "y"},
        ],
    }  # fmt: skip
    with pytest.raises(ValueError, match="dkim_rotation") as fault:
        parse_settings(raw)
    lines = str(fault.value).splitlines()
    assert len(lines) == 12
    assert "dkim_rotation.seen[4].imap.password: is missing; add it." in lines
    assert "dkim_rotation.soak: '2 days' is no duration; write a number with s, m, h or d, such as 48h." in lines


@pytest.mark.parametrize(
    ("text", "now"),
    [
        ("", 1000),
        ("+8d", 1000 + 8 * DAY),
        ("+30", 1030),
        ("2026-11-22T10:00:00Z", 1795341600),
        ("2026-11-22", 1795305600),
    ],
)
def test_the_time_to_decide_by(text: str, now: int) -> None:
    assert parse_now(text, 1000.9) == now


@pytest.mark.parametrize("text", ["tomorrow", "+8 days", "8d"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"no time|no duration"):
        parse_now(text, 0)
