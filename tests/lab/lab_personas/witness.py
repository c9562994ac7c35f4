# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""A copy for the golden receiver, as if the sender had brought it there: its verdict on what a persona accepted."""

from __future__ import annotations

import contextlib
import smtplib
from typing import Any

GOLDEN = "203.0.113.100"


def testify(raw: bytes, record: dict[str, Any], message: dict[str, Any]) -> None:
    """Hand over the message with the sender's address and HELO by Postfix's XCLIENT; a failure loses the copy only."""
    source = record["source"] if ":" not in record["source"] else f"IPV6:{record['source']}"
    with contextlib.suppress(OSError, smtplib.SMTPException), smtplib.SMTP(GOLDEN, 25, timeout=10) as smtp:
        smtp.ehlo()
        smtp.docmd(f"XCLIENT NAME={record['helo']} ADDR={source} HELO={record['helo']} PROTO=ESMTP")
        smtp.ehlo(record["helo"])
        smtp.sendmail(message["mail_from"], [f"{record['persona']}@golden.example"], raw)
