# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Waits until every authoritative address of a zone shows what its primary, or its provider's API, shows.

Equal serials are enough for a zone that was not changed; otherwise the RRsets themselves are compared,
because some servers keep their own serials. This module util is PRIVATE to the collection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._dns import Zone, found_in, reply_problem, serial_of
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_authorities import Authority, find_authorities
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_model import Found, Key
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_read import Endpoint, NoReply, Replies, ask

_TELL_EVERY = 5.0


class Watch(NamedTuple):
    """What every server of a zone must show."""

    zone: Zone
    truth: dict[Key, Found]  # as the primary or the API shows it
    changed: bool


class Seen(NamedTuple):
    serials: dict[Zone, int]  # at the primary
    problems: dict[Zone, list[str]]
    warnings: list[str]


class _Pending(NamedTuple):
    watch: Watch
    authority: Authority
    serial: int | None  # seen last
    why: str
    no_route: bool = False

    def __str__(self) -> str:
        return f"{self.authority} {self.why}"


def wait_until_visible(
    watches: Sequence[Watch],
    port: int = 53,
    skip: Collection[str] = (),
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    progress: Callable[[str], None] = lambda text: None,
) -> Seen:
    """Gives up when nothing moved for the server's `wait` seconds: large fleets are transferred zone by zone.

    `port` is where the zone's name servers answer; `skip` are addresses that are not asked.
    """
    found = find_authorities([watch.zone for watch in watches], port, skip)
    seen = Seen(found.serials, found.problems, [])
    pending = [_Pending(watch, authority, None, "") for watch in watches for authority in found.of.get(watch.zone, ())]
    pause, told = 0.1, clock()
    moved = clock()
    while True:
        waited, before = clock() - moved, len(pending)
        pending = [entry for entry in _look(pending, seen.serials, waited) if not _unreachable(entry, seen)]
        if len(pending) < before:
            moved, waited = clock(), 0.0
        for entry in pending:
            if _overdue(entry, waited):
                _report(entry, seen)
        pending = [entry for entry in pending if not _overdue(entry, waited)]
        if not pending:
            return seen
        if clock() - told > _TELL_EVERY:
            told = clock()
            progress(f"waiting for {len(pending)} zones to be seen; zone {pending[0].watch.zone.name}: {pending[0]}")
        sleep(pause)
        pause = min(2.0, pause * 1.5)


def _overdue(entry: _Pending, waited: float) -> bool:
    return waited >= entry.watch.zone.server.wait


def _report(entry: _Pending, seen: Seen) -> None:
    server = entry.watch.zone.server
    check = f"it runs and gets NOTIFY and zone transfers from {server.server}"
    if server.backend:
        check = f"it runs and that the zone is delegated to the DNS provider of backend {server.backend}"
    seen.problems.setdefault(entry.watch.zone, []).append(
        f"{entry}, and nothing moved for {server.wait} s. Remedy: check that {check}; a re-run goes on waiting."
    )


def _unreachable(entry: _Pending, seen: Seen) -> bool:
    """An IPv6 address seen from a controller without IPv6 says nothing, as long as the name server has another."""
    if not entry.no_route or entry.authority.alone:
        return False
    warning = f"{entry}, so it was not checked."
    if warning not in seen.warnings:
        seen.warnings.append(warning)
    return True


def _look(pending: list[_Pending], serials: Mapping[Zone, int], waited: float) -> list[_Pending]:
    """One round; returns what does not agree yet. RRsets are read when the serial gives a reason, and at last."""
    replies = _ask((entry.authority.endpoint, (entry.watch.zone.name, "SOA"), entry) for entry in pending)
    open_: list[_Pending] = []
    compare: list[_Pending] = []
    for entry in pending:
        reply = replies[entry.authority.endpoint, (entry.watch.zone.name, "SOA")]
        why = reply.reason if isinstance(reply, NoReply) else reply_problem(entry.watch.zone.server, reply)
        serial = serial_of(reply)
        wanted = serials.get(entry.watch.zone)
        if why or serial is None:
            no_route = isinstance(reply, NoReply) and reply.no_route
            why = why if isinstance(reply, NoReply) else "does not serve the zone"
            open_.append(entry._replace(why=why, no_route=no_route))
        elif serial == wanted and not entry.watch.changed:
            continue
        elif wanted is None or serial == wanted or serial != entry.serial or _overdue(entry, waited):
            compare.append(entry._replace(serial=serial))
        else:
            open_.append(entry)
    return open_ + _compare(compare, serials)


def _compare(entries: list[_Pending], serials: Mapping[Zone, int]) -> list[_Pending]:
    replies = _ask((entry.authority.endpoint, key, entry) for entry in entries for key in entry.watch.truth)
    different = []
    for entry in entries:
        why = ""
        for key, truth in entry.watch.truth.items():
            reply = replies[entry.authority.endpoint, key]
            if isinstance(reply, NoReply):
                why = reply.reason
            elif _values(found_in(reply)) != _values(truth):
                wanted = serials.get(entry.watch.zone)
                old = f" (serial {entry.serial}, the primary has {wanted})" if wanted is not None else ""
                why = f"still shows another {key[1]} of {key[0]}{old}"
            if why:
                different.append(entry._replace(why=why))
                break
    return different


def _values(found: Found) -> tuple[str, ...]:
    return found.rrset.values if found.rrset else (found.cname,)


def _ask(questions: Iterable[tuple[Endpoint, Key, _Pending]]) -> Replies:
    asked: dict[Endpoint, list[Key]] = {}
    timeout = 1
    for endpoint, key, entry in questions:
        asked.setdefault(endpoint, []).append(key)
        timeout = max(timeout, entry.watch.zone.server.timeout)
    return ask(asked, timeout) if asked else {}
