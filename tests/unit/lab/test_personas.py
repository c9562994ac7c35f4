# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What personas decide, and how they say it on the wire."""

from __future__ import annotations

import asyncio
import json
import smtplib
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from email import message_from_string

import pytest
from lab_personas import feedback
from lab_personas.message import facts
from lab_personas.persona import Source, load, parse_setting
from lab_personas.server import Server
from mailfleet_lab import receivers
from mailfleet_lab.receivers import ask
from mailfleet_lab.world import table

IP = "198.51.100.21"
TABLE = table()
MAIL = (
    "From: Shop <news@example.com>\r\nMessage-ID: <1@example.com>\r\nX-Mailfleet-Lane: gmail-1\r\n"
    "X-Mailfleet-Injected: 1000.5\r\nDKIM-Signature: v=1; a=rsa-sha256; d=example.com;\r\n\ts=mf1; bh=x; b=y\r\n\r\n"
    ".hello\r\n"
)


def persona(**settings):
    made = load(TABLE)["generic"]
    made.settings |= settings
    return made


def test_every_persona_has_every_text_and_its_own_addresses():
    personas = load(TABLE)
    addresses = [a for p in personas.values() for group in p.settings["addresses"].values() for a in group]
    assert len(addresses) == len(set(addresses))
    for name, made in personas.items():
        for key in TABLE["default"]["texts"]:
            for line in made.text(key, host="mx.example", ip=IP, rcpt="a@b.example").split("\n"):
                assert line[:3].isdigit(), f"{name}.{key}: {line}"


@pytest.mark.parametrize(
    ("settings", "open_before", "expected"),
    [
        ({}, 50, None),
        ({"connections_per_ip": 2}, 1, None),
        ({"connections_per_ip": 2}, 2, "connections"),
        ({"refuse": "ip", "refuse_at": "banner"}, 0, "blocked"),
        ({"refuse": "ip"}, 0, None),
        ({"refuse": "ip", "refuse_at": "banner", "sources": ["198.51.100.99"]}, 0, None),
    ],
)
def test_connect(settings, open_before, expected):
    made = persona(**settings)
    for _each in range(open_before):
        made.connect(IP)
    assert made.connect(IP) == open_before + 1
    assert made.greet(IP) == expected
    made.disconnect(IP)
    assert made.source(IP).connections == open_before


@pytest.mark.parametrize(
    ("settings", "earlier", "expected"),
    [
        ({}, 1000, None),
        ({"messages_per_connection": 20}, 19, None),
        ({"messages_per_connection": 20}, 20, "messages"),
        ({"refuse": "temporary"}, 0, "temporary"),
        ({"refuse": "ip", "sources": [IP]}, 0, "blocked"),
        ({"refuse": "content"}, 0, None),
    ],
)
def test_mail(settings, earlier, expected):
    assert persona(**settings).mail(IP, earlier, now=0.0) == expected


@pytest.mark.parametrize(
    ("rcpt", "expected"),
    [
        ("anna@generic.example", None),
        ("Anna@Generic.Example", None),
        ("unknown7@generic.example", "unknown"),
        ("full@generic.example", "full"),
        ("later@generic.example", "later"),
        ("anna@gmail.com", "relay"),
    ],
)
def test_rcpt(rcpt, expected):
    assert persona().rcpt(IP, "a@example.com", rcpt, now=0.0) == expected


def test_greylisting_counts_per_triplet():
    made = persona(greylist=5)

    def ask(sender, now):
        return made.rcpt(IP, sender, "anna@generic.example", now)

    assert [ask("a@x", 100), ask("a@x", 104), ask("b@x", 105), ask("a@x", 105), ask("b@x", 110)] == [
        "greylist", "greylist", "greylist", None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(("signers", "limited"), [(["example.com"], "example.com"), (["example.org"], ""), ([], "")])
def test_a_signing_domain_may_be_limited(signers, limited):
    made = persona(signers=["example.com"])
    assert made.limited(signers) == limited
    assert limited in made.text("signer", domain=limited)


def test_a_domain_that_moved_here_is_welcome():
    made = persona(also=["moved.example.org"])
    asked = [made.rcpt(IP, "a@x", f"anna@{domain}", 0.0) for domain in ("moved.example.org", "other.example.org")]
    assert asked == [None, "relay"]


def test_rate_lets_ten_seconds_through_at_once_and_refills():
    made = persona(messages_per_minute=60)
    assert [made.mail(IP, 0, now=0.0) for _each in range(11)] == [None] * 10 + ["rate"]
    assert [made.mail(IP, 0, now=2.0) for _each in range(3)] == [None, None, "rate"]
    assert made.mail("198.51.100.22", 0, now=2.0) is None


def test_daily_volume_may_grow_but_not_jump():
    made = persona(first_day=3, growth=2.0, day_seconds=10)

    def day(start, attempts):
        return sum(made.data(IP, now=start) is None for _each in range(attempts))

    assert [day(10, 9), day(20, 9), day(30, 1), day(40, 9)] == [3, 6, 1, 3]


@pytest.mark.parametrize(
    ("accepted", "unknown", "complaints", "share"),
    [
        (10, 39, 0, 1.0),
        (98, 2, 0, 1.0),
        (90, 10, 0, 0.5),
        (85, 15, 0, 0.25),
        (1000, 0, 3, 0.5),
        (1000, 0, 9, 0.0),
        (50, 50, 0, 0.0),
    ],
)
def test_reputation(accepted, unknown, complaints, share):
    assert Source(accepted=accepted, unknown=unknown, complaints=complaints).share() == share


def test_a_lost_reputation_blocks():
    made = persona(reputation=True)
    made.source(IP).unknown = 60
    assert made.mail(IP, 0, now=0.0) == "blocked"
    made.forget()
    assert made.mail(IP, 0, now=0.0) is None


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("connections_per_ip=2", ("connections_per_ip", 2)),
        ("latency=0.1,2", ("latency", [0.1, 2.0])),
        ("sources=198.51.100.20,198.51.100.21", ("sources", ["198.51.100.20", "198.51.100.21"])),
        ("sources=", ("sources", [])),
        ("starttls=false", ("starttls", False)),
        ("refuse=", ("refuse", "")),
        ("complaints=0.01", ("complaints", 0.01)),
    ],
)
def test_setting(word, expected):
    assert parse_setting(TABLE["default"], word) == expected


@pytest.mark.parametrize("word", ["connections=2", "connections_per_ip", "growth=much", "refuse=maybe", "texts=x"])
def test_bad_setting(word):
    with pytest.raises(ValueError, match=r"^'?(refuse=)?\w+"):
        parse_setting(TABLE["default"], word)


def test_message_facts():
    assert facts(MAIL.encode(), now=1002.0) == {
        "size": len(MAIL), "from": "Shop <news@example.com>", "message_id": "<1@example.com>", "seconds": 1.5,
        "dkim": [{"d": "example.com", "s": "mf1", "a": "rsa-sha256"}],
        "headers": {"x-mailfleet-lane": "gmail-1", "x-mailfleet-injected": "1000.5"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("make", "kind"), [(feedback.complaint, "feedback-report"), (feedback.bounce, "delivery-status")]
)
def test_reports_parse(make, kind):
    record = {"persona": "gmail", "source": IP, "host": "mx.gmail.example"}
    message = {"mail_from": "b@bounce.example.com", "received": 1000.0, "dkim": [{"d": "example.com"}]}
    mail = message_from_string(make(MAIL.encode(), record, message, "anna@gmail.com").as_string())
    assert (mail.get_content_type(), mail.get_param("report-type")) == ("multipart/report", kind)
    assert [part.get_content_type() for part in mail.walk()][1:3] == ["text/plain", f"message/{kind}"]
    assert "Message-ID: <1@example.com>" in mail.as_string()


@pytest.fixture
def dialogue(tmp_path):
    """Run a conversation with a persona over a real socket; gives what the conversation returned, and the records."""
    certificate = tmp_path / "tls.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=mx"
    subprocess.run(
        [*command.split(), "-keyout", certificate, "-out", tmp_path / "crt"], check=True, capture_output=True
    )
    certificate.write_text(certificate.read_text() + (tmp_path / "crt").read_text())

    def talk(conversation, **settings):
        entry = {"addresses": {"mx.test": ["127.0.0.1"]}, "domains": {"generic.example": []}, **settings}

        async def main():
            server = Server({"default": TABLE["default"], "generic": entry}, tmp_path, certificate, port=0)
            listeners = await server.start()
            port = listeners[0].sockets[0].getsockname()[1]
            result = await asyncio.to_thread(conversation, port)
            for _each in range(100):
                if not server.sessions:
                    break
                await asyncio.sleep(0.01)
            for listener in listeners:
                listener.close()
            return result

        result = asyncio.run(main())
        return result, [json.loads(line) for line in (tmp_path / "records.jsonl").read_text().splitlines()]

    return talk


def test_wire_two_messages_over_tls(dialogue):
    def conversation(port):
        with smtplib.SMTP("127.0.0.1", port, local_hostname="mta.test") as smtp:
            smtp.starttls()
            smtp.sendmail("a@example.com", ["anna@generic.example", "unknown@generic.example"], MAIL)
            smtp.sendmail("a@example.com", ["bert@generic.example"], "")

    _result, [record] = dialogue(conversation)
    first, second = record["messages"]
    assert (record["helo"], record["tls"], record["end"]) == ("mta.test", "TLSv1.3", "quit")
    assert (first["mail_from"], first["dkim"][0]["s"], first["size"]) == ("a@example.com", "mf1", len(MAIL))
    assert [rcpt["reply"][:3] for rcpt in first["rcpts"]] == ["250", "550"]
    assert (first["reply"][:3], second["reply"][:3], second["rcpts"][0]["to"]) == ("250", "250", "bert@generic.example")


def test_wire_421_at_the_banner_and_at_the_message_limit(dialogue):
    def conversation(port):
        with smtplib.SMTP("127.0.0.1", port) as first:
            with pytest.raises(smtplib.SMTPConnectError) as refused:
                smtplib.SMTP("127.0.0.1", port)
            first.sendmail("a@example.com", ["anna@generic.example"], MAIL)
            with pytest.raises(smtplib.SMTPSenderRefused) as limited:
                first.sendmail("a@example.com", ["anna@generic.example"], MAIL)
        return refused.value.smtp_code, limited.value.smtp_code

    codes, records = dialogue(conversation, connections_per_ip=1, messages_per_connection=1)
    assert codes == (421, 421)
    assert [(record["connections"], record["end"]) for record in records] == [(2, "refused"), (1, "421")]
    assert [message["reply"] is None for message in records[1]["messages"]] == [False, True]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"do": "set", "persona": "generic", "settings": ["greylist=9"]}, ("greylist", 9)),
        ({"do": "set", "persona": "nobody", "settings": []}, ("error", "No persona 'nobody'. Known ones: generic.")),
    ],
)
def test_control_socket(dialogue, tmp_path, request_, expected):
    (answer, _records) = dialogue(lambda _port: ask(request_, tmp_path))
    assert answer[expected[0]] == expected[1]


def test_a_shorter_latency_counts_at_once(dialogue, tmp_path):
    def conversation(port):
        with smtplib.SMTP("127.0.0.1", port) as smtp, ThreadPoolExecutor() as beside:
            sending = beside.submit(smtp.sendmail, "a@example.com", ["anna@generic.example"], MAIL)
            with pytest.raises(TimeoutError):
                sending.result(0.5)
            ask({"do": "set", "persona": "generic", "settings": ["latency=0,0"]}, tmp_path)
            return sending.result(10)

    refused, [record] = dialogue(conversation, latency=[60.0, 60.0])
    assert refused == {}
    assert record["messages"][0]["reply"].startswith("250")


def test_records_are_those_of_one_moment(dialogue, tmp_path, monkeypatch):
    """A session that ends while they are read is there once, and half a line that is being written is not read."""

    def conversation(port):
        smtplib.SMTP("127.0.0.1", port).quit()
        still_open = smtplib.SMTP("127.0.0.1", port)
        file = tmp_path / "records.jsonl"

        def lines(number):
            while len(file.read_text().splitlines()) < number:
                time.sleep(0.01)

        def meanwhile(request, shared):
            answer = ask(request, shared)
            still_open.quit()
            lines(2)
            with file.open("a") as also:
                also.write('{"persona": "gen')
            return answer

        lines(1)
        monkeypatch.setattr(receivers, "ask", meanwhile)
        found = list(receivers.records(shared=tmp_path))
        file.write_text("")
        return found

    found, _records = dialogue(conversation)
    assert [record["closed"] is None for record in found] == [False, True]
