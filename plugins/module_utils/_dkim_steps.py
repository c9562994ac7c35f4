# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors
"""The steps of the module dkim_keys that happen on a sender: its options in, its result out.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from ansible_collections.mailfleet.mta.plugins.module_utils._command import host
from ansible_collections.mailfleet.mta.plugins.module_utils._files import sentence
from ansible_collections.mailfleet.mta.plugins.module_utils._keyseal import KeyFailure, pace
from ansible_collections.mailfleet.mta.plugins.module_utils._keystore import Keystore, Pair, check_pairs
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_host import live_signing, read_states

Job = Mapping[str, Any]
Result = dict[str, Any]


def pack(job: Job) -> str:
    """One opaque string for the way to the host: it keeps a thousand names and all parcels out of the journal."""
    return base64.b64encode(zlib.compress(json.dumps(job).encode(), 6)).decode("ascii")


def unpack(packed: str) -> Job:
    job: Job = json.loads(zlib.decompress(base64.b64decode(packed)))
    return job


def carry_out(module: Any, step: Callable[[Keystore, Job, bool], Result]) -> None:
    """Take a step with the options of an AnsibleModule, and end it."""
    store = Keystore(module.params["directory"], module.params["group"])
    try:
        result = step(store, unpack(module.params["job"]), module.check_mode)
    except KeyFailure as error:
        module.fail_json(msg=f"{host()}: {error}")
    except OSError as error:
        module.fail_json(msg=f"{host()}: {sentence(error, store.directory)} No existing key was touched.")
    module.exit_json(**result)


def check_job_pairs(items: Iterable[Any]) -> list[Pair]:
    try:
        return check_pairs((item["domain"], item["selector"]) for item in items)
    except (KeyError, TypeError):
        raise KeyFailure("Every key needs a 'domain' and a 'selector'.") from None


def _difference(pairs: Iterable[Pair], words: str) -> list[dict[str, str]]:
    lines = "".join(f"{domain} {selector} {words}\n" for domain, selector in pairs)
    return [{"before_header": "DKIM keys", "after_header": "DKIM keys", "before": "", "after": lines}] if lines else []


def read(store: Keystore, job: Job, check_mode: bool) -> Result:
    """All keys of these domains, also those that a rotation made beside the one asked for."""
    domains = sorted({domain for domain, _selector in check_job_pairs(job["pairs"])})
    pairs = sorted({*check_job_pairs(job["pairs"]), *store.found(domains)})
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
        "pace": pace(),
        "repaired": misplaced,
        "rotation": read_states(store.directory, domains),
        "signing": live_signing(domains),
    }


def make(store: Keystore, job: Job, check_mode: bool) -> Result:
    pairs = check_job_pairs(job["pairs"])
    parcels = {}
    if not check_mode:
        store.make(pairs, check_job_pairs(item for item in job["pairs"] if item.get("kind") == "ed25519"))
        for recipient, order in sorted(job["seal"].items()):
            pairs_for = check_job_pairs(order["pairs"])
            parcels[recipient] = store.seal(pairs_for, order["exchange"], job["host"], recipient)
    return {"changed": bool(pairs), "parcels": parcels, "diff": _difference(pairs, "made here")}


def receive(store: Keystore, job: Job, check_mode: bool) -> Result:
    difference = []
    for sender, items in sorted(job["receive"].items()):
        pairs = check_job_pairs(items)
        difference += _difference(pairs, f"from {sender}")
        if not check_mode:
            store.store(job["parcels"][sender], pairs, sender, job["host"])
    return {"changed": bool(difference), "diff": difference}


STEPS: dict[str, Callable[[Keystore, Job, bool], Result]] = {"read": read, "make": make, "store": receive}
