# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""Bounces and complaints that come back by mail: for whom they are, and what they say. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes, message_from_string
from email.message import Message
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._powermta_model import Block

from .values import pattern

BOUNCE, FEEDBACK = "bounce-processor", "feedback-loop-processor"


class Addresses:
    """The <address-list> of a processor."""

    def __init__(self, processors: list[Block]) -> None:
        lists = [block for processor in processors for block in processor.all("address-list")]
        self.domains = {setting.value.lower() for block in lists for setting in block.of("domain")}
        written = [setting.value for block in lists for setting in block.of("address")]
        self.addresses = {value.lower() for value in written if value[:1] != "/"}
        self.patterns = [pattern(value.strip("/")) for value in written if value[:1] == "/"]

    def __contains__(self, address: str) -> bool:
        address = address.lower()
        return (
            address in self.addresses
            or address.rpartition("@")[2] in self.domains
            or any(expression.search(address) for expression in self.patterns)
        )


def read(content: bytes, rcpt: str, kind: str) -> Iterator[dict[str, Any]]:
    """The records of a report to this address; none for mail that is no report of this kind."""
    mail = message_from_bytes(content)
    parts = {part.get_content_type(): part for part in mail.walk()}
    if kind == FEEDBACK and "message/feedback-report" in parts:
        yield _complaint(parts)
    if kind == BOUNCE and "message/delivery-status" in parts:
        yield from _bounces(parts["message/delivery-status"], rcpt)


def _inner(part: Message | None) -> list[Message]:
    payload = part.get_payload() if part is not None else []
    return [block for block in payload if isinstance(block, Message)] if isinstance(payload, list) else []


def _complaint(parts: dict[str, Message]) -> dict[str, Any]:
    (report,) = _inner(parts["message/feedback-report"])[:1] or [Message()]
    original = _headers(parts)
    return {
        "type": "f",
        "format": "arf",
        "orig": report.get("Original-Mail-From", "").strip("<> "),
        "rcpt": report.get("Original-Rcpt-To", "").strip("<> "),
        "feedbackType": report.get("Feedback-Type", ""),
        "userAgent": report.get("User-Agent", ""),
        "reportingMta": _after(report.get("Reporting-MTA", "")),
        "reportedDomain": report.get("Reported-Domain", ""),
        "repSourceIp": report.get("Source-IP", ""),
        "dlvSourceIp": report.get("Source-IP", ""),
        **{f"header_{name}": value for name, value in original.items()},
    }


def _headers(parts: dict[str, Message]) -> Message:
    """The header fields of the message that is complained about."""
    if "text/rfc822-headers" in parts:
        return message_from_string(str(parts["text/rfc822-headers"].get_payload()))
    return next(iter(_inner(parts.get("message/rfc822"))), Message())


def _bounces(part: Message, rcpt: str) -> Iterator[dict[str, Any]]:
    whole, *recipients = _inner(part) or [Message()]
    for each in recipients:
        action = each.get("Action", "").strip().lower()
        yield {
            "type": "rb" if action == "failed" else "rs",
            "format": "dsn",
            "orig": rcpt,
            "rcpt": _after(each.get("Final-Recipient", "")),
            "orcpt": _after(each.get("Original-Recipient", "")),
            "dsnAction": action,
            "dsnStatus": each.get("Status", "").strip(),
            "dsnDiag": "smtp;" + _after(each.get("Diagnostic-Code", "")),
            "dsnMta": _after(each.get("Remote-MTA", "")),
            "dsnReportingMta": _after(whole.get("Reporting-MTA", "")),
        }


def _after(value: str) -> str:
    """What follows the type, as in "rfc822; u@example.com"."""
    return (value.partition(";")[2] or value).strip()
