# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The delivery status notification for a recipient that could not be reached (RFC 3464). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from email.generator import BytesGenerator
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.policy import SMTP
from email.utils import formatdate
from io import BytesIO
from typing import Any

from . import message


def wanted(mail_from: str, suppressed: bool) -> bool:
    """Never for a null sender: that is how notices themselves are sent."""
    return bool(mail_from) and not suppressed


def build(host: str, sender: str, record: Mapping[str, Any], name: str, now: float, original: bytes) -> bytes:
    """From the accounting record of the bounce, with the header of the original message."""
    notice = MIMEMultipart("report", policy=SMTP, **{"report-type": "delivery-status"})
    notice["From"] = sender
    notice["To"] = record["orig"]
    notice["Subject"] = "Delivery report"
    notice["Date"] = formatdate(now)
    notice["Message-ID"] = f"<{name}@{host}>"
    notice["Auto-Submitted"] = "auto-replied"
    said = f"{record['dsnStatus']} {record['dsnDiag'].removeprefix('smtp;')}".strip()
    notice.attach(MIMEText(f"This message could not be delivered to {record['rcpt']}:\n\n{said}\n", policy=SMTP))
    notice.attach(_status(host, record))
    headers = MIMENonMultipart("text", "rfc822-headers", policy=SMTP)
    headers.set_payload(message.header(original).decode("utf-8", "replace"), "utf-8")
    notice.attach(headers)
    text = BytesIO()
    BytesGenerator(text, policy=SMTP).flatten(notice)
    return text.getvalue()


def _status(host: str, record: Mapping[str, Any]) -> Message:
    whole, recipient = Message(), Message()
    whole["Reporting-MTA"] = f"dns; {host}"
    recipient["Final-Recipient"] = f"rfc822; {record['rcpt']}"
    recipient["Action"] = "failed"
    recipient["Status"] = record["dsnStatus"].partition(" ")[0]
    if record["dsnDiag"]:
        recipient["Diagnostic-Code"] = f"smtp; {record['dsnDiag'].removeprefix('smtp;')}"
    status = MIMENonMultipart("message", "delivery-status", policy=SMTP)
    status.set_payload([whole, recipient])
    return status
