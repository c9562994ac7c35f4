# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Where a mailbox is that is read by IMAP over TLS, and what its faults mean to an operator. Pure.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PORT, FOLDER = 993, "INBOX"
_NEEDED = ("host", "user", "password")
_KNOWN = (*_NEEDED, "port", "folder")
_REMEDIES = {
    "connection": "cannot be reached ({words}). Remedy: correct {path}.host and {path}.port, or open the way to it.",
    "certificate": (
        "shows a certificate that is not trusted ({words}). Remedy: write the name that the certificate is for to "
        "{path}.host, or add its CA to those of the system (update-ca-certificates)."
    ),
    "login": "refuses the user or the password ({words}). Remedy: correct {path}.user and {path}.password.",
    "folder": "does not open the folder ({words}). Remedy: correct {path}.folder, or make the folder.",
    "reading": "broke off while its mail was read ({words}). Remedy: run again; no mail was lost.",
}


def mailbox_problems(place: Any, path: str) -> list[str]:
    """A sentence for everything that is wrong with {host, user, password, port, folder}."""
    if not isinstance(place, Mapping):
        return [f"{path}: is no mapping; write {', '.join(_NEEDED)} of the mailbox."]
    problems = [
        f"{path}.{name}: is no setting; use one of {', '.join(_KNOWN)}." for name in place if name not in _KNOWN
    ]
    problems += [f"{path}.{name}: is missing; add it." for name in _NEEDED if not place.get(name)]
    port = place.get("port", PORT)
    if isinstance(port, bool) or not str(port).isdigit() or not 0 < int(port) < 65536:
        problems.append(f"{path}.port: '{port}' is no port; IMAP over TLS has {PORT}.")
    for name in ("host", "user", "password", "folder"):
        text = str(place.get(name) or "")
        if text != text.strip() or not text.isprintable():
            problems.append(f"{path}.{name}: begins or ends with a space, or has control characters; remove them.")
        elif name != "folder" and not text.isascii():
            problems.append(f"{path}.{name}: has other characters than ASCII, which IMAP's LOGIN cannot say.")
    return problems


def mailbox_fault(kind: str, words: str, path: str) -> str:
    """The sentence for a fault; `words` are the server's or the system's."""
    return f"{path}: the IMAP server {_REMEDIES[kind].format(words=words.rstrip('.'), path=path)}"
