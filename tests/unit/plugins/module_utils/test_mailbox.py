# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Settings of mailboxes, and what parsedmarc's log says about them; tests/dns/test_mailbox.py has a server."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_log import complaints
from ansible_collections.mailfleet.mta.plugins.module_utils._imap import _quoted
from ansible_collections.mailfleet.mta.plugins.module_utils._mailbox import mailbox_problems

PLACE = {"host": "imap.example.net", "user": "dmarc@example.net", "password": 'a "b" 100% #;'}


@pytest.mark.parametrize("more", [{}, {"port": 1993, "folder": "Prüf/Fälle & mehr"}, {"port": "993"}])
def test_a_mailbox(more: dict[str, Any]) -> None:
    assert mailbox_problems({**PLACE, **more}, "box") == []


@pytest.mark.parametrize(
    ("place", "problems"),
    [
        ("imap.example.net", ["box: is no mapping; write host, user, password of the mailbox."]),
        ({**PLACE, "password": ""}, ["box.password: is missing; add it."]),
        ({**PLACE, "ssl": False}, ["box.ssl: is no setting; use one of host, user, password, port, folder."]),
        ({**PLACE, "port": 0}, ["box.port: '0' is no port; IMAP over TLS has 993."]),
        ({**PLACE, "port": True}, ["box.port: 'True' is no port; IMAP over TLS has 993."]),
        (
            {**PLACE, "folder": "INBOX\n[smtp]"},
            ["box.folder: begins or ends with a space, or has control characters; remove them."],
        ),
        (
            {**PLACE, "password": "geheim "},
            ["box.password: begins or ends with a space, or has control characters; remove them."],
        ),
        (
            {**PLACE, "password": "größer"},
            ["box.password: has other characters than ASCII, which IMAP's LOGIN cannot say."],
        ),
        ({"port": 993}, [f"box.{name}: is missing; add it." for name in ("host", "user", "password")]),
    ],
)
def test_no_mailbox(place: Any, problems: list[str]) -> None:
    assert mailbox_problems(place, "box") == problems


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("INBOX", '"INBOX"'),
        ('DMARC "all" \\ more', '"DMARC \\"all\\" \\\\ more"'),
        ("Entwürfe & Co", '"Entw&APw-rfe &- Co"'),
        ("台北", '"&U,BTFw-"'),
    ],
)
def test_folders_as_imap_spells_them(name: str, spelled: str) -> None:
    assert _quoted(name) == spelled


def record(level: str, text: str) -> str:
    return f"2024-01-26 04:30:01,512 - {level} - [cli.py:3346] - {text}\n"


def trace(*lines: str) -> str:
    return "\n".join(('Traceback (most recent call last):\n  File "imapclient/imapclient.py", line 1', *lines))


def test_what_a_log_complains_about() -> None:
    log = "".join((
        "left over of another line\n",
        record("INFO", "Starting parsedmarc"),
        record("ERROR", "Failed to parse drop/bomb.xml.gz - Decompressed report"),
        record("ERROR", "IMAP Error\n" + trace("socket.gaierror: [Errno -2] Name or service not known")),
        record("ERROR", "Mailbox Error\n" + trace("TimeoutError: The read operation timed out")),
        record("ERROR", "Mailbox Error\nTraceback (most recent call last):\nPermissionError: [Errno 13] '/srv/mail'"),
        record("WARNING", "Message with subject \"Hello\" is not a valid report"),
        record("ERROR", "IMAP Error"),
        record("ERROR", ""),
    ))  # fmt: skip
    server = "dmarc_reports_imap: the IMAP server"
    assert list(complaints(log)) == [
        "Failed to parse drop/bomb.xml.gz - Decompressed report",
        f"{server} cannot be reached ([Errno -2] Name or service not known). Remedy: correct dmarc_reports_imap.host "
        "and dmarc_reports_imap.port, or open the way to it.",
        f"{server} broke off while its mail was read (The read operation timed out). Remedy: run again; no mail was "
        "lost.",
        "Mailbox Error: [Errno 13] '/srv/mail'",
        'Message with subject "Hello" is not a valid report',
        "IMAP Error",
    ]
