# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Reads messages' trace headers from a mailbox by IMAP over TLS. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import contextlib
import imaplib
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._mailbox import FOLDER, PORT

_TIMEOUT = 30
_AT_ONCE = 500  # messages of one request
_WANTED = "(INTERNALDATE BODY.PEEK[HEADER.FIELDS (RECEIVED AUTHENTICATION-RESULTS)])"
_ENCODED = re.compile(r"[^ -~]+|&")


class MailboxError(Exception):
    """What failed, as _mailbox.mailbox_fault knows it, and the words of the server or the system."""

    def __init__(self, kind: str, fault: object) -> None:
        words = fault.args[0] if isinstance(fault, imaplib.IMAP4.error) and fault.args else fault
        self.kind, self.words = kind, words.decode("ascii", "replace") if isinstance(words, bytes) else str(words)
        super().__init__(self.words)


def read_traces(place: Mapping[str, Any], since: int, most: int) -> list[tuple[int, bytes]]:
    """When a message came and its Received and Authentication-Results headers, of the newest ones; none is marked."""
    with _faults("connection"):
        # imaplib's own context would take any certificate.
        trusted = ssl.create_default_context()
        port = int(place.get("port") or PORT)
        mailbox = imaplib.IMAP4_SSL(str(place["host"]), port, ssl_context=trusted, timeout=_TIMEOUT)
    try:
        with _faults("login"):
            mailbox.login(str(place["user"]), str(place["password"]))
        with _faults("folder"):
            answer, said = mailbox.select(_quoted(str(place.get("folder") or FOLDER)), readonly=True)
            if answer != "OK":
                raise imaplib.IMAP4.error(said[0])
        with _faults("reading"):
            return list(_traces(mailbox, since, most))
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            mailbox.logout()


@contextlib.contextmanager
def _faults(kind: str) -> Iterator[None]:
    """A server that refuses what is done here, or that is away."""
    try:
        yield
    except ssl.SSLCertVerificationError as fault:
        raise MailboxError("certificate", fault.verify_message) from None
    except (OSError, imaplib.IMAP4.abort) as fault:
        raise MailboxError("reading" if kind == "reading" else "connection", fault) from None
    except (UnicodeError, imaplib.IMAP4.error) as fault:
        raise MailboxError(kind, fault) from None


def _traces(mailbox: imaplib.IMAP4_SSL, since: int, most: int) -> Iterator[tuple[int, bytes]]:
    # Not by strftime: IMAP's names of months are English, whatever the locale.
    day = imaplib.Time2Internaldate(datetime.fromtimestamp(since, timezone.utc)).strip('"').split()[0]
    _answer, numbers = mailbox.uid("SEARCH", f"SINCE {day}")
    newest = (numbers[0] or b"").decode().split()[-most:]
    for first in range(0, len(newest), _AT_ONCE):
        _answer, parts = mailbox.uid("FETCH", ",".join(newest[first : first + _AT_ONCE]), _WANTED)
        # The date may stand on either side of the headers.
        for part, rest in zip(parts, [*parts[1:], b""]):
            if isinstance(part, tuple):
                moment = imaplib.Internaldate2tuple(part[0] + (rest if isinstance(rest, bytes) else b""))
                yield int(time.mktime(moment)) if moment else 0, part[1]


def _quoted(folder: str) -> str:
    """As IMAP spells it: quoted, and in its own kind of UTF-7."""

    def encode(match: re.Match[str]) -> str:
        text = base64.b64encode(match[0].encode("utf-16-be")).rstrip(b"=").replace(b"/", b",").decode()
        return "&-" if match[0] == "&" else f"&{text}-"

    name = _ENCODED.sub(encode, folder).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}"'
