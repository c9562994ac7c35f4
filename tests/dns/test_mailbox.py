# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Mailboxes that are read by IMAP, against a real Dovecot: the seed of DKIM rotations, and the one of DMARC reports."""

from __future__ import annotations

import base64
import datetime
import gzip
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path

import bind
import dovecot
import pytest
from collector import Collector, signed
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from relays import Breaking, Deaf
from test_dmarc import TODAY, moving, run, since

from ansible_collections.mailfleet.mta.plugins.module_utils import _imap
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_collect import evidence
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_evidence import Known, senders_of
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_inbox import read_all
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_settings import Source
from tests.support import dmarc_reports

NOON = 1795348800  # 2026-11-22 12:00 UTC
DAY = 86400
HOSTS = {"192.0.2.10": "mx1", "192.0.2.20": "mx2"}
RECEIVER = "mx.receiver.example"
SECRET = dovecot.PASSWORD[:12]
# What is changed of the place, and what the sentence says.
FAULTS = {
    "password": ({"password": f"{SECRET}, but another"}, "refuses the user or the password", "password"),
    "folder": ({"folder": "Nowhere"}, "does not open the folder (", "folder"),
    "server": ({"port": 1}, "cannot be reached (", "port"),
    "name": ({"host": "localhost"}, "shows a certificate that is not trusted (", "update-ca-certificates"),
}


@pytest.fixture(scope="module")
def mailbox() -> Iterator[dovecot.Dovecot]:
    if dovecot.DOVECOT is None:
        pytest.skip("dovecot is not installed (Debian packages dovecot-core and dovecot-imapd)")
    with dovecot.Dovecot(bind.free_port()) as running:
        yield running
        assert SECRET not in running.log


@pytest.fixture
def trusted(mailbox, monkeypatch):
    """The mailbox's certificate among those of the system, and a folder that nobody used before."""
    monkeypatch.setenv("SSL_CERT_FILE", str(mailbox.certificate))
    return mailbox


def judged(selector: str, source: str = "192.0.2.10", verdict: str = "pass", receiver: str = RECEIVER) -> bytes:
    return (
        f"Return-Path: <b@example.com>\r\n"
        f"Authentication-Results: {receiver};\r\n\tdkim={verdict} header.d=example.com header.s={selector}\r\n"
        f"Received: from mta.example.com (mta.example.com [{source}])\r\n\tby {receiver}\r\n"
        "From: news@example.com\r\nSubject: news\r\n\r\nAuthentication-Results: nobody reads this\r\n"
    ).encode()


def read(place: dict[str, object], oldest: int = NOON - 60 * DAY) -> tuple[list[tuple[object, ...]], list[str]]:
    seen, problems = read_all((Source("imap", place, RECEIVER),), HOSTS, oldest)
    assert seen.keys() <= {"example.com"}
    return [(own.host, own.selector, own.passed, own.time) for own in seen.get("example.com", ())], problems


def test_verdicts_of_a_seed_mailbox(trusted):
    trusted.deliver(judged("old"), NOON - 90 * DAY)
    trusted.deliver(judged("mf1"), NOON - 2 * DAY)
    trusted.deliver(judged("mf2", "192.0.2.20", "fail"), NOON)
    trusted.deliver(judged("mf3", "203.0.113.9"), NOON)
    trusted.deliver(judged("mf4", receiver="mx.other.example"), NOON)
    found = [("mx1", "mf1", True, NOON - 2 * DAY), ("mx2", "mf2", False, NOON)]
    assert read(trusted.place) == (found, [])
    assert read(trusted.place) == (found, [])
    unseen = [path.name for part in ("new", "cur") for path in (trusted.folder("INBOX") / part).iterdir()]
    assert len(unseen) == 5
    assert not [name for name in unseen if ":2," in name and "S" in name.partition(":2,")[2]]


def test_a_folder_of_any_name_and_more_messages_than_one_request_takes(trusted, monkeypatch):
    name = 'Prüf & "Fälle"'
    trusted.make_folder('Pr&APw-f &- "F&AOQ-lle"')
    for number in range(7):
        trusted.deliver(judged(f"mf{number}"), NOON - DAY + number, 'Pr&APw-f &- "F&AOQ-lle"')
    monkeypatch.setattr(_imap, "_AT_ONCE", 3)
    found, problems = read({**trusted.place, "folder": name})
    assert [selector for _host, selector, _passed, _time in found] == [f"mf{number}" for number in range(7)]
    assert problems == []
    assert len(_imap.read_traces({**trusted.place, "folder": name}, NOON - DAY, 4)) == 4


@pytest.mark.parametrize("fault", FAULTS)
def test_a_seed_mailbox_that_cannot_be_read_is_a_sentence(trusted, fault, tmp_path):
    change, words, remedy = FAULTS[fault]
    (tmp_path / "new").mkdir()
    (tmp_path / "new/one").write_bytes(judged("mf9"))
    os.utime(tmp_path / "new/one", (NOON, NOON))
    broken = Source("imap", {**trusted.place, **change}, RECEIVER)
    seen, problems = read_all((broken, Source("maildir", {"path": str(tmp_path)}, RECEIVER)), HOSTS, 0)
    assert [own.selector for own in seen["example.com"]] == ["mf9"]
    (problem,) = problems
    assert problem.startswith(f"dkim_rotation.seen[0].imap: the IMAP server {words}")
    assert "Remedy: " in problem
    assert remedy in problem
    assert SECRET not in problem


def test_a_certificate_that_nobody_vouches_for_gets_no_password(mailbox):
    found, (problem,) = read(mailbox.place)
    assert found == []
    assert "(self-signed certificate). Remedy: " in problem
    assert f"user=<{dovecot.USER}>" not in mailbox.log.splitlines()[-1]


def test_a_run_of_the_rotation_shows_no_password(trusted, tmp_path):
    source = {"imap": {**trusted.place, "folder": "Nowhere"}, "authserv_id": RECEIVER}
    task = {"step": "decide", "policy": {"seen": [source]}}
    tasks = [{"mailfleet.mta.dkim_rotate": task, "register": "done"}, {"debug": {"var": "done.problems"}}]
    (tmp_path / "play.json").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "-vvv"]
    command += ["-e", json.dumps({"fleet_compiled": {"views": {}}})]
    done = subprocess.run([*command, tmp_path / "play.json"], capture_output=True, text=True, timeout=60, check=False)
    assert "dkim_rotation.seen[0].imap: the IMAP server does not open the folder" in done.stdout
    assert done.returncode == 0
    assert SECRET not in done.stdout + done.stderr


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def publish(zone, key: rsa.RSAPrivateKey, *places: str) -> None:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    text = base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()
    value = f"v=DKIM1; k=rsa; p={text}"
    for place in places:
        zone.put(place, "TXT", f'"{value[:200]}" "{value[200:]}"')


def mail(report: str, name: str, sender: str = "dmarc@generated.example") -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "dmarc@example.net", name
    message.set_content("This is an aggregate report.")
    message.add_attachment(gzip.compress(report.encode()), "application", "gzip", filename=f"{name}.xml.gz")
    return message.as_bytes()


def in_rfc9990(report: str) -> str:
    return (
        report.replace("<feedback>", '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><version>1.0</version>')
        .replace("<pct>100</pct>", "<testing>n</testing><discovery_method>treewalk</discovery_method>")
    )  # fmt: skip


def evidence_of(collector: Collector, domain: str) -> dict[str, object]:
    known = Known(dmarc_reports.OWN, senders_of({domain: {"own": [], "foreign": []}}))
    return evidence(str(collector.home / "state"), collector.incoming, known, 14, TODAY, bind.PRIMARY, False)


def subjects(mails: list[bytes]) -> set[str]:
    return {message_from_bytes(raw)["Subject"] for raw in mails}


def two_weeks(domain: str, sender: str) -> list[bytes]:
    reports = [dmarc_reports.report(domain, TODAY - datetime.timedelta(days=age)) for age in range(1, 15)]
    return [mail(one if number else in_rfc9990(one), f"day-{number}", sender) for number, one in enumerate(reports)]


def test_reports_of_a_mailbox_become_a_step_of_the_policy(server, zone, trusted, tmp_path, key):
    trusted.make_folder("DMARC.Reports")
    publish(zone, key, "mf1._domainkey")
    mails = [(raw, zone.name) for raw in two_weeks(zone.name, f"noreply@dmarc.{zone.name}")]
    for raw in signed(mails, pem(key)):
        trusted.deliver(raw, time.time(), "DMARC.Reports")
    trusted.deliver(b"Subject: Hello\r\n\r\nThis is no report.\r\n", NOON, "DMARC.Reports")
    trusted.deliver(mail(dmarc_reports.report("other.example", TODAY), "other"), NOON)
    waiting = len(trusted.messages("INBOX"))
    collector = Collector(tmp_path, {**trusted.place, "folder": "DMARC/Reports"}, server.port)
    done = collector.collect(trusted.certificate)
    assert done.returncode == 0, done.stderr
    found = evidence_of(collector, zone.name)
    assert (found["new"], found["known"], found["unsigned"]) == (14, 0, 0)
    assert found["problems"] == ['Message with subject "Hello" is not a valid report']
    assert found["domains"][zone.name]["days"][-1] == ["2026-11-21", 120, 0, 2, 0, 0]
    evidence_ = {zone.name: {**found["domains"][zone.name], "recorded": since("p=none", 28)}}
    zone.put("_dmarc", "TXT", '"v=DMARC1; p=none; rua=mailto:dmarc@example.com"')
    stepped = run(server, moving(zone), evidence=evidence_)
    assert stepped["stages"] == {zone.name: ["p=quarantine; t=y", str(TODAY)]}
    assert trusted.messages("DMARC.Reports") == []
    assert len(trusted.messages("Archive.Aggregate")) == 14
    assert len(trusted.messages("Archive.Unsigned.Invalid")) == 1
    assert len(trusted.messages("INBOX")) == waiting
    again = collector.collect(trusted.certificate)
    assert (again.returncode, os.listdir(collector.incoming)) == (0, [])


@pytest.mark.parametrize("fault", [*FAULTS, "certificate"])
def test_a_mailbox_that_cannot_be_read_costs_no_report_of_the_directory(trusted, fault, tmp_path):
    change, words, remedy = FAULTS.get(fault, ({}, *FAULTS["name"][1:]))
    collector = Collector(tmp_path, {**trusted.place, **change})
    (collector.home / "drop/one.xml").write_text(dmarc_reports.report("example.com", TODAY))
    done = collector.collect(Path("/dev/null") if fault == "certificate" else trusted.certificate)
    assert done.returncode != 0
    found = evidence_of(collector, "example.com")
    assert found["new"] == 1
    assert collector.archived() == ["one.xml"]
    (problem,) = found["problems"]
    assert problem.startswith(f"dmarc_reports_imap: the IMAP server {words}")
    assert remedy in problem
    assert SECRET not in problem + done.stdout + done.stderr


@pytest.mark.parametrize(("verify", "moves"), [(True, False), (False, True)])
def test_reports_that_nobody_signed_move_no_policy_unless_they_are_believed(
    server, zone, trusted, tmp_path, verify, moves
):
    folder = f"Forged.{verify}"
    trusted.make_folder(folder)
    for raw in two_weeks(zone.name, f"dmarc@{zone.name}"):
        trusted.deliver(raw, NOON, folder)
    place = {**trusted.place, "folder": folder.replace(".", "/")}
    collector = Collector(tmp_path, place, server.port, verify=verify)
    assert collector.collect(trusted.certificate).returncode == 0
    found = evidence_of(collector, zone.name)
    assert (found["new"], found["unsigned"]) == ((0, 14) if verify else (14, 0))
    own = found["domains"][zone.name]
    assert own["unsigned"] == ([["Generated", 14, 14 * 122]] if verify else [])
    assert any("came in mail without a valid DKIM signature" in problem for problem in found["problems"]) is verify
    zone.put("_dmarc", "TXT", '"v=DMARC1; p=none; rua=mailto:dmarc@example.com"')
    stepped = run(server, moving(zone), evidence={zone.name: {**own, "recorded": since("p=none", 28)}})
    assert (stepped["stages"][zone.name][0] == "p=quarantine; t=y") is moves
    again = evidence_of(collector, zone.name)
    assert (again["changed"], again["problems"]) == (False, [])


def test_what_counts_as_signed(server, zone, trusted, tmp_path, key):
    """The mail of each case ends where its name says."""
    trusted.make_folder("Cases")
    domain, stranger = zone.name, f"{zone.name}.example"
    publish(zone, key, "mf1._domainkey", "mf1._domainkey.mail")

    def case(number: int, name: str, sender: str = f"dmarc@{domain}") -> bytes:
        return mail(dmarc_reports.report(domain, TODAY - datetime.timedelta(days=number)), name, sender)

    plain = [
        (case(1, "signed itself"), domain),
        (case(2, "signed by the domain above", f"x@dmarc.{domain}"), domain),
        (case(3, "signed by a host below"), f"mail.{domain}"),
        (case(4, "unsigned by its own domain", f"dmarc@{stranger}"), domain),
        (case(5, "later", "dmarc@broken.test"), "broken.test"),
    ]
    mails = signed(plain, pem(key))
    [good] = signed([(case(6, "unsigned since it changed"), domain)], pem(key))
    [long] = signed([(case(7, "unsigned at its end"), domain)], pem(key), length=True)
    [two] = signed([(case(8, "unsigned with two authors"), domain)], pem(key))
    [lost] = signed([(case(9, "unsigned without a key"), domain)], pem(key), "mf9")
    mails += [good.replace(b"This is an aggregate", b"This is no aggregate"), long + b"\n--more\n", lost]
    mails += [f"From: ceo@{stranger}\n".encode() + two, case(10, "unsigned at all")]
    named = case(11, "unsigned behind a name").replace(b"From: ", f"From: dmarc@{domain} ".encode())
    named = named.replace(f" dmarc@{domain}\n".encode(), f" <dmarc@{stranger}>\n".encode())
    latin = case(12, "signed in Latin-1").replace(b"This is", "Grüße,".encode("latin-1"))
    [misled, eight, inner] = signed([(named, domain), (latin, domain), (case(13, "signed twice"), domain)], pem(key))
    mails += [misled, eight, *signed([(inner, f"silent.{domain}")], pem(key))]
    [beside] = signed([(case(14, "signed beside nonsense"), domain)], pem(key))
    mails += [b"DKIM-Signature: v=1; a=rsa-sha256; s=x\nDKIM-Signature: nonsense\n" + beside]
    now = int(time.time())
    days_ago = now - 3 * DAY
    short = [(case(15, "signed for a day"), domain), (case(16, "unsigned that day"), domain)]
    [punctual, overdue] = signed(short, pem(key), at=days_ago)
    [old] = signed([(case(17, "unsigned for all we know", "dmarc@broken.test"), "broken.test")], pem(key))
    for raw in [*mails, overdue]:
        trusted.deliver(raw, now, "Cases")
    trusted.deliver(punctual, days_ago + 60, "Cases")
    trusted.deliver(old, now - 6 * DAY, "Cases")
    with Deaf(server.port, b"silent") as resolver:
        collector = Collector(tmp_path, {**trusted.place, "folder": "Cases"}, resolver.port)
        done = collector.collect(trusted.certificate)
    assert done.returncode == 0, done.stderr
    assert resolver.unheard

    delivered = subjects([*mails, overdue, punctual, old])

    def ended(folder: str) -> set[str]:
        return delivered & subjects(trusted.messages(folder))

    assert ended("Archive.Aggregate") == {name for name in delivered if name.startswith("signed")}
    assert ended("Archive.Unsigned.Aggregate") == {name for name in delivered if name.startswith("unsigned")}
    assert ended("Cases") == {"later"}
    found = evidence_of(collector, domain)
    assert (found["new"], found["unsigned"]) == (7, 9)
    assert "1 messages stay in Cases, because the DNS did not answer for their DKIM keys" in found["problems"]


def test_a_connection_that_breaks_moves_nothing_of_another_folder(server, zone, trusted, tmp_path, key):
    trusted.make_folder("Breaking")
    publish(zone, key, "mf1._domainkey")
    large = EmailMessage()
    large["From"], large["Subject"] = f"dmarc@{zone.name}", "large"
    large.set_content(os.urandom(300_000), "application", "octet-stream")
    first, last = two_weeks(zone.name, f"dmarc@{zone.name}")[:2]
    mails = signed([(raw, zone.name) for raw in (first, large.as_bytes(), last)], pem(key))
    for number, raw in enumerate(mails):
        trusted.deliver(raw, time.time() + number, "Breaking")
        trusted.deliver(b"Subject: private\r\n\r\nWith the number of a report.\r\n", time.time() + number)
    private = len(trusted.messages("INBOX"))
    with Breaking(trusted.port, 150_000) as relay:
        place = {**trusted.place, "port": relay.port, "folder": "Breaking"}
        collector = Collector(tmp_path, place, server.port)
        assert collector.collect(trusted.certificate).returncode == 0
        assert len(trusted.messages("INBOX")) == private
        assert len(trusted.messages("Breaking")) == 2
        found = evidence_of(collector, zone.name)
        assert found["new"] == 1
        assert "2 messages stay in Breaking, because the connection to the mailbox broke" in found["problems"]
        collector.collect(trusted.certificate)
    assert evidence_of(collector, zone.name)["new"] == 1
    assert (len(trusted.messages("INBOX")), trusted.messages("Breaking")) == (private, [])


def test_keys_that_nobody_gives_use_up_no_run(server, zone, trusted, tmp_path, key):
    """A run of 3 seconds, of which each silent name takes one."""
    trusted.make_folder("Silent")
    publish(zone, key, "mf1._domainkey")
    good, *silent = two_weeks(zone.name, f"dmarc@{zone.name}")[:10]
    mails = [(good, zone.name), *((raw, f"silent.n{number // 2}.{zone.name}") for number, raw in enumerate(silent))]
    for number, raw in enumerate(signed(mails, pem(key))):
        trusted.deliver(raw, time.time() + number, "Silent")
    with Deaf(server.port, b"silent") as resolver:
        collector = Collector(tmp_path, {**trusted.place, "folder": "Silent"}, resolver.port)
        script = collector.live / "sorter/sort_reports.py"
        script.write_text(script.read_text().replace("MOST_SECONDS = 300", "MOST_SECONDS = 3"))
        assert collector.collect(trusted.certificate).returncode == 0
    found = evidence_of(collector, zone.name)
    assert found["new"] == 1
    reasons = ("the DNS did not answer for their DKIM keys", "one run sorts for 0 minutes")
    counts = [
        re.findall(rf"(\d+) messages stay in Silent, because {why}", "\n".join(found["problems"])) for why in reasons
    ]
    assert sum(int(number) for (number,) in counts) == len(silent)


def test_only_reporters_that_are_named_count(server, zone, trusted, tmp_path, key):
    trusted.make_folder("Named")
    publish(zone, key, "mf1._domainkey")
    senders = [f"dmarc@{zone.name}", f"x@mail.{zone.name}", f"guest@{zone.name}"]
    report = [dmarc_reports.report(zone.name, TODAY - datetime.timedelta(days=age)) for age in (1, 2, 3)]
    mails = [(mail(text, sender, sender), zone.name) for text, sender in zip(report, senders, strict=True)]
    for raw in signed(mails, pem(key)):
        trusted.deliver(raw, time.time(), "Named")
    named = [f"dmarc@{zone.name}", f"mail.{zone.name}"]
    collector = Collector(tmp_path, {**trusted.place, "folder": "Named"}, server.port, reporters=named)
    assert collector.collect(trusted.certificate).returncode == 0
    found = evidence_of(collector, zone.name)
    assert (found["new"], found["unsigned"]) == (2, 1)


def test_a_maildir_is_sorted_as_well(server, zone, tmp_path, key):
    publish(zone, key, "mf1._domainkey")
    maildir = tmp_path / "Maildir"
    for part in ("cur", "new", "tmp"):
        (maildir / part).mkdir(parents=True)
    mails = [(raw, zone.name) for raw in two_weeks(zone.name, f"dmarc@{zone.name}")[:2]]
    for number, raw in enumerate([signed(mails[:1], pem(key))[0], mails[1][0]]):
        (maildir / f"new/{NOON}.{number}.test").write_bytes(raw)
    collector = Collector(tmp_path, {}, server.port, maildir=str(maildir))
    done = collector.collect(Path("/dev/null"))
    assert done.returncode == 0, done.stderr
    found = evidence_of(collector, zone.name)
    assert (found["new"], found["unsigned"]) == (1, 1)
    assert sorted(path.parent.parent.name for path in maildir.rglob(f"{NOON}.*")) == ["Aggregate", "Aggregate"]
