# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""The steps of the module dkim_rotate that happen on a sender: its options in, its result out. IO.

This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import os
import re
import smtplib
import time
from collections.abc import Iterable, Mapping
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Callable

from ansible_collections.mailfleet.mta.plugins.module_utils._command import Run
from ansible_collections.mailfleet.mta.plugins.module_utils._dkim_steps import Job, Result, check_job_pairs, read
from ansible_collections.mailfleet.mta.plugins.module_utils._files import read_text
from ansible_collections.mailfleet.mta.plugins.module_utils._keystore import Keystore
from ansible_collections.mailfleet.mta.plugins.module_utils._queue import arrivals
from ansible_collections.mailfleet.mta.plugins.module_utils._queue_host import VIEW, holdings, other_mta
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_host import shred, write_states
from ansible_collections.mailfleet.mta.plugins.module_utils._rotation_state import State, load

_POWERMTA = "/etc/mailfleet/powermta/live"
_BOUNCE_AFTER = re.compile(r"^\s*bounce-after\s+(\S+)", re.MULTILINE)
_SPAN = re.compile(r"([0-9]+)([wdhms])")
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def look(store: Keystore, job: Job, check_mode: bool, run: Run) -> Result:
    """Keys and states as dkim_keys reads them, and what only a rotation wants to know."""
    other = other_mta(job.get("backend", ""))
    found = read(store, job, check_mode or bool(other))  # whose signer still needs its group on the keys
    states = [state for text in found["rotation"].values() if (state := load(text)) is not None]
    pools = sorted(holdings(VIEW))
    return {
        **found,
        "other_mta": other,
        "made": _made(store, found["public"]),
        "proofs": _proofs(store, states),
        "queue_lifetime": _queue_lifetime(pools, run),
        "mail_age": _mail_age(pools, states, run, int(time.time())),
    }


def _made(store: Keystore, public: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, int]]:
    return {
        domain: {name: int(os.stat(store.path((domain, name), "public")).st_mtime) for name in keys}
        for domain, keys in public.items()
    }


def _proofs(store: Keystore, states: Iterable[State]) -> dict[str, dict[str, str]]:
    """Public halves worked out from the private ones, which costs time, where a switch is near."""
    near = [state for state in states if state.stage in ("visible", "soaked")]
    return store.prove([(state.domain, name) for state in near for name in state.members(state.next)])


def _queue_lifetime(pools: Iterable[str], run: Run) -> int:
    """The longest that mail may wait on this host; 0 when nothing says it."""
    spans = []
    for pool in pools:
        answer = run(
            ["postconf", "-c", f"/etc/postfix-{pool}", "-h", "maximal_queue_lifetime", "bounce_queue_lifetime"]
        )
        spans += answer.out.split() if answer.code == 0 else []
    files = sorted(Path(_POWERMTA).glob("*")) if os.path.isdir(_POWERMTA) else []
    texts = [read_text(str(path)) for path in files if path.is_file()]
    spans += [span for text in texts for span in _BOUNCE_AFTER.findall(text)]
    return max((sum(int(number) * _UNITS[unit] for number, unit in _SPAN.findall(span)) for span in spans), default=0)


def _mail_age(pools: Iterable[str], states: Iterable[State], run: Run, now: int) -> dict[str, int]:
    """How long the oldest queued mail of each domain is here, by this host's clock, where a former key waits for it."""
    wanted = {state.domain for state in states if any(not old.revoked_at for old in state.retiring)}
    ages: dict[str, int] = {}
    for pool in pools if wanted else ():
        answer = run(["postqueue", "-c", f"/etc/postfix-{pool}", "-j"], timeout=300)
        for domain, at in arrivals(answer.out.splitlines() if answer.code == 0 else []):
            owner = next((name for name in wanted if domain == name or domain.endswith(f".{name}")), "")
            if owner:
                ages[owner] = max(now - at, ages.get(owner, 0))
    return ages


def keep(store: Keystore, job: Job, check_mode: bool, run: Run) -> Result:
    """The states that were decided, and no keys that were removed."""
    states, gone = job["states"], check_job_pairs(job["shred"])
    overtaken: list[str] = []
    if not check_mode:
        overtaken = write_states(store, states)
        shred(store, gone)
    return {"changed": bool(states or gone), "overtaken": overtaken}


def probe(store: Keystore, job: Job, check_mode: bool, run: Run) -> Result:
    """One message of each domain to a mailbox whose receiver says what it thinks of the signature."""
    refused = []
    for order in job["probes"] if not check_mode else ():
        try:
            _send(order, job["host"])
        except (OSError, smtplib.SMTPException) as error:
            refused.append(f"{order['domain']}: no probe could be sent from {job['host']} ({error})")
    return {"changed": bool(job["probes"]), "refused": refused}


def _send(order: Mapping[str, Any], host: str) -> None:
    message = EmailMessage()
    message["From"], message["To"] = f"dkim-probe@{order['domain']}", order["to"]
    message["Subject"] = f"DKIM probe of {order['domain']} from {host}"
    message["Date"], message["Message-ID"] = order["date"], order["id"]
    message.set_content("A rotation of this domain's DKIM key looks how receivers judge the new one.\n")
    with smtplib.SMTP("127.0.0.1", order["port"], local_hostname="localhost", timeout=30) as session:
        session.send_message(message, f"dkim-probe@{order['return_path']}", [order["to"]])


STEPS: dict[str, Callable[[Keystore, Job, bool, Run], Result]] = {"look": look, "keep": keep, "probe": probe}
