# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: (c) 2026, mailfleet contributors

"""Takes what parsedmarc left on the evidence host, and asks for the names of failing sources. IO.

The collecting service's own user could put anything there, so nothing is followed and nothing large is read. This
module util is PRIVATE to the collection.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_evidence import Known
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_log import complaints
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_reports import read_reports
from ansible_collections.mailfleet.mta.plugins.module_utils._dmarc_store import Store
from ansible_collections.mailfleet.mta.plugins.module_utils._dns import found_in
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_message import Message
from ansible_collections.mailfleet.mta.plugins.module_utils._dns_read import Endpoint, ask
from ansible_collections.mailfleet.mta.plugins.module_utils._files import read_text

REPORTS, UNSIGNED, LOG = "aggregate.json", "unsigned.json", "log"  # of one run of parsedmarc
MOST_BYTES = 256 * 1024 * 1024
MOST_PROBLEMS = 100
MOST_NAMES = 300
_UNSIGNED = (
    "{} of the new reports came in mail without a valid DKIM signature of its sender, and move no policy "
    "(dmarc_reports_verify). The pages of their domains name them."
)
_SERVER = re.compile(r"^nameserver\s+(\S+)", re.MULTILINE)


class EvidenceError(Exception):
    """A sentence."""


class Folded(NamedTuple):
    new: int
    known: int
    unsigned: int
    problems: list[str]


def evidence(
    directory: str, incoming: str, known: Known, window: int, today: datetime.date, resolver: str, check: bool
) -> dict[str, Any]:
    """New reports into the store (not in check mode), then what the store says."""
    path = os.path.join(directory, "evidence.sqlite")
    try:
        if check and not os.path.exists(path):
            return {"changed": waiting(incoming) > 0, **Folded(0, 0, 0, [])._asdict(), "domains": {}}
        if not check:
            os.makedirs(directory, mode=0o755, exist_ok=True)
        store = Store(path, readonly=check)
        try:
            folded = Folded(0, 0, 0, []) if check else fold(store, incoming, today)
            domains = store.evidence(known, today, window)
            if not check:
                _name(store, domains, today, resolver)
        finally:
            store.close()
    except sqlite3.Error as error:
        raise EvidenceError(
            f"{path}: {error}. Remedy: look at the file system; if the file is damaged, delete it. The progression "
            "then waits for new reports, and loosens nothing."
        ) from None
    changed = waiting(incoming) > 0 if check else folded.new + folded.unsigned > 0
    return {"changed": changed, **folded._asdict(), "domains": domains}


def waiting(incoming: str) -> int:
    """Runs of parsedmarc that nobody has read."""
    try:
        return len(os.listdir(incoming))
    except FileNotFoundError:
        return 0


def fold(store: Store, incoming: str, today: datetime.date) -> Folded:
    """A run's directory goes when its reports are in the store; what comes twice counts once, what is unsigned not."""
    total = Folded(0, 0, 0, [])
    for name in sorted(os.listdir(incoming)) if os.path.isdir(incoming) else ():
        path = os.path.join(incoming, name)
        problems: list[str] = []
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            continue
        try:
            reports, problems = read_reports(_read(path, REPORTS) or "[]", today)
            unsigned, faults = read_reports(_read(path, UNSIGNED) or "[]", today)
            (new, known), apart, problems = store.add(reports), store.put_aside(unsigned), [*problems, *faults]
        except EvidenceError as error:
            new, known, apart, problems = 0, 0, 0, [str(error)]
        problems = [f"{name}: {problem}" for problem in problems]
        problems += list(complaints(_read(path, LOG)))
        # A mailbox that every run complained about is one problem.
        problems = list(dict.fromkeys([*total.problems, *problems]))
        total = Folded(total.new + new, total.known + known, total.unsigned + apart, problems)
        shutil.rmtree(path)
    store.prune(today)
    if total.unsigned:
        total.problems.insert(0, _UNSIGNED.format(total.unsigned))
    more = len(total.problems) - MOST_PROBLEMS
    return total._replace(problems=[*total.problems[:MOST_PROBLEMS], *([f"and {more} more"] if more > 0 else [])])


def _read(directory: str, name: str) -> str:
    """A regular file in a directory that is no link; empty if there is none."""
    try:
        inside = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return ""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=inside)
    except OSError:
        return ""
    finally:
        os.close(inside)
    with open(descriptor, encoding="utf-8", errors="replace") as handle:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return ""
        if facts.st_size > MOST_BYTES:
            raise EvidenceError(f"{name} has {facts.st_size} bytes, more than {MOST_BYTES}, and was not read")
        return handle.read()


def _name(store: Store, domains: Mapping[str, Mapping[str, Any]], today: datetime.date, resolver: str) -> None:
    """The names of failing sources, remembered for a month; without a resolver they stay nameless."""
    entries = [source for entry in domains.values() for source in entry["sources"]]
    server = resolver or next(iter(_SERVER.findall(read_text("/etc/resolv.conf"))), "")
    wanted = store.unnamed((source["source"] for source in entries), today)[:MOST_NAMES]
    if not server or not wanted:
        return
    names = look_up(wanted, Endpoint(server, 53))
    store.name(names, today)
    for source in entries:
        source["name"] = names.get(source["source"], source["name"])


def look_up(sources: Iterable[str], server: Endpoint, asking: Callable[..., Any] = ask) -> dict[str, str]:
    """Their PTR names; those without an answer are left out and asked again next time."""
    keys = {source: (ipaddress.ip_address(source).reverse_pointer, "PTR") for source in sources}
    replies = asking({server: list(keys.values())}, 2, recursion=True)
    names = {}
    for source, key in keys.items():
        reply = replies.get((server, key))
        if isinstance(reply, Message) and reply.rcode in (0, 3):
            found = found_in(reply)
            names[source] = found.rrset.values[0].rstrip(".") if found.rrset else ""
    return names
