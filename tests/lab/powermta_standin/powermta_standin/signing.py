# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""DKIM signatures, by dkimpy."""

from __future__ import annotations

from email.utils import parseaddr
from pathlib import Path

import dkim

from .domains import Settings
from .server import Key

# RFC 6376, 5.4.1, as far as they are there.
HEADERS = frozenset((
    "from", "reply-to", "subject", "date", "to", "cc", "message-id", "in-reply-to", "references", "mime-version",
    "content-type", "content-transfer-encoding", "list-unsubscribe", "list-unsubscribe-post", "list-id",
))  # fmt: skip


class Signer:
    def __init__(self) -> None:
        self._keys: dict[str, bytes] = {}

    def load(self, files: list[str]) -> list[str]:
        """Read the keys of a configuration; what cannot be read, and why."""
        keys, problems = {}, []
        for path in files:
            try:
                keys[path] = Path(path).read_bytes()
                dkim.crypto.parse_pem_private_key(keys[path])
            except OSError as error:
                problems.append(f"domain-key: {path} cannot be read: {error.strerror}")
            except dkim.UnparsableKeyError:
                problems.append(f"domain-key: {path} holds no RSA private key")
        if not problems:
            self._keys = keys
        return problems

    def sign(self, content: bytes, key: Key, domain: str, settings: Settings) -> bytes:
        """The header with the signature."""

        def one(name: str, default: str) -> str:
            return settings.get(name, [default])[-1]

        present = {name.strip().lower().decode("ascii", "replace") for name, _value in dkim.rfc822_parse(content)[0]}
        wanted = sorted(present & HEADERS)
        # Named once more than they are there, so that nobody can add another one.
        closed = [name.strip().lower() for name in one("dkim-disallow-adding-headers", "from").split(",")]
        canon = (one("dkim-headers-canon", "relaxed").encode(), one("dkim-body-canon", "relaxed").encode())
        return bytes(
            dkim.DKIM(content, linesep=b"\r\n").sign(
                key.selector.encode(),
                (domain if key.domain == "*" else key.domain).encode(),
                self._keys[key.path],
                canonicalize=canon,
                include_headers=[name.encode() for name in (*wanted, *closed)],
            )
        )


def from_domain(header: str) -> str:
    return parseaddr(header)[1].rpartition("@")[2].lower()
