# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""From bare hosts to mail in every lane, compared with the receivers' own records."""

from __future__ import annotations

import collections
import json
from pathlib import Path

import pytest

from tests.support import lab, traffic
from tests.support.backends import backend
from tests.support.inject import Message

MX1, MX2 = "198.51.100.11", "198.51.100.12"
FINGERPRINT = (
    "find /etc /usr/lib/systemd /lib/systemd /var/lib/mailfleet /var/spool /root -xdev ! -type s -printf '%p %s %T@\\n'"
    " 2>/dev/null | grep -v -e /var/spool/cron -e '/etc$' | sort | sha256sum;"
    " ip -o address show scope global; dpkg-query -W | sha256sum"
)


def test_check_mode_on_bare_hosts_succeeds_and_writes_nothing(bare_lab: None) -> None:
    before = {host: lab.ssh(host, FINGERPRINT) for host in ("mx1", "mx2")}
    run = lab.play(lab.INVENTORY, "--check", "--diff")
    assert run.code == 0, run.output[-4000:]
    assert backend("mx1").lane("198.51.100.20", "mta20.example.net") in run.output, "the diff shows the lanes"
    assert {host: lab.ssh(host, FINGERPRINT) for host in ("mx1", "mx2")} == before
    assert "v=spf1" not in lab.lab("run", "dig", "+short", "@192.0.2.53", "tx.example.com", "TXT")


def test_first_run_changes_and_second_run_does_not(fleet: lab.Play) -> None:
    assert all(fleet.changed.values())
    second = lab.play()
    assert second.code == 0, second.output[-4000:]
    assert second.changed == {"mx1": 0, "mx2": 0}, second.output[-4000:]


def test_every_lane_delivers_as_the_inventory_says(fleet: lab.Play) -> None:
    sent, got = traffic.through_every_lane()
    assert all(message.accepted for message in sent)
    everything = traffic.sources()
    assert not traffic.missing(everything, got, traffic.RECIPIENTS)
    copies = collections.Counter(delivery.identity for delivery in got)
    assert set(copies.values()) == {1}, "nothing is doubled"
    by_helo = {source.helo: source for source in everything}
    by_identity = {message.identity: message for message in sent}
    for delivery in got:
        source, message = by_helo[delivery.helo], by_identity[delivery.identity]
        domain = message.header_from.partition("@")[2]
        assert delivery.source in source.addresses
        assert domain in source.domains, "a domain leaves only by the addresses of its pool"
        assert delivery.signed == ((domain, "mf1"),)
        assert delivery.mail_from == message.sender
        assert delivery.recipients == (message.recipient,)
        assert delivery.tls


def test_both_addresses_of_a_dual_stack_lane_carry_mail(fleet: lab.Play) -> None:
    used = {delivery.source for delivery in lab.deliveries() if delivery.helo == "mta21.example.net"}
    assert used <= {"198.51.100.21", "2001:db8:100::21"}


def test_no_receiver_saw_more_connections_than_the_profile_allows(fleet: lab.Play) -> None:
    limits = {"gmail": 8, "outlook": 5, "yahoo": 6, "orange": 2}
    for session in lab.sessions():
        assert session["connections"] <= limits.get(session["persona"], 10), session


def test_the_golden_receiver_finds_every_pool_authentic(fleet: lab.Play) -> None:
    sent: list[Message] = []
    for source in traffic.sources():
        sent += lab.submit(
            source.submission,
            source.port,
            [Message(f"b@bounce.{domain}", "anna@golden.example", f"news@{domain}") for domain in source.domains],
        )
    assert all(message.accepted for message in sent), [message.reply for message in sent]

    def all_there() -> dict[str, dict[str, object]] | None:
        found = lab.verdicts()
        return found if all(message.identity in found for message in sent) else None

    found = lab.wait_for("all messages at the golden receiver", all_there)
    for message in sent:
        verdict, domain = found[message.identity], message.header_from.partition("@")[2]
        assert (verdict["spf"], verdict["dmarc"]) == ("pass", "pass"), verdict
        assert [(d["result"], d["d"], d["s"]) for d in verdict["dkim"]] == [("pass", domain, "mf1")], verdict


@pytest.mark.only("postfix", reason="PowerMTA takes all mail, and the sender domain says the pool, whatever the port")
@pytest.mark.parametrize(
    ("port", "sender", "header_from", "reply"),
    [
        (2587, "b@example.com", "b@example.com", "553 5.7.1 * example.com is sent by pool campaign: submit to"),
        (2588, "b@unknown.example.com", "b@example.com", "553 5.7.1 * this sender domain is not in the fleet"),
        (2587, "b@tx.example.com", "b@example.com", "5?4 5.7.1 *example.com belongs to pool campaign"),
        (2587, "b@tx.example.com", "b@elsewhere.example", "5?4 5.7.1 *elsewhere.example is not a domain of this fleet"),
    ],
)
def test_mail_of_another_pool_is_refused_with_the_right_endpoint(
    fleet: lab.Play, port: int, sender: str, header_from: str, reply: str
) -> None:
    import fnmatch

    (message,) = lab.submit("198.51.100.11", port, [Message(sender, "u@generic.example", header_from)])
    assert fnmatch.fnmatchcase(message.reply, reply + "*"), message.reply


def test_the_general_endpoint_hands_each_domain_to_its_pool(fleet: lab.Play) -> None:
    """mx2 serves several pools; an address of the right one brings the message."""
    own = [source for source in traffic.sources() if source.host == "mx2"]
    messages = [
        Message(f"b@bounce.{domain}", "entry@generic.example", f"a@{domain}")
        for source in own
        for domain in source.domains
    ]
    sent = lab.submit("198.51.100.12", 587, messages)
    by_identity = {message.identity: message for message in sent}
    for delivery in traffic.arrived(sent):
        domain = by_identity[delivery.identity].header_from.partition("@")[2]
        assert delivery.helo in {source.helo for source in own if domain in source.domains}
        assert delivery.signed == ((domain, "mf1"),)


def test_the_audit_sees_what_was_published_and_what_the_lab_lacks(fleet: lab.Play, tmp_path: Path) -> None:
    playbook = lab.ROOT / "playbooks/auth_check.yml"
    audit = lab.play(lab.INVENTORY, "-e", f"audit_directory={tmp_path}", playbook=playbook)
    report = json.loads((tmp_path / "auth_check.json").read_text())
    errors = {(finding["check"], finding["subject"]) for finding in report["findings"] if finding["level"] == "error"}
    assert not [check for check, _subject in errors if check.startswith(("spf", "dkim", "dmarc", "name-servers"))]
    # The lab's reverse zone knows the senders by another name than the one that this address says.
    (helo,) = (source.helo for source in traffic.sources() if "198.51.100.32" in source.addresses)
    assert ("helo-ptr", "198.51.100.32") in errors
    assert audit.code == 2
    assert f"Publish 198.51.100.32 PTR {helo}" in audit.words
    assert helo in (tmp_path / "auth_check.html").read_text()


@pytest.mark.parametrize(("host", "address", "other"), [("mx1", MX1, "mx2"), ("mx2", MX2, "mx1")])
def test_no_listener_is_an_open_relay(fleet: lab.Play, host: str, address: str, other: str) -> None:
    """The other sender is no allowed network of its pools."""
    probe = (
        f'python3 -c \'import smtplib; s = smtplib.SMTP("{address}", 2587); s.ehlo("probe.example"); '
        's.mail("b@tx.example.com"); print(s.rcpt("u@gmail.com")[0])\''
    )
    assert lab.ssh(other, probe).strip() in ("554", "503", "530")


@pytest.mark.parametrize(("host", "address", "other"), [("mx1", MX1, "mx2"), ("mx2", MX2, "mx1")])
def test_an_application_sends_with_its_password_over_tls_and_only_as_its_own_pool(
    fleet: lab.Play, host: str, address: str, other: str
) -> None:
    probe = (
        "import smtplib, ssl, sys\n"
        "context = ssl._create_unverified_context()\n"
        "def send(user, sender):\n"
        "    s = smtplib.SMTP('ADDRESS', 2587)\n"
        "    s.starttls(context=context)\n"
        "    s.login(user, user + '-secret')\n"
        "    s.mail(sender)\n"
        "    return s.rcpt('u@generic.example')[0]\n"
        "print(send('shop', 'b@tx.example.com'), send('newsletter', 'b@tx.example.com'))\n"
        "s = smtplib.SMTP('ADDRESS', 2587); s.ehlo()\n"
        "print('AUTH' in s.esmtp_features or 'auth' in s.esmtp_features)\n"
    )
    answer = lab.ssh(other, f'python3 -c "{probe.replace("ADDRESS", address)}"').split()
    assert answer == ["250", backend(host).foreign_sender, "False"], "no password is asked for without TLS"
