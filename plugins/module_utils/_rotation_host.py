# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The rotation on one signer: its copies of the states, and what it signs with now. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ansible_collections.mailfleet.mta.plugins.module_utils._files import read_text, replace_file, sync_directory
from ansible_collections.mailfleet.mta.plugins.module_utils._keystore import Keystore, Pair
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import load

NAME = "rotation.json"
# rspamd beside Postfix has one, PowerMTA the other; the first has "domain pool selector" in each line.
SIGNING_MAP = "/etc/mailfleet/dkim/live/signing.map"
DOMAIN_KEYS = "/etc/mailfleet/powermta/live/keys.conf"


def read_states(directory: str, domains: Iterable[str]) -> dict[str, str]:
    found = {domain: read_text(os.path.join(directory, domain, NAME)) for domain in domains}
    return {domain: text for domain, text in found.items() if text}


def live_signing(
    domains: Iterable[str], signing_map: str = SIGNING_MAP, domain_keys: str = DOMAIN_KEYS
) -> dict[str, list[str]]:
    """The selectors that this host's live configuration signs each domain with."""
    wanted = set(domains)
    found: dict[str, set[str]] = {}
    # Where PowerMTA is, it signs: a map beside it is of a Postfix that was there before, or is about to come.
    pairs = _directed(read_text(domain_keys)) if os.path.exists(domain_keys) else _mapped(read_text(signing_map))
    for domain, selector in pairs:
        if domain in wanted:
            found.setdefault(domain, set()).add(selector)
    return {domain: sorted(selectors) for domain, selectors in sorted(found.items())}


def _mapped(text: str) -> list[Pair]:
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return [(row[0], row[2]) for row in rows if len(row) == 3]


def _directed(text: str) -> list[Pair]:
    """From `domain-key selector,domain,/path`."""
    values = [line.split(None, 1)[1] for line in text.splitlines() if line.split(None, 1)[:1] == ["domain-key"]]
    parts = [[part.strip(' "') for part in value.split(",")] for value in values]
    return [(part[1], part[0]) for part in parts if len(part) == 3]


def write_states(store: Keystore, states: Mapping[str, str]) -> list[str]:
    """Keep newer copies; the domains whose copy here knows more than the controller did."""
    overtaken = []
    with store.writing():
        for domain, text in sorted(states.items()):
            directory = store.domain_directory(domain)
            path, new = Path(directory, NAME), load(text)
            kept = read_text(str(path))
            old = load(kept) if kept else None
            if new is None or (old is not None and old.serial >= new.serial and kept != text):
                overtaken.append(domain)
            elif kept != text:
                replace_file(path, text, 0o640)
                os.chown(path, os.geteuid(), store.gid())
    return overtaken


def shred(store: Keystore, pairs: Sequence[Pair]) -> None:
    """Private half first: a public half alone makes nobody sign."""
    with store.writing():
        for pair in pairs:
            for half in ("private", "public"):
                path = Path(store.path(pair, half))
                if half == "private" and path.exists():
                    _overwrite(path)
                path.unlink(missing_ok=True)
        for directory in {os.path.dirname(store.path(pair, "private")) for pair in pairs}:
            if os.path.isdir(directory):
                sync_directory(Path(directory))


def _overwrite(path: Path) -> None:
    size = path.stat().st_size
    with open(path, "r+b") as stream:
        stream.write(b"\0" * size)
        stream.flush()
        os.fsync(stream.fileno())
