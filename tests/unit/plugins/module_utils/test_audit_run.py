# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Checks run until their questions are answered, each question is asked once, and any records are survived."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.mailfleet.mta.plugins.module_utils._audit_model import Answer, Question
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_run import UNANSWERED, audit, summary
from ansible_collections.mailfleet.mta.plugins.module_utils._audit_table import CHECKS
from tests.support.audit_world import DOMAIN, RECORDS, SOURCES, fetcher, findings


def test_every_question_is_asked_once_and_in_few_rounds():
    rounds: list[list[Question]] = []
    plain = fetcher(RECORDS)

    def fetch(questions):
        rounds.append(list(questions))
        return plain(questions)

    found = audit([*SOURCES, DOMAIN], CHECKS, fetch)
    asked = [question for one in rounds for question in one]
    assert len(asked) == len(set(asked))
    assert len(rounds) < 8
    assert summary(found) == {"error": 0, "warning": 0, "info": 0, "ok": len(found)}


def test_a_world_that_is_silent_is_one_finding_a_subject():
    found = audit([*SOURCES, DOMAIN], CHECKS, lambda questions: dict.fromkeys(questions, Answer(fault="is silent")))
    assert [one.check for one in found if one.level != "ok"] == [UNANSWERED] * 3
    assert {one.subject for one in found} == {"192.0.2.10", "2001:db8::10", "example.com"}


names = st.sampled_from(sorted({key[:2] for key in RECORDS}))
words = st.sampled_from(
    ["v=spf1", "include:", "redirect=", "example.com", "%{i}", "a", "mx/99", "ip4:1.2.3.4/40", "-all", "v=DKIM1;", "p=",
     "k=rsa;", "t=y;", "v=DMARC1;", "rua=mailto:", "rua=mailto:a@b,,;", "sp=;", "fo=::;", "v=BIMI1;", "l=", "v=STSv1;",
     "id=", "v=TLSRPTv1;", "=", ";", "\udcff", "\x00", "é", "_spf.example.net", "bounce.example.com"]
)  # fmt: skip
texts = st.lists(words, max_size=8).map(" ".join)
hosts = st.sampled_from(["0 .", "10 .", "10 a\\032b.example.", f"10 {'x' * 70}.example.", "10 example.com.", "10 ..."])
answers = st.one_of(
    st.none(),
    st.builds(Answer, fault=st.just("answers SERVFAIL")),
    st.lists(texts, max_size=3),
)


@given(st.dictionaries(names, answers, max_size=6), st.lists(hosts, max_size=3))
@settings(max_examples=150)
def test_no_record_makes_a_check_crash(changes, mx):
    sane = {key: value for key, value in changes.items() if key[1] == "TXT" or not isinstance(value, list)}
    found = findings({**sane, ("bounce.example.com", "MX"): mx})
    assert all(one.evidence is not None for one in found)
    assert {one.level for one in found} <= {"error", "warning", "info", "ok"}
