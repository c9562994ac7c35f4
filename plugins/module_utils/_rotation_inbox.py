# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Reads what receivers said from where it lies: a Maildir, a mailbox by IMAP, a directory of DMARC reports. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import imaplib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import DAY, Sighting
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_seen import Hosts, Seen, of_message, of_report
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_settings import Source

LATEST = 5000  # messages that are looked at, the newest of a mailbox
_TIMEOUT = 30
_IMAPS = 993


def read_all(
    sources: tuple[Source, ...], hosts: Hosts, since: int
) -> tuple[dict[str, tuple[Sighting, ...]], list[str]]:
    """Sightings by domain, and a sentence for each source that could not be read."""
    found: dict[str, list[Sighting]] = {}
    problems = []
    for source in sources:
        try:
            for domain, sighting in _READERS[source.kind](source, hosts, since):
                found.setdefault(domain, []).append(sighting)
        except (OSError, ValueError, imaplib.IMAP4.error) as error:
            where = source.place.get("path") or source.place.get("host")
            problems.append(f"dkim_rotation.seen: {where} cannot be read ({error}), so nothing is known from there.")
    return {domain: tuple(own) for domain, own in found.items()}, problems


def _maildir(source: Source, hosts: Hosts, since: int) -> Iterator[Seen]:
    root = Path(source.place["path"])
    if not root.exists() and root.parent.is_dir():
        return  # the first delivery makes it
    if not root.is_dir():
        raise OSError("there is no such directory")
    folders = [root / name for name in ("new", "cur") if (root / name).is_dir()] or [root]
    files = [
        (entry.stat().st_mtime, entry.path) for folder in folders for entry in os.scandir(folder) if entry.is_file()
    ]
    for stored, path in sorted(files)[-LATEST:]:
        if stored >= since:
            yield from of_message(Path(path).read_bytes(), int(stored), source.authserv_id, hosts)


def _imap(source: Source, hosts: Hosts, since: int) -> Iterator[Seen]:
    place: dict[str, Any] = {"port": _IMAPS, "folder": "INBOX", **source.place}
    with imaplib.IMAP4_SSL(str(place["host"]), int(place["port"]), timeout=_TIMEOUT) as mailbox:
        mailbox.login(str(place["user"]), str(place["password"]))
        mailbox.select(str(place["folder"]), readonly=True)
        day = time.strftime("%d-%b-%Y", time.gmtime(since))
        _answer, numbers = mailbox.uid("SEARCH", f"SINCE {day}")
        for number in (numbers[0] or b"").split()[-LATEST:]:
            _answer, parts = mailbox.uid("FETCH", number.decode(), "(INTERNALDATE BODY.PEEK[HEADER])")
            for part in parts:
                if isinstance(part, tuple):
                    moment = imaplib.Internaldate2tuple(part[0])
                    stored = int(time.mktime(moment)) if moment else 0
                    yield from of_message(part[1], stored, source.authserv_id, hosts)


def _dmarc(source: Source, hosts: Hosts, since: int) -> Iterator[Seen]:
    """Every *.json below the directory: one report, a list of them, or what parsedmarc writes as a whole."""
    root = Path(source.place["path"])
    if not root.is_dir():
        raise OSError("there is no such directory")
    for path in sorted(root.rglob("*.json")):
        if path.stat().st_mtime >= since:
            content = json.loads(path.read_text(encoding="utf-8"))
            reports = content.get("aggregate_reports", [content]) if isinstance(content, dict) else content
            for report in reports:
                yield from of_report(report, hosts)


def oldest(now: int) -> int:
    """What is older says nothing about a rotation that is under way."""
    return now - 60 * DAY


_READERS = {"maildir": _maildir, "imap": _imap, "dmarc": _dmarc}
