# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Reads what receivers said from where it lies: a Maildir, a mailbox by IMAP, a directory of DMARC reports. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.mailfleet.mta.plugins.module_utils._imap import MailboxError, read_traces
from ansible_collections.mailfleet.mta.plugins.module_utils._mailbox import mailbox_fault
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_evidence import DAY, Sighting
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_seen import Hosts, Seen, of_message, of_report
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_settings import ROOT, Source

LATEST = 5000  # messages that are looked at, the newest of a mailbox


def read_all(
    sources: tuple[Source, ...], hosts: Hosts, since: int
) -> tuple[dict[str, tuple[Sighting, ...]], list[str]]:
    """Sightings by domain, and a sentence for each source that could not be read."""
    found: dict[str, list[Sighting]] = {}
    problems = []
    for number, source in enumerate(sources):
        path = f"{ROOT}.seen[{number}]"
        try:
            for domain, sighting in _READERS[source.kind](source, hosts, since):
                found.setdefault(domain, []).append(sighting)
        except MailboxError as error:
            problems.append(f"{mailbox_fault(error.kind, error.words, f'{path}.imap')} Nothing is known from there.")
        except (OSError, ValueError) as error:
            where = source.place["path"]
            problems.append(f"{path}: {where} cannot be read ({error}), so nothing is known from there.")
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
    for stored, raw in read_traces(source.place, since, LATEST):
        yield from of_message(raw, stored, source.authserv_id, hosts)


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
