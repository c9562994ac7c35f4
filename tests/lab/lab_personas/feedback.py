# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""What a provider sends back later: complaints in the Abuse Reporting Format, and bounces after acceptance."""

from __future__ import annotations

import asyncio
import random
import smtplib
import subprocess
import time
from collections.abc import Callable
from email import message_from_string
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

from .persona import Persona

RESOLVER = "192.0.2.53"


def wanted(persona: Persona, rcpt: str) -> str | None:
    """'complaint' or 'bounce' for an accepted recipient: always for local parts named so, else by the set share."""
    for kind, share in (("complain", persona.settings["complaints"]), ("bounce", persona.settings["bounces"])):
        if rcpt.startswith(kind) or random.random() < share:
            return "complaint" if kind == "complain" else kind
    return None


def complaint(raw: bytes, record: dict[str, Any], message: dict[str, Any], rcpt: str) -> EmailMessage:
    """RFC 5965: a text, the machine-readable part, the original headers."""
    report = (
        f"Feedback-Type: abuse\nUser-Agent: {record['persona']}-feedback/1.0\nVersion: 1\n"
        f"Original-Mail-From: <{message['mail_from']}>\nOriginal-Rcpt-To: <{rcpt}>\n"
        f"Source-IP: {record['source']}\nArrival-Date: {formatdate(message['received'])}\n"
        f"Reported-Domain: {message['dkim'][0]['d'] if message['dkim'] else ''}\n"
    )
    text = f"This is an email abuse report for a message received from {record['source']}.\n"
    return _report("feedback-report", text, "message/feedback-report", report, raw, f"complaint about {rcpt}")


def bounce(raw: bytes, record: dict[str, Any], message: dict[str, Any], rcpt: str) -> EmailMessage:
    """RFC 3464: the recipient was accepted first and is found missing later."""
    report = (
        f"Reporting-MTA: dns; {record['host']}\nArrival-Date: {formatdate(message['received'])}\n\n"
        f"Final-Recipient: rfc822; {rcpt}\nAction: failed\nStatus: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 mailbox unavailable\n"
    )
    text = f"Your message to {rcpt} could not be delivered.\n"
    return _report("delivery-status", text, "message/delivery-status", report, raw, "Undelivered mail")


def _report(kind: str, text: str, part: str, report: str, raw: bytes, subject: str) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"], mail["Date"] = subject, formatdate()
    mail.set_content(text)
    mail.make_mixed()
    for kind_of_part, body in ((part, report), ("text/rfc822-headers", _headers(raw))):
        mail.attach(message_from_string(f"Content-Type: {kind_of_part}\n\n{body}", policy=mail.policy))
    mail.set_type("multipart/report")
    mail.set_param("report-type", kind)
    return mail


def _headers(raw: bytes) -> str:
    return raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").replace("\r\n", "\n") + "\n"


def mail_exchanger(domain: str) -> str | None:
    """The first MX of a domain, or the domain itself when it has an address; None when mail cannot go there."""
    for kind in ("MX", "A", "AAAA"):
        lines = subprocess.run(
            ["dig", "+short", "+time=1", f"@{RESOLVER}", domain, kind], capture_output=True, text=True, check=False
        ).stdout.split("\n")
        answers = sorted(line.split() for line in lines if line and not line.startswith(";"))
        if answers:
            return answers[0][-1].rstrip(".") or None if kind == "MX" else domain
    return None


async def send(
    persona: Persona, kind: str, raw: bytes, record: dict[str, Any], message: dict[str, Any], rcpt: str,
    write: Callable[[dict[str, Any]], None],
) -> None:  # fmt: skip
    """After the set delay, mail the report to the return path; the record says what became of it."""
    await asyncio.sleep(persona.settings["feedback_delay"])
    mail = (complaint if kind == "complaint" else bounce)(raw, record, message, rcpt)
    target = message["mail_from"]
    mail["To"], mail["From"] = target, f"{'feedback' if kind == 'complaint' else 'mailer-daemon'}@{record['host']}"
    reply = await asyncio.to_thread(_deliver, mail, target, record["host"], record["address"])
    facts = {"persona": persona.name, "source": record["source"], "rcpt": rcpt, "message_id": message["message_id"]}
    write({"time": time.time(), "kind": kind, "to": target, "reply": reply, **facts})


def _deliver(mail: EmailMessage, target: str, host: str, address: str) -> str:
    exchanger = mail_exchanger(target.rpartition("@")[2]) if "@" in target else None
    if not exchanger:
        return "not sent: the return path has no mail exchanger"
    try:
        with smtplib.SMTP(exchanger, 25, local_hostname=host, timeout=10, source_address=(address, 0)) as smtp:
            smtp.sendmail("", [target], mail.as_bytes())
    except (OSError, smtplib.SMTPException) as problem:
        return f"not sent: {problem}"
    return "250"
