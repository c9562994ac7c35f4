# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""What parsedmarc's log says of reports and mailboxes that it could not read. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ansible_collections.mailfleet.mta.plugins.module_utils._mailbox import mailbox_fault

MAILBOX = "dmarc_reports_imap"
_MOST = 300  # characters of one complaint
_RECORD = re.compile(r"^\d\S* \S+ - ([A-Z]+) - \[[^]]*\] - ", re.MULTILINE)
# The class of an exception, and what ssl puts around the reason.
_WRAPPING = re.compile(r"^[\w.]+: (\[SSL: \w+\] certificate verify failed: )?| \(_ssl\.c:\d+\)$")
_LEVELS = ("WARNING", "ERROR", "CRITICAL")
# What a traceback shows of the fault behind it; the first that fits.
_SIGNS = (
    ("SSLCertVerificationError", "certificate"),
    ("LoginError", "login"),
    ("select failed", "folder"),
)


def complaints(log: str) -> Iterator[str]:
    """In parsedmarc's own words; mailboxes that cannot be read as sentences with a remedy."""
    _head, *fields = _RECORD.split(log)
    for level, text in zip(fields[::2], fields[1::2]):
        if level in _LEVELS and text.strip():
            said, *more = text.strip().splitlines()
            yield _of_mailbox(said, more) if said in ("IMAP Error", "Mailbox Error") and more else said[:_MOST]


def _of_mailbox(said: str, trace: list[str]) -> str:
    whole, words = "\n".join(trace), _WRAPPING.sub("", trace[-1])[:_MOST]
    if "imapclient" not in whole:
        return f"{said}: {words}"  # of a Maildir
    other = "connection" if said == "IMAP Error" else "reading"
    return mailbox_fault(next((kind for sign, kind in _SIGNS if sign in whole), other), words, MAILBOX)
