# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The steps of the module dkim_keys that happen on a sender: its options in, its result out.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible_collections.mailfleet.mta.plugins.module_utils._keystore import Keystore, Pair, StoreError, check_pairs

Options = Mapping[str, Any]
Result = dict[str, Any]


def _pairs(items: Iterable[Any]) -> list[Pair]:
    try:
        return check_pairs((item["domain"], item["selector"]) for item in items)
    except (KeyError, TypeError):
        raise StoreError("Every key needs a 'domain' and a 'selector'.") from None


def _difference(pairs: Iterable[Pair], words: str) -> list[dict[str, str]]:
    lines = "".join(f"{domain} {selector} {words}\n" for domain, selector in pairs)
    return [{"before_header": "DKIM keys", "after_header": "DKIM keys", "before": "", "after": lines}] if lines else []


def read(store: Keystore, options: Options, check_mode: bool) -> Result:
    pairs = _pairs(options["pairs"])
    misplaced = store.misplaced(pairs)
    had_exchange = store.exchange_public(create=False)
    if not check_mode:
        store.repair(misplaced)
    public, orphans = store.read(pairs)
    return {
        "changed": bool(misplaced or (pairs and not had_exchange)),
        "public": public,
        "orphans": orphans,
        "exchange": had_exchange or (None if check_mode or not pairs else store.exchange_public(create=True)),
        "repaired": misplaced,
    }


def make(store: Keystore, options: Options, check_mode: bool) -> Result:
    pairs = _pairs(options["pairs"])
    parcels = {}
    if not check_mode:
        store.make(pairs)
        for recipient, items in sorted(options["seal"].items()):
            parcels[recipient] = store.seal(_pairs(items), options["exchange"][recipient], options["host"], recipient)
    return {"changed": bool(pairs), "parcels": parcels, "diff": _difference(pairs, "made here")}


def receive(store: Keystore, options: Options, check_mode: bool) -> Result:
    difference = []
    for sender, items in sorted(options["receive"].items()):
        pairs = _pairs(items)
        difference += _difference(pairs, f"from {sender}")
        if not check_mode:
            store.store(options["parcels"][sender], pairs, sender, options["host"])
    return {"changed": bool(difference), "diff": difference}


STEPS: dict[str, Callable[[Keystore, Options, bool], Result]] = {"read": read, "make": make, "store": receive}
